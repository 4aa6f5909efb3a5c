// Bytes for every layer: the protocol core's own helpers, and random ids.
export { compare, concat, equal, hex, utf8 } from "../protocol/bytes";

/** Random bytes for what is no key: ids, names. */
export function random(size: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(size));
}
