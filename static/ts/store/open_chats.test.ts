import { afterEach, beforeEach, expect, test } from "vitest";

import { Store } from "./database";
import { memoryFiles } from "./files";
import * as openChats from "./open_chats";
import * as openMessages from "./open_messages";
import * as openOutbox from "./open_outbox";
import { OpenChat, OpenOutgoing, type OpenMessage } from "./open_records";
import type { Transaction } from "./transaction";

const id = (number: number): Uint8Array => new Uint8Array(16).fill(number);
const [CHOIR, WALKS, SAM, KIM] = [id(1), id(2), id(3), id(4)];

let store: Store;
beforeEach(async () => (store = await Store.open(memoryFiles(), new Uint8Array(32))));
afterEach(() => store.close());
const within = <T>(work: (tx: Transaction) => T): T => store.transaction(work);

function message(position: number, more: Partial<OpenMessage> = {}): OpenMessage {
  const fields = { message: id(position % 250), sender: SAM, acceptedAt: 5, editedAt: 0, deleted: false, body: String(position) };
  return { position, ...fields, ...more };
}

test("a chat and its members are kept, and how far somebody has read never falls", () => {
  within((tx) => openChats.save(tx, OpenChat.of({ id: CHOIR, kind: "group", title: "Choir" })));
  within((tx) => openChats.saveMembers(tx, CHOIR, [{ account: SAM, role: 2, readTo: 7 }, { account: KIM, role: 0, readTo: 0 }]));
  expect(within((tx) => openChats.change(tx, CHOIR, { muted: true }))).toMatchObject({ title: "Choir", muted: true });
  expect(within((tx) => openChats.change(tx, WALKS, { muted: true }))).toBeNull();
  expect(within((tx) => openChats.markMemberRead(tx, CHOIR, KIM, 9))).toBe(true);
  expect(within((tx) => openChats.markMemberRead(tx, CHOIR, KIM, 8))).toBe(false);
  within((tx) => openChats.saveMembers(tx, CHOIR, [{ account: KIM, role: 1, readTo: 4 }]));
  expect(within((tx) => openChats.members(tx, CHOIR))).toEqual([{ account: KIM, role: 1, readTo: 9 }]);
  expect(within((tx) => [openChats.furthestRead(tx, CHOIR, KIM), openChats.furthestRead(tx, CHOIR, SAM)])).toEqual([0, 9]);
  expect(within((tx) => [openChats.chatsOf(tx, KIM), openChats.chatsOf(tx, SAM)])).toEqual([[CHOIR], []]);
});

test("the newest messages of a chat are kept, and no more than that", () => {
  within((tx) => {
    for (let position = 1; position <= openMessages.KEPT + 5; position++) openMessages.put(tx, CHOIR, message(position), false);
    openMessages.put(tx, WALKS, message(1), false);
  });
  expect(within((tx) => openMessages.trim(tx, CHOIR))).toBe(true);
  expect(within((tx) => openMessages.trim(tx, CHOIR))).toBe(false);
  expect(within((tx) => openMessages.bounds(tx, CHOIR))).toEqual([6, openMessages.KEPT + 5]);
  expect(within((tx) => openMessages.bounds(tx, WALKS))).toEqual([1, 1]);
  const positions = (some: readonly OpenMessage[]): number[] => some.map((one) => one.position);
  expect(positions(within((tx) => openMessages.before(tx, CHOIR, 10, 3)))).toEqual([7, 8, 9]);
  expect(positions(within((tx) => openMessages.after(tx, CHOIR, 10, 3)))).toEqual([11, 12, 13]);
  expect(within((tx) => [openMessages.upTo(tx, CHOIR, 10.5), openMessages.upTo(tx, CHOIR, 2)])).toEqual([10, 0]);
  within((tx) => openMessages.keepOnly(tx, CHOIR, [6, 10], [6, 9]));
  expect(positions(within((tx) => openMessages.before(tx, CHOIR, 12, 5)))).toEqual([6, 9, 11]);
});

test("of two versions of a message the deletion stands, or else the later edit", () => {
  const put = (one: OpenMessage): boolean => within((tx) => openMessages.put(tx, CHOIR, one, false));
  expect(put(message(1))).toBe(true);
  expect(put(message(1, { body: "the same, by its times" }))).toBe(false);
  expect(put(message(1, { body: "second", editedAt: 20 }))).toBe(true);
  expect(put(message(1, { body: "first", editedAt: 10 }))).toBe(false);
  expect(put(message(1, { body: "", deleted: true }))).toBe(true);
  expect(put(message(1, { body: "third", editedAt: 30 }))).toBe(false);
  expect(within((tx) => openMessages.byId(tx, CHOIR, SAM, id(1)))).toMatchObject({ body: "", deleted: true });
});

test("unread is what others wrote, and what is still there", () => {
  within((tx) => {
    openMessages.put(tx, CHOIR, message(1), true);
    openMessages.put(tx, CHOIR, message(2, { sender: KIM }), false);
    openMessages.put(tx, CHOIR, message(3, { deleted: true, body: "" }), false);
    openMessages.put(tx, CHOIR, message(4), false);
  });
  expect(within((tx) => openMessages.unread(tx, CHOIR, KIM, 0))).toEqual({ count: 2, first: 1, mentioned: true });
  expect(within((tx) => openMessages.unread(tx, CHOIR, KIM, 1))).toEqual({ count: 1, first: 4, mentioned: false });
  expect(within((tx) => openMessages.unread(tx, CHOIR, KIM, 4))).toEqual({ count: 0, first: 0, mentioned: false });
});

test("what waits stands behind the message it was written after, in order", () => {
  const add = (number: number, after: number): void =>
    within((tx) => openOutbox.add(tx, OpenOutgoing.of({ id: id(number), chat: CHOIR, sent: 1, text: String(number), after })));
  add(10, 7);
  add(11, 7);
  const queued = within((tx) => openOutbox.ofChat(tx, CHOIR));
  expect(queued.map((one) => one.outgoing.text)).toEqual(["10", "11"]);
  const [first, second] = queued.map((one) => one.position);
  expect(first).toBeGreaterThan(7);
  expect(second).toBeGreaterThan(first!);
  expect(second).toBeLessThan(8);
  within((tx) => openOutbox.fail(tx, id(10), "No."));
  expect(within((tx) => openOutbox.first(tx))?.text).toBe("11");
  expect(within((tx) => openOutbox.count(tx))).toBe(1);
  expect(within((tx) => openOutbox.get(tx, id(10)))?.outgoing).toMatchObject({ failed: true, cause: "No." });
  expect(within((tx) => openOutbox.remove(tx, id(10)))).toBe(true);
  expect(within((tx) => openOutbox.fail(tx, id(10), "No."))).toBeNull();
});
