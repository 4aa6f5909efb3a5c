// A server that lies about devices and keys: nothing is encrypted to what it made up, and the person reads why.

import { beforeEach, expect, test } from "vitest";
import { toSignedObject } from "../../api/answers";
import { fromUuid, uuid } from "../../lib/uuid";
import { listed, signList } from "../../protocol/device_list";
import { SYSTEM } from "../../protocol/entropy";
import { generateAccountKey, OwnDevice } from "../../protocol/keys";
import { generatePrekeys, KLR, SPK } from "../../protocol/prekeys";
import * as peers from "../../store/peers";
import { addDevice, ADDED_ID, forged, publish, showAnotherIdentity } from "./changing";
import { befriend, joined, linked, pause, until, type Party } from "./parties";
import { Relay, type Json } from "./relay";

const DAY = 24 * 3_600_000;

let relay: Relay;
let alice: Party;
let bob: Party;
beforeEach(async () => {
  relay = new Relay();
  relay.strict = true;
  [alice, bob] = [await joined(relay, "alice"), await joined(relay, "bob")];
});

/** The devices that envelopes of alice's have gone to. */
function reached(): Set<string> {
  const frames = relay.requests.filter(({ path, body }) => /\.send$/.test(path) && body["by"] === alice.account);
  return new Set(frames.flatMap(({ body }) => (body["envelopes"] as { device: string }[]).map((one) => one.device)));
}

/** The server's word for "look again": alice asks for the lists of bob. */
async function looksAgain(): Promise<void> {
  await alice.messenger.inside.directory.refreshAll([fromUuid(bob.account)!]);
}

const said = (words: string): boolean => alice.notices.some((text) => text.includes(words));

test("a device that the server adds to a list gets nothing, with or without a signature", async () => {
  await befriend(alice, bob);
  const honest = relay.lists.of(bob.account).at(-1)!;
  addDevice(bob);
  const ghost = forged(relay.lists.of(bob.account).pop()!);
  relay.lists.of(bob.account).push(ghost);
  await looksAgain();
  expect(said("not signed as it must be")).toBe(true);
  const key = generateAccountKey(SYSTEM);
  const own = OwnDevice.generate(fromUuid(bob.account)!, fromUuid(ADDED_ID)!, key.public);
  const list = signList(key, own.account, [listed(own, { added: 1 })], { previous: null, now: 1 });
  publish(bob, list, { anew: true });
  await looksAgain();
  expect((await alice.chat(bob)).identityChanged).toBe(true);
  await alice.write(bob, "not for a ghost");
  await pause(50);
  expect([...reached()]).toEqual([bob.device]);
  expect((await alice.lines(bob)).some((line) => line.kind === "identity_changed")).toBe(true);
  relay.lists.set(bob.account, [honest]);
});

test("an old list is refused, and what was removed since stays removed", async () => {
  await befriend(alice, bob);
  const tablet = await linked(bob);
  const { device } = tablet;
  const withTablet = [...relay.lists.of(bob.account)];
  await bob.messenger.removeDevice(device, { newIdentity: false });
  await until(() => newest(alice, bob).length === 1);
  relay.lists.set(bob.account, withTablet);
  relay.strict = false;
  await looksAgain();
  expect(said("contradicts an earlier one")).toBe(true);
  const before = reached().has(device);
  await alice.write(bob, "for the phone alone");
  await until(async () => (await bob.texts(alice)).at(-1) === "for the phone alone");
  expect([before, reached().has(device)]).toEqual([false, false]);
});

test("two lists with one number are a fork, and refused", async () => {
  await befriend(alice, bob);
  addDevice(bob);
  await looksAgain();
  relay.lists.of(bob.account).pop();
  addDevice(bob); // another one in its place
  await looksAgain();
  expect(said("contradicts an earlier one")).toBe(true);
});

test("a list under another account key stops what is written, also where it claims to follow", async () => {
  await befriend(alice, bob);
  const { accountKey, list } = showAnotherIdentity(bob);
  const second = signList(accountKey, list.account, list.devices, { previous: list, now: 3 });
  publish(bob, second);
  await looksAgain();
  await alice.write(bob, "not under that key");
  await pause(50);
  expect((await alice.states(bob))["not under that key"]).toBe("queued");
  expect((await alice.chat(bob)).identityChanged).toBe(true);
  expect(newest(alice, bob)).toEqual([bob.device]);
});

test("keys of another device, or of another one's identity, start no session, and the person reads why", async () => {
  const carol = await joined(relay, "carol");
  const own = relay.prekeys.of(bob.device);
  relay.prekeys.set(bob.device, relay.prekeys.of(carol.device));
  await alice.write(bob, "for bob alone");
  await until(() => said("that are not that device's: nothing is encrypted to them"));
  expect(reached().size).toBe(0);
  // The right device's name, and signed by somebody else.
  const key = generateAccountKey(SYSTEM).public;
  const liar = OwnDevice.generate(fromUuid(bob.account)!, fromUuid(bob.device)!, key);
  const make = (label: typeof SPK | typeof KLR): Json => {
    const [made] = generatePrekeys(liar, label, { firstId: 1, count: 1, now: Date.now() });
    return toSignedObject(made!.signed.toBytes());
  };
  relay.prekeys.set(bob.device, { one_time: [], one_time_kem: [], signed_prekey: make(SPK), last_resort: make(KLR) });
  alice.clock.add(5_000);
  await pause(50);
  expect(reached().size).toBe(0);
  relay.prekeys.set(bob.device, own);
  alice.clock.add(5_000);
  await until(async () => (await bob.texts(alice)).join() === "for bob alone");
  expect([...reached()]).toEqual([bob.device]);
});

test("one device with false keys holds up no other, and is shown as left out", async () => {
  const tablet = await linked(bob);
  relay.prekeys.set(tablet.device, relay.prekeys.of(bob.device));
  const line = await alice.send(bob, "for the phone at least");
  await until(async () => (await bob.texts(alice)).join() === "for the phone at least");
  expect(line.skipped).toBe(1);
  expect(reached()).toEqual(new Set([bob.device]));
  expect(said("not that device's")).toBe(true);
});

test("a server that shows oneself under another key is believed in nothing", async () => {
  await befriend(alice, bob);
  showAnotherIdentity(alice);
  relay.push("alice", { type: "devices.changed", account: alice.account });
  await until(() => alice.told.some((one) => one.type === "ended" && one.why === "unlinked"));
  await alice.write(bob, "to nobody").catch(() => undefined);
  await pause(50);
  expect((await bob.texts(alice)).length).toBe(2);
});

test("a device that has slept for six weeks, or for ever, stops nobody", async () => {
  const tablet = await linked(bob);
  const { device } = tablet;
  await tablet.messenger.close();
  for (const party of [alice, bob]) party.clock.add(42 * DAY);
  await until(() => [alice, bob].every((party) => party.connection === "online"));
  const first = await alice.send(bob, "after six weeks");
  expect(first.skipped).toBe(0);
  expect(reached().has(device)).toBe(true);
  await bob.send(alice, "indeed");
  await until(async () => (await alice.texts(bob)).join() === "after six weeks,indeed");
  const carol = await joined(relay, "carol");
  carol.clock.add(100 * DAY);
  bob.clock.add(58 * DAY);
  await until(() => bob.connection === "online");
  await until(() => relay.times("POST", "keys/prekeys") > 5);
  const line = await carol.send(bob, "whom does this reach?");
  expect(line.skipped).toBe(1);
  expect(carol.notices).toEqual([]); // its keys are old, not false
  await tablet.reopen();
  await until(async () => (await tablet.texts(alice)).join() === "after six weeks,indeed");
});

function newest(party: Party, other: Party): string[] {
  const pin = party.read((tx) => peers.pinOf(peers.byAccount(tx, fromUuid(other.account)!)));
  return pin!.newest.devices.map((one) => uuid(one.device));
}
