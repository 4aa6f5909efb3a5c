import { afterEach, beforeEach, expect, test } from "vitest";

import { random } from "../lib/bytes";

import * as chats from "./chats";
import * as controls from "./controls";
import { Store } from "./database";
import { memoryFiles } from "./files";
import { Group } from "./group_records";
import * as groups from "./groups";
import { Control, Entry, Unreadable } from "./records";
import * as repairs from "./repairs";
import * as sessions from "./sessions";
import * as timeline from "./timeline";
import type { Transaction } from "./transaction";

const DAY = 86_400_000;
const [ME, SAM, DEVICE, OTHER_DEVICE, CHAT, OTHER_CHAT] = [1, 2, 3, 4, 5, 6].map((byte) => new Uint8Array(16).fill(byte)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
];

let store: Store;
beforeEach(async () => {
  store = await Store.open(memoryFiles(), new Uint8Array(32));
  store.transaction((tx) => chats.saveChat(tx, { conversation: CHAT, account: SAM }));
});
afterEach(() => store.close());

const within = <T>(work: (tx: Transaction) => T): T => store.transaction(work);
const place = (n: number): repairs.Place => ({ session: ME, dh: SAM, n });
const entry = (counter: number, more: Partial<Entry> = {}): Entry =>
  Entry.of({
    id: random(16),
    kind: "text",
    outgoing: false,
    account: SAM,
    chat: CHAT,
    sent: 1,
    device: DEVICE,
    counter,
    text: `${counter}`,
    ...more,
  });
const shown = (): string[] => within((tx) => timeline.lines(tx, CHAT, null, 99)).map((one) => one.text || one.kind);

/** A line that stands for a message that could not be read. */
function broken(): Entry {
  return within((tx) => {
    const line = timeline.add(tx, entry(0, { kind: "unreadable", text: "" }))!;
    const about = { account: SAM, device: DEVICE, message: line.id, chat: CHAT, at: 0 };
    repairs.save(tx, Unreadable.of({ ...about, ...place(0) }));
    return line;
  });
}

test("the log of sends is kept for fourteen days, and counts answers by message and device", () => {
  const sent = { message: random(16), account: SAM, device: DEVICE, signingKey: random(32) };
  within((tx) => {
    repairs.logSent(tx, place(1), sent, { now: 0 });
    repairs.countAnswer(tx, sent);
    repairs.logSent(tx, place(2), sent, { now: 0 });
    repairs.logSent(tx, place(3), { ...sent, device: OTHER_DEVICE }, { now: 0 });
    const answered = [1, 2, 3].map((n) => repairs.sentAt(tx, place(n), { now: 1 })?.answered);
    expect(answered).toEqual([1, 1, 0]);
    expect(repairs.sentAt(tx, place(1), { now: 1 })).toEqual({ ...sent, answered: 1 });
    expect(repairs.sentAt(tx, place(4), { now: 1 })).toBeNull();
    expect(repairs.sentAt(tx, place(1), { now: 14 * DAY })).toBeNull();
    repairs.tidy(tx, { now: 14 * DAY });
    expect(tx.all("SELECT 1 FROM sent")).toEqual([]);
  });
});

test("what can be read after all stands where its line stood, and what waited for it follows", () => {
  const line = broken();
  within((tx) => timeline.place(tx, entry(2), { now: 0 }));
  expect(shown()).toEqual(["unreadable"]);
  const told = within((tx) => timeline.repair(tx, entry(1, { id: line.id }), line));
  expect(told.map((one) => one.text)).toEqual(["1", "2"]);
  expect(shown()).toEqual(["1", "2"]);
});

test("what is repaired before its turn is missed by nobody", () => {
  const [first, second] = [broken(), broken()];
  within((tx) => {
    timeline.place(tx, entry(3), { now: 0 });
    timeline.repair(tx, entry(2, { id: second.id }), second);
    timeline.repair(tx, entry(1, { id: first.id }), first);
  });
  expect(shown()).toEqual(["1", "2", "3"]);
});

test("a line that says that something cannot be read explains one gap, once", () => {
  broken();
  within((tx) => timeline.place(tx, entry(3), { now: 0 }));
  within((tx) => timeline.releaseDue(tx, { now: timeline.GAP_WAIT })); // nobody knows yet where this device began
  within((tx) => timeline.place(tx, entry(5), { now: 0 }));
  within((tx) => timeline.releaseDue(tx, { now: timeline.GAP_WAIT }));
  within((tx) => timeline.place(tx, entry(7), { now: 0 }));
  within((tx) => timeline.releaseDue(tx, { now: timeline.GAP_WAIT }));
  expect(shown()).toEqual(["unreadable", "3", "5", "gap", "7"]);
});

test("messages of before stand in front of all that came here, and their counters count", () => {
  within((tx) => {
    timeline.place(tx, entry(3), { now: 0 });
    for (const counter of [1, 2]) timeline.addHistory(tx, entry(counter), { unsettled: false, begins: true });
  });
  expect(shown()).toEqual(["1", "2", "3"]);
  const again = within((tx) => timeline.lines(tx, CHAT, null, 1));
  expect(within((tx) => timeline.addHistory(tx, again[0]!, { unsettled: false, begins: true }))).toEqual([]);
});

test("lines of before stand by the server's time, whichever came first, and below what came here", () => {
  const at = (counter: number, accepted: number): Entry => (entry(counter, { accepted }));
  within((tx) => {
    timeline.place(tx, at(9, 1), { now: 0, isFirst: true });
    for (const [counter, accepted] of [[3, 2_000], [1, 1_000], [4, Number.MAX_SAFE_INTEGER], [2, 1_000]] as const) {
      timeline.addHistory(tx, at(counter, accepted), { unsettled: false, begins: false });
    }
    expect(timeline.addBefore(tx, { ...at(5, 1_500), kind: "system", text: "a system line" })?.position).toBeLessThan(0);
  });
  expect(shown()).toEqual(["1", "2", "a system line", "3", "4", "9"]);
  const positions = within((tx) => timeline.lines(tx, CHAT, null, 9)).map((one) => one.position);
  expect(positions.every(Number.isSafeInteger)).toBe(true);
  expect(positions.slice(0, -1).every((one) => one < 0)).toBe(true);
});

test("more lines of before than a millisecond has room for stand in the order in which they came", () => {
  within((tx) => {
    const add = (counter: number, accepted: number): unknown =>
      timeline.addHistory(tx, entry(counter, { accepted }), { unsettled: false, begins: false });
    add(1_000, 1_001);
    for (let counter = 1; counter <= 600; counter += 1) add(counter, 1_000);
    add(2_000, 1_002);
  });
  const order = within((tx) => timeline.lines(tx, CHAT, null, 1_000)).map((one) => one.counter);
  expect(order.filter((one) => one <= 600)).toEqual(Array.from({ length: 600 }, (_, at) => at + 1));
  expect(order.at(-1)).toBe(2_000);
});

test("a group chat's messages of before begin no count, and one that comes twice stops nothing", () => {
  const both = entry(2);
  within((tx) => {
    for (const one of [entry(1), both]) timeline.addHistory(tx, one, { unsettled: false, begins: false });
    timeline.addHistory(tx, entry(1, { chat: OTHER_CHAT }), { unsettled: false, begins: false });
    expect(timeline.place(tx, both, { now: 0, isFirst: true })).toEqual([]);
    expect(timeline.place(tx, entry(3), { now: 0 })).toHaveLength(1);
    expect(timeline.place(tx, entry(7, { chat: OTHER_CHAT }), { now: 0, isFirst: true })).toHaveLength(1);
    expect(timeline.nextDue(tx)).toBeNull();
  });
  expect(shown()).toEqual(["1", "2", "3"]);
});

test("a count that was begun goes on behind a group chat's messages of before", () => {
  within((tx) => {
    timeline.place(tx, entry(3), { now: 0, isFirst: true });
    timeline.place(tx, entry(5), { now: 0 });
    expect(timeline.addHistory(tx, entry(4), { unsettled: false, begins: false })).toHaveLength(2);
    expect(timeline.nextDue(tx)).toBeNull();
  });
  expect(shown()).toEqual(["4", "3", "5"]);
});

test("a group chat that history came of is no chat before it is known, and keeps what is unread then", () => {
  const id = random(16);
  within((tx) => {
    chats.expectGroup(tx, id);
    const [, second] = [1, 2].map((counter) => {
      return timeline.addHistory(tx, entry(counter, { chat: id }), { unsettled: false, begins: false })[0];
    });
    chats.leaveUnread(tx, id, second!.position);
    expect([chats.chat(tx, id), chats.chats(tx).length, chats.overviews(tx, id)]).toEqual([null, 1, []]);
    groups.save(tx, Group.of({ id }));
    expect(chats.overviews(tx, id)).toMatchObject([{ unread: 1, firstUnread: second!.position }]);
    chats.saveChat(tx, { conversation: id, account: id, counter: 5 });
    chats.expectGroup(tx, id);
    expect(chats.chat(tx, id)?.counter).toBe(5);
  });
});

test("of messages of before, those are unread that were", () => {
  within((tx) => {
    const [, second] = [1, 2].map((counter) => timeline.addHistory(tx, entry(counter), { unsettled: false, begins: true })[0]);
    chats.leaveUnread(tx, CHAT, second!.position);
    const [overview] = chats.overviews(tx, CHAT);
    expect([overview?.unread, overview?.firstUnread]).toEqual([1, second!.position]);
    expect(chats.unread(tx, CHAT, 9)).toEqual([second!.id]);
    expect(chats.markReadElsewhere(tx, CHAT, [second!.id])).toBe(true);
    expect(chats.overviews(tx, CHAT)[0]?.unread).toBe(0);
    expect(chats.withUntold(tx)).toEqual([]);
  });
});

test("contents for single devices leave in order, and are given up with their device", () => {
  const control = (device: Uint8Array): Control => Control.of({ id: random(16), account: SAM, device, padded: random(9), at: 1 });
  within((tx) => {
    for (const device of [DEVICE, OTHER_DEVICE, DEVICE]) controls.add(tx, control(device));
    const [first, second] = controls.pending(tx, 0, 2);
    expect([first?.control.device, second?.control.device]).toEqual([DEVICE, OTHER_DEVICE]);
    controls.update(tx, { ...first!, control: { ...first!.control, wire: random(3) } });
    expect(controls.get(tx, first!.position)?.wire?.length).toBe(3);
    expect(controls.count(tx, DEVICE)).toBe(2);
    controls.forget(tx, DEVICE);
    expect(controls.pending(tx, 0, 9)).toEqual([second]);
    controls.remove(tx, second!.position);
    expect(controls.get(tx, second!.position)).toBeNull();
  });
});

test("a damaged session is dropped like one that never was", () => {
  within((tx) => {
    for (const value of [random(40), new Uint8Array(0)]) {
      tx.run("INSERT INTO session VALUES (?, ?, ?, ?)", [random(16), SAM, DEVICE, value]);
    }
    expect(sessions.pair(tx, SAM, DEVICE).sessions).toEqual([]);
    expect(tx.all("SELECT 1 FROM session")).toEqual([]);
  });
});
