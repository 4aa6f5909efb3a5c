// ML-KEM-768 (FIPS 203), by libsodium. Private keys are 64-byte seeds. Use it after `primitives.ready()`.

import sodium from "libsodium-wrappers-sumo";
import { BadKey, Malformed } from "./errors";
import { secret, type Secret } from "./secret";

export const SEED_SIZE = 64;
export const PUBLIC_SIZE = 1184;
export const CIPHERTEXT_SIZE = 1088;

const COEFFICIENTS_SIZE = 1152; // 768 coefficients of 12 bits; the 32 bytes after them may be anything
const MODULUS = 3329;

/** A ciphertext and the secret in it. */
export type Encapsulated = readonly [ct: Uint8Array, ss: Secret];

/** The encapsulation key of a seed (d ‖ z). */
export function publicKey(seed: Uint8Array): Uint8Array {
  return sodium.crypto_kem_mlkem768_seed_keypair(seed).publicKey;
}

/** Throw BadKey for a key that fails FIPS 203's length or modulus check. */
export function checkPublicKey(key: Uint8Array): void {
  if (key.length !== PUBLIC_SIZE) throw new BadKey("kem key");
  for (let index = 0; index < COEFFICIENTS_SIZE; index += 3) {
    const [low = 0, middle = 0, high = 0] = [key[index], key[index + 1], key[index + 2]];
    if ((low | ((middle & 0x0f) << 8)) >= MODULUS || ((middle >> 4) | (high << 4)) >= MODULUS) {
      throw new BadKey("kem key");
    }
  }
}

/** Encapsulate to a key. Throws BadKey. */
export function encapsulate(key: Uint8Array): Encapsulated {
  checkPublicKey(key);
  const made = sodium.crypto_kem_mlkem768_enc(key);
  return [made.ciphertext, secret(made.sharedSecret)];
}

/** Return ss; a tampered ct gives another ss, never an error (implicit rejection). */
export function decapsulate(seed: Uint8Array, ct: Uint8Array): Secret {
  if (ct.length !== CIPHERTEXT_SIZE) throw new Malformed("kem ciphertext");
  return secret(sodium.crypto_kem_mlkem768_dec(ct, sodium.crypto_kem_mlkem768_seed_keypair(seed).privateKey));
}
