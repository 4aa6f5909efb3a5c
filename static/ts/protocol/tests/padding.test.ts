// Padded lengths are few, and a reader takes no other.

import fc from "fast-check";
import { expect, test } from "vitest";
import { concat, hex } from "../bytes";
import { Malformed } from "../errors";
import { pad, paddedLength, padme, unpad } from "../padding";

test("padding comes off again", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3000 }), (data) => {
      const padded = pad(data);
      expect(hex(unpad(padded))).toBe(hex(data));
      expect(padded.length).toBe(paddedLength(data.length));
      expect(padded.length).toBeGreaterThanOrEqual(256);
    }),
  );
});

// Computed by hand from the definition: E = floor(log2 L), S = floor(log2 E) + 1, the last E - S bits zero.
const PADME = [
  [0, 0],
  [1, 1],
  [2, 2],
  [3, 3],
  [8, 8],
  [9, 10],
  [100, 104],
  [255, 256],
  [256, 256],
  [257, 272],
  [1000, 1024],
  [65537, 67584],
  [2 ** 31 + 1, 2 ** 31 + 2 ** 26],
  [2 ** 40 + 1, 2 ** 40 + 2 ** 34],
] as const;

test.each(PADME)("Padmé of %i is %i", (length, padded) => {
  expect(padme(length)).toBe(padded);
});

const MARKED = [
  [0, 256],
  [255, 256],
  [256, 272],
  [271, 272],
  [272, 288],
  [511, 512],
  [512, 544],
] as const;

test.each(MARKED)("the mark counts into the length: %i gives %i", (length, padded) => {
  expect(pad(new Uint8Array(length)).length).toBe(padded);
});

test("padding costs at most an eighth beyond the least", () => {
  for (let length = 256; length < 5000; length += 7) expect(padme(length)).toBeLessThanOrEqual(length * 1.125);
});

const zeros = (size: number) => new Uint8Array(size);
const letters = (size: number) => zeros(size).fill(0x61);
const MARK = Uint8Array.of(0x80);
const WRONG: readonly (readonly [name: string, padded: Uint8Array])[] = [
  ["nothing", zeros(0)],
  ["no mark", zeros(256)],
  ["only letters", letters(256)],
  ["a byte short", concat(letters(1), MARK, zeros(253))],
  ["a byte long", concat(letters(1), MARK, zeros(255))],
  ["a step long", concat(letters(1), MARK, zeros(270))],
  ["not zero at the end", concat(letters(1), MARK, zeros(253), Uint8Array.of(1))],
  ["another mark", concat(letters(255), Uint8Array.of(0x81))],
  ["no step", concat(letters(300), MARK)],
];

test.each(WRONG)("any other padding is malformed: %s", (_, padded) => {
  expect(() => unpad(padded)).toThrow(Malformed);
});
