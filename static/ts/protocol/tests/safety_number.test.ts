// Safety numbers are libsignal's, over our keys.

import { beforeAll, expect, test } from "vitest";
import { concat, hex, unhex, utf8 } from "../bytes";
import { ready } from "../primitives";
import { numericFingerprint, safetyNumber, type SafetyNumber } from "../safety_number";
import { makeCast, type Cast } from "./cast";

beforeAll(ready);

// libsignal, rust/protocol/src/fingerprint.rs: what its own tests expect of these keys and identifiers.
const ALICE = [
  utf8("+14152222222"),
  unhex("0506863bc66d02b40d27b8d49ca7c09e9239236f9d7d25d6fcca5ce13c7064d868"),
] as const;
const BOB = [
  utf8("+14153333333"),
  unhex("05f781b6fb32fed9ba1cf2de978d4d5da28dc34046ae814402b5c0dbd96fda907b"),
] as const;
const DIGITS = "300354477692869396892869876765458257569162576843440918079131";
const SCANNABLE =
  "080212220a201e301a0353dce3dbe7684cb8336e85136cdc0ee96219494ada305d62a7bd61df" +
  "1a220a20d62cbf73a11592015b6b9f1682ac306fea3aaf3885b84d12bca631e9d4fb3a4d";

test("libsignal's published number and code come out", () => {
  const number = numericFingerprint(...ALICE, ...BOB);
  expect(number.digits).toBe(DIGITS);
  expect(hex(number.scannable)).toBe(SCANNABLE);
  expect(numericFingerprint(...BOB, ...ALICE).digits).toBe(DIGITS);
});

function numberOf(cast: Cast, ofBob = false): SafetyNumber {
  const [alice, bob] = [cast.alice.account, cast.bob.account];
  const [first, second] = ofBob ? [bob, alice] : [alice, bob];
  return safetyNumber(first.id, first.key.public, second.id, second.key.public);
}

test("both sides see the same digits and scan each other", () => {
  const cast = makeCast();
  const [mine, theirs] = [numberOf(cast), numberOf(cast, true)];
  expect(mine.digits).toBe(theirs.digits);
  expect(mine.digits).toMatch(/^\d{60}$/);
  expect(mine.groups()).toHaveLength(12);
  expect(mine.groups().join("")).toBe(mine.digits);
  expect(mine.matches(theirs.scannable)).toBe(true);
  expect(theirs.matches(mine.scannable)).toBe(true);
});

test("a code matches neither itself nor anything else", () => {
  const mine = numberOf(makeCast());
  expect(mine.matches(mine.scannable)).toBe(false);
  expect(mine.matches(new Uint8Array(0))).toBe(false);
  const other = numberOf(makeCast("other"), true);
  expect(mine.matches(other.scannable)).toBe(false);
  expect(mine.digits).not.toBe(other.digits);
});

test("our key bytes are not libsignal's", () => {
  const cast = makeCast();
  const [alice, bob] = [cast.alice.account, cast.bob.account];
  const theirs = (key: Uint8Array) => concat(Uint8Array.of(5), key);
  const asLibsignal = numericFingerprint(alice.id, theirs(alice.key.public), bob.id, theirs(bob.key.public));
  expect(asLibsignal.digits).not.toBe(numberOf(cast).digits);
});
