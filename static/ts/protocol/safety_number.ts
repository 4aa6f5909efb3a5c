// The safety number of two accounts: libsignal's numeric fingerprint over account keys.
// PROTOCOL.md, Keys and the device list. Key bytes are 06 ‖ AK (libsignal's own keys start with 05), the
// identifier is the account id.

import { sha512 } from "@noble/hashes/sha2.js";
import { concat } from "./bytes";
import type { AccountId } from "./ids";
import { same } from "./primitives";

export const ROUNDS = 5_200;
export const KEY_TYPE = Uint8Array.of(6);
const VERSION = new Uint8Array(2);
export const SCANNABLE_VERSION = 2;

/** What two people compare: 60 digits, or a QR code's bytes. */
export class SafetyNumber {
  readonly digits: string;
  readonly scannable: Uint8Array;

  constructor(digits: string, scannable: Uint8Array) {
    this.digits = digits;
    this.scannable = scannable;
  }

  /** The digits as twelve groups of five. */
  groups(): readonly string[] {
    return Array.from({ length: 12 }, (_, index) => this.digits.slice(5 * index, 5 * index + 5));
  }

  /** Compare with what the other person's code shows: the same, seen from the other side. */
  matches(scanned: Uint8Array): boolean {
    return same(swap(this.scannable), scanned);
  }
}

/** Compute the safety number; some 50 ms. Both sides get the same digits. */
export function safetyNumber(
  account: AccountId,
  accountKey: Uint8Array,
  peer: AccountId,
  peerAccountKey: Uint8Array,
): SafetyNumber {
  return numericFingerprint(account, concat(KEY_TYPE, accountKey), peer, concat(KEY_TYPE, peerAccountKey));
}

/** Compute libsignal's fingerprint for any identifiers and serialised keys. */
export function numericFingerprint(
  identifier: Uint8Array,
  key: Uint8Array,
  peerIdentifier: Uint8Array,
  peerKey: Uint8Array,
): SafetyNumber {
  const own = fingerprint(identifier, key);
  const other = fingerprint(peerIdentifier, peerKey);
  const sorted = [digits(own), digits(other)].sort();
  return new SafetyNumber(sorted.join(""), scannable(own.subarray(0, 32), other.subarray(0, 32)));
}

function fingerprint(identifier: Uint8Array, key: Uint8Array): Uint8Array {
  let digest = sha512(concat(VERSION, key, identifier, key));
  const round = concat(digest, key);
  for (let count = 1; count < ROUNDS; count++) {
    round.set(digest);
    digest = sha512(round);
  }
  return digest;
}

function digits(bytes: Uint8Array): string {
  let text = "";
  for (let start = 0; start < 30; start += 5) {
    let number = 0;
    for (const value of bytes.subarray(start, start + 5)) number = number * 256 + value;
    text += String(number % 100_000).padStart(5, "0");
  }
  return text;
}

// libsignal's protocol buffer: version (field 1), own and other fingerprint (fields 2 and 3, each a
// message whose field 1 is the 32 bytes).
const OWN_PREFIX = Uint8Array.of(0x08, SCANNABLE_VERSION, 0x12, 0x22, 0x0a, 0x20);
const OTHER_PREFIX = Uint8Array.of(0x1a, 0x22, 0x0a, 0x20);

function scannable(own: Uint8Array, other: Uint8Array): Uint8Array {
  return concat(OWN_PREFIX, own, OTHER_PREFIX, other);
}

function swap(shown: Uint8Array): Uint8Array {
  return scannable(shown.subarray(42, 74), shown.subarray(6, 38));
}
