// A link lets its holder in, and into no other group than the one it was made for.

import { beforeAll, beforeEach, expect, test } from "vitest";
import * as base32 from "../base32";
import * as cbor from "../cbor";
import { Malformed } from "../errors";
import { MEMBER, OpenLink, OWNER } from "../group_args";
import { GroupLink, newLinkKey } from "../group_link";
import { ready } from "../primitives";
import { anId, Dice, makeCast } from "./cast";
import { bytes, create, Device, failureOf, GID, Room } from "./group_cast";

beforeAll(ready);

let room: Room;
let link: GroupLink;

beforeEach(() => {
  room = new Room(makeCast());
  const key = newLinkKey(new Dice("link"));
  link = new GroupLink(GID, key, room.do(room.bob, new OpenLink(key.public)).hash);
});

test("whoever has the code reads the chain and joins", () => {
  const text = link.toText();
  expect(text.length).toBe(146);
  const read = GroupLink.fromText((text.match(/.{1,5}/g) ?? []).join("-").toLowerCase());
  expect(read).toEqual(link);
  const { alice, charlie } = room;
  expect(read.follow(alice.operations, charlie.phone)).toEqual(room.state);
  expect(room.do(charlie, read.join(charlie.own)).role(charlie.own)).toBe(MEMBER);
  expect(read.follow(alice.operations, charlie.phone)).toEqual(room.state);
});

test("a server cannot show a group of its own making", () => {
  // It knows the group's id and the link's public key: so it makes a chain with both, under a person of its own.
  const forger = new Device(room.charlie.phone);
  forger.follow(create(forger, [{ account: forger.own, role: OWNER }]));
  forger.follow(forger.propose(new OpenLink(link.key.public)));
  expect(failureOf(() => link.follow(forger.operations, room.dora.phone))).toBe("list_refused");
});

test("a chain that does not reach the link or is another group's is refused", () => {
  const { operations } = room.alice;
  const elsewhere = new GroupLink(anId("x"), link.key, link.gsh);
  for (const [one, objects] of [
    [link, operations.slice(0, 1)],
    [link, []],
    [elsewhere, operations],
  ] as const) {
    expect(failureOf(() => one.follow(objects, room.charlie.phone))).toBe("list_refused");
  }
});

const zeros = (...sizes: number[]) => sizes.map((size) => new Uint8Array(size));

test.each([
  ["another kind", ["joiN", ...zeros(16, 32, 32)]],
  ["a kind of bytes", [bytes(4, "j"), ...zeros(16, 32, 32)]],
  ["a short gid", ["join", ...zeros(15, 33, 32)]],
  ["a short seed", ["join", ...zeros(16, 31, 33)]],
  ["three parts", ["join", ...zeros(16, 66)]],
])("a code of another form is malformed: %s", (_, fields) => {
  const data = cbor.encode(fields);
  expect(() => GroupLink.fromBytes(data)).toThrow(Malformed);
  expect(() => GroupLink.fromText(base32.encode(data))).toThrow(Malformed);
});

test.each(["", "0".repeat(146), "Z".repeat(146), "0".repeat(200), "https://chat.example/join"])(
  "a text that is no code is malformed: %s",
  (text) => {
    expect(() => GroupLink.fromText(text)).toThrow(Malformed);
  },
);

test("a link's bytes do not print themselves", () => {
  expect(String(link.toBytes()) + JSON.stringify(link.toBytes())).toBe('<secret>"<secret>"');
});
