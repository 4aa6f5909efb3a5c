// Where randomness comes from. Passed in everywhere, so that a recorded run can be played again.

import { encapsulate, type Encapsulated } from "./kem";

/** A source of random bytes, and the one randomised operation whose bytes a library hides. */
export interface Entropy {
  /** That many fresh random bytes (32: a private key or fk; 64: a KEM seed; 24: a nonce). */
  random(size: number): Uint8Array;
  /** A ct and its ss for an ML-KEM-768 encapsulation key. Throws BadKey. */
  encapsulate(key: Uint8Array): Encapsulated;
}

/** The platform's generator. */
export const SYSTEM: Entropy = {
  random: (size) => crypto.getRandomValues(new Uint8Array(size)),
  encapsulate,
};
