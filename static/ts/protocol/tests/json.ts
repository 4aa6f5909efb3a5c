// The JSON of the vectors: byte strings are hexadecimal, and a field that is missing is a mistake of the file.

import { hex, unhex } from "../bytes";
import type { Value } from "../cbor";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** The fields of one JSON object, read by type. Throws a RangeError for what is missing or of another type. */
export class Given {
  readonly #fields: Readonly<Record<string, Json>>;

  constructor(value: Json | undefined) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw new RangeError("no object");
    this.#fields = value as Readonly<Record<string, Json>>;
  }

  /** Whether a field is there and not null. */
  has(name: string): boolean {
    return (this.#fields[name] ?? null) !== null;
  }

  text(name: string): string {
    const value = this.#fields[name];
    if (typeof value !== "string") throw new RangeError(`${name} is no text`);
    return value;
  }

  number(name: string): number {
    const value = this.#fields[name];
    if (typeof value !== "number") throw new RangeError(`${name} is no number`);
    return value;
  }

  bytes(name: string): Uint8Array {
    return unhex(this.text(name));
  }

  maybe(name: string): Uint8Array | null {
    return this.has(name) ? this.bytes(name) : null;
  }

  list(name: string): readonly Json[] {
    const value = this.#fields[name];
    if (!Array.isArray(value)) throw new RangeError(`${name} is no list`);
    return value as readonly Json[];
  }

  /** A list of byte strings; an absent one is empty. */
  byteStrings(name: string): Uint8Array[] {
    return this.has(name) ? this.list(name).map(bytesOf) : [];
  }

  objects(name: string): Given[] {
    return this.has(name) ? this.list(name).map((one) => new Given(one)) : [];
  }

  object(name: string): Given {
    return new Given(this.#fields[name]);
  }

  entries(): [string, Json][] {
    return Object.entries(this.#fields);
  }
}

export function bytesOf(value: Json): Uint8Array {
  if (typeof value !== "string") throw new RangeError("no hexadecimal");
  return unhex(value);
}

export function hexed(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : hex(bytes);
}

/** Byte strings as {"bytes": hex}, maps as {"map": [[key, value], ...]}, the rest as JSON has it. */
export function toJson(value: Value): Json {
  if (value instanceof Uint8Array) return { bytes: hex(value) };
  if (value instanceof Map) {
    return { map: [...(value as ReadonlyMap<number, Value>)].map(([key, one]) => [key, toJson(one)]) };
  }
  if (Array.isArray(value)) return (value as readonly Value[]).map(toJson);
  return value as Json;
}
