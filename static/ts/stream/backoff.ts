// How long to wait before connecting again: exponential, with full jitter, so that clients do not come back at once.

const FIRST = 0.5; // seconds
const LONGEST = 30;
const MOST_DOUBLINGS = 16;

/** A number at random between two. */
export type Uniform = (least: number, most: number) => number;

/** Counts failures; a connection that worked starts the count anew. */
export class Backoff {
  readonly #uniform: Uniform;
  #failures = 0;

  constructor(uniform: Uniform) {
    this.#uniform = uniform;
  }

  /** Seconds to wait after one more failure: at random below twice as much as the time before. */
  delay(): number {
    const ceiling = Math.min(LONGEST, FIRST * 2 ** Math.min(this.#failures, MOST_DOUBLINGS));
    this.#failures += 1;
    return this.#uniform(0, ceiling);
  }

  worked(): void {
    this.#failures = 0;
  }
}
