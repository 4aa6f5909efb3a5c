import { beforeEach, describe, expect, test } from "vitest";
import { FakeClock } from "../tests/clock";
import { ConnectionState, QUIET } from "./connection";

let clock: FakeClock;

beforeEach(() => {
  clock = new FakeClock();
});

describe("the connection", () => {
  test("is not worth a word when it is back at once", () => {
    const state = new ConnectionState(clock);
    state.take({ state: "connecting" });
    clock.pass(QUIET - 1);
    state.take({ state: "online" });
    clock.pass(QUIET);
    expect(state.shown).toBe("nothing");
  });

  test("is, when it takes longer", () => {
    const state = new ConnectionState(clock);
    state.take({ state: "connecting" });
    clock.pass(QUIET);
    expect(state.shown).toBe("connecting");
  });

  test("counts down to the next attempt", () => {
    const state = new ConnectionState(clock);
    let heard = 0;
    state.changed.on(() => (heard += 1));
    state.take({ state: "waiting", retryAt: clock.now() + 3_000 });
    const seen = [state.seconds];
    for (let second = 0; second < 4; second += 1) {
      clock.pass(1_000);
      seen.push(state.seconds);
    }
    expect(seen).toEqual([3, 2, 1, 0, 0]);
    expect(heard).toBe(5);
    state.take({ state: "online" });
    clock.pass(10_000);
    expect(state.shown).toBe("nothing");
    expect(heard).toBe(6);
  });

  test("says at once that there is no network", () => {
    const state = new ConnectionState(clock);
    state.take({ state: "offline" });
    expect(state.shown).toBe("offline");
    state.take({ state: "connecting" });
    expect(state.shown).toBe("connecting");
  });
});
