// What late messages need is found, kept in order and bounded, in the bytes that the store gets.

import { expect, test } from "vitest";
import { unhex } from "../bytes";
import { Malformed } from "../errors";
import { DAY, MAX_OLD_CHAINS } from "../limits";
import { Archive, type SkippedKey } from "../ratchet_state";
import { secret } from "../secret";

const filled = (size: number, value = 0): Uint8Array => new Uint8Array(size).fill(value);
const key = (n: number, dh = n, stored = n): SkippedKey => {
  return { dh: filled(32, dh), n, key: secret(filled(32, n)), stored };
};
const places = (archive: Archive) => archive.skipped.map((one) => [one.dh[0], one.n]);

test("remembers the last two thousand chains only", () => {
  let archive = Archive.EMPTY;
  const dh = (n: number) => Uint8Array.of(...filled(30), n >> 8, n & 255);
  for (let n = 0; n < MAX_OLD_CHAINS + 3; n++) archive = archive.withChain(dh(n));
  expect(archive.chains).toHaveLength(MAX_OLD_CHAINS);
  expect(archive.chains[0]).toEqual(dh(3));
  expect([2, 3, MAX_OLD_CHAINS + 2].map((n) => archive.hasChain(dh(n)))).toEqual([false, true, true]);
  expect(Archive.decode(archive.encoded).chains).toEqual(archive.chains);
});

test("survives the store in its order, with numbers of any size", () => {
  const keys = [9, 3, 2 ** 32 + 1, 0, 2 ** 53 - 1].map((n, index) => key(n, 9 - index));
  const again = Archive.decode(Archive.EMPTY.withSkipped(keys).encoded);
  expect(again.skipped).toEqual(keys);
  expect(again.find(filled(32, 5), 2 ** 53 - 1)).toEqual(keys[4]);
  expect(again.find(filled(32, 5), 2 ** 53 - 2)).toBeNull();
});

test("gives values, never itself changed", () => {
  const archive = Archive.EMPTY.withSkipped([key(1), key(2), key(3)]);
  const kept = archive.encoded.slice();
  expect(places(archive.without(filled(32, 2), 2))).toEqual([[1, 1], [3, 3]]);
  expect(archive.without(filled(32, 2), 3)).toBe(archive);
  archive.find(filled(32, 1), 1)!.key.fill(0);
  archive.skipped[0]!.dh.fill(0);
  archive.withSkipped([key(1, 1, 77)]);
  expect(Archive.decode(archive.encoded).encoded).toEqual(archive.encoded);
  expect(archive.encoded.slice()).toEqual(kept);
});

test("takes a key for the same place in the place of the old one", () => {
  const archive = Archive.EMPTY.withSkipped([key(1), key(2)]).withSkipped([key(1, 1, 77), key(3)]);
  expect(archive.skipped.map((one) => [one.n, one.stored])).toEqual([[1, 77], [2, 2], [3, 3]]);
});

test("drops what is older than thirty days, wherever it stands", () => {
  const now = 100 * DAY;
  const archive = Archive.EMPTY.withSkipped([key(1, 1, 69 * DAY), key(2, 2, 70 * DAY), key(3, 3, 0), key(4, 4, now)]);
  expect(places(archive.fresh(now))).toEqual([[2, 2], [4, 4]]);
  const young = Archive.EMPTY.withSkipped([key(1, 1, now)]);
  expect(young.fresh(now)).toBe(young);
});

test.each(["824101", "8240414f", "8240584f" + "00".repeat(79)])("of a broken form is refused: %#", (text) => {
  expect(() => Archive.decode(unhex(text))).toThrow(Malformed);
});
