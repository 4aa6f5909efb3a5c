// What was typed and not sent, a chat: at once in memory, a moment later in the store.

import { Changes } from "./changes";
import type { Clock } from "./clock";

export const SAVE_AFTER = 400; // ms without a key

export class Drafts {
  /** Emitted when a text changed by anything but typing. */
  readonly changed = new Changes();
  readonly #texts = new Map<string, string>();
  readonly #waiting = new Map<string, () => void>();
  readonly #save: (chat: string, text: string) => void;
  readonly #clock: Clock;

  constructor(save: (chat: string, text: string) => void, clock: Clock) {
    this.#save = save;
    this.#clock = clock;
  }

  /** What stands in the composer of a chat; `stored` counts until somebody types here. */
  text(chat: string, stored = ""): string {
    return this.#texts.get(chat) ?? stored;
  }

  /** Whether somebody typed here. */
  has(chat: string): boolean {
    return this.#texts.has(chat);
  }

  set(chat: string, text: string): void {
    if (this.#texts.get(chat) === text) return;
    this.#texts.set(chat, text);
    this.#forget(chat);
    this.#waiting.set(chat, this.#clock.after(SAVE_AFTER, () => this.flush(chat)));
  }

  /** What stood in the composer is a message now: with that, the store forgets it. */
  sent(chat: string): void {
    this.#texts.set(chat, "");
    this.#forget(chat);
  }

  /** Give back a text that could not be sent, before what was typed since. */
  restore(chat: string, text: string): void {
    const typed = this.#texts.get(chat) ?? "";
    this.set(chat, typed ? `${text}\n${typed}` : text);
    this.changed.emit();
  }

  /** Store now what still waits: before the page goes away, or the chat changes. */
  flush(chat: string): void {
    if (this.#forget(chat)) this.#save(chat, this.#texts.get(chat) ?? "");
  }

  flushAll(): void {
    for (const chat of [...this.#waiting.keys()]) this.flush(chat);
  }

  /** False: nothing waits to be stored. */
  #forget(chat: string): boolean {
    this.#waiting.get(chat)?.();
    return this.#waiting.delete(chat);
  }
}
