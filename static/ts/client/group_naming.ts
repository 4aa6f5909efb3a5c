// What people see of a group chat, as somebody wants to have it: checked, and sealed under the group key.

import { equal } from "../lib/bytes";
import { WrongUse } from "../lib/errors";
import * as cbor from "../protocol/cbor";
import type { Entropy } from "../protocol/entropy";
import { ProtocolError } from "../protocol/errors";
import { MAX_COLOUR, Meta, sealMeta } from "../protocol/group_meta";
import type { GroupKey } from "../protocol/sender_key";
import type { GroupChanges } from "./model";
import { WORDS } from "./words";

/** The meta with some of it changed; an empty description is none. Throws WrongUse. */
export function changedMeta(before: Meta, changes: GroupChanges): Meta {
  const title = changes.title === undefined ? before.title : titled(changes.title);
  const description = (changes.description ?? before.description ?? "").trim();
  const colour = changes.colour === undefined ? before.colour : changes.colour;
  if (/\p{Surrogate}/u.test(description)) throw new WrongUse(WORDS.notUnicode);
  if (colour !== null && !(Number.isInteger(colour) && colour >= 0 && colour <= MAX_COLOUR)) {
    throw new WrongUse(WORDS.groupColour);
  }
  return new Meta(title, { description: description === "" ? null : description, colour, avatar: before.avatar });
}

/** What a group may be called, without the space around it. Throws WrongUse. */
export function titled(title: string): string {
  const trimmed = title.trim();
  if (trimmed === "" || /[\p{Cc}\p{Surrogate}]/u.test(trimmed)) throw new WrongUse(WORDS.groupTitle);
  return trimmed;
}

export function sameMeta(one: Meta, other: Meta): boolean {
  return equal(cbor.encode(one.toMap()), cbor.encode(other.toMap()));
}

/** Seal it for an operation. Throws WrongUse for one that is too long. */
export function sealedMeta(meta: Meta, group: Uint8Array, key: GroupKey, entropy: Entropy): Uint8Array {
  try {
    return sealMeta(meta, group, key, entropy);
  } catch (error) {
    if (error instanceof ProtocolError) throw new WrongUse(WORDS.groupMetaSize);
    throw error;
  }
}
