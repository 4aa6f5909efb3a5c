// Searching the messages of open chats, at the server: after a pause in typing, page by page.

import type { Found, Match } from "../../client/model";
import { Changes } from "./changes";
import type { Clock } from "./clock";
import { reasonOf } from "./notices";
import { wordsOf } from "./pieces";

export const PAUSE = 350; // ms: the server takes one a second

export type MessageSearchState = "idle" | "searching" | "found" | "failed";

export class MessageSearch {
  readonly changed = new Changes();
  state: MessageSearchState = "idle";
  query = "";
  matches: readonly Match[] = [];
  why = "";
  readonly #search: (words: string, cursor: string | null) => Promise<Found>;
  readonly #clock: Clock;
  #next: string | null = null;
  #asked = 0;
  #cancel: () => void = () => undefined;

  constructor(search: (words: string, cursor: string | null) => Promise<Found>, clock: Clock) {
    this.#search = search;
    this.#clock = clock;
  }

  get words(): string[] {
    return wordsOf(this.query);
  }

  get hasMore(): boolean {
    return this.#next !== null;
  }

  search(text: string): void {
    this.#cancel();
    this.#asked += 1;
    this.query = text.trim();
    this.#next = null;
    if (this.words.length === 0) {
      this.#become("idle", []);
      return;
    }
    this.#become("searching", []);
    const asked = this.#asked;
    this.#cancel = this.#clock.after(PAUSE, () => void this.#ask(asked));
  }

  /** The next page; after a failure, the same one again. */
  async more(): Promise<void> {
    if (this.state === "searching") return;
    this.#become("searching", this.matches);
    await this.#ask(this.#asked);
  }

  async #ask(asked: number): Promise<void> {
    try {
      const { matches, next } = await this.#search(this.query, this.#next);
      if (asked !== this.#asked) return;
      this.#next = next;
      this.#become("found", [...this.matches, ...matches]);
    } catch (error) {
      if (asked !== this.#asked) return;
      this.why = reasonOf(error);
      this.#become("failed", this.matches);
    }
  }

  #become(state: MessageSearchState, matches: readonly Match[]): void {
    this.state = state;
    this.matches = matches;
    this.changed.emit();
  }
}
