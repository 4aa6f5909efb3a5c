// A wait ends with what it waits for, with its time, or with what is over.

import { describe, expect, it } from "vitest";
import type { Clock } from "../lib/clock";
import { Signal } from "./signals";

class StandingClock implements Clock {
  readonly #ends: (() => void)[] = [];
  asleep = 0;

  now(): number {
    return 0;
  }

  async sleep(_seconds: number, until?: AbortSignal): Promise<void> {
    if (until?.aborted === true) return;
    this.asleep += 1;
    await new Promise<void>((resolve) => {
      this.#ends.push(resolve);
      until?.addEventListener("abort", () => resolve());
    });
    this.asleep -= 1;
  }

  strike(): void {
    for (const end of this.#ends) end();
  }
}

describe("a wait for a signal that takes so long at most", () => {
  const ends: [string, (signal: Signal, clock: StandingClock, over: AbortController) => void][] = [
    ["the signal", (signal) => signal.set()],
    ["the time", (_signal, clock) => clock.strike()],
    ["what is over", (_signal, _clock, over) => over.abort()],
  ];

  it.each(ends)("ends with %s, and leaves nothing waiting", async (_name, end) => {
    const signal = new Signal();
    const clock = new StandingClock();
    const over = new AbortController();
    const waited = signal.waitAtMost(5, clock, over.signal);
    expect(clock.asleep).toBe(1);
    end(signal, clock, over);
    await waited;
    await Promise.resolve();
    expect(clock.asleep).toBe(0);
  });

  it("does not begin where it is over already", async () => {
    const clock = new StandingClock();
    await new Signal().waitAtMost(5, clock, AbortSignal.abort());
    expect(clock.asleep).toBe(0);
  });
});
