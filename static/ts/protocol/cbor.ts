// Deterministic CBOR. Refuses every encoding but the one that `encode` would have made.

import * as cborg from "cborg";
import { equal } from "./bytes";
import { Malformed } from "./errors";
import { MAX_DEPTH, MAX_ENCODED, MAX_INTEGER } from "./limits";

export type Value = number | boolean | null | string | Uint8Array | readonly Value[] | ReadonlyMap<number, Value>;

const OPTIONS: cborg.DecodeOptions = {
  strict: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowInfinity: false,
  allowNaN: false,
  allowBigInt: false,
  useMaps: true,
  rejectDuplicateMapKeys: true,
  retainStringBytes: true,
};

const ALLOWED = new Set(["uint", "bytes", "string", "array", "map", "true", "false", "null"]);

const LONE_SURROGATE = /\p{Surrogate}/u;

/** cborg's reader, held to our types and to a depth: its own recursion has no end. */
class Reader extends cborg.Tokenizer {
  // Of each open array or map: how many items are still to come.
  readonly #open: number[] = [];

  override next(): cborg.Token {
    const token = super.next();
    const type = token.type.name;
    if (!ALLOWED.has(type)) throw new Malformed("type");
    const open = this.#open;
    while (open.at(-1) === 0) open.pop();
    const last = open.length - 1;
    if (last >= 0) open[last] = (open[last] ?? 0) - 1;
    if (type === "array" || type === "map") {
      if (open.length >= MAX_DEPTH) throw new Malformed("depth");
      const count = token.value as number;
      open.push(type === "map" ? 2 * count : count);
    }
    if (type === "string") keepMark(token);
    return token;
  }
}

// Hazard: cborg's TextDecoder swallows a byte order mark at the start, which is text to everyone else.
function keepMark(token: cborg.Token): void {
  const bytes = token.byteValue;
  if (bytes?.[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) token.value = `\uFEFF${token.value as string}`;
}

/**
 * Encode lists, maps with unsigned keys, integers, byte and text strings, true, false, null.
 *
 * Throws Malformed for anything else: what we send must decode at the other end.
 */
export function encode(value: unknown): Uint8Array {
  check(value);
  return dump(value);
}

/** Encode without checking, for values made of fields that were checked already. */
export function dump(value: unknown): Uint8Array {
  const data = cborg.encode(value);
  if (data.length > MAX_ENCODED) throw new Malformed("size");
  // Outside of browsers cborg may answer with a Buffer, whose slices share their memory.
  return data.constructor === Uint8Array ? data : new Uint8Array(data);
}

/** Decode, and require that encoding the result gives the same bytes (PROTOCOL.md, Encoding). */
export function decode(data: Uint8Array): Value {
  if (data.length > MAX_ENCODED) throw new Malformed("size");
  let value: unknown;
  try {
    value = cborg.decode(data, { ...OPTIONS, tokenizer: new Reader(data, OPTIONS) });
  } catch (error) {
    throw error instanceof Malformed ? error : new Malformed("encoding", { cause: error });
  }
  check(value);
  // Catches what cborg forgives: unsorted keys, bytes that are no UTF-8, floats.
  if (!equal(cborg.encode(value), data)) throw new Malformed("not deterministic");
  return value;
}

function check(value: unknown, depth = 0): asserts value is Value {
  if (typeof value === "number") {
    if (!isUnsigned(value)) throw new Malformed("integer out of range");
  } else if (typeof value === "string") {
    if (LONE_SURROGATE.test(value)) throw new Malformed("encoding");
  } else if (Array.isArray(value)) {
    if (depth >= MAX_DEPTH) throw new Malformed("depth");
    // By index: a hole in the array is seen as undefined.
    for (let index = 0; index < value.length; index++) check(value[index], depth + 1);
  } else if (value instanceof Map) {
    if (depth >= MAX_DEPTH) throw new Malformed("depth");
    for (const [key, item] of value as Map<unknown, unknown>) {
      if (typeof key !== "number" || !isUnsigned(key)) throw new Malformed("map key");
      check(item, depth + 1);
    }
  } else if (!(value instanceof Uint8Array || value === null || typeof value === "boolean")) {
    throw new Malformed("type");
  }
}

function isUnsigned(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= MAX_INTEGER && !Object.is(value, -0);
}
