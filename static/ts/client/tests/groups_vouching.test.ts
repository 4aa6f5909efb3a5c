// Who answers for operations under identities that were given up: only who may do so by what was before them.

import { beforeEach, expect, test } from "vitest";
import { decodeBase64url } from "../../lib/base64url";
import { equal } from "../../lib/bytes";
import { fromUuid } from "../../lib/uuid";
import * as cbor from "../../protocol/cbor";
import { seal } from "../../protocol/content";
import { listed, signList, type DeviceList } from "../../protocol/device_list";
import { SYSTEM } from "../../protocol/entropy";
import { Add, ADMIN, Create, Leave, MEMBER, OWNER, Remove, SetMeta, SetRole, type Args } from "../../protocol/group_args";
import { apply } from "../../protocol/group_chain";
import { generateGroupKey, Meta, sealMeta } from "../../protocol/group_meta";
import type { GroupState } from "../../protocol/group_state";
import { generateAccountKey, OwnDevice } from "../../protocol/keys";
import { SigningKey } from "../../protocol/primitives";
import { OwnChain } from "../../protocol/sender_key";
import * as waiting from "../../store/group_waiting";
import * as peers from "../../store/peers";
import * as settings from "../../store/settings";
import { requireMe } from "../context";
import { judge, Unvouched } from "../group_vouching";
import { keysOf, madeUp, show, slip, type Keys } from "./group_forging";
import { group, isHeld, made, members } from "./group_parties";
import { befriend, joined, linked, until, type Party } from "./parties";
import { Relay } from "./relay";

let relay: Relay;
let alice: Party;
let bob: Party;
let carol: Party;
let mallory: Party;

beforeEach(async () => {
  relay = new Relay();
  [alice, bob, carol] = await Promise.all([joined(relay, "alice"), joined(relay, "bob"), joined(relay, "carol")]);
  mallory = await joined(relay, "mallory");
  await befriend(alice, bob);
});

const idOf = (party: Party): Uint8Array => fromUuid(party.account)!;

function forgerOf(party: Party): Keys {
  const forger = madeUp(keysOf(party));
  show(relay, forger.list);
  return forger;
}

/** The server shows less than it did. */
function shorten(id: string, by: number): void {
  relay.groups.chains.set(id, relay.groups.chains.get(id)!.slice(0, -by));
}

function metaOf(id: string): Uint8Array {
  return relay.groups.states.get(id)!.meta;
}

/** A group of alice's that bob is in, has not heard of yet, and hears of with what comes at the end of it. */
async function unheard(): Promise<string> {
  await bob.messenger.close();
  const { id } = await alice.messenger.createGroup("Walks", [bob.account, carol.account], { open: false });
  await alice.messenger.setRole(id, carol.account, "owner");
  return id;
}

async function hears(id: string): Promise<void> {
  await bob.reopen();
  await bob.online();
  await until(async () => (await group(bob, id)) !== null);
}

/** Alice's group with bob and two admins; resolves once bob knows it. */
async function withAdmins(): Promise<string> {
  const id = await made(alice, bob, mallory, carol);
  await alice.messenger.setRole(id, carol.account, "admin");
  await alice.messenger.setRole(id, mallory.account, "admin");
  await until(async () => (await members(bob, id)).includes("mallory admin"));
  return id;
}

test("who has been taken off before it answers for nothing, whether what they sign holds or not", async () => {
  const id = await withAdmins();
  const dave = await joined(relay, "dave");
  slip(relay, id, keysOf(alice), new Remove(idOf(mallory), metaOf(id)));
  slip(relay, id, forgerOf(carol), new Add(idOf(dave)));
  slip(relay, id, keysOf(mallory), new Add(idOf(bob)));
  await isHeld(bob, id, "alice owner, bob member, carol admin");
  shorten(id, 1);
  await isHeld(bob, id, "alice owner, bob member, carol admin");
});

test("who was an admin is held against what is true before it, not against what was known here", async () => {
  const id = await withAdmins();
  const forger = forgerOf(carol);
  slip(relay, id, keysOf(alice), new Remove(idOf(mallory), metaOf(id)));
  slip(relay, id, forger, new Add(idOf(mallory)));
  slip(relay, id, forger, new Remove(idOf(bob), metaOf(id)));
  slip(relay, id, keysOf(mallory), new Add(idOf(bob)));
  await isHeld(bob, id, "alice owner, bob member, carol admin");
});

test("somebody who is not in it answers for nothing in a group that is new to one's only device", async () => {
  const id = await unheard();
  const dave = await joined(relay, "dave");
  slip(relay, id, forgerOf(carol), new Add(idOf(dave)));
  slip(relay, id, keysOf(mallory), new Add(idOf(bob)));
  await hears(id);
  await isHeld(bob, id, "alice owner, bob member, carol owner");
  shorten(id, 1);
  await isHeld(bob, id, "alice owner, bob member, carol owner");
});

test("somebody whom it lets in itself answers for nothing in a group that is new to one's only device", async () => {
  const id = await unheard();
  const forger = forgerOf(carol);
  slip(relay, id, forger, new Remove(idOf(bob), metaOf(id)));
  slip(relay, id, forger, new Add(idOf(mallory)));
  slip(relay, id, keysOf(mallory), new Add(idOf(bob)));
  await hears(id);
  await isHeld(bob, id, "alice owner, bob member, carol owner");
});

function object({ payload, signature }: { payload: string; signature: string }): Uint8Array {
  return cbor.encode([decodeBase64url(payload)!, decodeBase64url(signature)!]);
}

/** Bob's browser keeps what a device announces that has taken operations, and has named a list of its account's. */
function keepKey(id: string, { own, list }: Keys, lists: readonly DeviceList[], count: number): void {
  let state: GroupState | null = null;
  for (const one of relay.groups.chains.get(id)!.slice(0, count)) {
    const listNamed = (_: Uint8Array, hash: Uint8Array): DeviceList | null => lists.find((named) => equal(named.hash, hash)) ?? null;
    state = apply(state, object(one), { listNamed });
  }
  const body = OwnChain.begin(state!, { now: 2 }).announce(null);
  const content = { sent: 2, messageId: new Uint8Array(16), conversation: body.group, body, heads: { own: list.hash, recipient: null }, counter: 0 };
  const from = { account: own.account, device: own.device, chat: body.group };
  bob.read((tx) => waiting.keepKey(tx, from, seal(content).toBytes(), { now: 2 }));
}

/** What bob's browser takes of what the server shows of a group that is new to it, and why not more. */
function judged(id: string, lists: readonly DeviceList[]): { steps: number; failure: unknown } {
  const objects = (relay.groups.chains.get(id) ?? []).map((one) => object(one));
  const given = { id: fromUuid(id)!, kept: null, isWhole: true, link: null, lists: lists.map(({ account, signed }) => ({ account, signed })) };
  const { steps, failure } = bob.read((tx) => judge(tx, requireMe(tx), given, objects));
  return { steps: steps.length, failure };
}

function found(id: string, founder: Keys, others: readonly (readonly [Party, number])[], membersMayAdd = true): Uint8Array {
  const meta = sealMeta(new Meta("Walks"), fromUuid(id)!, generateGroupKey(null, SYSTEM), SYSTEM);
  const roster = [[alice, OWNER] as const, ...others].map(([one, role]) => ({ account: idOf(one), role }));
  slip(relay, id, founder, Create.of(roster, meta, { membersMayAdd }));
  return meta;
}

test("of a group of which nothing holds by itself, the first who lets one in answers, or nobody", async () => {
  const id = relay.id();
  const forger = madeUp(keysOf(alice));
  const meta = found(id, forger, [[bob, MEMBER], [mallory, MEMBER]]);
  slip(relay, id, forger, new Remove(idOf(bob), meta));
  slip(relay, id, keysOf(mallory), new Add(idOf(bob)));
  await bob.messenger.inside.directory.refresh(idOf(mallory));
  expect(judged(id, [forger.list])).toEqual({ steps: 3, failure: null }); // an empty device, let in again
  await linked(bob);
  await bob.messenger.inside.directory.refresh(idOf(bob));
  expect(judged(id, [forger.list])).toEqual({ steps: 0, failure: expect.any(Unvouched) as unknown });
});

test("another own device answers by its sender key, but none that had its id under other keys", async () => {
  const id = relay.id();
  const forger = madeUp(keysOf(alice));
  found(id, forger, [[bob, MEMBER], [mallory, MEMBER]]);
  const tablet = await linked(bob);
  await bob.messenger.inside.directory.refresh(idOf(bob));
  const { own, list } = keysOf(tablet);
  const seed = bob.read((tx) => settings.me(tx)!.accountKeySeed)!;
  const before = OwnDevice.generate(own.account, own.device, own.accountKey, SYSTEM);
  const other = generateAccountKey(SYSTEM);
  const moved = new OwnDevice(own.account, own.device, other.public, own.signing, own.identity);
  const lists = [
    signList(SigningKey.fromSeed(seed), own.account, [listed(before, { added: 1 })], { previous: null, now: 2 }),
    signList(other, own.account, [listed(moved, { added: 1 })], { previous: null, now: 2 }),
    list,
  ];
  const steps = lists.map((named) => {
    bob.read((tx) => {
      peers.saveList(tx, named);
      waiting.forgetKeys(tx, fromUuid(id)!);
    });
    keepKey(id, { own, list: named }, [forger.list], 1);
    return judged(id, [forger.list]).steps;
  });
  expect(steps).toEqual([0, 0, 1]);
});

test("of people who were compared the last one answers who is in it", async () => {
  const id = relay.id();
  const forger = madeUp(keysOf(alice));
  const meta = found(id, forger, [[bob, MEMBER], [mallory, MEMBER]]);
  slip(relay, id, keysOf(mallory), new Leave());
  for (const party of [mallory, carol]) {
    await bob.messenger.inside.directory.refresh(idOf(party));
    bob.read((tx) => peers.change(tx, idOf(party), { verifiedKey: keysOf(party).own.accountKey }));
  }
  keepKey(id, keysOf(mallory), [forger.list], 1);
  keepKey(id, keysOf(carol), [forger.list, keysOf(mallory).list], 2);
  expect(judged(id, [forger.list])).toEqual({ steps: 2, failure: null });
  slip(relay, id, forger, new Remove(idOf(bob), meta));
  expect(judged(id, [forger.list])).toEqual({ steps: 2, failure: expect.any(Unvouched) as unknown });
});

/** What bob's browser takes up to the first operation that nobody answers for. */
const heldAfter = (steps: number): unknown => ({ steps, failure: expect.any(Unvouched) as unknown });

test("of people who were compared none answers whom it lets in itself", async () => {
  const id = relay.id();
  const forger = madeUp(keysOf(carol));
  const meta = found(id, keysOf(alice), [[bob, MEMBER], [carol, OWNER], [mallory, MEMBER]]);
  await bob.messenger.inside.directory.refresh(idOf(mallory));
  bob.read((tx) => peers.change(tx, idOf(mallory), { verifiedKey: keysOf(mallory).own.accountKey }));
  slip(relay, id, keysOf(alice), new Remove(idOf(mallory), meta));
  slip(relay, id, forger, new Add(idOf(mallory)));
  keepKey(id, keysOf(mallory), [keysOf(alice).list, forger.list], 3);
  expect(judged(id, [forger.list])).toEqual(heldAfter(2));
});

test("the first answers who lets one in and could do so before, whoever else has done so ahead of them", async () => {
  const id = relay.id();
  const forger = madeUp(keysOf(carol));
  const dave = await joined(relay, "dave");
  const meta = found(id, keysOf(alice), [[carol, ADMIN]]);
  await bob.messenger.inside.directory.refresh(idOf(dave));
  slip(relay, id, forger, new Add(idOf(dave)));
  slip(relay, id, keysOf(dave), new Add(idOf(bob)));
  expect(judged(id, [forger.list])).toEqual(heldAfter(1));
  slip(relay, id, keysOf(alice), new Remove(idOf(bob), meta));
  slip(relay, id, keysOf(alice), new Add(idOf(bob)));
  expect(judged(id, [forger.list])).toEqual({ steps: 5, failure: null });
});

test("nobody answers behind the first who lets one in and could do so before, but is not who they were", () => {
  const id = relay.id();
  const forger = madeUp(keysOf(carol));
  const meta = found(id, keysOf(alice), [[carol, ADMIN]]);
  slip(relay, id, forger, new Add(idOf(bob)));
  slip(relay, id, keysOf(alice), new Remove(idOf(bob), meta));
  slip(relay, id, keysOf(alice), new Add(idOf(bob)));
  expect(judged(id, [forger.list])).toEqual(heldAfter(1));
});

test("a member answers for letting one in only where members could do so before", async () => {
  await bob.messenger.inside.directory.refresh(idOf(mallory));
  const forger = madeUp(keysOf(carol));
  const shown = [true, false].map((membersMayAdd) => {
    const id = relay.id();
    const meta = found(id, keysOf(alice), [[carol, ADMIN], [mallory, MEMBER]], membersMayAdd);
    slip(relay, id, forger, new SetMeta(meta, true));
    slip(relay, id, keysOf(mallory), new Add(idOf(bob)));
    return judged(id, [forger.list]);
  });
  expect(shown).toEqual([{ steps: 3, failure: null }, heldAfter(1)]);
});

test("who is taken off on the way, or lowered, answers for nothing behind that", async () => {
  await bob.messenger.inside.directory.refresh(idOf(mallory));
  const forger = madeUp(keysOf(carol));
  const again = new Add(idOf(mallory));
  const ways: readonly ((meta: Uint8Array) => readonly (readonly [Keys, Args])[])[] = [
    (meta) => [[keysOf(alice), new Remove(idOf(mallory), meta)], [forger, again]],
    () => [[keysOf(mallory), new Leave()], [forger, again]],
    () => [[keysOf(alice), new SetRole(idOf(mallory), MEMBER)]],
    () => [[keysOf(alice), new SetRole(idOf(mallory), OWNER)]],
  ];
  const shown = ways.map((way) => {
    const id = relay.id();
    const meta = found(id, keysOf(alice), [[bob, MEMBER], [carol, OWNER], [mallory, ADMIN]]);
    slip(relay, id, forger, new Remove(idOf(bob), meta));
    for (const [by, args] of way(meta)) slip(relay, id, by, args);
    slip(relay, id, keysOf(mallory), new Add(idOf(bob)));
    return judged(id, [forger.list]);
  });
  expect(shown).toEqual([heldAfter(1), heldAfter(1), heldAfter(1), { steps: 4, failure: null }]);
});

test("it is said of the first operation that does not count why not, whatever those behind it are", async () => {
  const id = relay.id();
  const forger = madeUp(keysOf(carol));
  const meta = found(id, keysOf(alice), [[bob, MEMBER], [carol, ADMIN], [mallory, ADMIN]]);
  await bob.messenger.inside.directory.refresh(idOf(mallory));
  slip(relay, id, forger, new SetMeta(meta, false));
  slip(relay, id, keysOf(mallory), new Add(idOf(bob))); // who is in it
  expect(judged(id, [forger.list])).toEqual(heldAfter(1));
});
