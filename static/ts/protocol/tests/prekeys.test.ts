// Prekeys are this device's, of this kind, not older than what was seen, and neither stale nor early.

import { beforeAll, describe, expect, test } from "vitest";
import { hex } from "../bytes";
import * as cbor from "../cbor";
import { BadKey, BadSignature, Malformed, NotListed, type ProtocolError } from "../errors";
import * as kem from "../kem";
import { DAY, PREKEY_MAX_AGE, PREKEY_MAX_AHEAD } from "../limits";
import * as prekeys from "../prekeys";
import { Bundle, NONE_SEEN, SignedPrekey, type KemLabel, type PrekeyLabel, type SeenPrekeys } from "../prekeys";
import { ready } from "../primitives";
import { startSession } from "../session";
import { Dice, makeCast, NOW, some, type BundleOptions, type Cast, type Phone } from "./cast";

beforeAll(ready);

const LABELS = ["spk", "klr", "opk", "okpk"] as const;
const SIGNED = ["spk", "klr"] as const;
const DH = ["spk", "opk"] as const;
const PARTS = ["spk", "opk", "kemKey"] as const;

interface Parts {
  readonly spk: SignedPrekey;
  readonly opk: SignedPrekey | null;
  readonly kemLabel: KemLabel;
  readonly kemKey: SignedPrekey;
}

function withParts(bundle: Bundle, parts: Partial<Parts>): Bundle {
  const { spk, opk, kemLabel, kemKey } = { ...(bundle as Parts), ...parts };
  return new Bundle(bundle.account, bundle.device, spk, opk, kemLabel, kemKey);
}

/** A bundle of bob's, with one part made anew for a label. */
function bundleWith(cast: Cast, label: PrekeyLabel, one: SignedPrekey, options: BundleOptions = {}): Bundle {
  const bundle = cast.bob.bundle(options);
  if (label === "spk" || label === "opk") return withParts(bundle, { [label]: one });
  return withParts(bundle, { kemLabel: label, kemKey: one });
}

function verify(cast: Cast, bundle: Bundle, seen: SeenPrekeys = NONE_SEEN) {
  return prekeys.verifyBundle(bundle, cast.bob.account.newest, cast.bob.own.device, seen, { now: NOW });
}

function refused(cast: Cast, bundle: Bundle, failure: new () => ProtocolError, seen?: SeenPrekeys): void {
  expect(() => verify(cast, bundle, seen)).toThrow(failure);
}

interface Making {
  readonly keyId?: number;
  readonly created?: number;
  readonly shown?: Uint8Array;
}

/** A prekey signed by the device itself, with whatever it contains. */
function made(phone: Phone, label: PrekeyLabel, { keyId = 1, created = NOW, shown }: Making = {}): SignedPrekey {
  const { own } = phone;
  const order = { firstId: keyId, count: 1, now: created, entropy: phone.dice };
  const { signed } = some(prekeys.generatePrekeys(own, label, order)[0]);
  if (shown === undefined) return signed;
  const payload = cbor.encode([own.account, own.device, keyId, created, shown]);
  return new SignedPrekey(label, payload, own.signing.sign(label, payload));
}

describe("a bundle that holds", () => {
  test.each([
    [true, true],
    [true, false],
    [false, true],
    [false, false],
  ])("is read back and verified: one-time key %s, one-time KEM key %s", (opk, oneTimeKem) => {
    const cast = makeCast();
    const bundle = cast.bob.bundle({ opk, oneTimeKem });
    expect(Bundle.fromBytes(bundle.toBytes())).toEqual(bundle);
    const verified = verify(cast, bundle);
    expect(verified.opk).toEqual(bundle.opk === null ? null : bundle.opk.public);
    expect(verified.kemLabel).toBe(oneTimeKem ? "okpk" : "klr");
    expect(verified.seen).toEqual({ spk: 1, klr: oneTimeKem ? 0 : 1 });
  });

  test.each(LABELS)("ids count up and private halves survive the store: %s", (label) => {
    const order = { firstId: 7, count: 3, now: NOW, entropy: new Dice(label) };
    const batch = prekeys.generatePrekeys(makeCast().bob.own, label, order);
    expect(batch.map((one) => one.private.keyId)).toEqual([7, 8, 9]);
    expect(batch.map((one) => one.signed.keyId)).toEqual([7, 8, 9]);
    for (const one of batch) {
      expect(prekeys.PrivatePrekey.fromBytes(one.private.toBytes())).toEqual(one.private);
      expect(SignedPrekey.fromBytes(label, one.signed.toBytes())).toEqual(one.signed);
    }
    expect(new Set(batch.map((one) => hex(one.private.private))).size).toBe(3);
  });

  test("one-time keys do not expire", () => {
    const cast = makeCast();
    const [opk, kemKey] = [made(cast.bob, "opk", { created: 0 }), made(cast.bob, "okpk", { created: 0 })];
    verify(cast, withParts(cast.bob.bundle(), { opk, kemKey }));
  });
});

describe("whose keys they are", () => {
  test("a bundle for a device that is not listed is refused", () => {
    const cast = makeCast();
    const bundle = cast.charlie.bundle();
    const { newest } = cast.bob.account;
    const check = () => prekeys.verifyBundle(bundle, newest, cast.charlie.own.device, NONE_SEEN, { now: NOW });
    expect(check).toThrow(NotListed);
    refused(cast, bundle, NotListed);
  });

  test("the bundle of another device of the account is refused", () => {
    const { alice, tablet } = makeCast();
    const { newest } = alice.account;
    const check = () => prekeys.verifyBundle(tablet.bundle(), newest, alice.own.device, NONE_SEEN, { now: NOW });
    expect(check).toThrow(NotListed);
  });

  test.each(PARTS)("a substituted prekey is refused: %s", (part) => {
    const cast = makeCast();
    refused(cast, withParts(cast.bob.bundle(), { [part]: cast.charlie.bundle()[part] }), BadSignature);
  });

  test.each(PARTS)("a prekey with a changed payload is refused: %s", (part) => {
    const cast = makeCast();
    const bundle = cast.bob.bundle();
    const one = some(bundle[part]);
    const payload = one.payload.slice();
    payload[payload.length - 1]! ^= 1;
    const label = part === "kemKey" ? "okpk" : part;
    refused(cast, withParts(bundle, { [part]: new SignedPrekey(label, payload, one.signature) }), BadSignature);
  });

  test("a key of one kind does not stand in for another", () => {
    const cast = makeCast();
    const bundle = cast.bob.bundle();
    refused(cast, withParts(bundle, { spk: some(bundle.opk) }), BadSignature);
    refused(cast, withParts(bundle, { opk: bundle.spk }), BadSignature);
    refused(cast, withParts(bundle, { kemLabel: "okpk", kemKey: made(cast.bob, "klr") }), BadSignature);
    refused(cast, withParts(bundle, { kemLabel: "klr", kemKey: made(cast.bob, "okpk") }), BadSignature);
  });

  test("a prekey that names another device is refused although it is signed", () => {
    const cast = makeCast();
    const bundle = cast.bob.bundle();
    const { account, signing } = cast.bob.own;
    const payload = cbor.encode([account, cast.tablet.own.device, 1, NOW, bundle.spk.public]);
    const spk = new SignedPrekey("spk", payload, signing.sign("spk", payload));
    refused(cast, withParts(bundle, { spk }), BadKey);
  });
});

describe("ids and ages", () => {
  test.each(SIGNED)("a lower id than was seen is a rollback: %s", (label) => {
    const cast = makeCast();
    const seen = { ...NONE_SEEN, [label]: 5 };
    const offered = (keyId: number) => bundleWith(cast, label, made(cast.bob, label, { keyId }), { opk: false });
    // Bundles hand out one-time KEM keys, of which the cast has two.
    cast.bob.makePrekeys(5);
    refused(cast, offered(4), BadKey, seen);
    for (const keyId of [5, 6]) expect(verify(cast, offered(keyId), seen).seen[label]).toBe(keyId);
  });

  const AGES = [
    [PREKEY_MAX_AGE, true],
    [PREKEY_MAX_AGE + 1, false],
    [-PREKEY_MAX_AHEAD, true],
    [-PREKEY_MAX_AHEAD - 1, false],
  ] as const;
  test.each(SIGNED.flatMap((label) => AGES.map(([age, holds]) => [label, age, holds] as const)))(
    "%s, %i ms old: %s",
    (label, age, holds) => {
      const cast = makeCast();
      const bundle = bundleWith(cast, label, made(cast.bob, label, { created: NOW - age }));
      if (holds) verify(cast, bundle);
      else refused(cast, bundle, BadKey);
    },
  );

  test.each(LABELS)("a private half goes when nobody may use the key any more: %s", (label) => {
    const order = { firstId: 1, count: 1, now: 0, entropy: new Dice(label) };
    const one = some(prekeys.generatePrekeys(makeCast().bob.own, label, order)[0]).private;
    const last = PREKEY_MAX_AGE + 31 * DAY;
    expect(prekeys.isSpent(one, { now: last })).toBe(false);
    expect(prekeys.isSpent(one, { now: last + 1 })).toBe(label === "spk" || label === "klr");
  });
});

describe("keys that are none", () => {
  const prime = new Uint8Array(32).fill(0xff);
  prime.set([0xed]);
  prime.set([0x7f], 31);

  test.each(DH)("a non-canonical key is refused: %s", (label) => {
    const cast = makeCast();
    for (const shown of [new Uint8Array(32).fill(0xff), prime]) {
      refused(cast, bundleWith(cast, label, made(cast.bob, label, { shown })), BadKey);
    }
  });

  test.each(DH)("a key of small order starts no session: %s", (label) => {
    const cast = makeCast();
    const shown = new Uint8Array(32);
    shown[0] = 1;
    const verified = verify(cast, bundleWith(cast, label, made(cast.bob, label, { shown })));
    const { own, account } = cast.alice;
    expect(() => startSession(own, account.newest, verified, { now: NOW })).toThrow(BadKey);
  });

  test.each(["klr", "okpk"] as const)("a KEM key beyond the modulus is refused: %s", (label) => {
    const cast = makeCast();
    const shown = new Uint8Array(kem.PUBLIC_SIZE).fill(0xff);
    refused(cast, bundleWith(cast, label, made(cast.bob, label, { shown })), BadKey);
  });
});

describe("another form is malformed", () => {
  const FIELDS: readonly (readonly [index: number, value: unknown])[] = [
    [0, new Uint8Array(15)],
    [1, null],
    [2, 0],
    [2, true],
    [2, "1"],
    [3, null],
    [4, new Uint8Array(31)],
    [4, new Uint8Array(1184)],
  ];
  test.each(FIELDS)("of a prekey: field %i as %s", (index, value) => {
    const fields = cbor.decode(makeCast().bob.bundle().spk.payload) as unknown[];
    fields[index] = value;
    const data = cbor.encode([cbor.encode(fields), new Uint8Array(64)]);
    expect(() => SignedPrekey.fromBytes("spk", data)).toThrow(Malformed);
  });

  test.each(["spk", "opk", "KLR", "", 1, null, new TextEncoder().encode("klr")])("of a KEM label: %s", (label) => {
    const fields = cbor.decode(makeCast().bob.bundle().toBytes()) as unknown[];
    (fields[4] as unknown[])[0] = label;
    expect(() => Bundle.fromBytes(cbor.encode(fields))).toThrow(Malformed);
  });
});
