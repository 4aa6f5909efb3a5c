// A group chat's title is for those who have its key.

import { beforeAll, expect, test } from "vitest";
import * as cbor from "../cbor";
import { Malformed } from "../errors";
import { Rekey, SetMeta } from "../group_args";
import { checkGroupKey, generateGroupKey, Meta, openMeta, readMeta, sealMeta } from "../group_meta";
import { MAX_META } from "../limits";
import { pad } from "../padding";
import { cseal, ready } from "../primitives";
import { secret } from "../secret";
import { anId, Dice, makeCast, some } from "./cast";
import { bytes, failureOf, GID, Room, sealedAnew } from "./group_cast";

beforeAll(ready);

const key = (letter: string, version = 0) => ({ version, key: secret(bytes(32, letter)) });
const KEY = key("k");
const AVATAR = {
  blobId: bytes(16, "b"),
  key: secret(bytes(32, "k")),
  size: 5,
  sha256: bytes(32, "h"),
  mediaType: "image/png",
  name: null,
  thumbnail: null,
};

test.each([
  ["a title", new Meta("Friends")],
  ["no letters", new Meta("")],
  ["everything", new Meta("grüße 👋", { description: "about us", colour: 0xffffff, avatar: AVATAR })],
  ["a black one", new Meta("x", { colour: 0 })],
])("a meta is read as it was sealed: %s", (_, meta) => {
  expect(openMeta(sealMeta(meta, GID, KEY), GID, KEY)).toEqual(meta);
});

test("a title's length does not show", () => {
  const lengths = [0, 1, 60, 200].map((length) => sealMeta(new Meta("x".repeat(length)), GID, KEY).length);
  expect(new Set(lengths).size).toBe(1);
});

test("a meta opens under its own key and group only", () => {
  const sealed = sealMeta(new Meta("Friends"), GID, KEY);
  expect(failureOf(() => openMeta(sealed, anId("x"), KEY))).toBe("undecryptable");
  expect(failureOf(() => openMeta(sealed, GID, key("x")))).toBe("undecryptable");
  for (let place = 0; place < sealed.length; place += 7) {
    const changed = sealed.slice();
    changed[place]! ^= 1;
    expect(failureOf(() => openMeta(changed, GID, KEY))).toBe("undecryptable");
  }
});

test.each([
  ["no title", [], "malformed"],
  ["a title of bytes", [[0, bytes(5, "t")]], "malformed"],
  ["description null", [[0, "t"], [1, null]], "malformed"],
  ["a colour beyond", [[0, "t"], [2, 0x1000000]], "malformed"],
  ["an empty avatar", [[0, "t"], [3, new Map()]], "malformed"],
  ["key 16", [[0, "t"], [16, 0]], "unsupported"],
] as const)("a meta of another form is refused: %s", (_, fields, code) => {
  const plain = cbor.encode(new Map<number, unknown>(fields));
  expect(failureOf(() => openMeta(cseal(KEY.key, "meta", GID, pad(plain)), GID, KEY))).toBe(code);
});

test("an unpadded meta is malformed, and unknown fields are passed over", () => {
  const plain = cbor.encode(new Map<number, unknown>([[0, "t"], [15, 1]]));
  expect(failureOf(() => openMeta(cseal(KEY.key, "meta", GID, plain), GID, KEY))).toBe("malformed");
  expect(openMeta(cseal(KEY.key, "meta", GID, pad(plain)), GID, KEY)).toEqual(new Meta("t"));
});

test("what a reader would refuse is not sealed", () => {
  for (const meta of [
    new Meta("t", { colour: -1 }),
    new Meta("t", { colour: 0x1000000 }),
    new Meta("x".repeat(MAX_META)),
  ]) {
    expect(() => sealMeta(meta, GID, KEY)).toThrow(Malformed);
  }
  expect(sealMeta(new Meta("x".repeat(3_900)), GID, KEY).length).toBeLessThanOrEqual(MAX_META);
});

test("a group key is taken only if it opens what its operation sealed", () => {
  const room = new Room(makeCast());
  const first = some(room.alice.key);
  checkGroupKey(room.state, first);
  expect(failureOf(() => checkGroupKey(room.state, key("x")))).toBe("bad_key");
  // A meta under another key, by an admin who wants to lock the others out, changes no key.
  room.do(room.bob, new SetMeta(sealMeta(new Meta("mine"), GID, KEY), false));
  checkGroupKey(room.state, first);
  expect(failureOf(() => checkGroupKey(room.state, KEY))).toBe("bad_key");
  expect(failureOf(() => openMeta(room.state.meta, GID, first))).toBe("undecryptable");
  expect(readMeta(room.state, first)).toEqual(new Meta("Friends"));
  expect(failureOf(() => readMeta(room.state, key("x")))).toBe("undecryptable");
});

test("a rekey brings a key of its own index", () => {
  const room = new Room(makeCast());
  const first = some(room.alice.key);
  room.do(room.alice, new SetMeta(sealMeta(new Meta("Renamed"), GID, first), false));
  room.do(room.bob, new Rekey(sealedAnew(room.bob, "Anew")));
  const second = some(room.bob.key);
  expect([first.version, second.version]).toEqual([0, 2]);
  checkGroupKey(room.state, second);
  expect(readMeta(room.state, second)).toEqual(new Meta("Anew"));
  for (const wrong of [first, { ...second, version: 0 }, { ...second, version: 3 }]) {
    expect(failureOf(() => checkGroupKey(room.state, wrong))).toBe("malformed");
  }
  expect(failureOf(() => checkGroupKey(room.state, { ...first, version: 2 }))).toBe("bad_key");
});

test("every group key is another, and a meta does not print itself", () => {
  const dice = new Dice("keys");
  expect(generateGroupKey(null, dice).key).not.toEqual(generateGroupKey(null, dice).key);
  expect(generateGroupKey(new Room(makeCast()).state, dice).version).toBe(1);
  const meta = new Meta("hidden", { description: "hidden too" });
  expect(JSON.stringify(meta) + meta.toString()).not.toContain("hidden");
});
