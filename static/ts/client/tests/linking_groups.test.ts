// A browser that is linked later, and the group chats that its account is in: what was written before comes on wish.

import { beforeEach, expect, test } from "vitest";
import { equal, random } from "../../lib/bytes";
import { fromUuid } from "../../lib/uuid";
import { ACCEPTED, History, HistoryEntry, READ } from "../../protocol/account_data";
import { Reset, Text, type Body } from "../../protocol/body";
import { privateConversation, readPadded, seal } from "../../protocol/content";
import { secret, type Secret } from "../../protocol/secret";
import { requireMe } from "../context";
import { queueControl } from "../controls";
import { history, takeHistory } from "../history";
import { mentionsBefore } from "../mentions";
import * as chats from "../../store/chats";
import * as peers from "../../store/peers";
import { Entry, Unreadable } from "../../store/records";
import * as repairs from "../../store/repairs";
import * as timeline from "../../store/timeline";
import type { Line } from "../model";
import { made, says, summary, texts } from "./group_parties";
import { befriend, joined, linked, until, type Party } from "./parties";
import { problem, Relay } from "./relay";

let relay: Relay;
let alice: Party;
let bob: Party;
let carol: Party;
let id: string;
beforeEach(async () => {
  relay = new Relay();
  [alice, bob, carol] = await Promise.all([joined(relay, "alice"), joined(relay, "bob"), joined(relay, "carol")]);
  await befriend(alice, bob);
  await befriend(alice, carol);
  id = await made(bob, alice, carol);
});

const bytes = (text: string): Uint8Array => fromUuid(text)!;

async function all(party: Party): Promise<Line[]> {
  return party.messenger.lines(id, null, 100);
}

async function has(party: Party, text: string): Promise<void> {
  await until(async () => (await all(party)).some((line) => line.text === text));
}

/** Everybody writes, and one is given a role in between. */
async function talk(): Promise<void> {
  await says(bob, id, "first");
  await has(alice, "first");
  await says(alice, id, "second");
  await bob.messenger.setRole(id, carol.account, "admin");
  await until(async () => (await texts(carol, id)).some((one) => one.includes("an admin")));
  const { id: third } = await carol.messenger.send(id, "@alice @bob", { mentions: [alice.account, bob.account] });
  await until(async () => (await all(carol)).some((line) => line.id === third && line.acceptedAt > 0));
  await has(alice, "@alice @bob");
}

const SYSTEM = ["bob made this group.", "bob made carol an admin."];

test("history brings what was written before, with the group's own lines in their place", async () => {
  await talk();
  await alice.messenger.markRead(id, Number.MAX_SAFE_INTEGER);
  await says(carol, id, "not read yet");
  await has(alice, "not read yet");
  const laptop = await linked(alice, { history: true });
  await has(laptop, "not read yet");
  await until(async () => (await all(laptop)).length === 6);
  const expected = [SYSTEM[0], "bob: first", "second", SYSTEM[1], "carol: @alice @bob", "carol: not read yet"];
  expect(await texts(alice, id)).toEqual(expected);
  expect(await texts(laptop, id)).toEqual(expected);
  const mentioning = (await all(laptop))[4];
  expect(mentioning).toMatchObject({ mentioned: true, mentions: [{ name: "alice" }, { name: "bob" }] });
  expect(mentioning?.acceptedAt).toBe((await all(alice))[4]?.acceptedAt);
  await until(async () => (await summary(laptop, id))?.name === "Walks");
  expect(await summary(laptop, id)).toMatchObject({ unread: 1, mentioned: false, last: { text: "not read yet" } });
});

test("writing goes on where history ends, and nothing is said to be missing", async () => {
  await talk();
  const laptop = await linked(alice, { history: true });
  await has(laptop, "@alice @bob");
  await says(bob, id, "one more");
  await says(laptop, id, "from the laptop");
  for (const party of [alice, bob, carol, laptop]) await has(party, "from the laptop");
  for (const party of [alice, laptop]) await has(party, "one more");
  expect((await all(laptop)).map((line) => line.kind).filter((kind) => kind !== "text")).toEqual(["system", "system"]);
  expect((await texts(laptop, id)).slice(4)).toEqual((await texts(alice, id)).slice(4));
});

test("without history a new browser shows the group's own lines, as nothing new", async () => {
  await talk();
  const laptop = await linked(alice);
  await until(async () => (await summary(laptop, id))?.name === "Walks");
  await until(async () => (await texts(laptop, id)).length === 2);
  expect(await texts(laptop, id)).toEqual(SYSTEM);
  await bob.messenger.removeMember(id, alice.account);
  await bob.messenger.addMember(id, alice.account);
  await until(async () => (await texts(laptop, id)).at(-1) === "bob added you.");
  const tablet = await linked(alice);
  await until(async () => (await texts(tablet, id)).length === 4);
  expect((await summary(tablet, id))?.unread).toBe(0);
  await bob.messenger.removeMember(id, alice.account);
  await bob.messenger.addMember(id, alice.account);
  await until(async () => ((await summary(tablet, id))?.unread ?? 0) > 1); // what happens from now on is
});

test("a group that comes after the linking is news, whatever time its operations claim", async () => {
  const laptop = await linked(alice);
  await until(async () => (await summary(laptop, id))?.name === "Walks");
  const before = Date.now() - 1_800_000;
  bob.clock.ahead = -3_600_000;
  const later = await made(bob, carol);
  await bob.messenger.addMember(later, alice.account);
  bob.clock.ahead = 0;
  await until(async () => (await texts(laptop, later)).at(-1) === "bob added you.");
  const line = (await laptop.messenger.lines(later, null, 1))[0];
  expect(line?.sentAt).toBeLessThan(before);
  expect(await summary(laptop, later)).toMatchObject({ unread: 1, firstUnread: line?.position });
});

test("an own message of before shows what is known of it: that somebody has it, and by and by who", async () => {
  await talk();
  await until(async () => (await all(alice))[2]?.devices.length === 2);
  await bob.messenger.markRead(id, Number.MAX_SAFE_INTEGER);
  await until(async () => (await all(alice))[2]?.state === "read");
  const laptop = await linked(alice, { history: true });
  await has(laptop, "second");
  const mine = async (): Promise<Line | undefined> => (await all(laptop)).find((line) => line.text === "second");
  expect((await mine())?.state).toBe("read");
  await laptop.reload();
  await laptop.online();
  await until(async () => (await mine())?.devices.some((one) => one.account === bob.account) === true);
  const others = (await mine())?.devices.filter((one) => one.account !== alice.account) ?? [];
  expect(new Set(others)).toEqual(new Set((await all(alice))[2]?.devices));
});

test("a group that is not known yet is not shown, and has its history once it is", async () => {
  await talk();
  const answers = (): void => {
    for (const call of ["GET groups", `GET groups/${id}/operations`]) {
      relay.refusals.of(call).push(...Array<ReturnType<typeof problem>>(100).fill(problem(403, "forbidden")));
    }
  };
  answers();
  const laptop = await linked(alice, { history: true });
  await until(() => laptop.told.some((one) => one.type === "history" && one.done === one.total));
  const kept = (): number => Number(laptop.read((tx) => tx.one("SELECT COUNT(*) FROM entry WHERE chat = ?", [bytes(id)]))![0]);
  expect(kept()).toBe(3);
  expect(await summary(laptop, id)).toBeUndefined();
  expect(laptop.told.some((one) => one.type === "lines" && one.chat === id)).toBe(false);
  relay.refusals.clear();
  await laptop.reload();
  await until(async () => (await texts(laptop, id)).length === 5);
  expect(await texts(laptop, id)).toEqual(await texts(alice, id));
  expect((await summary(laptop, id))?.unread).toBe((await summary(alice, id))?.unread);
});

test("a group that one is not in any more is not handed on", async () => {
  await talk();
  await alice.messenger.leaveGroup(id);
  const laptop = await linked(alice, { history: true });
  expect(await laptop.texts(bob)).toEqual(["hello", "hello yourself"]);
  expect(await summary(laptop, id)).toBeUndefined();
  expect(Number(laptop.read((tx) => tx.one("SELECT COUNT(*) FROM entry WHERE chat = ?", [bytes(id)]))![0])).toBe(0);
});

/** An entry as a device might make it up. */
function entryOf(body: Body, conversation: Uint8Array, recipient: Uint8Array | null = null, broken?: Secret): HistoryEntry {
  const counter = body instanceof Reset ? 0 : 1;
  const heads = { own: new Uint8Array(32), recipient };
  const padded = broken ?? seal({ sent: 1, messageId: random(16), conversation, body, heads, counter }).padded;
  const device = bytes(bob.device);
  return new HistoryEntry({ account: bytes(bob.account), device, accepted: 1, padded, stamp: null, stampKey: null, state: READ });
}

test("of a group's history, what is no message of the group is skipped, and what is here already stays", async () => {
  await talk();
  const before = await texts(alice, id);
  const group = bytes(id);
  const [given] = alice.read((tx) => history(tx, requireMe(tx), chats.chat(tx, group)!, 0));
  expect(given?.entries).toHaveLength(3);
  const two = privateConversation(bytes(alice.account), bytes(bob.account));
  const broken = entryOf(new Text("broken"), group, null, secret(new Uint8Array(64)));
  const entries = [
    ...given!.entries,
    entryOf(new Text("of another group"), random(16)),
    entryOf(new Text("of two"), two, new Uint8Array(32)),
    entryOf(new Text("for one"), group, new Uint8Array(32)),
    entryOf(new Reset(), group),
    broken,
    entryOf(new Text("holds"), group),
  ];
  const shown = alice.read((tx) => takeHistory(tx, requireMe(tx), new History(null, entries, 0, group)));
  expect(shown.map((one) => one.text)).toEqual(["holds"]);
  expect(await texts(alice, id)).toEqual(["bob: holds", ...before]);
  expect(await alice.texts(bob)).toEqual(["hello", "hello yourself"]);
});

test("whoever has not read an own message of before is asked about, though somebody has", () => {
  const entry = changed(said("mine"), { account: bytes(alice.account), device: bytes(alice.device) });
  const { messageId: message } = readPadded(entry.padded);
  take(entry);
  const isOpen = (): boolean => alice.read((tx) => timeline.unsettled(tx, 500)).some((one) => equal(one.id, message));
  const hear = (status: string): void => {
    alice.messenger.inside.statuses.apply([{ message, account: bytes(bob.account), device: bytes(bob.device), status, at: 9 }]);
  };
  expect(isOpen()).toBe(true);
  hear("delivered");
  expect(isOpen()).toBe(true);
  hear("read");
  expect(isOpen()).toBe(false);
});

test("of whom a message of before names, a hundred count at most, each once", () => {
  const named = Array.from({ length: 150 }, () => random(16));
  const [own, stranger] = [bytes(alice.account), random(16)];
  const mentions = alice.read((tx) => {
    for (const account of named) peers.change(tx, account, { pin: new Uint8Array(1) });
    const all = [stranger, own, own, ...named.flatMap((one) => [one, one])];
    return mentionsBefore(tx, own, { chat: bytes(id), author: bytes(bob.account), named: all });
  });
  expect(mentions).toEqual({ mentions: [own, ...named.slice(0, 99)], mentioned: true });
  const strangers = [...Array.from({ length: 1_000 }, () => random(16)), own];
  expect(alice.read((tx) => mentionsBefore(tx, own, { chat: bytes(id), author: stranger, named: strangers }))).toEqual({ mentions: [], mentioned: false });
});

/** The same, with other fields. */
function changed(
  { account, device, accepted, padded, stamp, stampKey, state }: HistoryEntry,
  fields: Partial<Pick<HistoryEntry, "account" | "device" | "accepted" | "state">>,
): HistoryEntry {
  return new HistoryEntry({ account, device, accepted, padded, stamp, stampKey, state, ...fields });
}

function take(...entries: HistoryEntry[]): void {
  alice.read((tx) => takeHistory(tx, requireMe(tx), new History(null, entries, 0, bytes(id))));
}

const said = (text: string): HistoryEntry => entryOf(new Text(text), bytes(id));

test("what was missed stands at the end as the other device has it, and is unread if it is there", async () => {
  await talk();
  await alice.messenger.markRead(id, Number.MAX_SAFE_INTEGER);
  const before = await texts(alice, id);
  const late = (await all(alice)).at(-1)!.acceptedAt + 10;
  const ofCarol = { account: bytes(carol.account), device: bytes(carol.device), accepted: late - 5 };
  take(said("early"), changed(said("one"), { accepted: late }), changed(said("two"), ofCarol), changed(said("three"), { accepted: late }));
  expect(await texts(alice, id)).toEqual(["bob: early", ...before, "bob: one", "carol: two", "bob: three"]);
  expect((await summary(alice, id))?.unread).toBe(0);
  const later = { accepted: late + 5 };
  take(changed(said("four"), later), changed(said("five"), { ...later, state: ACCEPTED }), changed(said("six"), { ...later, state: ACCEPTED }));
  expect((await texts(alice, id)).slice(-3)).toEqual(["bob: four", "bob: five", "bob: six"]);
  expect(await summary(alice, id)).toMatchObject({ unread: 2, firstUnread: (await all(alice)).at(-2)?.position });
});

test("a device's messages of before keep their order, whatever time they have", async () => {
  const before = await texts(alice, id);
  const ofCarol = { account: bytes(carol.account), device: bytes(carol.device), accepted: 1_500 };
  take(changed(said("one"), { accepted: 2_000 }), changed(said("two"), { accepted: 1_000 }), changed(said("three"), ofCarol));
  expect(await texts(alice, id)).toEqual(["carol: three", "bob: one", "bob: two", ...before]);
  expect((await all(alice))[2]?.acceptedAt).toBe(1_000);
});

test("a message of before that could not be read stands in the place of the line that said so", async () => {
  await talk();
  const entry = said("readable");
  const { messageId: message } = readPadded(entry.padded);
  const about = { account: entry.account, device: entry.device, chat: bytes(id) };
  alice.read((tx) => {
    timeline.add(tx, Entry.of({ ...about, id: message, kind: "unreadable", outgoing: false, sent: 7, accepted: 7 }));
    repairs.save(tx, Unreadable.of({ ...about, message, at: 7, session: message, dh: message, n: 0 }));
  });
  const before = await all(alice);
  expect(before.at(-1)?.kind).toBe("unreadable");
  take(entry);
  const after = await all(alice);
  expect(after.slice(0, -1)).toEqual(before.slice(0, -1));
  expect(after.at(-1)).toMatchObject({ kind: "text", text: "readable", position: before.at(-1)?.position, acceptedAt: 7 });
  expect(alice.read((tx) => repairs.all(tx))).toEqual([]);
});

test("a history that somebody else's device sends is none", async () => {
  const before = await texts(alice, id);
  const forged = new History(null, [entryOf(new Text("never said"), bytes(id))], 0, bytes(id));
  bob.read((tx) => {
    const target = { account: bytes(alice.account), device: bytes(alice.device) };
    const { context } = bob.messenger.inside;
    queueControl(tx, requireMe(tx), target, forged, { now: context.now(), entropy: context.environment.entropy });
  });
  const sends = relay.times("FRAME", "device.send");
  bob.messenger.inside.controls.wanted.set();
  await until(() => relay.times("FRAME", "device.send") > sends);
  await says(bob, id, "after it");
  await has(alice, "after it");
  await until(() => relay.queue.of(alice.device).length === 0);
  expect(await texts(alice, id)).toEqual([...before, "bob: after it"]);
});
