import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";

import { random } from "../lib/bytes";
import { AnnouncedChain } from "../protocol/announced_chain";
import { SYSTEM } from "../protocol/entropy";
import { DAY } from "../protocol/limits";
import { ready, SigningKey } from "../protocol/primitives";
import { secret } from "../protocol/secret";
import { OwnChain } from "../protocol/sender_key";

import * as chats from "./chats";
import { Store } from "./database";
import { memoryFiles } from "./files";
import * as groupOutbox from "./group_outbox";
import { Group, GroupOutgoing } from "./group_records";
import * as waiting from "./group_waiting";
import * as groups from "./groups";
import { Entry } from "./records";
import { migrate, MIGRATIONS } from "./schema";
import * as timeline from "./timeline";
import type { Transaction } from "./transaction";

const WALKS = new Uint8Array(16).fill(1);
const SAM = new Uint8Array(16).fill(2);
const PHONE = new Uint8Array(16).fill(3);
const FROM = { chat: WALKS, account: SAM, device: PHONE };
const NOW = 1_700_000_000_000;

let store: Store;
beforeAll(() => ready());
beforeEach(async () => {
  store = await Store.open(memoryFiles(), new Uint8Array(32));
});
afterEach(() => store.close());
const within = <T>(work: (tx: Transaction) => T): T => store.transaction(work);

function chain(received = NOW): AnnouncedChain {
  const more = { epoch: 0, gsh: random(32), signingKey: random(32), first: 0, received, n: 0, key: secret(random(32)) };
  return new AnnouncedChain({ group: WALKS, account: SAM, device: PHONE, id: random(16), skipped: new Map(), ...more });
}

test("a store of before group chats gets their tables, and keeps what it has", async () => {
  const files = memoryFiles();
  const older = await Store.open(files, new Uint8Array(32));
  older.transaction((tx) => {
    for (const table of ["group_chat", "group_operation", "announced_chain", "group_outbox", "group_waiting", "group_key", "group_answer", "old_list", "told_chain"]) {
      tx.run(`DROP TABLE ${table}`);
    }
    tx.run("ALTER TABLE sent DROP COLUMN signing_key");
    for (const table of ["chat", "member", "message", "outbox"]) tx.run(`DROP TABLE open_${table}`);
    tx.run("DROP INDEX entry_mentioned");
    tx.run("ALTER TABLE entry DROP COLUMN mentioned");
    tx.run("PRAGMA user_version = 2");
    chats.saveChat(tx, { conversation: WALKS, account: SAM, counter: 7 });
  });
  migrate(older, MIGRATIONS);
  expect(older.transaction((tx) => [groups.all(tx), chats.chat(tx, WALKS)?.counter])).toEqual([[], 7]);
  older.close();
});

test("a group chat is kept as it was given, and stands among the conversations", () => {
  within((tx) => groups.change(tx, WALKS, { title: "Walks", request: true }));
  within((tx) => groups.change(tx, WALKS, { request: false }));
  expect(within((tx) => groups.get(tx, WALKS))).toEqual(Group.of({ id: WALKS, title: "Walks" }));
  expect(within((tx) => chats.chat(tx, WALKS)?.account)).toEqual(WALKS);
  within((tx) => groups.forget(tx, WALKS));
  expect(within((tx) => [groups.get(tx, WALKS), chats.chat(tx, WALKS)])).toEqual([null, null]);
});

test("a group chat that is forgotten takes its own lines with it, and leaves the messages that wait for it", () => {
  const hash = random(32);
  const system = { id: hash.slice(0, 16), kind: "system", outgoing: true, account: SAM, chat: WALKS, sent: NOW } as const;
  const forgotten = (): string[] => {
    within((tx) => groups.change(tx, WALKS, {}));
    within((tx) => groups.saveOperation(tx, WALKS, { index: 0, hash, signed: new Uint8Array(1) }));
    within((tx) => timeline.add(tx, Entry.of(system)));
    within((tx) => timeline.note(tx, "warning", { account: WALKS, chat: WALKS, sent: NOW }));
    within((tx) => groups.forget(tx, WALKS));
    return within((tx) => timeline.lines(tx, WALKS, null, 9)).map((one) => one.text || one.kind);
  };
  const rows = (): number => Number(within((tx) => tx.one("SELECT COUNT(*) FROM chat"))?.[0]);
  expect([forgotten(), rows()]).toEqual([[], 0]);
  const text = Entry.of({ ...system, id: random(16), kind: "text", text: "of before", accepted: NOW });
  within((tx) => chats.expectGroup(tx, WALKS));
  within((tx) => timeline.addHistory(tx, text, { unsettled: false, begins: false }));
  expect([forgotten(), rows(), within((tx) => chats.chat(tx, WALKS))]).toEqual([["of before"], 1, null]);
});

test("operations are kept in order, and read up to the one of a hash", () => {
  const hashes = [random(32), random(32), random(32)];
  within((tx) => hashes.forEach((hash, index) => groups.saveOperation(tx, WALKS, { index, hash, signed: Uint8Array.of(index) })));
  expect(within((tx) => groups.operationsTo(tx, WALKS, hashes[1]!))).toEqual([Uint8Array.of(0), Uint8Array.of(1)]);
  expect(within((tx) => groups.operationsTo(tx, WALKS, random(32)))).toEqual([]);
  expect(within((tx) => groups.hashAt(tx, WALKS, 2))).toEqual(hashes[2]);
  expect(within((tx) => groups.hashAt(tx, WALKS, 3))).toBeNull();
});

test("chains are kept by device, give way when they are dropped, and go after 37 days", () => {
  const [one, other] = [chain(), chain()];
  within((tx) => groups.saveChain(tx, one));
  within((tx) => groups.saveChain(tx, other, [one.id]));
  expect(within((tx) => groups.chains(tx, WALKS, SAM, PHONE).map(({ id }) => id))).toEqual([other.id]);
  within((tx) => groups.tidyChains(tx, { now: NOW + 38 * DAY }));
  expect(within((tx) => groups.chains(tx, WALKS, SAM, PHONE))).toEqual([]);
  within((tx) => groups.saveChain(tx, one));
  within((tx) => groups.dropDevice(tx, SAM, PHONE));
  expect(within((tx) => groups.chains(tx, WALKS, SAM, PHONE))).toEqual([]);
});

test("own chains are dropped in every group chat when this device starts anew, and who was told them is known a while", () => {
  const told = [{ account: SAM, device: PHONE, signingKey: random(32), n: 0 }];
  const signing = SigningKey.generate(SYSTEM);
  const fields = { group: WALKS, epoch: 0, gsh: random(32), id: random(16), n: 3, key: secret(random(32)), signing, created: NOW };
  const chain = new OwnChain(fields);
  within((tx) => groups.change(tx, WALKS, { chain: chain.toBytes(), told }));
  within((tx) => groups.dropOwnChains(tx));
  expect(within((tx) => groups.get(tx, WALKS))).toMatchObject({ chain: null, told: [] });
  within((tx) => groups.tidyChains(tx, { now: NOW + 20 * DAY }));
  expect(within((tx) => groups.toldOf(tx, chain.id))).toEqual(told);
  within((tx) => groups.tidyChains(tx, { now: NOW + 22 * DAY }));
  expect(within((tx) => groups.toldOf(tx, chain.id))).toEqual([]);
});

test("messages leave in order, and a group chat that is stuck holds up no other", () => {
  const ids = [random(16), random(16)];
  within((tx) => {
    groupOutbox.add(tx, GroupOutgoing.of({ id: ids[0]!, group: WALKS, sent: 1, text: "one" }));
    groupOutbox.add(tx, GroupOutgoing.of({ id: ids[1]!, group: SAM, sent: 2, text: "two" }));
  });
  expect(within((tx) => groupOutbox.first(tx, []))?.text).toBe("one");
  expect(within((tx) => groupOutbox.first(tx, [WALKS]))?.text).toBe("two");
  expect(within((tx) => groupOutbox.first(tx, [WALKS, SAM]))).toBeNull();
  within((tx) => groupOutbox.remove(tx, ids[0]!));
  expect(within((tx) => groupOutbox.count(tx))).toBe(1);
});

test("at most 500 messages wait for sender keys in a group chat, and for a week", () => {
  within((tx) => {
    for (let envelope = 1; envelope <= 501; envelope++) waiting.keep(tx, { ...FROM, envelope, frame: new Uint8Array(1) }, { now: NOW });
  });
  const kept = within((tx) => waiting.messagesOf(tx, FROM));
  expect([kept.length, kept[0]?.envelope]).toEqual([500, 2]);
  expect(within((tx) => waiting.overdue(tx, NOW))).toHaveLength(500);
  within((tx) => waiting.markAsked(tx, 2));
  expect(within((tx) => waiting.overdue(tx, NOW))).toHaveLength(499);
  within((tx) => waiting.tidy(tx, { now: NOW + 7 * DAY }));
  expect(within((tx) => waiting.messagesOf(tx, FROM))).toEqual([]);
});

test("answers to a device's questions for a message are counted", () => {
  const message = random(16);
  expect(within((tx) => [1, 2, 3].map(() => waiting.countAnswer(tx, message, PHONE)))).toEqual([0, 1, 2]);
  expect(within((tx) => waiting.countAnswer(tx, message, SAM))).toBe(0);
});

test("sender keys that wait are bounded, and the oldest give way", () => {
  const from = (chat: Uint8Array) => ({ chat, account: SAM, device: random(16) });
  within((tx) => {
    for (let at = 0; at <= 500; at++) waiting.keepKey(tx, from(WALKS), Uint8Array.of(at % 256), { now: at });
  });
  const kept = within((tx) => waiting.keysOf(tx, WALKS));
  expect([kept.length, kept[0]?.padded]).toEqual([500, Uint8Array.of(1)]);
  const other = random(16);
  within((tx) => {
    for (let at = 0; at < 5_000; at++) {
      tx.run("INSERT INTO group_key (chat, account, device, at, padded) VALUES (?, ?, ?, 0, ?)", [random(16), SAM, PHONE, SAM]);
    }
    waiting.keepKey(tx, from(other), Uint8Array.of(7), { now: 0 });
  });
  expect(within((tx) => tx.one("SELECT COUNT(*) FROM group_key"))?.[0]).toBe(5_000);
  expect(within((tx) => [waiting.keysOf(tx, WALKS).length, waiting.keysOf(tx, other).length])).toEqual([0, 1]);
});

test("sender keys that wait of one device push out none of another", () => {
  const from = (device: Uint8Array) => ({ chat: WALKS, account: SAM, device });
  within((tx) => {
    waiting.keepKey(tx, from(random(16)), Uint8Array.of(0), { now: 0 });
    for (let at = 1; at <= 7; at++) waiting.keepKey(tx, from(PHONE), Uint8Array.of(at), { now: at });
  });
  expect(within((tx) => waiting.keysOf(tx, WALKS)).map(({ padded }) => padded[0])).toEqual([0, 3, 4, 5, 6, 7]);
});

test("sender keys that wait of who is no member push out none of a member", () => {
  const stranger = random(16);
  within((tx) => {
    waiting.keepKey(tx, { chat: WALKS, account: SAM, device: PHONE }, Uint8Array.of(7), { now: 0, members: [SAM] });
    for (let at = 1; at <= 500; at++) {
      const from = { chat: WALKS, account: stranger, device: random(16) };
      waiting.keepKey(tx, from, Uint8Array.of(at % 256), { now: at, members: [SAM] });
    }
  });
  const kept = within((tx) => waiting.keysOf(tx, WALKS)).map(({ padded }) => padded[0]);
  expect([kept.length, kept[0], kept[1]]).toEqual([500, 7, 2]);
});
