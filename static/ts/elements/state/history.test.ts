import { beforeEach, describe, expect, test } from "vitest";
import { FakeClock } from "../tests/clock";
import { FakeMessenger } from "../tests/fake";
import { History, SAID } from "./history";

let fake: FakeMessenger;
let clock: FakeClock;
let history: History;

beforeEach(() => {
  fake = new FakeMessenger();
  clock = new FakeClock();
  history = new History(fake, clock);
});

function tell(done: number, total = 10): void {
  fake.tell({ type: "history", direction: "in", done, total });
}

describe("earlier messages on their way", () => {
  test("are counted, and for a moment it is said that all have arrived", () => {
    tell(4);
    expect(history.progress).toMatchObject({ done: 4, total: 10 });
    expect(history.complete).toBe(false);
    tell(10);
    expect(history.complete).toBe(true);
    clock.pass(SAID);
    expect(history.progress).toBeNull();
  });

  test("of a second device are counted anew", () => {
    tell(10);
    fake.tell({ type: "history", direction: "out", done: 1, total: 5 });
    clock.pass(SAID);
    expect(history.progress).toMatchObject({ direction: "out", done: 1 });
  });

  test("that are none are not spoken of", () => {
    tell(0, 0);
    expect(history.progress).toBeNull();
  });

  test("end with the client", () => {
    tell(4);
    fake.tell({ type: "ended", why: "unlinked", text: "" });
    expect(history.progress).toBeNull();
  });
});
