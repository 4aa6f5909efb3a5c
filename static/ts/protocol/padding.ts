// Padding to the lengths of Padmé, which leak few bits of the true length. Refuses every other length.

import { Malformed } from "./errors";
import { MIN_PADDED } from "./limits";

/** The next length that keeps as few significant bits as its own magnitude needs (PURBs). */
export function padme(length: number): number {
  if (length < 2) return length;
  const exponent = bitLength(length) - 1;
  // Not by the bit operators, which stop at 32 bits: a file may be longer.
  const step = 2 ** (exponent - bitLength(exponent));
  return Math.ceil(length / step) * step;
}

export function paddedLength(length: number): number {
  return Math.max(MIN_PADDED, padme(length + 1));
}

/** ISO/IEC 7816-4: 80, then zeros, to max(256, Padmé(len + 1)). */
export function pad(data: Uint8Array): Uint8Array {
  const padded = new Uint8Array(paddedLength(data.length));
  padded.set(data);
  padded[data.length] = 0x80;
  return padded;
}

/**
 * Undo `pad`, or throw Malformed for a missing mark or another length than `pad` gives. A view, not a copy.
 *
 * Only ever called on authenticated bytes, so its timing tells nobody anything.
 */
export function unpad(padded: Uint8Array): Uint8Array {
  let mark = padded.length - 1;
  while (mark >= 0 && padded[mark] === 0) mark -= 1;
  if (padded[mark] !== 0x80) throw new Malformed("padding");
  if (paddedLength(mark) !== padded.length) throw new Malformed("padded length");
  return padded.subarray(0, mark);
}

function bitLength(value: number): number {
  const high = Math.floor(value / 2 ** 32);
  return high === 0 ? 32 - Math.clz32(value) : 64 - Math.clz32(high);
}
