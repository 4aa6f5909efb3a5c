// A group chat's title, description and picture, sealed under the group key. The server reads none of it.
//
// PROTOCOL.md, Groups. The sealed map is padded as a content is, so that a title's length does not show either.

import { attachmentMap, readAttachment, readMap, type Attachment, type Fields } from "./body";
import * as cbor from "./cbor";
import { SYSTEM, type Entropy } from "./entropy";
import { BadKey, Malformed, ProtocolError, Undecryptable } from "./errors";
import * as form from "./form";
import type { GroupState } from "./group_state";
import type { GroupId } from "./ids";
import { MAX_META } from "./limits";
import { pad, unpad } from "./padding";
import { copen, cseal, KEY_SIZE } from "./primitives";
import { secret, Unprinted } from "./secret";
import type { GroupKey } from "./sender_key";

export const MAX_COLOUR = 0xffffff; // red, green, blue

const LABEL = "meta";

export interface MetaOptions {
  readonly description?: string | null;
  readonly colour?: number | null;
  readonly avatar?: Attachment | null;
}

/** What people see of a group chat. What is null is not said. */
export class Meta extends Unprinted {
  readonly title: string;
  readonly description: string | null;
  readonly colour: number | null;
  readonly avatar: Attachment | null;

  constructor(title: string, { description = null, colour = null, avatar = null }: MetaOptions = {}) {
    super();
    this.title = title;
    this.description = description;
    this.colour = colour;
    this.avatar = avatar;
  }

  toMap(): Fields {
    const fields = new Map<number, cbor.Value>([[0, this.title]]);
    if (this.description !== null) fields.set(1, this.description);
    if (this.colour !== null) fields.set(2, this.colour);
    if (this.avatar !== null) fields.set(3, attachmentMap(this.avatar));
    return fields;
  }

  static fromMap(value: unknown): Meta {
    const fields = readMap(value);
    return new Meta(form.text(fields.get(0)), {
      description: form.optional(fields, 1, form.text),
      colour: form.optional(fields, 2, (one) => form.unsigned(one, 0, MAX_COLOUR)),
      avatar: form.optional(fields, 3, readAttachment),
    });
  }
}

/** Make the group key that the next operation brings: a create (`state` is null), a remove or a rekey. */
export function generateGroupKey(state: GroupState | null, entropy: Entropy = SYSTEM): GroupKey {
  return { version: state === null ? 0 : state.index + 1, key: secret(entropy.random(KEY_SIZE)) };
}

/** Seal for an operation. Throws Malformed when it is too long, or would not be read. */
export function sealMeta(meta: Meta, group: GroupId, key: GroupKey, entropy: Entropy = SYSTEM): Uint8Array {
  const data = cbor.encode(meta.toMap());
  Meta.fromMap(cbor.decode(data));
  const sealed = cseal(key.key, LABEL, group, pad(data), entropy);
  if (sealed.length > MAX_META) throw new Malformed("meta too long");
  return sealed;
}

/** Open what an operation carries. Throws Undecryptable (another key's), Malformed, Unsupported. */
export function openMeta(sealed: Uint8Array, group: GroupId, key: GroupKey): Meta {
  return Meta.fromMap(cbor.decode(unpad(copen(key.key, LABEL, group, sealed))));
}

/**
 * What people see: the newest meta, or the one that the group key came with where the newest does not read.
 *
 * An admin may have sealed nonsense. Throws Undecryptable, Malformed, Unsupported.
 */
export function readMeta(state: GroupState, key: GroupKey): Meta {
  try {
    return openMeta(state.meta, state.group, key);
  } catch (error) {
    if (error instanceof ProtocolError) return openMeta(state.keyMeta, state.group, key);
    throw error;
  }
}

/**
 * Accept a group key only if it opens the meta of the operation that brought it. Throws Malformed, BadKey.
 *
 * Malformed: it is not of the version of that state. What the meta says does not matter here.
 */
export function checkGroupKey(state: GroupState, key: GroupKey): void {
  if (key.version !== state.keyVersion) throw new Malformed("another version");
  try {
    copen(key.key, LABEL, state.group, state.keyMeta);
  } catch (error) {
    if (error instanceof Undecryptable) throw new BadKey("not the group's key", { cause: error });
    throw error;
  }
}
