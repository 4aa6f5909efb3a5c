// The shapes that JSON of the server may have. Whatever has another one is a Defect: nothing is guessed.
import { decodeBase64url } from "../lib/base64url";
import { Defect } from "../lib/errors";
import { fromUuid } from "../lib/uuid";

export type Json = Readonly<Record<string, unknown>>;

export function bytes(value: unknown): Uint8Array {
  return decodeBase64url(string(value)) ?? fail();
}

export function identifier(value: unknown): Uint8Array {
  return fromUuid(string(value)) ?? fail();
}

export function string(value: unknown): string {
  return typeof value === "string" ? value : fail();
}

/** An integer that JavaScript and the store hold without loss. */
export function integer(value: unknown): number {
  return typeof value === "number" && Number.isSafeInteger(value) ? value : fail();
}

export function unsigned(value: unknown): number {
  const number = integer(value);
  return number >= 0 ? number : fail();
}

export function items(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : fail();
}

export function members(value: unknown): Json {
  return isObject(value) ? value : fail();
}

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function nonsense(): Defect {
  return new Defect("The server gave an answer that makes no sense.");
}

function fail(): never {
  throw nonsense();
}
