// Contents for single devices: many in one frame, and nobody waits for one that cannot be served.

import { beforeEach, expect, test } from "vitest";
import { forged } from "./changing";
import { says, summary, texts } from "./group_parties";
import { joined, until, waits, type Party } from "./parties";
import { problem, Relay, type Json } from "./relay";

const NAMES = ["bob", "carol", "dave", "erin", "frank"];

let relay: Relay;
let alice: Party;
let people: Party[];

beforeEach(async () => {
  relay = new Relay();
  relay.strict = true;
  alice = await joined(relay, "alice");
  people = await Promise.all(NAMES.map((name) => joined(relay, name)));
});

async function made(): Promise<string> {
  return (await alice.messenger.createGroup("Walks", people.map((one) => one.account), { open: false })).id;
}

function frames(): readonly (readonly Json[])[] {
  return relay.bodies("device.send").filter(({ by }) => by === alice.account).map(({ envelopes }) => envelopes as Json[]);
}

function sizes(): number[] {
  return frames().map((one) => one.length);
}

/** Somebody is given the key, and reads what alice writes. */
async function isToldBy(party: Party, id: string): Promise<void> {
  await until(async () => (await summary(party, id))?.name === "Walks");
  await until(async () => (await texts(party, id)).includes("alice: hello"));
}

test("one content goes to many devices in one frame, with keys claimed for all of them at once", async () => {
  const id = await made();
  await until(() => waits(alice) === 0);
  expect(sizes()).toEqual([NAMES.length]);
  expect(new Set(frames()[0]!.map(({ body }) => body)).size).toBe(NAMES.length);
  expect(relay.times("POST", "keys/claim")).toBe(1);
  await says(alice, id, "hello");
  for (const party of people) await isToldBy(party, id);
  expect(sizes()).toEqual([NAMES.length]);
});

test("a frame takes as many as the server says, and as many bytes", async () => {
  for (const limits of [{ envelopes_per_send: 2, frame_bytes: 2_000_000 }, { envelopes_per_send: 100, frame_bytes: 15_000 }]) {
    relay.limits = limits;
    await alice.reload();
    await alice.online();
    const before = sizes().length;
    const id = await made();
    await until(() => waits(alice) === 0);
    expect(sizes().slice(before)).toEqual([2, 2, 1]);
    await says(alice, id, "hello");
    for (const party of people) await isToldBy(party, id);
  }
});

test("somebody whom one blocked keeps nobody else from being told", async () => {
  const [, carol] = people as [Party, Party];
  relay.contacts.of(alice.account).set(carol.account, "blocked");
  const id = await made();
  await says(alice, id, "hello");
  for (const party of people.filter((one) => one !== carol)) await isToldBy(party, id);
  expect(waits(alice)).toBe(0);
  expect((await summary(carol, id))?.name).not.toBe("Walks");
  expect(frames().length).toBeLessThan(2 * NAMES.length);
});

test("a device that is gone is left out, and the others are told in one more frame", async () => {
  const [bob] = people as [Party];
  await made();
  await until(() => waits(alice) === 0);
  const before = sizes().length;
  relay.suspended.of(bob.account).push(bob.device); // alice has not heard of it
  await alice.messenger.removeMember((await alice.messenger.chats()).find((one) => one.name === "Walks")!.id, people[1]!.account);
  await until(() => waits(alice) === 0);
  expect(sizes().slice(before)).toEqual([4, 3]);
});

test("who is shown with a list that does not hold waits alone, and is told by what is sent next", async () => {
  const [, carol] = people as [Party, Party];
  const lists = relay.lists.of(carol.account);
  relay.refusals.of("FRAME device.send").push(
    problem(409, "devices_changed", "", { accounts: [{ account: carol.account, lists: [forged(lists[0]!)], suspended: [] }] }),
  );
  const id = await made();
  await says(alice, id, "hello");
  expect(alice.notices.some((one) => one.includes("a device list of carol"))).toBe(true);
  expect(sizes()).toEqual([5, 4, 1]);
  for (const party of people) await isToldBy(party, id);
});

test("what is refused for lists that stay as they are waits, and leaves later", async () => {
  const [bob] = people as [Party];
  const stale = problem(409, "devices_changed", "", { accounts: [] });
  relay.refusals.of("FRAME device.send").push(...Array.from({ length: 9 }, () => stale));
  const { id } = await alice.messenger.createGroup("Walks", [bob.account], { open: false });
  await until(() => frames().length === 3);
  expect(waits(alice)).toBe(1);
  relay.refusals.clear();
  await says(alice, id, "hello");
  await isToldBy(bob, id);
});

test("what the page was closed over leaves again as it was, and is read once", async () => {
  relay.faults.of("FRAME device.send").push(() => null);
  const making = made().catch(() => "");
  await until(() => sizes().length === 1);
  await alice.reload();
  await alice.online();
  await making;
  await until(() => waits(alice) === 0);
  const [first, again] = frames();
  expect(again!.map(({ body }) => body)).toEqual(first!.map(({ body }) => body));
  const { id } = (await alice.messenger.chats()).find((one) => one.name === "Walks")!;
  await says(alice, id, "hello");
  for (const party of people) await isToldBy(party, id);
});
