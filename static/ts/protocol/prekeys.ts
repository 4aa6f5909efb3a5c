// Prekeys and bundles. Refuses keys that are rolled back, stale, misplaced, or signed as something else.
// PROTOCOL.md, Keys and the device list. A prekey travels as `CBOR[payload bytes, signature]`.

import { equal } from "./bytes";
import * as cbor from "./cbor";
import type { DeviceList, ListedDevice } from "./device_list";
import { SYSTEM, type Entropy } from "./entropy";
import { BadKey, Malformed, NotListed } from "./errors";
import * as form from "./form";
import type { AccountId, DeviceId } from "./ids";
import * as kem from "./kem";
import type { OwnDevice } from "./keys";
import { PREKEY_MAX_AGE, PREKEY_MAX_AHEAD, PREKEY_RETENTION } from "./limits";
import { checkX25519, DhKey, KEY_SIZE, SIGNATURE_SIZE, verify } from "./primitives";
import { secret, type Secret } from "./secret";

export const SPK = "spk"; // signed prekey, X25519, a new one every 7 days
export const KLR = "klr"; // last-resort ML-KEM-768 key, likewise
export const OPK = "opk"; // one-time X25519
export const OKPK = "okpk"; // one-time ML-KEM-768

export type KemLabel = typeof KLR | typeof OKPK;
export type PrekeyLabel = typeof SPK | typeof OPK | KemLabel;

export const ONE_TIME: ReadonlySet<PrekeyLabel> = new Set([OPK, OKPK]);
const PUBLIC_SIZE = { spk: KEY_SIZE, opk: KEY_SIZE, klr: kem.PUBLIC_SIZE, okpk: kem.PUBLIC_SIZE } as const;
const PRIVATE_SIZE = { spk: KEY_SIZE, opk: KEY_SIZE, klr: kem.SEED_SIZE, okpk: kem.SEED_SIZE } as const;

/** The private half, for the store of the device that made it. */
export class PrivatePrekey {
  readonly label: PrekeyLabel;
  readonly keyId: number;
  readonly created: number; // ms
  readonly private: Secret; // X25519 private key, or ML-KEM seed
  readonly public: Uint8Array;

  constructor(label: PrekeyLabel, keyId: number, created: number, own: Secret, shown: Uint8Array) {
    this.label = label;
    this.keyId = keyId;
    this.created = created;
    this.private = own;
    this.public = shown;
  }

  toBytes(): Secret {
    return secret(cbor.encode([this.label, this.keyId, this.created, this.private, this.public]));
  }

  static fromBytes(data: Uint8Array): PrivatePrekey {
    const [labelValue, keyId, created, own, shown] = form.array(cbor.decode(data), 5);
    const label = readLabel(labelValue);
    return new PrivatePrekey(
      label,
      form.unsigned(keyId, 1),
      form.unsigned(created),
      secret(form.octets(own, PRIVATE_SIZE[label])),
      form.octets(shown, PUBLIC_SIZE[label]),
    );
  }
}

/** A prekey as it travels; its form has been read, its signature has not. */
export class SignedPrekey {
  readonly account: AccountId;
  readonly device: DeviceId;
  readonly keyId: number;
  readonly created: number; // ms
  readonly public: Uint8Array;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;

  /** Read the fields out of a payload. Throws Malformed. */
  constructor(label: PrekeyLabel, payload: Uint8Array, signature: unknown) {
    const [account, device, keyId, created, shown] = form.array(cbor.decode(payload), 5);
    this.account = form.identifier(account);
    this.device = form.identifier(device);
    this.keyId = form.unsigned(keyId, 1);
    this.created = form.unsigned(created);
    this.public = form.octets(shown, PUBLIC_SIZE[label]);
    this.payload = payload;
    this.signature = form.octets(signature, SIGNATURE_SIZE);
  }

  toBytes(): Uint8Array {
    return cbor.encode([this.payload, this.signature]);
  }

  /** Read the form of a prekey. Throws Malformed. */
  static fromBytes(label: PrekeyLabel, data: Uint8Array): SignedPrekey {
    return readPrekey(label, cbor.decode(data));
  }
}

/** Both halves, as they leave `generatePrekeys`: store `private`, publish `signed`. */
export interface Prekey {
  readonly private: PrivatePrekey;
  readonly signed: SignedPrekey;
}

/** What the server hands out to start one session: read, not yet verified. */
export class Bundle {
  readonly account: AccountId;
  readonly device: DeviceId;
  readonly spk: SignedPrekey;
  readonly opk: SignedPrekey | null;
  readonly kemLabel: KemLabel; // okpk, or klr when the one-time ones have run out
  readonly kemKey: SignedPrekey;

  constructor(
    account: AccountId,
    device: DeviceId,
    spk: SignedPrekey,
    opk: SignedPrekey | null,
    kemLabel: KemLabel,
    kemKey: SignedPrekey,
  ) {
    this.account = account;
    this.device = device;
    this.spk = spk;
    this.opk = opk;
    this.kemLabel = kemLabel;
    this.kemKey = kemKey;
  }

  /** CBOR[account, device, spk, opk|null, [kem label, kem key]], each prekey as [payload, signature]. */
  toBytes(): Uint8Array {
    const fields = (one: SignedPrekey) => [one.payload, one.signature];
    return cbor.encode([
      this.account,
      this.device,
      fields(this.spk),
      this.opk === null ? null : fields(this.opk),
      [this.kemLabel, fields(this.kemKey)],
    ]);
  }

  /** Read the form of a bundle. Throws Malformed. */
  static fromBytes(data: Uint8Array): Bundle {
    const [account, device, spk, opk, labelledKem] = form.array(cbor.decode(data), 5);
    const [labelValue, kemKey] = form.array(labelledKem, 2);
    const label = readKemLabel(labelValue);
    return new Bundle(
      form.identifier(account),
      form.identifier(device),
      readPrekey(SPK, spk),
      opk === null ? null : readPrekey(OPK, opk),
      label,
      readPrekey(label, kemKey),
    );
  }
}

/** The highest ids seen from one device: a lower one is a rollback. Stored with the device's pin. */
export interface SeenPrekeys {
  readonly spk: number;
  readonly klr: number;
}

/** Of a device that nothing was seen from. */
export const NONE_SEEN: SeenPrekeys = { spk: 0, klr: 0 };

/** A bundle that may start a session, with the keys of the device as the signed list shows them. */
export interface VerifiedBundle {
  readonly account: AccountId;
  readonly accountKey: Uint8Array; // AK
  readonly peer: ListedDevice;
  readonly listHash: Uint8Array; // of the list it was checked against
  readonly spkId: number;
  readonly spk: Uint8Array;
  readonly opkId: number | null;
  readonly opk: Uint8Array | null;
  readonly kemLabel: KemLabel;
  readonly kemId: number;
  readonly kemKey: Uint8Array;
  readonly seen: SeenPrekeys; // store this for the device
}

export interface PrekeyOrder {
  readonly firstId: number;
  readonly count: number;
  readonly now: number;
  readonly entropy?: Entropy;
}

/**
 * Make `count` prekeys with ids from `firstId` up. Ids start at 1 and never come again per label.
 *
 * Hazard: store the next id before anything is published; an id that is used twice looks like an attack.
 */
export function generatePrekeys(own: OwnDevice, label: PrekeyLabel, order: PrekeyOrder): readonly Prekey[] {
  const { firstId, count, now, entropy = SYSTEM } = order;
  return Array.from({ length: count }, (_, offset) => generate(own, label, firstId + offset, now, entropy));
}

/**
 * Tell whether a signed or last-resort private half (and the H(EK)s under it) is to be deleted.
 *
 * 90 days in which senders take it, and 31 in which their messages may still arrive. One-time keys: never.
 */
export function isSpent(one: PrivatePrekey, { now }: { readonly now: number }): boolean {
  return !ONE_TIME.has(one.label) && now - one.created > PREKEY_RETENTION;
}

/**
 * Check a claimed bundle for `device` against the account's newest accepted list.
 *
 * Throws NotListed (another device than asked for, or none on the list), BadSignature, BadKey (not a
 * valid key; another device's; rolled back, older than 90 days, over 24 hours ahead). A device without
 * a usable bundle is left out of the send and named to the sender; it never blocks the others.
 */
export function verifyBundle(
  bundle: Bundle,
  newest: DeviceList,
  device: DeviceId,
  seen: SeenPrekeys,
  { now }: { readonly now: number },
): VerifiedBundle {
  const { account, accountKey } = newest;
  const { spk, opk, kemLabel, kemKey } = bundle;
  const peer = newest.find(device);
  if (peer === null || !equal(bundle.account, account) || !equal(bundle.device, device)) throw new NotListed();
  verifyPrekey(SPK, spk, account, peer);
  if (opk !== null) verifyPrekey(OPK, opk, account, peer);
  verifyPrekey(kemLabel, kemKey, account, peer);
  checkAge(spk, seen.spk, now);
  if (kemLabel === KLR) checkAge(kemKey, seen.klr, now);
  return {
    account,
    accountKey,
    peer,
    listHash: newest.hash,
    spkId: spk.keyId,
    spk: spk.public,
    opkId: opk === null ? null : opk.keyId,
    opk: opk === null ? null : opk.public,
    kemLabel,
    kemId: kemKey.keyId,
    kemKey: kemKey.public,
    seen: { spk: spk.keyId, klr: kemLabel === KLR ? kemKey.keyId : seen.klr },
  };
}

export function readLabel(value: unknown): PrekeyLabel {
  if (value === SPK || value === OPK) return value;
  if (value === KLR || value === OKPK) return value;
  throw new Malformed("prekey label");
}

export function readKemLabel(value: unknown): KemLabel {
  const label = readLabel(value);
  if (label !== KLR && label !== OKPK) throw new Malformed("kem label");
  return label;
}

function generate(own: OwnDevice, label: PrekeyLabel, keyId: number, now: number, entropy: Entropy): Prekey {
  const made = label === SPK || label === OPK ? DhKey.generate(entropy) : kemPair(entropy);
  const payload = cbor.encode([own.account, own.device, keyId, now, made.public]);
  return {
    private: new PrivatePrekey(label, keyId, now, made.private, made.public),
    signed: new SignedPrekey(label, payload, own.signing.sign(label, payload)),
  };
}

function kemPair(entropy: Entropy) {
  const seed = secret(entropy.random(kem.SEED_SIZE));
  return { private: seed, public: kem.publicKey(seed) };
}

function readPrekey(label: PrekeyLabel, value: cbor.Value | undefined): SignedPrekey {
  const [payload, signature] = form.array(value, 2);
  return new SignedPrekey(label, form.anyOctets(payload), signature);
}

function verifyPrekey(label: PrekeyLabel, prekey: SignedPrekey, account: AccountId, peer: ListedDevice): void {
  // The label is in what is signed: an opk passed off as an spk fails here.
  verify(peer.signingKey, label, prekey.payload, prekey.signature);
  if (!equal(prekey.account, account) || !equal(prekey.device, peer.device)) {
    throw new BadKey("made for another device");
  }
  if (label === SPK || label === OPK) checkX25519(prekey.public);
  else kem.checkPublicKey(prekey.public);
}

function checkAge(prekey: SignedPrekey, highest: number, now: number): void {
  if (prekey.keyId < highest) throw new BadKey("rolled back");
  if (now - prekey.created > PREKEY_MAX_AGE || prekey.created - now > PREKEY_MAX_AHEAD) {
    throw new BadKey("too old or ahead of time");
  }
}
