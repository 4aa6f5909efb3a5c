// What is read aloud while a chat is open: lines that come in, and own ones that fail. Its history is not.

import type { Line } from "../../client/model";
import { Changes } from "./changes";
import type { Clock } from "./clock";

export const TOGETHER = 400; // ms: what comes within them is one announcement
export const MOST = 3; // lines that are read out; more are counted

/** `lines` are to be read out; empty: only how many there are. */
export interface Announcement {
  readonly id: number;
  readonly lines: readonly Line[];
  readonly count: number;
}

export class Announcements {
  readonly changed = new Changes();
  latest: Announcement | null = null;
  readonly #clock: Clock;
  #waiting: Line[] = [];
  #count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(lines: readonly Line[]): void {
    if (lines.length === 0) return;
    if (this.#waiting.length === 0) this.#clock.after(TOGETHER, () => this.#announce());
    this.#waiting.push(...lines);
  }

  #announce(): void {
    const lines = this.#waiting;
    this.#waiting = [];
    this.#count += 1;
    this.latest = { id: this.#count, lines: lines.length <= MOST ? lines : [], count: lines.length };
    this.changed.emit();
  }
}
