// In a group chat each does what the role allows, and a link lets in whom it is to let in.

import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { hex } from "../bytes";
import {
  Add,
  ADMIN,
  Approve,
  CloseLink,
  Join,
  Leave,
  MEMBER,
  OpenLink,
  OWNER,
  Rekey,
  Remove,
  SetMeta,
  SetRole,
  type Args,
} from "../group_args";
import { openOperation } from "../group_operation";
import { MAX_LINKS, MAX_ROSTER } from "../limits";
import { ready, SigningKey } from "../primitives";
import { anId, makeCast, NOW } from "./cast";
import { bytes, create, Device, failureOf, GID, Room, sealedAnew, type Name } from "./group_cast";

beforeAll(ready);

const META = new Uint8Array(72);
let room: Room;
let link: SigningKey;

beforeEach(() => {
  room = new Room(makeCast());
  link = SigningKey.fromSeed(bytes(32, "l"));
});

const joining = (device: Device) => Join.by(link, GID, device.own);

test("a group chat begins with its roster", () => {
  const { state, alice, bob, dora } = room;
  const roles = [alice, bob, dora, room.charlie].map((one) => state.role(one.own));
  expect(roles).toEqual([OWNER, ADMIN, MEMBER, null]);
  const accounts = state.roster.map((one) => hex(one.account));
  expect(accounts).toEqual([...accounts].sort());
  expect([state.index, state.epoch, state.keyVersion]).toEqual([0, 0, 0]);
  expect(state.hash).toEqual(openOperation(alice.operations[0]!).hash);
  for (const one of room.everybody) expect(one.state).toEqual(state);
});

test("members come and go and rise", () => {
  const { alice, bob, charlie, dora } = room;
  expect(room.do(bob, new Add(charlie.own)).role(charlie.own)).toBe(MEMBER);
  let state = room.do(alice, new SetRole(charlie.own, OWNER));
  expect(new Set(state.owners.map(hex))).toEqual(new Set([alice.own, charlie.own].map(hex)));
  state = room.do(charlie, new Remove(alice.own, sealedAnew(charlie)));
  expect(state.owners).toEqual([charlie.own]);
  expect(state.removed).toEqual([alice.own]);
  expect([state.epoch, state.keyVersion]).toEqual([1, 3]);
  state = room.do(dora, new Leave());
  expect([state.role(dora.own), state.epoch, state.keyVersion]).toEqual([null, 2, 3]);
  state = room.do(bob, new Rekey(sealedAnew(bob)));
  expect([state.epoch, state.keyVersion]).toEqual([3, 5]);
  expect(state.meta).toEqual(state.keyMeta);
  state = room.do(bob, new SetMeta(META, true));
  expect([state.meta, state.membersMayAdd, state.keyVersion]).toEqual([META, true, 5]);
  expect(state.keyMeta).not.toEqual(META);
  state = room.do(charlie, new Add(alice.own));
  expect(state.role(alice.own)).toBe(MEMBER);
  expect(state.removed).toEqual([alice.own]);
});

const NEW = () => anId("new");
const MAY: readonly (readonly [Name, readonly string[]])[] = [
  ["alice", ["add", "remove", "role", "meta", "link", "rekey"]],
  ["bob", ["add", "remove", "meta", "link", "rekey"]],
  ["dora", []],
  ["charlie", []],
];

describe.each(MAY)("%s does what the role allows and nothing else", (who, may) => {
  test.each(["add", "remove", "role", "meta", "link", "rekey"])("%s", (name) => {
    const args: Record<string, () => Args> = {
      add: () => new Add(NEW()),
      remove: () => new Remove(who === "dora" ? room.bob.own : room.dora.own, META),
      role: () => new SetRole(room.dora.own, ADMIN),
      meta: () => new SetMeta(META, true),
      link: () => new OpenLink(link.public),
      rekey: () => new Rekey(META),
    };
    if (may.includes(name)) room.do(room[who], args[name]!());
    else room.refuses(room[who], args[name]!());
  });
});

test.each(["dora", "charlie"] as const)("links are closed and people let in by admins only: not by %s", (who) => {
  room.do(room.bob, new OpenLink(link.public, { approval: true }));
  room.do(room.charlie, joining(room.charlie));
  room.refuses(room[who], new CloseLink(link.public));
  room.refuses(room[who], new Approve(room.charlie.own));
});

test("members add where the group lets them", () => {
  room = new Room(makeCast(), { membersMayAdd: true });
  room.do(room.dora, new Add(room.charlie.own));
  room.refuses(room.dora, new Remove(room.charlie.own, META));
  room.do(room.alice, new SetMeta(META, false));
  room.refuses(room.dora, new Add(NEW()));
});

test("an admin removes members only, and nobody oneself", () => {
  const { alice, bob, charlie, dora } = room;
  room.do(alice, new Add(charlie.own));
  room.do(alice, new SetRole(charlie.own, ADMIN));
  room.refuses(bob, new Remove(charlie.own, META));
  room.refuses(bob, new Remove(alice.own, META));
  room.refuses(bob, new Remove(bob.own, META));
  room.refuses(alice, new Remove(alice.own, META));
  room.do(bob, new Remove(dora.own, META));
  room.do(alice, new Remove(charlie.own, META));
});

test("what is so already is not done again", () => {
  const { alice, bob, charlie } = room;
  room.refuses(alice, new Add(bob.own));
  room.refuses(alice, new Remove(charlie.own, META));
  room.refuses(alice, new SetRole(bob.own, ADMIN));
  room.refuses(alice, new SetRole(charlie.own, ADMIN));
  room.refuses(alice, new CloseLink(link.public));
  room.refuses(alice, new Approve(charlie.own));
  room.refuses(charlie, new Leave());
  room.do(alice, new OpenLink(link.public));
  room.refuses(alice, new OpenLink(link.public, { uses: 3, approval: true }));
});

test("the last owner leaves nobody behind", () => {
  const { alice, bob, charlie, dora } = room;
  room.do(alice, new OpenLink(link.public));
  room.refuses(alice, new Leave());
  room.refuses(alice, new SetRole(alice.own, MEMBER));
  room.do(alice, new SetRole(bob.own, OWNER));
  room.do(alice, new SetRole(alice.own, ADMIN));
  room.refuses(bob, new Leave());
  room.do(alice, new Leave());
  room.do(dora, new Leave());
  expect(room.do(bob, new Leave()).isOver).toBe(true);
  room.refuses(bob, new Leave());
  room.refuses(bob, new Add(alice.own));
  room.refuses(charlie, joining(charlie));
});

describe("links", () => {
  test("whoever holds a link joins", () => {
    const { bob, charlie, dora } = room;
    room.do(bob, new OpenLink(link.public, { expires: NOW + 1_000, uses: 2 }));
    const state = room.do(charlie, joining(charlie));
    expect(state.role(charlie.own)).toBe(MEMBER);
    expect(state.links).toEqual([{ key: link.public, expires: NOW + 1_000, uses: 1, approval: false }]);
    room.refuses(charlie, joining(charlie));
    room.refuses(dora, joining(dora));
  });

  test("a link with approval makes one wait", () => {
    const { alice, bob, charlie } = room;
    room.do(bob, new OpenLink(link.public, { approval: true }));
    let state = room.do(charlie, joining(charlie));
    expect([state.role(charlie.own), state.pending]).toEqual([null, [charlie.own]]);
    room.refuses(charlie, new Add(NEW()));
    room.refuses(charlie, joining(charlie));
    room.refuses(alice, new Add(charlie.own));
    room.refuses(alice, new SetRole(charlie.own, MEMBER));
    state = room.do(bob, new Approve(charlie.own));
    expect([state.role(charlie.own), state.pending]).toEqual([MEMBER, []]);
    room.refuses(bob, new Approve(charlie.own));
  });

  test("a wish is refused or taken back", () => {
    const { bob, charlie } = room;
    room.do(bob, new OpenLink(link.public, { approval: true }));
    room.do(charlie, joining(charlie));
    let state = room.do(charlie, new Leave());
    expect([state.pending, state.removed, state.epoch]).toEqual([[], [], 1]);
    room.do(charlie, joining(charlie));
    state = room.do(bob, new Remove(charlie.own, sealedAnew(bob)));
    expect([state.pending, state.removed, state.epoch]).toEqual([[], [charlie.own], 2]);
  });

  test("who was removed waits whatever the link says, and who left does not", () => {
    const { alice, bob, dora } = room;
    room.do(alice, new OpenLink(link.public));
    room.do(dora, new Leave());
    expect(room.do(dora, joining(dora)).role(dora.own)).toBe(MEMBER);
    room.do(bob, new Remove(dora.own, sealedAnew(bob)));
    expect(room.do(dora, joining(dora)).pending).toEqual([dora.own]);
    expect(room.do(alice, new Approve(dora.own)).role(dora.own)).toBe(MEMBER);
  });

  test("an expired link lets nobody in, nor does a clock set back", () => {
    const { alice, bob, charlie } = room;
    room.do(alice, new OpenLink(link.public, { expires: NOW + 10 }));
    charlie.phone.now = NOW + 10;
    room.refuses(charlie, joining(charlie));
    charlie.phone.now = NOW + 9;
    room.do(charlie, joining(charlie));
    room.do(charlie, new Leave());
    bob.phone.now = NOW + 20;
    room.do(bob, new SetMeta(META, false));
    expect(failureOf(() => charlie.propose(joining(charlie)))).toBe("malformed");
    room.refusesSigned(room.forced(charlie, joining(charlie), NOW + 9), "malformed");
  });

  test("a used up or closed link lets nobody in", () => {
    const { alice, bob, charlie, dora } = room;
    room.do(alice, new OpenLink(link.public, { uses: 1 }));
    room.do(dora, new Leave());
    expect(room.do(dora, joining(dora)).link(link.public)?.uses).toBe(0);
    room.refuses(charlie, joining(charlie));
    expect(room.do(alice, new CloseLink(link.public)).links).toEqual([]);
    room.do(alice, new OpenLink(link.public));
    room.do(bob, new CloseLink(link.public));
    room.refuses(charlie, joining(charlie));
  });

  test("a join is for one account, one group and by the link's key", () => {
    const { alice, charlie, dora } = room;
    room.do(alice, new OpenLink(link.public));
    const other = SigningKey.fromSeed(bytes(32, "o"));
    room.refuses(charlie, joining(dora), "bad_signature");
    room.refuses(charlie, Join.by(link, anId("another group"), charlie.own), "bad_signature");
    const forged = Join.by(other, GID, charlie.own);
    room.refuses(charlie, new Join(forged.signature, link.public), "bad_signature");
    room.refuses(charlie, forged);
  });

  test("there are so many at a time", () => {
    const { alice } = room;
    for (let n = 0; n < MAX_LINKS; n++) room.do(alice, new OpenLink(new Uint8Array(32).fill(n)));
    room.refuses(alice, new OpenLink(link.public));
    room.do(alice, new CloseLink(new Uint8Array(32)));
    room.do(alice, new OpenLink(link.public));
  });
});

test("members and those who wait are five hundred at most", () => {
  const others = Array.from({ length: MAX_ROSTER - 2 }, (_, n) => ({ account: anId(`member ${n}`), role: MEMBER }));
  const owner = new Device(room.alice.phone);
  owner.follow(create(owner, [{ account: owner.own, role: OWNER }, ...others]));
  owner.follow(owner.propose(new OpenLink(link.public, { approval: true })));
  const first = new Device(room.charlie.phone, owner.state);
  owner.follow(first.propose(joining(first)));
  const late = new Device(room.dora.phone, owner.state);
  expect(failureOf(() => owner.propose(new Add(room.bob.own)))).toBe("malformed");
  expect(failureOf(() => late.propose(joining(late)))).toBe("malformed");
  owner.follow(owner.propose(new Approve(first.own)));
  expect(owner.group.roster.length).toBe(MAX_ROSTER);
  const many = [...others, ...[owner, first, late].map((one) => ({ account: one.own, role: OWNER }))];
  expect(failureOf(() => create(owner, many))).toBe("malformed");
});
