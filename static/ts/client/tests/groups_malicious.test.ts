// What a server could do to a group chat: nothing is sent to what it made up, and the person is told why.

import { beforeEach, expect, test } from "vitest";
import { encodeBase64url } from "../../lib/base64url";
import { fromUuid } from "../../lib/uuid";
import { Add, OWNER, SetRole } from "../../protocol/group_args";
import { signOperation } from "../../protocol/group_operation";
import { OwnDevice } from "../../protocol/keys";
import { SYSTEM } from "../../protocol/entropy";
import { keysOf, slip } from "./group_forging";
import { group, made, members, says, stateOf, texts } from "./group_parties";
import { befriend, joined, passing, pause, until, type Party } from "./parties";
import { Relay } from "./relay";

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
  id = await made(alice, bob, carol);
  await says(bob, id, "all is well");
  for (const party of [alice, carol]) await until(async () => (await texts(party, id)).includes("bob: all is well"));
});

/** Somebody writes, and nothing leaves; one line says why. `known`: without a try. */
async function isHeld(party: Party, why: string, { known = true } = {}): Promise<string> {
  if (known) await until(async () => (await group(party, id))?.trouble.includes(why) === true);
  const before = relay.answers.size;
  const line = await party.messenger.send(id, "does this leave?");
  await until(async () => (await group(party, id))?.trouble.includes(why) === true);
  await pause(50);
  expect(await stateOf(party, id, line.id)).toBe("queued");
  expect(relay.answers.size).toBe(before);
  expect((await texts(party, id)).filter((one) => one.includes(why))).toHaveLength(1);
  return line.id;
}

test("a member whom no operation has added is sent nothing", async () => {
  const mallory = await joined(relay, "mallory");
  relay.groups.counted.set(id, [mallory.account]);
  await isHeld(bob, "counts somebody among this group's members", { known: false });
  expect(relay.waiting("mallory")).toEqual([]);
  expect(await members(bob, id)).not.toContain("mallory");
});

test("an operation that the server has signed is refused", async () => {
  const mallory = await joined(relay, "mallory");
  const state = relay.groups.states.get(id)!;
  const [account, device] = [fromUuid(alice.account)!, fromUuid(alice.device)!];
  const forger = OwnDevice.generate(account, device, new Uint8Array(32), SYSTEM);
  const listHash = bob.read((tx) => tx.one("SELECT hash FROM device_list WHERE account = ?", [account]))![0] as Uint8Array;
  const args = new Add(fromUuid(mallory.account)!);
  const forged = signOperation(forger, { listHash, group: state.group, index: 1, previous: state.hash, args, time: state.time });
  relay.groups.chains.get(id)!.push({ payload: encodeBase64url(forged.payload), signature: encodeBase64url(forged.signature) });
  relay.groups.tell(id, [bob.account]);
  await isHeld(bob, "nobody who may has signed");
  expect(await members(bob, id)).toBe("alice owner, bob member, carol member");
});

test("an old operation that is shown again is refused", async () => {
  const chain = relay.groups.chains.get(id)!;
  chain.push(chain[0]!);
  relay.groups.tell(id, [bob.account]);
  await isHeld(bob, "nobody who may has signed");
});

test("a chain that was forked is refused by whoever has read the other branch", async () => {
  await alice.messenger.setRole(id, carol.account, "admin");
  await until(async () => (await group(carol, id))?.role === "admin");
  await until(async () => (await members(bob, id)).includes("carol admin"));
  const [before, chain] = [relay.groups.states.get(id)!, [...relay.groups.chains.get(id)!]];
  relay.groups.hidden.set(id, { above: 1, from: [carol.account] });
  await alice.messenger.changeGroup(id, { title: "Hikes" });
  await until(async () => (await group(bob, id))?.title === "Hikes");
  relay.groups.states.set(id, before); // the other branch, for carol
  relay.groups.chains.set(id, chain);
  relay.groups.hidden.clear();
  await carol.messenger.changeGroup(id, { title: "Swims" });
  await isHeld(bob, "another state of this group");
  expect((await group(bob, id))?.title).toBe("Hikes");
  await until(async () => (await group(alice, id))?.trouble !== "");
});

test("a removal that is withheld comes to light by another member's chain, and what waited leaves once it is shown", async () => {
  relay.groups.hidden.set(id, { above: 0, from: [bob.account, carol.account] });
  await alice.messenger.removeMember(id, carol.account);
  const line = await isHeld(bob, "may be hiding that somebody was removed");
  relay.groups.hidden.clear();
  await passing([bob], async () => (await stateOf(bob, id, line)) !== "queued");
  expect((await group(bob, id))?.trouble).toBe("");
  expect(await members(bob, id)).toBe("alice owner, bob member");
  await until(async () => (await texts(alice, id)).includes("bob: does this leave?"));
  expect(await texts(carol, id)).not.toContain("bob: does this leave?");
});

test("a server that goes back to an earlier operation is not followed", async () => {
  await alice.messenger.removeMember(id, carol.account);
  await until(async () => (await members(bob, id)) === "alice owner, bob member");
  const state = relay.groups.states.get(id)!;
  relay.groups.hidden.set(id, { above: 0, from: [bob.account] });
  relay.groups.tell(id, [bob.account]);
  await isHeld(bob, "shows an earlier or another state");
  expect(await members(bob, id)).toBe("alice owner, bob member");
  expect(relay.groups.states.get(id)).toBe(state);
  expect(await texts(carol, id)).not.toContain("bob: does this leave?");
});

test("a server that shows another course of what was seen already is not followed", async () => {
  await alice.messenger.setRole(id, carol.account, "admin");
  await until(async () => (await members(bob, id)).includes("carol admin"));
  const chain = relay.groups.chains.get(id)!;
  relay.groups.chains.set(id, [chain[0]!]);
  slip(relay, id, keysOf(alice), new SetRole(fromUuid(carol.account)!, OWNER)); // of the very number
  relay.groups.tell(id, [bob.account]);
  await isHeld(bob, "another state of this group");
  expect(await members(bob, id)).toContain("carol admin");
});
