// Several devices of one account: ended, taken off the list, left behind by a new identity; each notices, and says so.

import { beforeEach, expect, test } from "vitest";
import { fromUuid, uuid } from "../../lib/uuid";
import * as peers from "../../store/peers";
import * as settings from "../../store/settings";
import { befriend, joined, link, linked, Party, passing, pause, until } from "./parties";
import { problem, Relay } from "./relay";

let relay: Relay;
let alice: Party;
let bob: Party;
beforeEach(async () => {
  relay = new Relay();
  relay.strict = true;
  [alice, bob] = [await joined(relay, "alice"), await joined(relay, "bob")];
  await befriend(alice, bob);
});

const ended = (party: Party): { why: string; text: string } | undefined =>
  party.told.flatMap((one) => (one.type === "ended" ? [one] : [])).at(-1);

function listOf(party: Party, other: Party = party): string[] {
  const pin = party.read((tx) => peers.pinOf(peers.byAccount(tx, fromUuid(other.account)!)));
  return pin!.newest.devices.map((one) => uuid(one.device));
}

test("a device that was ended hears nothing more, and the next that holds the key signs it out of the list", async () => {
  const [tablet, laptop] = [await linked(alice), await linked(alice)];
  const { device } = laptop;
  await alice.messenger.close();
  await tablet.messenger.suspendDevice(device);
  await until(() => ended(laptop)?.why === "unlinked");
  expect(listOf(tablet)).toContain(device); // it holds no key
  relay.page = 1; // it is on the last one
  expect((await tablet.messenger.devices()).find((one) => one.id === device)).toMatchObject({ suspended: true, listed: true });
  await bob.send(alice, "not for the laptop");
  expect(relay.queue.of(device).filter((row) => row.kind === "message")).toEqual([]);
  await alice.reopen();
  await until(() => !listOf(alice).includes(device));
  await until(() => !listOf(bob, alice).includes(device));
  await until(() => !listOf(tablet).includes(device));
  expect(tablet.told.some((one) => one.type === "devices")).toBe(true);
  expect(alice.notices).toEqual([]);
  expect(await laptop.reload()).toEqual({ state: "linking_needed", reset: false });
});

test("one that holds the key is not signed out silently, and taking it off makes a new identity", async () => {
  const laptop = await linked(alice, { managing: true });
  const tablet = await linked(alice);
  expect(await laptop.messenger.canManage()).toBe(true);
  expect((await alice.messenger.devices()).map((one) => one.managing)).toEqual([true, true, false]);
  const { device } = laptop;
  await expect(alice.messenger.removeDevice(device, { newIdentity: false })).rejects.toMatchObject({
    code: "new_identity_needed",
  });
  await tablet.messenger.suspendDevice(device);
  await until(() => alice.notices.some((text) => text.includes("holds your account's key")));
  expect(listOf(alice)).toContain(device);
  const before = alice.read((tx) => settings.me(tx))!.accountKey;
  await alice.messenger.removeDevice(device, { newIdentity: true });
  expect(alice.read((tx) => settings.me(tx))!.accountKey).not.toEqual(before);
  expect(listOf(alice)).toEqual([alice.device]);
  await until(async () => (await bob.chat(alice)).identityChanged);
  await until(() => ended(tablet)?.why === "unlinked");
  expect(ended(tablet)!.text).toContain("a new identity");
  expect(await tablet.reload()).toEqual({ state: "linking_needed", reset: true });
  await bob.messenger.acknowledge(alice.account);
  await bob.send(alice, "still there?");
  await until(async () => (await alice.texts(bob)).at(-1) === "still there?");
  await alice.send(bob, "yes");
  await until(async () => (await bob.texts(alice)).at(-1) === "yes");
  await link(alice, tablet);
  await bob.send(alice, "welcome back");
  await until(async () => (await tablet.texts(bob)).at(-1) === "welcome back");
  expect(listOf(bob, alice).length).toBe(2);
});

test("a device is taken off the list at once by one that holds the key, and linked again as a new one", async () => {
  const laptop = await linked(alice, { history: true });
  expect(await laptop.texts(bob)).toEqual(["hello", "hello yourself"]);
  const { device } = laptop;
  await alice.messenger.removeDevice(device, { newIdentity: false });
  expect(listOf(alice)).toEqual([alice.device]);
  await until(() => ended(laptop)?.why === "unlinked");
  await alice.send(bob, "without the laptop");
  expect(await laptop.reload()).toEqual({ state: "linking_needed", reset: false });
  await link(alice, laptop);
  expect(laptop.device).not.toBe(device);
  await alice.send(bob, "with it");
  await until(async () => (await laptop.texts(bob)).at(-1) === "with it");
  expect(await laptop.texts(bob)).toEqual(["hello", "hello yourself", "with it"]);
  await laptop.send(bob, "and from it");
  await until(async () => (await bob.texts(alice)).at(-1) === "and from it");
});

test("a new identity is the last way out of an account that nobody can link to", async () => {
  await alice.messenger.close();
  const laptop = new Party(relay, "alice");
  expect((await laptop.start()).state).toBe("linking_needed");
  await laptop.messenger.link();
  relay.faults.of("PUT keys/device-list").push(() => null);
  expect((await laptop.messenger.resetIdentity()).state).toBe("failed");
  const start = await laptop.messenger.resetIdentity(); // the list was there, and only its answer was lost
  expect(start.state).toBe("ready");
  await laptop.online();
  expect(await laptop.messenger.canManage()).toBe(true);
  await until(async () => (await bob.chat(alice)).identityChanged);
  await bob.messenger.acknowledge(alice.account);
  await bob.send(alice, "is that you?");
  await until(async () => (await laptop.texts(bob)).join() === "is that you?");
  expect((await alice.reopen()).state).toBe("ready"); // it does not know yet
  await until(() => ended(alice)?.why === "unlinked");
  expect(await alice.reload()).toEqual({ state: "linking_needed", reset: true });
});

test("two that hold the key and change the list at once both succeed", async () => {
  const laptop = await linked(alice, { managing: true });
  const [one, other] = [new Party(relay, "alice"), new Party(relay, "alice")];
  await Promise.all([one.start(), other.start()]);
  const [first, second] = [await one.messenger.link(), await other.messenger.link()];
  const options = { history: false, managing: false };
  const approved = Promise.all([
    alice.messenger.approveLink(first, options),
    laptop.messenger.approveLink(second, options),
  ]);
  await passing([alice, laptop, one, other], () => one.linkStep === "done" && other.linkStep === "done");
  await approved;
  await alice.messenger.inside.ownDevices.tend();
  expect(listOf(alice).length).toBe(4);
});

test("what the server refuses of a device is said, and changes nothing", async () => {
  const laptop = await linked(alice);
  await expect(alice.messenger.suspendDevice(alice.device)).rejects.toMatchObject({ code: "wrong_use" });
  await expect(alice.messenger.suspendDevice("nothing")).rejects.toMatchObject({ code: "wrong_use" });
  await expect(laptop.messenger.removeDevice(alice.device, { newIdentity: true })).rejects.toMatchObject({
    code: "not_managing",
  });
  relay.refusals.of(`POST devices/${laptop.device}/suspend`).push(problem(429, "too_many_requests"));
  await expect(alice.messenger.suspendDevice(laptop.device)).rejects.toMatchObject({ code: "too_many_requests" });
  await pause(30);
  expect(listOf(alice).length).toBe(2);
  expect(laptop.connection).toBe("online");
});
