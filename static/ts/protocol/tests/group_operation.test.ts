// An operation says what it says in one form, and is signed as it travels.

import { beforeAll, describe, expect, test } from "vitest";
import * as cbor from "../cbor";
import { hex } from "../bytes";
import { BadSignature, Malformed, Unsupported } from "../errors";
import * as args from "../group_args";
import { openOperation, readArgs, signOperation, type Operation } from "../group_operation";
import { MAX_INTEGER, MAX_META } from "../limits";
import { ready, sha256 } from "../primitives";
import { anId, makeCast, NOW } from "./cast";
import { bytes, GID } from "./group_cast";

beforeAll(ready);

const META = new Uint8Array(72);
const WHO = bytes(16, "a");
const ARGS: readonly (readonly [name: string, args: args.Args])[] = [
  [
    "create",
    new args.Create([{ account: WHO, role: args.OWNER }, { account: bytes(16, "b"), role: args.MEMBER }], META, true),
  ],
  ["add", new args.Add(WHO)],
  ["remove", new args.Remove(WHO, META)],
  ["leave", new args.Leave()],
  ["role", new args.SetRole(WHO, args.ADMIN)],
  ["meta", new args.SetMeta(META, false)],
  ["link", new args.OpenLink(bytes(32, "k"))],
  ["link with an end", new args.OpenLink(bytes(32, "k"), { expires: NOW, uses: 7, approval: true })],
  ["unlink", new args.CloseLink(bytes(32, "k"))],
  ["join", new args.Join(bytes(64, "s"), bytes(32, "k"))],
  ["approve", new args.Approve(WHO)],
  ["rekey", new args.Rekey(META)],
];

function signed(one: args.Args): Operation {
  const { alice } = makeCast();
  const place = { listHash: bytes(32, "l"), group: GID, index: 7, previous: bytes(32, "p"), time: NOW };
  return signOperation(alice.own, { ...place, args: one });
}

describe.each(ARGS)("%s", (_, one) => {
  test("is read as it was signed", () => {
    const { alice, bob } = makeCast();
    const operation = signed(one);
    expect(openOperation(operation.signed)).toEqual(operation);
    expect([operation.index, operation.time]).toEqual([7, NOW]);
    expect([operation.group, operation.account, operation.device].map(hex)).toEqual(
      [GID, alice.own.account, alice.own.device].map(hex),
    );
    expect(operation.args).toEqual(one);
    expect(operation.hash).toEqual(sha256(operation.payload));
    operation.checkSignature(alice.own.signing.public);
    expect(() => operation.checkSignature(bob.own.signing.public)).toThrow(BadSignature);
  });

  test("a field that is missing or not known stops a reader", () => {
    const fields = one.toMap();
    const optional = one instanceof args.OpenLink ? [1, 2] : [];
    for (const key of fields.keys()) {
      if (optional.includes(key)) continue;
      const without = new Map([...fields].filter(([other]) => other !== key));
      expect(() => readArgs(one.code, without)).toThrow(Malformed);
    }
    for (const key of [4, 15, 16, 1_000]) {
      expect(() => readArgs(one.code, new Map([...fields, [key, null]]))).toThrow(Unsupported);
    }
    for (const value of [[], null, new Uint8Array(), 0]) expect(() => readArgs(one.code, value)).toThrow(Malformed);
  });
});

test("every code has one kind of args, and an unknown one needs an update", () => {
  expect(new Set(ARGS.map(([, one]) => one.code)).size).toBe(11);
  for (const code of [11, 16, MAX_INTEGER]) expect(() => readArgs(code, new Map())).toThrow(Unsupported);
});

const many = Array.from({ length: 501 }, (_, number) => [Uint8Array.of(...new Uint8Array(14), number >> 8, number), 2]);
const BAD: readonly (readonly [code: number, fields: readonly (readonly [key: number, value: unknown])[]])[] = [
  [0, [[0, [[WHO, 3]]], [1, META], [2, true]]],
  [0, [[0, [[WHO, true]]], [1, META], [2, true]]],
  [0, [[0, [[WHO]]], [1, META], [2, true]]],
  [0, [[0, [[new Uint8Array(15), 0]]], [1, META], [2, true]]],
  [0, [[0, new Map()], [1, META], [2, true]]],
  [0, [[0, [[WHO, 2], [WHO, 0]]], [1, META], [2, true]]],
  [0, [[0, [[bytes(16, "b"), 2], [WHO, 0]]], [1, META], [2, true]]],
  [0, [[0, [[WHO, 2]]], [1, META], [2, 1]]],
  [0, [[0, [[WHO, 2]]], [1, new Uint8Array(71)], [2, true]]],
  [0, [[0, [[WHO, 2]]], [1, new Uint8Array(MAX_META + 1)], [2, true]]],
  [0, [[0, many], [1, META], [2, true]]],
  [1, [[0, new Uint8Array(15)]]],
  [1, [[0, null]]],
  [2, [[0, WHO], [1, "meta"]]],
  [2, [[0, WHO], [1, null]]],
  [4, [[0, WHO], [1, 3]]],
  [4, [[0, WHO], [1, null]]],
  [5, [[0, META], [1, null]]],
  [6, [[0, new Uint8Array(31)], [3, true]]],
  [6, [[0, new Uint8Array(32)], [1, null], [3, true]]],
  [6, [[0, new Uint8Array(32)], [2, null], [3, true]]],
  [6, [[0, new Uint8Array(32)], [2, 0], [3, true]]],
  [6, [[0, new Uint8Array(32)], [3, 0]]],
  [7, [[0, new Uint8Array(33)]]],
  [8, [[0, new Uint8Array(63)], [1, new Uint8Array(32)]]],
  [8, [[0, new Uint8Array(64)], [1, new Uint8Array(31)]]],
  [9, [[0, new Uint8Array()]]],
  [10, [[0, new Uint8Array()]]],
];

test.each(BAD)("a field of another form is malformed: code %i", (code, fields) => {
  expect(() => readArgs(code, new Map(fields))).toThrow(Malformed);
});

test("a payload of another form is malformed", () => {
  const good = cbor.decode(signed(new args.Leave()).payload) as readonly cbor.Value[];
  const signature = new Uint8Array(64);
  const opened = (fields: readonly unknown[]) => openOperation(cbor.encode([cbor.encode(fields), signature]));
  opened(good);
  for (const [place, value] of [
    [0, "groupOp"],
    [0, bytes(7, "g")],
    [1, new Uint8Array(15)],
    [2, null],
    [2, true],
    [3, new Uint8Array(31)],
    [4, "now"],
    [5, new Uint8Array(17)],
    [6, null],
    [7, new Uint8Array(31)],
    [8, null],
    [9, []],
  ] as const) {
    expect(() => opened(good.map((field, index) => (index === place ? value : field)))).toThrow(Malformed);
  }
  for (const fields of [good.slice(1), [...good, 0]]) expect(() => opened(fields)).toThrow(Malformed);
  const payload = cbor.encode(good);
  for (const outer of [[payload], [payload, new Uint8Array(63)], [payload, signature, 0], [good, signature]]) {
    expect(() => openOperation(cbor.encode(outer))).toThrow(Malformed);
  }
});

test("what others would refuse never leaves", () => {
  for (const one of [
    new args.Add(bytes(5, "s")),
    new args.Rekey(new Uint8Array()),
    new args.SetRole(WHO, 3),
    new args.OpenLink(new Uint8Array(32), { expires: -1 }),
  ]) {
    expect(() => signed(one)).toThrow(Malformed);
  }
});

test("members are put in order", () => {
  const rows = ["x", "y", "z"].map((name) => ({ account: anId(name), role: args.MEMBER }));
  const made = args.Create.of(rows, META, { membersMayAdd: false });
  expect(made.roster.map((one) => hex(one.account))).toEqual(rows.map((one) => hex(one.account)).sort());
});
