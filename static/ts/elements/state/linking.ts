// This browser on its way to become one of the account's devices: its code, and how far another device is with it.

import type { Messenger } from "../../client/messenger";
import type { Told } from "../../client/model";
import { Changes } from "./changes";
import { reasonOf } from "./notices";

export type LinkingStep = "making" | "waiting" | "approved" | "failed";

export class Linking {
  readonly changed = new Changes();
  step: LinkingStep = "making";
  code = "";
  why = "";
  readonly #messenger: Messenger;
  readonly #done: () => void;
  #waits = false; // a code is out: what is told counts

  /** `done`: this browser is one of the devices now. */
  constructor(messenger: Messenger, done: () => void) {
    this.#messenger = messenger;
    this.#done = done;
    messenger.listen((told) => this.#hear(told));
  }

  /** Make a code, or a new one. */
  async begin(): Promise<void> {
    this.code = "";
    this.#waits = true;
    this.#become("making");
    try {
      this.code = await this.#messenger.link();
      if (this.#isMaking()) this.#become("waiting");
      else this.changed.emit();
    } catch (error) {
      this.#fail(reasonOf(error));
    }
  }

  /** The person goes another way: the code is worth nothing any more. */
  async stop(): Promise<void> {
    if (!this.#waits) return;
    this.#waits = false;
    await this.#messenger.stopLinking().catch(() => undefined);
  }

  #hear(told: Told): void {
    if (told.type !== "link" || !this.#waits) return;
    const { link } = told;
    if (link.step === "failed") this.#fail(link.why);
    else if (link.step !== "done") this.#become(link.step);
    else {
      this.#waits = false;
      this.#done();
    }
  }

  /** What was told while the code was being made goes before. */
  #isMaking(): boolean {
    return this.step === "making";
  }

  #fail(why: string): void {
    this.#waits = false;
    this.why = why;
    this.#become("failed");
  }

  #become(step: LinkingStep): void {
    this.step = step;
    this.changed.emit();
  }
}
