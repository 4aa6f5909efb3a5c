import { beforeEach, describe, expect, test } from "vitest";
import { FakeClock } from "../tests/clock";
import { AGAIN, IDLE, TypingSignal } from "./typing";

let clock: FakeClock;

beforeEach(() => {
  clock = new FakeClock();
});

describe("typing", () => {
  test("is told once, again after a while, and its end", () => {
    const told: string[] = [];
    const typing = new TypingSignal((chat, on) => told.push(`${chat} ${on ? "on" : "off"}`), clock);
    typing.typed("bob");
    clock.pass(1_000);
    typing.typed("bob");
    expect(told).toEqual(["bob on"]);
    clock.pass(AGAIN);
    typing.typed("bob");
    expect(told).toEqual(["bob on", "bob on"]);
    clock.pass(IDLE);
    expect(told).toEqual(["bob on", "bob on", "bob off"]);
    typing.stop();
    expect(told).toHaveLength(3);
  });

  test("in another chat ends it in the first", () => {
    const told: string[] = [];
    const typing = new TypingSignal((chat, on) => told.push(`${chat} ${on ? "on" : "off"}`), clock);
    typing.typed("bob");
    typing.typed("dana");
    expect(told).toEqual(["bob on", "bob off", "dana on"]);
  });
});
