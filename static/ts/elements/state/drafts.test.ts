import { beforeEach, describe, expect, test } from "vitest";
import { FakeClock } from "../tests/clock";
import { Drafts, SAVE_AFTER } from "./drafts";

let clock: FakeClock;

beforeEach(() => {
  clock = new FakeClock();
});

describe("drafts", () => {
  test("are stored after a pause, once, and the last text", () => {
    const saved: string[] = [];
    const drafts = new Drafts((chat, text) => saved.push(`${chat}:${text}`), clock);
    drafts.set("bob", "h");
    clock.pass(SAVE_AFTER - 1);
    drafts.set("bob", "hi");
    clock.pass(SAVE_AFTER);
    expect(saved).toEqual(["bob:hi"]);
  });

  test("count before what the store knows, a chat for itself", () => {
    const drafts = new Drafts(() => undefined, clock);
    expect(drafts.text("bob", "stored")).toBe("stored");
    drafts.set("bob", "");
    expect(drafts.text("bob", "stored")).toBe("");
    expect(drafts.text("dana", "hers")).toBe("hers");
  });

  test("are stored before the page goes", () => {
    const saved: string[] = [];
    const drafts = new Drafts((chat, text) => saved.push(`${chat}:${text}`), clock);
    drafts.set("bob", "one");
    drafts.set("dana", "two");
    drafts.flushAll();
    clock.pass(SAVE_AFTER);
    expect(saved).toEqual(["bob:one", "dana:two"]);
  });

  test("get back what could not be sent, before what was typed since", () => {
    const drafts = new Drafts(() => undefined, clock);
    drafts.set("bob", "later");
    drafts.restore("bob", "first");
    expect(drafts.text("bob")).toBe("first\nlater");
  });
});
