// Frames of a socket between those who read it and those who handle what was read.

import { Unreachable } from "../lib/errors";
import type { Json } from "../stream/index";
import { Signal } from "./signals";
import { WORDS } from "./words";

const MOST = 4096; // far more than the server's window

/** What has been read and not handled yet. */
export class Frames {
  readonly arrived = new Signal();
  #kept: Json[] = [];

  put(frame: Json): void {
    if (this.#kept.length >= MOST) throw new Unreachable(WORDS.tooMuch);
    this.#kept.push(frame);
    this.arrived.set();
  }

  take(most: number): Json[] {
    const taken = this.#kept.slice(0, most);
    this.#kept = this.#kept.slice(most);
    if (this.#kept.length === 0) this.arrived.clear();
    return taken;
  }
}
