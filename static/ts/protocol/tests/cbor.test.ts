// One value, one encoding: everything else is refused.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hex, unhex } from "../bytes";
import * as cbor from "../cbor";
import { Malformed } from "../errors";
import { MAX_ENCODED, MAX_INTEGER } from "../limits";
import { secret } from "../secret";

const { value: VALUES } = fc.letrec<{ value: cbor.Value }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, true, false),
    fc.nat(),
    fc.integer({ min: 0, max: MAX_INTEGER }),
    fc.uint8Array({ maxLength: 40 }).map((bytes) => new Uint8Array(bytes)),
    fc.string({ unit: "binary", maxLength: 20 }),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.array(fc.tuple(fc.nat(300), tie("value")), { maxLength: 4 }).map((entries) => new Map(entries)),
  ),
}));

test("what is encoded decodes to itself", () => {
  fc.assert(
    fc.property(VALUES, (value) => {
      expect(cbor.decode(cbor.encode(value))).toEqual(value);
    }),
  );
});

test("whatever decodes was the only encoding", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (data) => {
      let value: cbor.Value;
      try {
        value = cbor.decode(data);
      } catch (error) {
        expect(error).toBeInstanceOf(Malformed);
        return;
      }
      expect(hex(cbor.encode(value))).toBe(hex(data));
    }),
  );
});

const REFUSED: readonly (readonly [name: string, data: string])[] = [
  ["nothing", ""],
  ["integer in one byte too many", "1817"],
  ["integer in eight bytes for one", "1b0000000000000001"],
  ["length in one byte too many", "580141"],
  ["array length in two bytes", "9800"],
  ["indefinite array", "9f01ff"],
  ["indefinite map", "bf0101ff"],
  ["indefinite byte string", "5f4101ff"],
  ["indefinite text", "7f6161ff"],
  ["a key twice", "a201010102"],
  ["keys out of order", "a202010101"],
  ["text key", "a1616101"],
  ["byte string key", "a1416101"],
  ["negative key", "a12001"],
  ["true as a key", "a1f501"],
  ["true and 1 as keys", "a20101f502"],
  ["array as a key", "a1810101"],
  ["half float", "f93c00"],
  ["single float", "fa3f800000"],
  ["double float", "fb3ff0000000000000"],
  ["minus zero", "f98000"],
  ["not a number", "f97e00"],
  ["infinity", "f97c00"],
  ["tagged date", "c074323032352d30312d30315430303a30303a30305a"],
  ["tagged time", "c101"],
  ["tagged big number", "c24101"],
  ["tagged fraction", "c4820001"],
  ["tagged pattern", "d8236161"],
  ["tagged shared value", "d81c81d81d00"],
  ["tagged set", "d901028101"],
  ["self-described", "d9d9f701"],
  ["unknown tag", "da0001234501"],
  ["bytes after the end", "0000"],
  ["negative integer", "20"],
  ["2^53", "1b0020000000000000"],
  ["2^64-1", "1bffffffffffffffff"],
  ["undefined", "f7"],
  ["simple value 0", "e0"],
  ["simple value 32", "f820"],
  ["false in two bytes", "f814"],
  ["lone surrogate", "63eda080"],
  ["broken utf-8", "62c328"],
  ["overlong utf-8", "62c080"],
  ["cut off array", "8201"],
  ["cut off map", "a101"],
  ["cut off byte string", "4401"],
  ["cut off text", "646161"],
  ["huge array length", "9bffffffffffffffff"],
  ["huge map length", "bbffffffffffffffff"],
  ["long array without items", "9affffffff"],
  ["huge byte string length", "5bffffffffffffffff"],
  ["a break alone", "ff"],
  ["a break in an array", "8201ff"],
  ["reserved length", "1c"],
  ["depth 17", "81".repeat(16) + "80"],
  ["depth 17 in maps", "a101".repeat(16) + "a0"],
  ["depth 17 after a shallow item", "8280" + "81".repeat(15) + "80"],
  ["depth 100000", "81".repeat(100_000) + "01"],
];

test.each(REFUSED)("malformed: %s", (_, data) => {
  expect(() => cbor.decode(unhex(data))).toThrow(Malformed);
});

const EDGES = [
  "81".repeat(15) + "80",
  "81".repeat(16) + "01",
  "a101".repeat(15) + "a0",
  // Siblings are no depth.
  "98" + "20" + "80".repeat(32),
  "98" + "20" + "a0".repeat(32),
  "83" + "81".repeat(15) + "01" + "81".repeat(15) + "01" + "81".repeat(15) + "01",
  "1b001fffffffffffff",
  "a0",
  "f6",
  "60",
  "40",
  "63efbbbf", // a byte order mark is text
  "66efbbbfefbbbf",
  "64f09f918d",
];

test.each(EDGES)("the edge of what is allowed decodes: %s", (data) => {
  expect(hex(cbor.encode(cbor.decode(unhex(data))))).toBe(data);
});

test("a byte order mark stays in the text", () => {
  for (const text of ["\uFEFF", "\uFEFFx", "\uFEFF\uFEFF", `\uFEFF${"long".repeat(20)}`, "x\uFEFF"]) {
    expect(cbor.decode(cbor.encode(text))).toBe(text);
  }
});

test("a mebibyte is the most", () => {
  const most = new Uint8Array(MAX_ENCODED - 5);
  expect((cbor.decode(cbor.encode(most)) as Uint8Array).length).toBe(MAX_ENCODED - 5);
  expect(() => cbor.encode(new Uint8Array(MAX_ENCODED))).toThrow(Malformed);
  const beyond = new Uint8Array(MAX_ENCODED + 5);
  beyond.set([0x5a, 0x00, 0x10, 0x00, 0x00]);
  expect(() => cbor.decode(beyond)).toThrow(Malformed);
});

describe("what nobody would read is not written", () => {
  const hole: unknown[] = [];
  hole.length = 1;
  const values: readonly (readonly [name: string, value: unknown])[] = [
    ["a negative", -1],
    ["2^53", 2 ** 53],
    ["a fraction", 1.5],
    ["minus zero", -0],
    ["not a number", NaN],
    ["infinity", Infinity],
    ["a bigint", 1n],
    ["an object", { a: 1 }],
    ["a text key", new Map([["a", 1]])],
    ["true as a key", new Map([[true, 1]])],
    ["a negative key", new Map([[-1, 1]])],
    ["a set", new Set([1])],
    ["a lone surrogate", "\ud800"],
    ["the other lone surrogate", "x\udc00x"],
    ["undefined", undefined],
    ["undefined inside", [undefined]],
    ["a hole", hole],
    ["a symbol", Symbol("x")],
    ["a function", () => 1],
    ["a date", new Date(0)],
    ["other typed arrays", new Uint16Array(1)],
    ["a negative deep inside", [[-1]]],
    ["a fraction in a map", new Map([[1, 0.5]])],
  ];
  test.each(values)("%s", (_, value) => {
    expect(() => cbor.encode(value)).toThrow(Malformed);
  });
});

test("the own depth is bounded when writing, also that of a circle", () => {
  let value: unknown = [];
  for (let count = 0; count < 16; count++) value = [value];
  expect(() => cbor.encode(value)).toThrow(Malformed);
  const circle: unknown[] = [];
  circle.push(circle);
  expect(() => cbor.encode(circle)).toThrow(Malformed);
});

test("a secret is a byte string, and what is read is a copy", () => {
  expect(hex(cbor.encode([secret(Uint8Array.of(1, 2))]))).toBe("81420102");
  const data = unhex("420102");
  const read = cbor.decode(data) as Uint8Array;
  data.fill(9);
  expect(hex(read)).toBe("0102");
});

test("what is written are plain bytes, whatever the platform", () => {
  for (const value of [1, "x".repeat(100), new Uint8Array(3), [new Uint8Array(300), "x"], new Map([[1, "x"]])]) {
    expect(cbor.encode(value).constructor).toBe(Uint8Array);
  }
});

test("map keys are written in order", () => {
  const value = new Map([24, 0, 256, 23].map((key, index) => [key, index + 1]));
  expect(hex(cbor.encode(value))).toBe("a40002170418180119010003");
});
