// A group chat is what its signed operations made of it, and nobody slips anything in.

import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import * as cbor from "../cbor";
import { equal } from "../bytes";
import { listed, signList } from "../device_list";
import { Malformed } from "../errors";
import { Add, ADMIN, Create, Join, Leave, OpenLink, OWNER, Rekey, Remove, SetMeta, type Args } from "../group_args";
import * as chain from "../group_chain";
import { openOperation, signOperation, type Unsigned } from "../group_operation";
import { GroupState } from "../group_state";
import { generateAccountKey, OwnDevice } from "../keys";
import { ready, SigningKey } from "../primitives";
import { anId, Dice, makeCast, NOW, some } from "./cast";
import { bytes, Device, failureOf, GID, refusesIn, Room, sealedAnew } from "./group_cast";

beforeAll(ready);

const META = new Uint8Array(72);
let room: Room;

beforeEach(() => {
  room = new Room(makeCast());
});

/** What a device signs where no client judges it. */
function forced(own: OwnDevice, args: Args, changes: Partial<Unsigned> = {}): Uint8Array {
  const { index, hash: previous } = room.state;
  const listHash = room.alice.phone.account.newest.hash;
  return signOperation(own, { listHash, group: GID, index: index + 1, previous, args, time: NOW, ...changes }).signed;
}

function under(own: OwnDevice, changes: Partial<OwnDevice>): OwnDevice {
  const { account, device, accountKey, signing, identity } = { ...fieldsOf(own), ...changes };
  return new OwnDevice(account, device, accountKey, signing, identity);
}

function fieldsOf({ account, device, accountKey, signing, identity }: OwnDevice) {
  return { account, device, accountKey, signing, identity };
}

test("a forged operation is refused", () => {
  const { alice, bob, charlie } = room;
  const { payload, signature } = openOperation(bob.propose(new Add(charlie.own)));
  const { account, device, accountKey, signing } = bob.phone.own;
  const forger = OwnDevice.generate(account, device, accountKey, new Dice("forger"));
  const flipped = signature.slice();
  flipped[0]! ^= 1;
  for (const bad of [
    flipped,
    forger.signing.sign("groupop", payload),
    signing.sign("devlist", payload),
    alice.phone.own.signing.sign("groupop", payload),
  ]) {
    room.refusesSigned(cbor.encode([payload, bad]), "bad_signature");
  }
});

test.each([
  ["index", { index: 2 }],
  ["previous", { previous: new Uint8Array(32) }],
  ["group", { group: anId("another group") }],
] as const)("an operation that does not follow is refused: another %s", (_, changes) => {
  const signed = forced(room.alice.phone.own, new Add(room.charlie.own), changes);
  room.refusesSigned(signed, "list_refused");
});

test("a fork is refused: whoever has read one of two operations refuses the other", () => {
  const { alice, bob, charlie } = room;
  const one = alice.propose(new Add(charlie.own));
  const other = bob.propose(new Rekey(META));
  alice.follow(one);
  bob.follow(other);
  refusesIn(alice, () => alice.follow(other), "list_refused");
  refusesIn(bob, () => bob.follow(one), "list_refused");
  refusesIn(bob, () => bob.follow(alice.propose(new SetMeta(META, false))), "list_refused");
});

test("a replayed or withheld operation is refused", () => {
  const { alice, bob, charlie } = room;
  const first = alice.propose(new Add(charlie.own));
  room.publish(first);
  const second = alice.propose(new Remove(charlie.own, META));
  const late = new Device(bob.phone);
  late.follow(some(alice.operations[0]));
  refusesIn(late, () => late.follow(second), "list_refused"); // the add was withheld
  room.publish(second);
  for (const old of [some(alice.operations[0]), first, second]) room.refusesSigned(old, "list_refused");
});

test("two admins at once resolve the same way everywhere", () => {
  const { alice, bob, charlie, dora } = room;
  const won = alice.propose(new Add(charlie.own));
  const lost = bob.propose(new Remove(dora.own, META));
  room.publish(won);
  room.refusesSigned(lost, "list_refused");
  room.publish(bob.propose(new Remove(dora.own, META)));
  for (const one of room.everybody) expect(one.state).toEqual(room.state);
});

test("a ghost member does nothing", () => {
  // A row that only the server has: no operation made it, so whatever it signs is refused.
  room.refuses(room.charlie, new Add(anId("another ghost")));
  room.refuses(room.charlie, new Rekey(META));
  room.refuses(room.charlie, new Leave());
});

test("nobody acts in another's name", () => {
  const { account, device } = room.alice.phone.own;
  const charlie = room.charlie.phone.own;
  const add = new Add(charlie.account);
  room.refusesSigned(forced(under(charlie, { account, device }), add), "bad_signature");
  room.refusesSigned(forced(under(charlie, { account }), add), "not_listed");
});

describe("the author's list", () => {
  test("is known and has the device", () => {
    const { alice, bob, tablet } = room;
    const { own, account } = alice.phone;
    for (const listHash of [new Uint8Array(32), bob.phone.account.newest.hash]) {
      room.refusesSigned(forced(own, new Rekey(META), { listHash }), "not_listed");
    }
    const listHash = account.publish(tablet.phone.own).hash;
    room.learn();
    room.refusesSigned(forced(own, new Rekey(META), { listHash }), "not_listed");
    expect(failureOf(() => alice.propose(new Rekey(META)))).toBe("not_listed");
  });

  test("is no older one than before: a device that was taken off does not go on by the list it was on", () => {
    const { alice, tablet } = room;
    const older = alice.phone.account.newest;
    alice.phone.account.publish(alice.phone.own);
    room.learn();
    // The tablet is off the newest list, but nobody in the group has seen alice name that yet.
    const stolen = chain.propose(tablet.phone.own, older, room.state, new Rekey(META), { now: NOW });
    expect(chain.apply(room.state, stolen.operation.signed, room.bob.phone)).toEqual(stolen.state);
    room.do(alice, new Rekey(sealedAnew(alice)));
    room.refusesSigned(forced(tablet.phone.own, new Rekey(META), { listHash: older.hash }), "malformed");
  });

  test("is counted anew under a new account key", () => {
    const { alice, tablet } = room;
    const account = alice.phone.account;
    account.publish(alice.phone.own, tablet.phone.own);
    account.publish(alice.phone.own);
    room.learn();
    room.do(alice, new Rekey(sealedAnew(alice)));
    const renewed = generateAccountKey(new Dice("renewed"));
    const own = under(alice.phone.own, { accountKey: renewed.public });
    alice.phone.own = own;
    const entries = [listed(own, { added: NOW })];
    account.lists.push(signList(renewed, account.id, entries, { previous: null, now: NOW }));
    room.learn();
    const state = room.do(alice, new Rekey(sealedAnew(alice)));
    const seqs = state.authors.filter((one) => equal(one.account, account.id)).map((one) => one.seq);
    expect(seqs.sort()).toEqual([1, 3]);
  });
});

test("time does not run backwards", () => {
  const { alice, bob } = room;
  bob.phone.now = NOW + 5;
  room.do(bob, new Rekey(sealedAnew(bob)));
  room.refusesSigned(forced(alice.phone.own, new Rekey(META), { time: NOW + 4 }), "malformed");
  // alice's clock is behind: her client signs the time of the operation before.
  expect(room.do(alice, new Rekey(sealedAnew(alice))).time).toBe(NOW + 5);
});

test("a group chat is created by an owner once", () => {
  const { own, account } = room.charlie.phone;
  const rosters = [[], [{ account: own.account, role: ADMIN }], [{ account: room.bob.own, role: OWNER }]];
  for (const roster of rosters) {
    const args = Create.of(roster, META, { membersMayAdd: false });
    expect(() => chain.create(own, account.newest, GID, args, { now: NOW })).toThrow(Malformed);
  }
  const good = Create.of([{ account: own.account, role: OWNER }], META, { membersMayAdd: false });
  room.refuses(room.alice, good);
  const first = { index: 0, previous: new Uint8Array(32), listHash: account.newest.hash };
  for (const [args, changes, code] of [
    [new Rekey(META), first, "malformed"],
    [good, { ...first, previous: bytes(32, "x") }, "list_refused"],
    [good, { ...first, index: 1 }, "list_refused"],
  ] as const) {
    const device = new Device(room.charlie.phone);
    expect(failureOf(() => device.follow(forced(own, args, changes)))).toBe(code);
  }
});

test("another group's chain is not followed", () => {
  const { alice, bob } = room;
  const elsewhere = anId("another group");
  for (const objects of [alice.operations, []]) {
    expect(failureOf(() => chain.follow(elsewhere, null, objects, bob.phone))).toBe("list_refused");
  }
  expect(chain.follow(GID, null, alice.operations, bob.phone)).toEqual(room.state);
  expect(chain.follow(GID, room.state, [], bob.phone)).toBe(room.state);
});

test("the store keeps the group and rebuilds its past", () => {
  const { alice, bob, charlie, dora } = room;
  const link = SigningKey.fromSeed(bytes(32, "l"));
  const past = [room.state];
  room.do(alice, new OpenLink(link.public, { expires: NOW + 1_000, uses: 3, approval: true }));
  room.do(alice, new OpenLink(bytes(32, "x")));
  past.push(room.do(charlie, Join.by(link, GID, charlie.own)));
  room.do(bob, new Remove(dora.own, sealedAnew(bob)));
  expect(GroupState.fromBytes(room.state.toBytes())).toEqual(room.state);
  for (const state of past) {
    const rebuilt = chain.rebuild(alice.operations.slice(0, state.index + 1));
    expect(rebuilt.with({ authors: state.authors })).toEqual(state);
  }
  expect(failureOf(() => chain.rebuild(alice.operations.slice(1)))).toBe("list_refused");
  expect(failureOf(() => chain.rebuild([]))).toBe("list_refused");
  const fields = cbor.decode(room.state.toBytes()) as readonly cbor.Value[];
  for (const place of fields.keys()) {
    const broken = cbor.encode(fields.map((field, index) => (index === place ? "x" : field)));
    expect(() => GroupState.fromBytes(broken)).toThrow(Malformed);
  }
});
