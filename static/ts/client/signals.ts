// What asynchronous work waits for.

import type { Clock } from "../lib/clock";

/** A flag that can be waited for. */
export class Signal {
  #set = false;
  #waiting: (() => void)[] = [];

  get isSet(): boolean {
    return this.#set;
  }

  set(): void {
    this.#set = true;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  clear(): void {
    this.#set = false;
  }

  /** Resolves once it is set, at once if it is; early when `until` is aborted. */
  wait(until?: AbortSignal): Promise<void> {
    if (this.#set || until?.aborted === true) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        until?.removeEventListener("abort", wake);
        this.#waiting = this.#waiting.filter((one) => one !== wake);
        resolve();
      };
      this.#waiting.push(wake);
      until?.addEventListener("abort", wake);
    });
  }

  /** Resolves once it is set or so many seconds have passed, whichever is first; early when `until` is aborted. */
  async waitAtMost(seconds: number, clock: Clock, until: AbortSignal): Promise<void> {
    const first = new AbortController();
    const end = (): void => first.abort();
    until.addEventListener("abort", end);
    if (until.aborted) end();
    await Promise.race([clock.sleep(seconds, first.signal), this.wait(first.signal)]);
    until.removeEventListener("abort", end);
    end();
  }
}

/** Lets one caller in at a time, in the order in which they came. */
export class Turn {
  #last: Promise<unknown> = Promise.resolve();

  take<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }
}

/** Lets the Worker deal with what else waits for it: frames of the socket, calls of the page. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** Asked anew after each wait: what was not over before may be now. */
export function isOver(signal: AbortSignal): boolean {
  return signal.aborted;
}
