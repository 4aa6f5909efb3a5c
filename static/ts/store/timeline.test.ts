import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { random } from "../lib/bytes";

import * as chats from "./chats";
import { Store } from "./database";
import { memoryFiles } from "./files";
import { Entry } from "./records";
import * as timeline from "./timeline";
import type { Transaction, Value } from "./transaction";

const [ME, SAM, DEVICE, OTHER_DEVICE, CHAT, OTHER_CHAT] = [1, 2, 3, 4, 5, 6].map((byte) =>
  new Uint8Array(16).fill(byte),
) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array];

let store: Store;
beforeEach(async () => {
  store = await Store.open(memoryFiles(), new Uint8Array(32));
  store.transaction((tx) => chats.saveChat(tx, { conversation: CHAT, account: SAM }));
});
afterEach(() => store.close());

const within = <T>(work: (tx: Transaction) => T): T => store.transaction(work);
const received = (counter: number, more: Partial<Entry> = {}): Entry =>
  Entry.of({
    id: random(16),
    kind: "text",
    outgoing: false,
    account: SAM,
    chat: CHAT,
    sent: 1000 + counter,
    device: DEVICE,
    counter,
    text: `message ${counter}`,
    ...more,
  });
const sent = (text: string): Entry =>
  Entry.of({ id: random(16), kind: "text", outgoing: true, account: ME, chat: CHAT, sent: 1, text, state: "queued" });
const texts = (entries: readonly Entry[]): string[] => entries.map((one) => one.text || one.kind);
const shown = (): string[] => texts(within((tx) => timeline.lines(tx, CHAT, null, 1000)));

describe("received messages", () => {
  test("stand in the order of their counters, and each is told once", () => {
    const told = [3, 1, 4, 2].map((counter) => texts(within((tx) => timeline.place(tx, received(counter), { now: 0 }))));
    expect(told).toEqual([[], ["message 1"], [], ["message 2", "message 3", "message 4"]]);
    expect(shown()).toEqual(["message 1", "message 2", "message 3", "message 4"]);
  });

  test("of another device or chat wait for nobody", () => {
    within((tx) => timeline.place(tx, received(2), { now: 0 }));
    within((tx) => timeline.place(tx, received(1, { device: OTHER_DEVICE, text: "other" }), { now: 0 }));
    within((tx) => timeline.place(tx, received(1, { chat: OTHER_CHAT, text: "elsewhere" }), { now: 0 }));
    expect(shown()).toEqual(["other"]);
  });

  test("that come twice are there once", () => {
    const once = received(1);
    expect(within((tx) => timeline.place(tx, once, { now: 0 }))).toHaveLength(1);
    expect(within((tx) => timeline.place(tx, once, { now: 0 }))).toEqual([]);
    const waiting = received(5);
    within((tx) => timeline.place(tx, waiting, { now: 0 }));
    within((tx) => timeline.place(tx, waiting, { now: 0 }));
    expect(shown()).toEqual(["message 1"]);
  });

  test("behind a gap are shown after a while, with a line that says so", () => {
    within((tx) => timeline.place(tx, received(1), { now: 0 }));
    within((tx) => timeline.place(tx, received(4), { now: 1_000 }));
    within((tx) => timeline.place(tx, received(5), { now: 9_000 }));
    expect(within((tx) => timeline.nextDue(tx))).toBe(11_000);
    expect(within((tx) => timeline.releaseDue(tx, { now: 10_999 }))).toEqual([]);
    const released = within((tx) => timeline.releaseDue(tx, { now: 11_000 }));
    expect(texts(released)).toEqual(["gap", "message 4", "message 5"]);
    expect(released[0]).toMatchObject({ missing: 2, sent: 11_000, outgoing: false });
    expect(within((tx) => timeline.nextDue(tx))).toBeNull();
    // What was missing comes after all: it stands where it is seen.
    expect(texts(within((tx) => timeline.place(tx, received(2), { now: 12_000 })))).toEqual(["message 2"]);
    expect(shown()).toEqual(["message 1", "gap", "message 4", "message 5", "message 2"]);
    expect(texts(within((tx) => timeline.place(tx, received(6), { now: 12_000 })))).toEqual(["message 6"]);
  });

  test("of a device that never wrote here before have no gap before them", () => {
    within((tx) => timeline.place(tx, received(7), { now: 0 }));
    expect(texts(within((tx) => timeline.releaseDue(tx, { now: 20_000 })))).toEqual(["message 7"]);
  });
});

describe("lines", () => {
  test("are read in pages, in both directions", () => {
    within((tx) => {
      for (let counter = 1; counter <= 25; counter += 1) timeline.place(tx, received(counter), { now: 0 });
      timeline.place(tx, received(1, { chat: OTHER_CHAT }), { now: 0 });
    });
    const newest = within((tx) => timeline.lines(tx, CHAT, null, 10));
    expect(newest.map((one) => one.counter)).toEqual([16, 17, 18, 19, 20, 21, 22, 23, 24, 25]);
    const before = within((tx) => timeline.lines(tx, CHAT, newest[0]!.position, 10));
    expect(before.map((one) => one.counter)).toEqual([6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
    const after = within((tx) => timeline.linesAfter(tx, CHAT, before[9]!.position, 3));
    expect(after.map((one) => one.counter)).toEqual([16, 17, 18]);
  });

  test("keep every field, and change where they stand", () => {
    const full = received(1, {
      statuses: [{ account: SAM, device: DEVICE, status: "read", at: 5 }],
      skipped: [OTHER_DEVICE],
      padded: random(64),
      stamp: random(32),
      stampKey: "k1",
      raw: random(5),
      accepted: 2 ** 45,
      request: true,
      cause: "why",
      missing: 3,
    });
    const placed = within((tx) => timeline.place(tx, full, { now: 0 }))[0]!;
    expect(within((tx) => timeline.get(tx, SAM, full.id))).toEqual(placed);
    within((tx) => timeline.update(tx, { ...placed, text: "changed" }, { unsettled: true }));
    expect(within((tx) => timeline.get(tx, SAM, full.id))).toEqual({ ...placed, text: "changed" });
    expect(texts(within((tx) => timeline.unsettled(tx, 10)))).toEqual(["changed"]);
  });

  test("of a hidden kind are kept and shown nowhere", () => {
    const control = received(0, { kind: "control" });
    expect(within((tx) => timeline.add(tx, control, { hidden: true }))).toBeNull();
    expect(shown()).toEqual([]);
    expect(within((tx) => timeline.get(tx, SAM, control.id))).toMatchObject({ kind: "control", position: 0 });
  });

  test("of two people may have one id", () => {
    const mine = sent("mine");
    expect(within((tx) => timeline.add(tx, mine))).not.toBeNull();
    expect(within((tx) => timeline.place(tx, received(1, { id: mine.id }), { now: 0 }))).toHaveLength(1);
    expect(within((tx) => timeline.get(tx, ME, mine.id))?.text).toBe("mine");
  });

  test("never stand where a removed one stood", () => {
    const first = within((tx) => timeline.add(tx, sent("first")))!;
    within((tx) => timeline.remove(tx, ME, first.id));
    expect(within((tx) => timeline.add(tx, sent("second")))!.position).toBeGreaterThan(first.position);
  });
});

describe("a conversation", () => {
  const overview = (): chats.Overview => within((tx) => chats.overviews(tx, CHAT))[0]!;

  test("shows its last line and what is unread", () => {
    expect(overview()).toMatchObject({ last: null, unread: 0, firstUnread: 0 });
    const own = within((tx) => timeline.add(tx, sent("hello")))!;
    expect(overview()).toMatchObject({ last: { text: "hello" }, unread: 0 });
    const entries = within((tx) => [1, 2, 3].flatMap((one) => timeline.place(tx, received(one), { now: 0 })));
    expect(overview()).toMatchObject({ last: { text: "message 3" }, unread: 3, firstUnread: own.position + 1 });
    expect(within((tx) => chats.markRead(tx, CHAT, entries[1]!.position))).toBe(true);
    expect(within((tx) => chats.markRead(tx, CHAT, entries[0]!.position))).toBe(false);
    expect(overview()).toMatchObject({ unread: 1, firstUnread: entries[2]!.position });
  });

  test("is not read beyond what is shown", () => {
    within((tx) => timeline.place(tx, received(1), { now: 0 }));
    within((tx) => chats.markRead(tx, CHAT, 1_000_000));
    within((tx) => timeline.place(tx, received(2), { now: 0 }));
    expect(overview()).toMatchObject({ unread: 1 });
  });

  test("knows what was read and not told", () => {
    const [, second] = within((tx) => [1, 2, 3].flatMap((one) => timeline.place(tx, received(one), { now: 0 })));
    within((tx) => timeline.add(tx, sent("mine")));
    expect(within((tx) => chats.withUntold(tx))).toEqual([]);
    within((tx) => chats.markRead(tx, CHAT, second!.position));
    expect(within((tx) => chats.withUntold(tx))).toEqual([CHAT]);
    expect(texts(within((tx) => chats.readAndUntold(tx, CHAT, 10)))).toEqual(["message 1", "message 2"]);
    within((tx) => chats.markTold(tx, CHAT, second!.position));
    expect(within((tx) => chats.readAndUntold(tx, CHAT, 10))).toEqual([]);
    expect(within((tx) => chats.withUntold(tx))).toEqual([]);
  });

  test("keeps its draft and its marks when its counter moves", () => {
    within((tx) => timeline.place(tx, received(1), { now: 0 }));
    within((tx) => chats.markRead(tx, CHAT, 99));
    within((tx) => chats.saveDraft(tx, CHAT, "half a thou"));
    within((tx) => chats.saveChat(tx, { conversation: CHAT, account: SAM, counter: 4 }));
    expect(within((tx) => chats.chat(tx, CHAT))).toMatchObject({ counter: 4, readTo: 1, draft: "half a thou" });
    expect(within((tx) => chats.chats(tx))).toHaveLength(1);
  });
});

/** The same transaction; how each of its statements finds its rows is noted. */
function explained(tx: Transaction, plans: string[]): Transaction {
  const explain = (statement: string, values: readonly Value[] = []): void => {
    plans.push(...tx.all(`EXPLAIN QUERY PLAN ${statement}`, values).map((row) => String(row[3])));
  };
  return {
    run: (statement, values) => (explain(statement, values), tx.run(statement, values)),
    one: (statement, values) => (explain(statement, values), tx.one(statement, values)),
    all: (statement, values) => (explain(statement, values), tx.all(statement, values)),
  };
}

test("a line is stored and read without a look at all the others", () => {
  const plans: string[] = [];
  within((tx) => {
    const looked = explained(tx, plans);
    for (const counter of [2, 3, 1, 5]) timeline.place(looked, received(counter), { now: 0 });
    timeline.lines(looked, CHAT, null, 100);
    timeline.linesAfter(looked, CHAT, 1, 100);
    chats.overviews(looked);
  });
  const ofLines = plans.filter((plan) => / entry\b/.test(plan));
  expect(ofLines.length).toBeGreaterThan(8);
  const searched = /^SEARCH entry USING (COVERING )?INDEX \w+ \((chat=\?|account=\? AND id=\?)/;
  expect(ofLines.filter((plan) => !searched.test(plan))).toEqual([]);
  expect(ofLines.filter((plan) => plan.includes("COVERING"))).toHaveLength(2); // what is unread, and mentions
  expect(plans.filter((plan) => plan.includes("TEMP B-TREE"))).toEqual([]);
});
