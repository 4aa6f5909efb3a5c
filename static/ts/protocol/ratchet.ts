// The Double Ratchet with a periodic KEM step. Every function returns a new state; an error changes nothing.
//
// PROTOCOL.md, Messages. Chains alternate strictly: a side makes a new sending chain only on reading a new chain
// of the peer. So a new chain always answers the reader's current one, and whether a `ct` is due is never in doubt.

import { concat, equal } from "./bytes";
import * as cbor from "./cbor";
import type { Entropy } from "./entropy";
import { Duplicate, KemStep, TooFar, UnknownSession } from "./errors";
import * as kem from "./kem";
import { KEM_MESSAGES, KEM_PERIOD, MAX_JUMP } from "./limits";
import { DhKey, copen, cseal, hkdf, hmac, labelled, sha256, x25519 } from "./primitives";
import {
  Archive,
  isStale,
  type KeyPair,
  type Ratchet,
  type ReceivingChain,
  type SendingChain,
  type SkippedKey,
} from "./ratchet_state";
import { secret, type Secret } from "./secret";
import { Header } from "./wire";

const DOMAIN = "msgr/1/dr";
const LABEL = "dr";
const MESSAGE_KEY = Uint8Array.of(1);
const NEXT_KEY = Uint8Array.of(2);

/** KDF_RK: the new RK and a CK. With a KEM secret, the ciphertext it came in is bound by its hash. */
export function kdfRk(
  root: Secret,
  share: Uint8Array,
  ss: Uint8Array | null,
  ct: Uint8Array | null,
): [root: Secret, chain: Secret] {
  const info = labelled("rk");
  const okm =
    ss === null || ct === null
      ? hkdf(share, root, info, 64)
      : hkdf(concat(share, ss), root, concat(info, sha256(ct)), 64);
  return [secret(okm.slice(0, 32)), secret(okm.slice(32))];
}

/** A's side: a first chain to B's signed prekey, carrying A's first KEM key. */
export function start(
  transcript: Uint8Array,
  agreed: Secret,
  spk: Uint8Array,
  options: { now: number; entropy: Entropy },
): Ratchet {
  const { now, entropy } = options;
  const own = DhKey.generate(entropy);
  const [root, key] = kdfRk(agreed, x25519(own.private, spk), null, null);
  const seed = secret(entropy.random(kem.SEED_SIZE));
  return {
    transcript,
    root,
    own,
    sending: { key, n: 0, pn: 0, ek: kem.publicKey(seed), ct: null },
    receiving: null,
    awaited: seed,
    sentSinceEk: 0,
    ekMade: now,
    archive: Archive.EMPTY,
  };
}

/** B's side: RK = SK, the signed prekey as first ratchet key. It can only read until it has read. */
export function answer(transcript: Uint8Array, agreed: Secret, spk: KeyPair): Ratchet {
  return {
    transcript,
    root: agreed,
    own: { private: spk.private, public: spk.public },
    sending: null,
    receiving: null,
    awaited: null,
    sentSinceEk: 0,
    ekMade: null,
    archive: Archive.EMPTY,
  };
}

/** The new state, hdr, hdr bytes and body. Throws UnknownSession for a state that has not read anything yet. */
export function encrypt(
  ratchet: Ratchet,
  padded: Uint8Array,
  tag: Uint8Array,
  options: { entropy: Entropy },
): [state: Ratchet, header: Header, headerBytes: Uint8Array, body: Uint8Array] {
  const chain = ratchet.sending;
  if (chain === null) throw new UnknownSession("nothing received yet");
  const header = new Header(ratchet.own.public, chain.pn, chain.n, chain.ek, chain.ct);
  const headerBytes = header.toBytes();
  const associated = associatedData(ratchet.transcript, headerBytes, tag);
  const body = cseal(hmac(chain.key, MESSAGE_KEY), LABEL, associated, padded, options.entropy);
  const sending: SendingChain = { ...chain, key: secret(hmac(chain.key, NEXT_KEY)), n: chain.n + 1 };
  return [{ ...ratchet, sending, sentSinceEk: ratchet.sentSinceEk + 1 }, header, headerBytes, body];
}

/**
 * The new state and the padded plaintext. Throws Duplicate, KemStep, TooFar, BadKey, Undecryptable.
 *
 * The order of the checks is PROTOCOL.md's.
 */
export function decrypt(
  ratchet: Ratchet,
  header: Header,
  headerBytes: Uint8Array,
  body: Uint8Array,
  tag: Uint8Array,
  options: { now: number; entropy: Entropy },
): [state: Ratchet, padded: Uint8Array] {
  const { now, entropy } = options;
  const associated = associatedData(ratchet.transcript, headerBytes, tag);
  const stored = ratchet.archive.find(header.dh, header.n);
  if (stored !== null && !isStale(stored, now)) {
    const padded = copen(stored.key, LABEL, associated, body);
    return [{ ...ratchet, archive: ratchet.archive.without(header.dh, header.n) }, padded];
  }
  const current = ratchet.receiving;
  if (current !== null && equal(header.dh, current.dh)) {
    if (header.n < current.n) throw new Duplicate();
    const [moved, key] = advance(ratchet, current, header.n, now);
    return [moved, copen(key, LABEL, associated, body)];
  }
  if (ratchet.archive.hasChain(header.dh)) throw new Duplicate();
  return readNewChain(ratchet, header, associated, body, now, entropy);
}

function readNewChain(
  before: Ratchet,
  header: Header,
  associated: Uint8Array,
  body: Uint8Array,
  now: number,
  entropy: Entropy,
): [Ratchet, Uint8Array] {
  if ((header.ct === null) !== (before.awaited === null)) throw new KemStep();
  if (header.n > MAX_JUMP) throw new TooFar();
  const current = before.receiving;
  let archive = before.archive;
  if (current !== null) {
    // The keys left in the chain that has ended; a pn below what was read skips nothing.
    [archive] = storedUpTo(archive, current, header.pn, now);
    archive = archive.withChain(current.dh);
  }
  let ss = null;
  if (before.awaited !== null && header.ct !== null) ss = kem.decapsulate(before.awaited, header.ct);
  const [root, chainKey] = kdfRk(before.root, x25519(before.own.private, header.dh), ss, header.ct);
  const begun: ReceivingChain = { dh: header.dh, key: chainKey, n: 0 };
  const [moved, key] = advance({ ...before, root, archive, awaited: null }, begun, header.n, now);
  const padded = copen(key, LABEL, associated, body);
  // Only now, with the header authenticated: the peer's KEM key costs an encapsulation.
  return [makeSendingChain(moved, header.dh, header.ek, now, entropy), padded];
}

/** Answer a new receiving chain. Throws BadKey for an `ek` that is no key. */
function makeSendingChain(
  ratchet: Ratchet,
  dh: Uint8Array,
  peerEk: Uint8Array | null,
  now: number,
  entropy: Entropy,
): Ratchet {
  const own = DhKey.generate(entropy);
  const [ct, ss] = peerEk === null ? [null, null] : entropy.encapsulate(peerEk);
  const [root, key] = kdfRk(ratchet.root, x25519(own.private, dh), ss, ct);
  const pn = ratchet.sending === null ? 0 : ratchet.sending.n;
  if (!isKemDue(ratchet, now)) return { ...ratchet, root, own, sending: { key, n: 0, pn, ek: null, ct } };
  const seed = secret(entropy.random(kem.SEED_SIZE));
  const sending = { key, n: 0, pn, ek: kem.publicKey(seed), ct };
  return { ...ratchet, root, own, sending, awaited: seed, sentSinceEk: 0, ekMade: now };
}

function isKemDue(ratchet: Ratchet, now: number): boolean {
  if (ratchet.ekMade === null) return true; // this side's first chain
  return ratchet.sentSinceEk >= KEM_MESSAGES || now - ratchet.ekMade >= KEM_PERIOD;
}

/** The state after message n of a chain, keys before it stored, and the message's key. */
function advance(before: Ratchet, chain: ReceivingChain, n: number, now: number): [Ratchet, Secret] {
  const [archive, reached] = storedUpTo(before.archive, chain, n, now);
  const key = secret(hmac(reached.key, MESSAGE_KEY));
  const receiving: ReceivingChain = { dh: chain.dh, key: secret(hmac(reached.key, NEXT_KEY)), n: n + 1 };
  return [{ ...before, receiving, archive }, key];
}

function storedUpTo(archive: Archive, chain: ReceivingChain, n: number, now: number): [Archive, ReceivingChain] {
  if (n <= chain.n) return [archive, chain];
  if (n - chain.n > MAX_JUMP) throw new TooFar();
  const { dh } = chain;
  const keys: SkippedKey[] = [];
  let chainKey = chain.key;
  for (let number = chain.n; number < n; number++) {
    keys.push({ dh, n: number, key: secret(hmac(chainKey, MESSAGE_KEY)), stored: now });
    chainKey = secret(hmac(chainKey, NEXT_KEY));
  }
  return [archive.fresh(now).withSkipped(keys), { dh, key: chainKey, n }];
}

/** AD = CBOR["msgr/1/dr", T, hdr bytes, F]. */
export function associatedData(transcript: Uint8Array, header: Uint8Array, tag: Uint8Array): Uint8Array {
  return cbor.dump([DOMAIN, transcript, header, tag]);
}
