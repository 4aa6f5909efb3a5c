// Checks of the form of decoded fields: types and ranges, before any cryptography (PROTOCOL.md, Encoding).

import type { Value } from "./cbor";
import { Malformed } from "./errors";
import { ID_SIZE } from "./ids";
import { MAX_ENCODED, MAX_INTEGER } from "./limits";

export function array(value: unknown, length?: number): readonly Value[] {
  if (!Array.isArray(value) || (length !== undefined && value.length !== length)) throw new Malformed("array");
  return value as readonly Value[];
}

export function mapping(value: unknown): ReadonlyMap<number, Value> {
  if (!(value instanceof Map)) throw new Malformed("map");
  return value as ReadonlyMap<number, Value>;
}

export function octets(value: unknown, length: number): Uint8Array {
  return anyOctets(value, length, length);
}

export function anyOctets(value: unknown, least = 0, most = MAX_ENCODED): Uint8Array {
  if (!(value instanceof Uint8Array) || value.length < least || value.length > most) throw new Malformed("byte string");
  return value;
}

export function identifier(value: unknown): Uint8Array {
  return octets(value, ID_SIZE);
}

export function unsigned(value: unknown, least = 0, most = MAX_INTEGER): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < least || value > most) {
    throw new Malformed("integer");
  }
  return value;
}

/** A field that is there is read, also when it is null: only an absent one is left out. */
export function optional<Field>(
  fields: ReadonlyMap<number, Value>,
  key: number,
  read: (value: unknown) => Field,
): Field | null {
  return fields.has(key) ? read(fields.get(key)) : null;
}

export function text(value: unknown): string {
  if (typeof value !== "string") throw new Malformed("text");
  return value;
}

export function boolean(value: unknown): boolean {
  if (typeof value !== "boolean") throw new Malformed("boolean");
  return value;
}
