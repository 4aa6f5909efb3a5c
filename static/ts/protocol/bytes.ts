// Byte strings: compared, joined, written as hex. Not constant in time: secrets are compared by `primitives.same`.

const encoder = new TextEncoder();

export const EMPTY = new Uint8Array(0);

/** Whether two byte strings that are no secrets are the same. */
export function equal(first: Uint8Array, second: Uint8Array): boolean {
  if (first.length !== second.length) return false;
  for (let index = 0; index < first.length; index++) if (first[index] !== second[index]) return false;
  return true;
}

/** The order of byte strings, as Python has it: negative, zero or positive. */
export function compare(first: Uint8Array, second: Uint8Array): number {
  const shorter = Math.min(first.length, second.length);
  for (let index = 0; index < shorter; index++) {
    const difference = (first[index] ?? 0) - (second[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return first.length - second.length;
}

/** A new byte string, always a plain one. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

const DIGITS = Array.from({ length: 256 }, (_, value) => value.toString(16).padStart(2, "0"));

/** Lower-case hex: what a byte string is called as the key of a Map. */
export function hex(bytes: Uint8Array): string {
  let text = "";
  for (const value of bytes) text += DIGITS[value] ?? "";
  return text;
}

/** Read hex. Throws a RangeError for anything else. */
export function unhex(text: string): Uint8Array {
  if (!/^(?:[0-9a-f]{2})*$/i.test(text)) throw new RangeError("not hex");
  const bytes = new Uint8Array(text.length / 2);
  for (let index = 0; index < bytes.length; index++) bytes[index] = parseInt(text.slice(2 * index, 2 * index + 2), 16);
  return bytes;
}
