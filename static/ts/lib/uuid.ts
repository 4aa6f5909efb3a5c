// Ids as text: the usual, lower-case form of UUIDs.
import { hex } from "./bytes";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Throws a RangeError for what has not 16 bytes. */
export function uuid(id: Uint8Array): string {
  if (id.length !== 16) throw new RangeError("An id has 16 bytes.");
  const text = hex(id);
  return `${text.slice(0, 8)}-${text.slice(8, 12)}-${text.slice(12, 16)}-${text.slice(16, 20)}-${text.slice(20)}`;
}

/** The 16 bytes, or null for what is no UUID in the canonical form. */
export function fromUuid(text: string): Uint8Array | null {
  if (!UUID.test(text)) return null;
  const digits = text.replaceAll("-", "");
  return Uint8Array.from({ length: 16 }, (_, at) => Number.parseInt(digits.slice(2 * at, 2 * at + 2), 16));
}
