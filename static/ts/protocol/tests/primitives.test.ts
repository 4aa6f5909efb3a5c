// The primitives give what the RFCs and Wycheproof publish, and refuse more than most.

import { hkdf as nobleHkdf } from "@noble/hashes/hkdf.js";
import { hmac as nobleHmac } from "@noble/hashes/hmac.js";
import { sha256 as nobleSha256 } from "@noble/hashes/sha2.js";
import fc from "fast-check";
import sodium from "libsodium-wrappers-sumo";
import { beforeAll, describe, expect, test } from "vitest";
import { concat, EMPTY, hex, unhex, utf8 } from "../bytes";
import { BadKey, BadSignature, Undecryptable } from "../errors";
import * as primitives from "../primitives";
import { DhKey, SigningKey } from "../primitives";
import { Dice } from "./cast";
import { wycheproof } from "./files";

beforeAll(primitives.ready);

const P = 2n ** 255n - 19n;
const filled = (size: number, value: number) => new Uint8Array(size).fill(value);
const range = (start: number, end: number) => Uint8Array.from({ length: end - start }, (_, index) => start + index);

function littleEndian(value: bigint): Uint8Array {
  return unhex(value.toString(16).padStart(64, "0")).reverse();
}

describe("X25519", () => {
  test("RFC 7748, section 5.2", () => {
    const scalar = unhex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4");
    const u = unhex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c");
    const result = "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552";
    expect(hex(primitives.x25519(scalar, u))).toBe(result);
  });

  test("RFC 7748, section 6.1: both sides agree", () => {
    const alice = DhKey.fromPrivate(unhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"));
    const bob = DhKey.fromPrivate(unhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"));
    expect(hex(alice.public)).toBe("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
    expect(hex(bob.public)).toBe("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
    const shared = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";
    expect(hex(primitives.x25519(alice.private, bob.public))).toBe(shared);
    expect(hex(primitives.x25519(bob.private, alice.public))).toBe(shared);
  });

  test.each([0n, 1n, P - 1n, P, P + 1n, 2n ** 255n - 1n, 2n ** 255n, 2n ** 255n + 9n, 2n ** 256n - 1n])(
    "low order and non-canonical points are refused: %i",
    (u) => {
      expect(() => primitives.x25519(filled(32, 0x42), littleEndian(u))).toThrow(BadKey);
    },
  );

  test("the numbers next to the field's prime are told apart", () => {
    for (const u of [P, P + 1n, P + 18n, 2n ** 255n]) {
      expect(() => primitives.checkX25519(littleEndian(u))).toThrow(BadKey);
    }
    for (const u of [P - 1n, P - 2n, P - 256n, 2n ** 254n, 0n]) primitives.checkX25519(littleEndian(u));
  });

  test.each([0, 31, 33])("a public key of %i bytes is refused", (size) => {
    expect(() => primitives.x25519(filled(32, 0x42), new Uint8Array(size))).toThrow(BadKey);
  });

  interface Test {
    readonly tcId: number;
    readonly flags: readonly string[];
    readonly public: string;
    readonly private: string;
    readonly shared: string;
  }
  const groups = wycheproof<Test>("x25519_test.json");
  test.skipIf(groups === null)("Wycheproof", () => {
    for (const one of groups!.flatMap((group) => group.tests)) {
      const key = unhex(one.public);
      const run = () => hex(primitives.x25519(unhex(one.private), key));
      // Stricter than Wycheproof's "acceptable".
      const weak = one.flags.includes("ZeroSharedSecret") || one.flags.includes("NonCanonicalPublic");
      if (weak || key[31]! & 0x80) expect(run, String(one.tcId)).toThrow(BadKey);
      else expect(run(), String(one.tcId)).toBe(one.shared);
    }
  });
});

describe("Ed25519", () => {
  test.each([
    [
      "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
      "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
      "",
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b" +
        "d25bf5f0595bbe24655141438e7a100b",
    ],
    [
      "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
      "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
      "72",
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c" +
        "387b2eaeb4302aeeb00d291612bb0c00",
    ],
    [
      "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
      "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
      "af82",
      "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659" +
        "4a7c15e9716ed28dc027beceea1ec40a",
    ],
  ])("RFC 8032, section 7.1: %s", (seed, shown, message, signature) => {
    const key = SigningKey.fromSeed(unhex(seed));
    expect(hex(key.public)).toBe(shown);
    expect(hex(sodium.crypto_sign_detached(unhex(message), concat(key.seed, key.public)))).toBe(signature);
  });

  interface Test {
    readonly tcId: number;
    readonly msg: string;
    readonly sig: string;
    readonly result: string;
  }
  const groups = wycheproof<Test>("ed25519_test.json");
  test.skipIf(groups === null)("Wycheproof", () => {
    for (const group of groups!) {
      for (const one of group.tests) {
        const [signature, key] = [unhex(one.sig), unhex(group.publicKey!.pk)];
        const holds = signature.length === 64 && sodium.crypto_sign_verify_detached(signature, unhex(one.msg), key);
        expect(holds ? "valid" : "invalid", String(one.tcId)).toBe(one.result);
      }
    }
  });

  test("a signature counts under its own label only", () => {
    const key = SigningKey.generate(new Dice("labels"));
    const signature = key.sign("spk", utf8("payload"));
    primitives.verify(key.public, "spk", utf8("payload"), signature);
    for (const label of ["opk", "sp", "spk2", "devlist", ""]) {
      expect(() => primitives.verify(key.public, label, utf8("payload"), signature)).toThrow(BadSignature);
    }
    expect(() => primitives.verify(key.public, "sp", utf8("k\0payload"), signature)).toThrow(BadSignature);
  });

  test.each([
    "00".repeat(32),
    "01" + "00".repeat(31),
    "ec" + "ff".repeat(30) + "7f",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "ee" + "ff".repeat(30) + "7f",
    "01" + "00".repeat(30) + "80",
  ])("a small-order or non-canonical signing key verifies nothing: %s", (key) => {
    // Under a key of small order, R = identity and s = 0 would satisfy the plain equation.
    const signature = unhex("01" + "00".repeat(63));
    expect(() => primitives.verify(unhex(key), "spk", utf8("anything"), signature)).toThrow(BadSignature);
  });

  test("a signature with a large s is refused", () => {
    const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    const key = SigningKey.generate(new Dice("malleable"));
    const signature = key.sign("spk", utf8("payload"));
    const large = littleEndian(BigInt(`0x${hex(signature.slice(32).reverse())}`) + order);
    const forged = concat(signature.subarray(0, 32), large);
    expect(() => primitives.verify(key.public, "spk", utf8("payload"), forged)).toThrow(BadSignature);
  });

  test.each([
    [31, 64],
    [33, 64],
    [32, 63],
    [32, 65],
    [32, 0],
  ])("a key of %i and a signature of %i bytes are refused", (keySize, signatureSize) => {
    const verify = () => primitives.verify(new Uint8Array(keySize), "spk", EMPTY, new Uint8Array(signatureSize));
    expect(verify).toThrow(BadSignature);
  });
});

describe("HKDF and HMAC", () => {
  test.each([
    [
      filled(22, 0x0b),
      range(0, 13),
      range(0xf0, 0xfa),
      "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    ],
    [
      range(0, 0x50),
      range(0x60, 0xb0),
      range(0xb0, 0x100),
      "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09" +
        "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
    ],
    [
      filled(22, 0x0b),
      EMPTY,
      EMPTY,
      "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
    ],
  ])("RFC 5869, appendix A", (ikm, salt, info, okm) => {
    expect(hex(primitives.hkdf(ikm, salt, info, okm.length / 2))).toBe(okm);
  });

  interface Test {
    readonly tcId: number;
    readonly ikm: string;
    readonly salt: string;
    readonly info: string;
    readonly size: number;
    readonly okm: string;
    readonly result: string;
  }
  const groups = wycheproof<Test>("hkdf_sha256_test.json");
  test.skipIf(groups === null)("Wycheproof", () => {
    for (const one of groups!.flatMap((group) => group.tests)) {
      const run = () => hex(primitives.hkdf(unhex(one.ikm), unhex(one.salt), unhex(one.info), one.size));
      if (one.result === "invalid") expect(run, String(one.tcId)).toThrow(RangeError);
      else expect(run(), String(one.tcId)).toBe(one.okm);
    }
  });

  test("libsodium's and the hash library's are one, for keys of every length", () => {
    const bytes = fc.uint8Array({ maxLength: 150 });
    fc.assert(
      fc.property(bytes, bytes, fc.nat(200), (key, data, length) => {
        expect(hex(primitives.hmac(key, data))).toBe(hex(nobleHmac(nobleSha256, key, data)));
        const okm = nobleHkdf(nobleSha256, data, key, key, length);
        expect(hex(primitives.hkdf(data, key, key, length))).toBe(hex(okm));
      }),
    );
  });
});

describe("XChaCha20-Poly1305", () => {
  interface Test {
    readonly tcId: number;
    readonly key: string;
    readonly iv: string;
    readonly aad: string;
    readonly msg: string;
    readonly ct: string;
    readonly tag: string;
    readonly result: string;
  }
  const groups = wycheproof<Test>("xchacha20_poly1305_test.json");
  test.skipIf(groups === null)("Wycheproof", () => {
    for (const one of groups!.flatMap((group) => group.tests)) {
      const [key, nonce, ad] = [unhex(one.key), unhex(one.iv), unhex(one.aad)];
      const sealed = one.ct + one.tag;
      const open = () => sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(null, unhex(sealed), ad, nonce, key);
      if (one.result === "valid") {
        const made = sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(unhex(one.msg), ad, null, nonce, key);
        expect(hex(made), String(one.tcId)).toBe(sealed);
        expect(hex(open()), String(one.tcId)).toBe(one.msg);
      } else expect(open, String(one.tcId)).toThrow();
    }
  });
});

describe("cseal", () => {
  const KEY = filled(32, 0x6b);
  const AD = utf8("ad");
  const seal = () => primitives.cseal(KEY, "dr", AD, utf8("words"), new Dice("cseal"));

  test("opens, and every flipped bit keeps it shut", () => {
    const sealed = seal();
    expect(hex(primitives.copen(KEY, "dr", AD, sealed))).toBe(hex(utf8("words")));
    for (const position of sealed.keys()) {
      const forged = sealed.slice();
      forged[position]! ^= 1 << position % 8;
      expect(() => primitives.copen(KEY, "dr", AD, forged)).toThrow(Undecryptable);
    }
  });

  test("is bound to key, label and associated data", () => {
    const sealed = seal();
    expect(() => primitives.copen(filled(32, 0x4b), "dr", AD, sealed)).toThrow(Undecryptable);
    expect(() => primitives.copen(KEY, "sk", AD, sealed)).toThrow(Undecryptable);
    expect(() => primitives.copen(KEY, "dr", utf8("AD"), sealed)).toThrow(Undecryptable);
  });

  test.each([0, 71])("refuses %i bytes, too short to be sealed", (size) => {
    expect(() => primitives.copen(KEY, "dr", EMPTY, new Uint8Array(size))).toThrow(Undecryptable);
  });

  test("twice under one key repeats no key stream", () => {
    const [first, second] = [0, 1].map(() => primitives.cseal(KEY, "dr", EMPTY, new Uint8Array(64)));
    expect(hex(first!.subarray(0, 24))).not.toBe(hex(second!.subarray(0, 24)));
    expect(hex(first!.subarray(56))).not.toBe(hex(second!.subarray(56)));
  });
});

test("bytes are the same only when length and content are", () => {
  expect(primitives.same(EMPTY, EMPTY)).toBe(true);
  expect(primitives.same(filled(32, 1), filled(32, 1))).toBe(true);
  expect(primitives.same(filled(32, 1), filled(31, 1))).toBe(false);
  expect(primitives.same(filled(32, 1), concat(filled(31, 1), EMPTY, filled(1, 2)))).toBe(false);
});
