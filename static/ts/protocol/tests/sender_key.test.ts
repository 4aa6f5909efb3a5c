// A chain is taken from the device that announced it, for the group as it was, and held within limits.

import { beforeAll, beforeEach, expect, test } from "vitest";
import { AnnouncedChain } from "../announced_chain";
import { hex } from "../bytes";
import * as cbor from "../cbor";
import { DeviceList, listed, signList } from "../device_list";
import { Malformed, type FailureCode } from "../errors";
import { Add, Leave, Rekey } from "../group_args";
import { recipients, type Lookup } from "../group_message";
import { OwnDevice } from "../keys";
import * as limits from "../limits";
import { ready } from "../primitives";
import { secret } from "../secret";
import { OwnChain, SenderKey, type SenderKeyFields } from "../sender_key";
import { anId, Dice, makeCast, NOW, some } from "./cast";
import { announce, bytes, type Device, failureOf, GID, refused, refusesIn, Room, sealedAnew } from "./group_cast";


beforeAll(ready);

let room: Room; // everybody in the group has alice's chain

beforeEach(() => {
  room = new Room(makeCast());
  announce(room.alice, room.bob, room.dora, room.tablet);
});

function lookupOf(one: Device): Lookup {
  return {
    newestGroup: (group) => one.newestGroup(group),
    groupAt: (group, gsh) => one.groupAt(group, gsh),
    listNamed: (account, hash) => one.listNamed(account, hash),
    newestList: (account) => one.newestList(account),
    chains: (group, account, device) => one.chains(group, account, device),
  };
}

function fieldsOf({ account, accountKey, seq, previous, time, hash, signed }: DeviceList) {
  return { account, accountKey, seq, previous, time, hash, signed };
}

function changed(one: SenderKey, changes: Partial<SenderKeyFields>): SenderKey {
  const { group, epoch, gsh, chain, n, key, signingKey, groupKey } = one;
  return new SenderKey({ group, epoch, gsh, chain, n, key, signingKey, groupKey, ...changes });
}

test("a member then is asked for as well as a member now", () => {
  const { alice, bob, charlie } = room;
  const before = room.state.hash;
  room.do(alice, new Add(charlie.own));
  const good = charlie.chain().announce(null);
  const early = charlie.announcement(changed(good, { gsh: before }));
  refusesIn(bob, () => bob.hear(charlie, early), "not_listed");
  bob.hear(charlie, charlie.announcement(good));
});

test("a sender key of a state or list that is not known here waits", () => {
  const { alice, bob, charlie } = room;
  const add = alice.propose(new Add(charlie.own));
  for (const one of [alice, charlie]) one.follow(add);
  const made = charlie.announcement();
  refusesIn(bob, () => bob.hear(charlie, made), "not_listed");
  bob.follow(add);
  bob.phone.knownLists.delete(hex(charlie.own));
  refusesIn(bob, () => bob.hear(charlie, made), "not_listed");
  room.learn();
  const unknown = { ...made, heads: { own: new Uint8Array(32), recipient: null } };
  refusesIn(bob, () => bob.hear(charlie, unknown), "not_listed");
  bob.hear(charlie, made);
});

test("a sender key fits its state", () => {
  const { alice, bob, dora } = room;
  room.do(bob, new Rekey(sealedAnew(bob)));
  const good = bob.chain().announce(bob.key);
  const cases: readonly (readonly [Partial<SenderKeyFields>, FailureCode])[] = [
    [{ epoch: 0 }, "malformed"],
    [{ epoch: 2 }, "malformed"],
    [{ groupKey: alice.key }, "malformed"],
    [{ groupKey: { version: 1, key: secret(bytes(32, "x")) } }, "bad_key"],
    [{ gsh: new Uint8Array(32) }, "not_listed"],
    [{ group: anId("another group") }, "not_listed"],
  ];
  for (const [changes, code] of cases) {
    refusesIn(dora, () => dora.hear(bob, bob.announcement(changed(good, changes))), code);
  }
  dora.hear(bob, bob.announcement(good));
  expect(dora.key).toEqual(bob.key);
});

test("who has no group key yet can write all the same", () => {
  const { alice, bob, charlie } = room;
  room.do(alice, new Add(charlie.own));
  expect((announce(charlie, bob).body as SenderKey).groupKey).toBeNull();
  expect(bob.read(charlie, charlie.send("hello"))).toBe("hello");
});

test("a chain that is held stays as it is", () => {
  const { alice, bob } = room;
  bob.read(alice, alice.send("one"));
  const held = bob.chainOf(alice);
  announce(alice, bob);
  expect(bob.chainOf(alice)).toBe(held);
  const other = changed(alice.chain().announce(null), { signingKey: bob.chain().signing.public });
  refusesIn(bob, () => bob.hear(alice, alice.announcement(other)), "malformed");
  expect(bob.read(alice, alice.send("two"))).toBe("two");
});

test("so many chains of a device are held", () => {
  const { alice, bob } = room;
  const late = alice.send("late");
  for (let number = 0; number < limits.MAX_CHAINS; number++) {
    alice.phone.now += 1;
    bob.phone.now += 1;
    alice.chain({ anew: true });
    announce(alice, bob);
    expect(bob.read(alice, alice.send(`${number}`))).toBe(`${number}`);
  }
  expect(bob.chains(GID, alice.own, alice.phone.own.device).length).toBe(limits.MAX_CHAINS);
  refused(bob, alice, late, "unknown_session");
});

test("skipped keys have a limit and the oldest go", () => {
  const held = room.bob.chainOf(room.alice);
  const now = NOW;
  let [chain] = held.take(limits.MAX_JUMP, { now });
  expect(chain.skipped.size).toBe(limits.MAX_SKIPPED);
  [chain] = chain.take(limits.MAX_JUMP + 4, { now });
  expect(chain.skipped.size).toBe(limits.MAX_SKIPPED);
  for (const gone of [0, 1, 2]) expect(failureOf(() => chain.take(gone, { now }))).toBe("duplicate");
  const [rest, key] = chain.take(3, { now });
  expect(key).toEqual(held.take(3, { now })[1]);
  expect(AnnouncedChain.fromBytes(rest.toBytes())).toEqual(rest);
});

test("skipped keys and chains end", () => {
  const { alice, bob } = room;
  const early = alice.send("early");
  bob.read(alice, alice.send("skips one"));
  const chain = bob.chainOf(alice);
  bob.phone.now = NOW + limits.SKIPPED_MAX_AGE + 1;
  refused(bob, alice, early, "duplicate");
  expect(chain.tidy({ now: bob.phone.now })?.skipped.size).toBe(0);
  expect(chain.tidy({ now: NOW + limits.SKIPPED_MAX_AGE })).toEqual(chain);
  expect(chain.tidy({ now: NOW + limits.CHAIN_RETENTION })).not.toBeNull();
  expect(chain.tidy({ now: NOW + limits.CHAIN_RETENTION + 1 })).toBeNull();
  bob.phone.now = NOW + limits.SKIPPED_MAX_AGE;
  expect(bob.read(alice, early)).toBe("early");
});

test("a sender makes a new chain in time", () => {
  const { alice, charlie } = room;
  const chain = alice.chain();
  const told = [...alice.told.values()];
  const readers = alice.readers();
  const due = (one: OwnChain, now = NOW, state = room.state) => one.isDue(state, told, readers, { now });
  const after = (n: number) => {
    const { group, epoch, gsh, id, key, signing, created } = chain;
    return new OwnChain({ group, epoch, gsh, id, n, key, signing, created });
  };
  expect(due(chain, NOW + limits.CHAIN_PERIOD - 1)).toBe(false);
  expect(due(chain, NOW + limits.CHAIN_PERIOD)).toBe(true);
  expect(due(after(limits.CHAIN_MESSAGES - 1))).toBe(false);
  expect(due(after(limits.CHAIN_MESSAGES))).toBe(true);
  expect(due(chain, NOW, room.do(alice, new Add(charlie.own)))).toBe(false);
  expect(due(chain, NOW, room.do(charlie, new Leave()))).toBe(true);
});

test("a device that was told and is gone or has new keys makes a new chain due", () => {
  const { alice, dora } = room;
  const { account, own } = dora.phone;
  const made = (device: Uint8Array, seed: string) => {
    return OwnDevice.generate(account.id, device, account.key.public, new Dice(seed));
  };
  expect(alice.isDue()).toBe(false);
  account.publish(own, made(anId("dora's new phone"), "new"));
  room.learn();
  expect(alice.isDue()).toBe(false); // whoever is new is told this chain
  expect(alice.readers().length).toBe(alice.told.size + 1);
  account.publish(made(own.device, "renewed"));
  room.learn();
  expect(alice.isDue()).toBe(true);
  account.publish();
  room.learn();
  expect(alice.isDue()).toBe(true);
});

test("those who read are the members' devices but one's own", () => {
  const { alice, tablet, bob, dora } = room;
  const devices = [tablet, bob, dora].map((one) => hex(one.phone.own.device)).sort();
  expect(alice.readers().map((one) => hex(one.device)).sort()).toEqual(devices);
});

test("five hundred devices read and the newest are left out", () => {
  // bob shows as many as there may be, dora's came later.
  const { alice, bob, dora } = room;
  const { account, own } = dora.phone;
  const entries = [listed(own, { added: NOW + 1 })];
  account.lists = [signList(account.key, account.id, entries, { previous: null, now: NOW })];
  room.learn();
  const many = Array.from({ length: limits.MAX_GROUP_DEVICES }, (_, n) => ({
    ...some(bob.phone.account.newest.devices[0]),
    device: anId(`device ${n}`),
  }));
  const lookup = {
    ...lookupOf(alice),
    newestList: (one: Uint8Array) => {
      const list = some(alice.newestList(one));
      return hex(one) === hex(bob.own) ? new DeviceList({ ...fieldsOf(list), devices: many }) : list;
    },
  };
  const readers = recipients(room.state, alice.phone.own, lookup);
  expect(readers.some((one) => hex(one.account) === hex(dora.own))).toBe(false);
  expect(readers.length).toBeGreaterThan(limits.MAX_GROUP_DEVICES - 3);
  expect(readers.length).toBeLessThanOrEqual(limits.MAX_GROUP_DEVICES);
});

test("a sender key of another form is malformed", () => {
  const good = room.alice.chain().announce(room.alice.key).toMap();
  expect(SenderKey.fromMap(good).toMap()).toEqual(good);
  for (const key of good.keys()) {
    const without = new Map([...good].filter(([other]) => other !== key));
    expect(() => SenderKey.fromMap(without)).toThrow(Malformed);
  }
  for (const [key, value] of [
    [0, new Uint8Array(15)],
    [1, null],
    [2, new Uint8Array(31)],
    [3, new Uint8Array(17)],
    [4, true],
    [5, new Uint8Array(33)],
    [6, null],
    [7, null],
    [7, new Uint8Array(31)],
    [8, null],
  ] as const) {
    expect(() => SenderKey.fromMap(new Map([...good, [key, value]]))).toThrow(Malformed);
  }
});

test("only a sender key is taken for one", () => {
  expect(() => room.bob.hear(room.alice, room.alice.text("hello"))).toThrow(RangeError);
});

test("what is stored is read back and nothing else", () => {
  const own = room.alice.chain();
  const [held] = room.bob.chainOf(room.alice).take(3, { now: NOW });
  expect(OwnChain.fromBytes(own.toBytes())).toEqual(own);
  expect(AnnouncedChain.fromBytes(held.toBytes())).toEqual(held);
  for (const [data, read] of [
    [own.toBytes(), (bytes: Uint8Array) => OwnChain.fromBytes(bytes)],
    [held.toBytes(), (bytes: Uint8Array) => AnnouncedChain.fromBytes(bytes)],
  ] as const) {
    const fields = cbor.decode(data) as readonly cbor.Value[];
    for (const place of fields.keys()) {
      const broken = fields.map((field, index) => (index === place ? null : field));
      expect(() => read(cbor.encode(broken))).toThrow(Malformed);
    }
  }
  const fields = cbor.decode(held.toBytes()) as readonly cbor.Value[];
  const broken = cbor.encode([...fields.slice(0, -1), new Uint8Array(47)]);
  expect(() => AnnouncedChain.fromBytes(broken)).toThrow(Malformed);
});

test("chain keys are not printed, and every chain is another", () => {
  const { alice, bob } = room;
  const [, wire] = [alice.send("a"), alice.send("b")];
  bob.read(alice, some(wire));
  const held = bob.chainOf(alice);
  const own = alice.chain();
  const printed = JSON.stringify([own, held, own.announce(alice.key), [...held.skipped]]);
  for (const one of [own.key, own.signing.seed, held.key, some(held.skipped.get(0)).key, some(alice.key).key]) {
    expect(printed).not.toContain(JSON.stringify(new Uint8Array(one)).slice(1, -1));
    expect(printed).not.toContain(hex(one));
  }
  const chains = [0, 1].map(() => OwnChain.begin(room.state, { now: NOW }));
  expect(new Set(chains.map((one) => hex(one.id) + hex(one.key))).size).toBe(2);
});
