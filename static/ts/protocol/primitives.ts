// The primitives as PROTOCOL.md (Encoding) defines them. Refuses weak points; signs only under a label.

import { hmac as nobleHmac } from "@noble/hashes/hmac.js";
import { sha256 as nobleSha256 } from "@noble/hashes/sha2.js";
import sodium from "libsodium-wrappers-sumo";
import { concat, EMPTY, utf8 } from "./bytes";
import { SYSTEM, type Entropy } from "./entropy";
import { BadKey, BadSignature, Undecryptable } from "./errors";
import { secret, type Secret } from "./secret";

export const PREFIX = "msgr/1/"; // P

export const KEY_SIZE = 32;
export const SIGNATURE_SIZE = 64;
export const HASH_SIZE = 32;
export const NONCE_SIZE = 24;
export const TAG_SIZE = 16;
export const CSEAL_OVERHEAD = NONCE_SIZE + 32 + TAG_SIZE;

/** Wait for libsodium, once, before anything else here. Rejects where the page's policy forbids WebAssembly. */
export async function ready(): Promise<void> {
  await sodium.ready;
}

/** An X25519 key pair. */
export class DhKey {
  readonly private: Secret;
  readonly public: Uint8Array;

  private constructor(own: Secret, shown: Uint8Array) {
    this.private = own;
    this.public = shown;
  }

  static generate(entropy: Entropy = SYSTEM): DhKey {
    return DhKey.fromPrivate(entropy.random(KEY_SIZE));
  }

  static fromPrivate(bytes: Uint8Array): DhKey {
    return new DhKey(secret(bytes), sodium.crypto_scalarmult_base(bytes));
  }
}

/** An Ed25519 key pair; the private key is its 32-byte seed. */
export class SigningKey {
  readonly seed: Secret;
  readonly public: Uint8Array;

  private constructor(seed: Secret, shown: Uint8Array) {
    this.seed = seed;
    this.public = shown;
  }

  static generate(entropy: Entropy = SYSTEM): SigningKey {
    return SigningKey.fromSeed(entropy.random(KEY_SIZE));
  }

  static fromSeed(seed: Uint8Array): SigningKey {
    return new SigningKey(secret(seed), sodium.crypto_sign_seed_keypair(seed).publicKey);
  }

  /** Sign(k, label, m): Ed25519 over P ‖ label ‖ 00 ‖ m. */
  sign(label: string, message: Uint8Array): Uint8Array {
    return sodium.crypto_sign_detached(concat(labelled(label), message), concat(this.seed, this.public));
  }
}

const labels = new Map<string, Uint8Array>();

/** P ‖ label ‖ 00. Shared: not to be written into. */
export function labelled(label: string): Uint8Array {
  let bytes = labels.get(label);
  if (bytes === undefined) labels.set(label, (bytes = utf8(`${PREFIX}${label}\0`)));
  return bytes;
}

/**
 * Check a signature with libsodium and nothing else, or throw BadSignature.
 *
 * libsodium refuses small-order and non-canonical keys, and s not below the group's order.
 */
export function verify(key: Uint8Array, label: string, message: Uint8Array, signature: Uint8Array): void {
  if (key.length !== KEY_SIZE || signature.length !== SIGNATURE_SIZE) throw new BadSignature(label);
  if (!sodium.crypto_sign_verify_detached(signature, concat(labelled(label), message), key)) {
    throw new BadSignature(label);
  }
}

/** X25519, refusing a non-canonical public key and an all-zero result (BadKey). */
export function x25519(own: Uint8Array, peer: Uint8Array): Secret {
  checkX25519(peer);
  let shared: Uint8Array;
  try {
    shared = sodium.crypto_scalarmult(own, peer);
  } catch (error) {
    // A TypeError is a key of ours that is none; else it is libsodium's answer to a point of small order.
    if (error instanceof TypeError) throw error;
    throw new BadKey("small order", { cause: error });
  }
  if (sodium.is_zero(shared)) throw new BadKey("small order");
  return secret(shared);
}

/** Throw BadKey for a public key with the high bit set or u >= 2^255-19. */
export function checkX25519(key: Uint8Array): void {
  if (key.length !== KEY_SIZE || !isReduced(key)) throw new BadKey("not canonical");
}

// Whether a little-endian number is below 2^255-19, which is ED, 30 times FF, 7F.
function isReduced(number: Uint8Array): boolean {
  const [lowest = 0] = number;
  const highest = number[31] ?? 0;
  if (highest !== 0x7f) return highest < 0x7f;
  for (let index = 1; index < 31; index++) if (number[index] !== 0xff) return true;
  return lowest < 0xed;
}

/** Compare in constant time; only the lengths show. */
export function same(first: Uint8Array, second: Uint8Array): boolean {
  return first.length === second.length && sodium.memcmp(first, second);
}

/** H. */
export function sha256(data: Uint8Array): Uint8Array {
  return nobleSha256(data);
}

/** HMAC-SHA-256. libsodium's takes a third of the time of a JavaScript one, and every message needs six. */
export function hmac(key: Uint8Array, data: Uint8Array): Uint8Array {
  if (key.length === KEY_SIZE) return sodium.crypto_auth_hmacsha256(data, key);
  if (key.length > KEY_SIZE) return nobleHmac(nobleSha256, key, data);
  // HMAC fills its key with zeros to a block of 64 anyway.
  const filled = new Uint8Array(KEY_SIZE);
  filled.set(key);
  return sodium.crypto_auth_hmacsha256(data, filled);
}

/** HKDF-SHA-256 (RFC 5869). An empty salt is 32 zero bytes, as HMAC has it. */
export function hkdf(ikm: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  if (length > 255 * HASH_SIZE) throw new RangeError("HKDF gives at most 255 blocks");
  const prk = hmac(salt, ikm);
  const okm = new Uint8Array(length);
  let block: Uint8Array = EMPTY;
  for (let offset = 0, counter = 1; offset < length; offset += HASH_SIZE, counter++) {
    block = hmac(prk, concat(block, info, Uint8Array.of(counter)));
    okm.set(length - offset < HASH_SIZE ? block.subarray(0, length - offset) : block, offset);
  }
  return okm;
}

/**
 * Seal committing to the key: n ‖ kc ‖ XChaCha20-Poly1305.
 *
 * The nonce is random even for keys used once: a state restored from an old copy uses a key twice.
 */
export function cseal(
  key: Uint8Array,
  label: string,
  ad: Uint8Array,
  plaintext: Uint8Array,
  entropy: Entropy = SYSTEM,
): Uint8Array {
  const nonce = entropy.random(NONCE_SIZE);
  const okm = hkdf(key, nonce, concat(labelled(label), sha256(ad)), 64);
  const body = sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, ad, null, nonce, okm.subarray(0, 32));
  return concat(nonce, okm.subarray(32), body);
}

/** Open what `cseal` made, or throw Undecryptable. The commitment is compared first, in constant time. */
export function copen(key: Uint8Array, label: string, ad: Uint8Array, sealed: Uint8Array): Uint8Array {
  if (sealed.length < CSEAL_OVERHEAD) throw new Undecryptable("short");
  const nonce = sealed.subarray(0, NONCE_SIZE);
  const okm = hkdf(key, nonce, concat(labelled(label), sha256(ad)), 64);
  if (!same(okm.subarray(32), sealed.subarray(NONCE_SIZE, NONCE_SIZE + 32))) throw new Undecryptable("commitment");
  const body = sealed.subarray(NONCE_SIZE + 32);
  try {
    return sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(null, body, ad, nonce, okm.subarray(0, 32));
  } catch (error) {
    if (error instanceof TypeError) throw error;
    throw new Undecryptable("tag", { cause: error });
  }
}
