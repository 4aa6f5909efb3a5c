import { beforeEach, describe, expect, test } from "vitest";
import { FakeClock } from "../tests/clock";
import { Typists } from "./typists";

let clock: FakeClock;
let typists: Typists;

beforeEach(() => {
  clock = new FakeClock();
  typists = new Typists(clock);
});

describe("who is typing", () => {
  test("is kept by chat, in the order in which they began", () => {
    typists.take("choir", "p2", "carol", true);
    typists.take("choir", "p1", "bob", true);
    typists.take("walks", "p1", "bob", true);
    typists.take("choir", "p2", "carol", true);
    expect([typists.in("choir"), typists.in("walks"), typists.in("other")]).toEqual([["carol", "bob"], ["bob"], []]);
    typists.take("choir", "p2", "carol", false);
    expect(typists.in("choir")).toEqual(["bob"]);
  });

  test("ends with what they wrote, and with nobody else's message", () => {
    typists.take("choir", "p1", "bob", true);
    typists.take("choir", "p2", "carol", true);
    typists.wrote("choir", "bob");
    expect(typists.in("choir")).toEqual(["carol"]);
  });

  test("ends by itself, unless it is said once more", () => {
    typists.take("choir", "p1", "bob", true);
    clock.pass(10_000);
    typists.take("choir", "p1", "bob", true);
    clock.pass(10_000);
    expect(typists.in("choir")).toEqual(["bob"]);
    clock.pass(5_000);
    expect(typists.in("choir")).toEqual([]);
  });
});
