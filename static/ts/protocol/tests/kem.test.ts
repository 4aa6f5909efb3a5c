// ML-KEM-768 gives the published answers, and refuses keys that fail FIPS 203's checks.

import { beforeAll, describe, expect, test } from "vitest";
import { hex, unhex } from "../bytes";
import { BadKey } from "../errors";
import * as kem from "../kem";
import { ready, sha256 } from "../primitives";
import { knownKem, wycheproof } from "./files";

beforeAll(ready);

const KNOWN = knownKem();
const SEED = new Uint8Array(64).fill(0x73);

test.each(KNOWN.keygen)("a seed gives its published key: $tcId", (known) => {
  expect(hex(sha256(kem.publicKey(unhex(known.seed!))))).toBe(known.ek_sha256);
});

test.each(KNOWN.decapsulate)("a ciphertext gives its published secret: $tcId", (known) => {
  expect(hex(kem.decapsulate(unhex(known.seed!), unhex(known.ct!)))).toBe(known.ss);
});

interface Test {
  readonly tcId: number;
  readonly result: string;
  readonly seed: string;
  readonly ek: string;
  readonly c: string;
  readonly K: string;
}

describe("Wycheproof", () => {
  const keygen = wycheproof<Test>("mlkem_768_keygen_seed_test.json");
  test.skipIf(keygen === null)("key generation", () => {
    for (const one of keygen!.flatMap((group) => group.tests)) {
      expect(hex(kem.publicKey(unhex(one.seed))), String(one.tcId)).toBe(one.ek);
    }
  });

  const decapsulation = wycheproof<Test>("mlkem_768_test.json");
  test.skipIf(decapsulation === null)("decapsulation", () => {
    for (const one of decapsulation!.flatMap((group) => group.tests)) {
      const run = () => hex(kem.decapsulate(unhex(one.seed), unhex(one.c)));
      if (one.result === "valid") {
        expect(hex(kem.publicKey(unhex(one.seed)))).toBe(one.ek);
        expect(run(), String(one.tcId)).toBe(one.K);
      } else expect(run, String(one.tcId)).toThrow();
    }
  });

  const encapsulation = wycheproof<Test>("mlkem_768_encaps_test.json");
  test.skipIf(encapsulation === null)("public keys", () => {
    for (const one of encapsulation!.flatMap((group) => group.tests)) {
      const key = unhex(one.ek);
      if (one.result === "valid") kem.checkPublicKey(key);
      else expect(() => kem.encapsulate(key), String(one.tcId)).toThrow(BadKey);
    }
  });
});

test("what is encapsulated comes out again", () => {
  const [ct, ss] = kem.encapsulate(kem.publicKey(SEED));
  expect([ct.length, ss.length]).toEqual([kem.CIPHERTEXT_SIZE, 32]);
  expect(hex(kem.decapsulate(SEED, ct))).toBe(hex(ss));
});

test("a tampered ciphertext gives another secret and no error", () => {
  const [ct, ss] = kem.encapsulate(kem.publicKey(SEED));
  ct[0]! ^= 1;
  expect(hex(kem.decapsulate(SEED, ct))).not.toBe(hex(ss));
});

test("a coefficient of the modulus or more is a bad key, wherever it stands", () => {
  for (const coefficient of [3329, 4095]) {
    for (const start of [0, 3, 576, 1149]) {
      const [even, odd] = [kem.publicKey(SEED), kem.publicKey(SEED)];
      even.set([coefficient & 0xff, (even[start + 1]! & 0xf0) | (coefficient >> 8)], start);
      odd.set([(odd[start + 1]! & 0x0f) | ((coefficient & 0x0f) << 4), coefficient >> 4], start + 1);
      expect(() => kem.checkPublicKey(even)).toThrow(BadKey);
      expect(() => kem.checkPublicKey(odd)).toThrow(BadKey);
    }
  }
  const most = kem.publicKey(SEED);
  most.set([3328 & 0xff, (most[1]! & 0xf0) | (3328 >> 8)]);
  kem.checkPublicKey(most);
});

test.each([0, 1183, 1185])("a key of %i bytes is a bad key", (size) => {
  expect(() => kem.checkPublicKey(new Uint8Array(size))).toThrow(BadKey);
});
