// Earlier messages on their way from one of the account's devices to another.

import type { Messenger } from "../../client/messenger";
import type { Told } from "../../client/model";
import { Changes } from "./changes";
import type { Clock } from "./clock";

export const SAID = 6_000; // ms for which it is said that all have arrived

type Progress = Extract<Told, { type: "history" }>;

export class History {
  readonly changed = new Changes();
  /** How far it is; null: nothing is on its way. */
  progress: Progress | null = null;
  readonly #clock: Clock;
  #cancel: () => void = () => undefined;

  constructor(messenger: Messenger, clock: Clock) {
    this.#clock = clock;
    messenger.listen((told) => {
      if (told.type === "history") this.#take(told);
      else if (told.type === "ended") this.#become(null);
    });
  }

  get complete(): boolean {
    return this.progress !== null && this.progress.done >= this.progress.total;
  }

  #take(progress: Progress): void {
    this.#cancel();
    this.#become(progress.total > 0 ? progress : null);
    if (this.complete) this.#cancel = this.#clock.after(SAID, () => this.#become(null));
  }

  #become(progress: Progress | null): void {
    this.progress = progress;
    this.changed.emit();
  }
}
