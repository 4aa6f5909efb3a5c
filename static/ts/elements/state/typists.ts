// Who is typing, and where. Each word that somebody is counts for a while only, should the one that they stopped get lost.

import { Changes } from "./changes";
import type { Clock } from "./clock";

const ENDS = 15_000; // ms

interface Typist {
  readonly name: string;
  readonly forget: () => void; // the timer
}

export class Typists {
  readonly changed = new Changes();
  readonly #clock: Clock;
  readonly #chats = new Map<string, Map<string, Typist>>(); // by account

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Their names, in the order in which they began. */
  in(chat: string): readonly string[] {
    return [...(this.#chats.get(chat)?.values() ?? [])].map(({ name }) => name);
  }

  take(chat: string, account: string, name: string, on: boolean): void {
    const typists = this.#chats.get(chat) ?? new Map<string, Typist>();
    typists.get(account)?.forget();
    if (on) typists.set(account, { name, forget: this.#clock.after(ENDS, () => this.take(chat, account, name, false)) });
    else typists.delete(account);
    if (typists.size > 0) this.#chats.set(chat, typists);
    else this.#chats.delete(chat);
    this.changed.emit();
  }

  /** What they wrote is here: they do not type it any more. `name` as its line has it. */
  wrote(chat: string, name: string): void {
    for (const [account, typist] of this.#chats.get(chat) ?? []) {
      if (typist.name === name) this.take(chat, account, name, false);
    }
  }
}
