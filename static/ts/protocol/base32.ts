// Crockford's base 32, for what people read, type and scan: no check symbol, the bits left over are zero.
//
// PROTOCOL.md, Linking. A reader takes lower case, I and L as 1, O as 0, and passes over spaces, line ends and
// hyphens; it refuses everything else.

import { Malformed } from "./errors";

export const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const IGNORED = new Set(" \t\r\n-");
const BITS = 5;

// Spelled out: toUpperCase() makes an I of a dotless i.
const READ: ReadonlyMap<string, number> = new Map([
  ...Array.from(ALPHABET, (symbol, value) => [symbol, value] as const),
  ...Array.from(ALPHABET.toLowerCase(), (symbol, value) => [symbol, value] as const),
  ...Array.from("IiLl", (symbol) => [symbol, 1] as const),
  ...Array.from("Oo", (symbol) => [symbol, 0] as const),
]);

/** Write bytes in upper case, five bits a character. */
export function encode(data: Uint8Array): string {
  let text = "";
  let held = 0;
  let bits = 0;
  for (const byte of data) {
    held = (held << 8) | byte;
    for (bits += 8; bits >= BITS; held &= (1 << bits) - 1) text += ALPHABET.charAt(held >> (bits -= BITS));
  }
  return bits > 0 ? text + ALPHABET.charAt(held << (BITS - bits)) : text;
}

/** Read exactly `size` bytes. Throws Malformed for another length, a character, or bits left over. */
export function decode(text: string, size: number): Uint8Array {
  const symbols = Array.from(text).filter((symbol) => !IGNORED.has(symbol));
  if (symbols.length !== encodedLength(size)) throw new Malformed("base 32 length");
  const data = new Uint8Array(size);
  let held = 0;
  let bits = 0;
  let length = 0;
  for (const symbol of symbols) {
    const value = READ.get(symbol);
    if (value === undefined) throw new Malformed("base 32 character");
    held = (held << BITS) | value;
    bits += BITS;
    if (bits >= 8) {
      bits -= 8;
      data[length++] = held >> bits;
      held &= (1 << bits) - 1;
    }
  }
  if (held !== 0) throw new Malformed("base 32 bits left over");
  return data;
}

export function encodedLength(size: number): number {
  return Math.ceil((size * 8) / BITS);
}
