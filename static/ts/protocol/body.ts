// The bodies of contents, one class a kind (PROTOCOL.md, Content). Refuses missing and mistyped fields.
// A reader ignores unknown keys below 16 and answers Unsupported to keys of 16 and above.

import { AccountData, History } from "./account_data";
import type { Value } from "./cbor";
import { Unsupported } from "./errors";
import * as form from "./form";
import type { AccountId, MessageId, SessionId } from "./ids";
import { HASH_SIZE, KEY_SIZE } from "./primitives";
import { secret, Unprinted, type Secret } from "./secret";
import { SenderKey } from "./sender_key";

export type Fields = ReadonlyMap<number, Value>;

export const FIRST_CRITICAL_KEY = 16; // from here on, a key that we do not know changes what a content means

/** Where an encrypted file lies and how it opens. */
export interface Attachment {
  readonly blobId: Uint8Array; // 16 bytes
  readonly key: Secret;
  readonly size: number;
  readonly sha256: Uint8Array; // of the ciphertext
  readonly mediaType: string;
  readonly name: string | null;
  readonly thumbnail: Uint8Array | null;
}

export interface TextOptions {
  readonly replyTo?: MessageId | null;
  readonly mentions?: readonly AccountId[];
  readonly attachments?: readonly Attachment[];
  readonly expiry?: number | null; // seconds
}

export class Text extends Unprinted {
  static readonly kind = 1;
  readonly kind = Text.kind;
  readonly text: string;
  readonly replyTo: MessageId | null;
  readonly mentions: readonly AccountId[];
  readonly attachments: readonly Attachment[];
  readonly expiry: number | null; // seconds

  constructor(text: string, { replyTo = null, mentions = [], attachments = [], expiry = null }: TextOptions = {}) {
    super();
    this.text = text;
    this.replyTo = replyTo;
    this.mentions = mentions;
    this.attachments = attachments;
    this.expiry = expiry;
  }

  toMap(): Fields {
    return withoutNull([
      this.text,
      this.replyTo,
      this.mentions.length === 0 ? null : this.mentions,
      this.attachments.length === 0 ? null : this.attachments.map(attachmentMap),
      this.expiry,
    ]);
  }

  static fromMap(fields: Fields): Text {
    return new Text(form.text(fields.get(0)), {
      replyTo: form.optional(fields, 1, form.identifier),
      mentions: form.optional(fields, 2, form.array)?.map(form.identifier) ?? [],
      attachments: form.optional(fields, 3, form.array)?.map(readAttachment) ?? [],
      expiry: form.optional(fields, 4, form.unsigned),
    });
  }
}

/** Acts only on a message of the same account; the caller, who knows the target, checks it. */
export class Edit extends Unprinted {
  static readonly kind = 2;
  readonly kind = Edit.kind;
  readonly target: MessageId;
  readonly text: string;

  constructor(target: MessageId, text: string) {
    super();
    this.target = target;
    this.text = text;
  }

  toMap(): Fields {
    return withoutNull([this.target, this.text]);
  }

  static fromMap(fields: Fields): Edit {
    return new Edit(form.identifier(fields.get(0)), form.text(fields.get(1)));
  }
}

/** Acts only on a message of the same account; the caller, who knows the target, checks it. */
export class Delete {
  static readonly kind = 3;
  readonly kind = Delete.kind;
  readonly target: MessageId;

  constructor(target: MessageId) {
    this.target = target;
  }

  toMap(): Fields {
    return withoutNull([this.target]);
  }

  static fromMap(fields: Fields): Delete {
    return new Delete(form.identifier(fields.get(0)));
  }
}

export class Reaction extends Unprinted {
  static readonly kind = 4;
  readonly kind = Reaction.kind;
  readonly target: MessageId;
  readonly emoji: string;
  readonly removed: boolean;

  constructor(target: MessageId, emoji: string, removed = false) {
    super();
    this.target = target;
    this.emoji = emoji;
    this.removed = removed;
  }

  toMap(): Fields {
    return withoutNull([this.target, this.emoji, this.removed]);
  }

  static fromMap(fields: Fields): Reaction {
    return new Reaction(form.identifier(fields.get(0)), form.text(fields.get(1)), form.boolean(fields.get(2)));
  }
}

export class Timer {
  static readonly kind = 5;
  readonly kind = Timer.kind;
  readonly seconds: number;

  constructor(seconds: number) {
    this.seconds = seconds;
  }

  toMap(): Fields {
    return withoutNull([this.seconds]);
  }

  static fromMap(fields: Fields): Timer {
    return new Timer(form.unsigned(fields.get(0)));
  }
}

/** Names a message that did not decrypt, by its place in a session. */
export class Retry {
  static readonly kind = 7;
  readonly kind = Retry.kind;
  readonly sessionId: SessionId;
  readonly dh: Uint8Array;
  readonly n: number;

  constructor(sessionId: SessionId, dh: Uint8Array, n: number) {
    this.sessionId = sessionId;
    this.dh = dh;
    this.n = n;
  }

  toMap(): Fields {
    return withoutNull([this.sessionId, this.dh, this.n]);
  }

  static fromMap(fields: Fields): Retry {
    return new Retry(
      form.identifier(fields.get(0)),
      form.octets(fields.get(1), KEY_SIZE),
      form.unsigned(fields.get(2)),
    );
  }
}

/** Says that the sender has opened a new session and gives the old ones up. */
export class Reset {
  static readonly kind = 8;
  readonly kind = Reset.kind;

  toMap(): Fields {
    return new Map();
  }
}

export const CALL = 11;
export const FIRST_CONTROL = 6; // from here on: chosen devices, no message row, no status

export type OpaqueKind = typeof CALL;

/** A control content whose fields another module reads: call. */
export class Opaque extends Unprinted {
  readonly kind: OpaqueKind;
  readonly fields: Fields;

  constructor(kind: OpaqueKind, fields: Fields) {
    super();
    this.kind = kind;
    this.fields = fields;
  }

  toMap(): Fields {
    return this.fields;
  }
}

export type Body =
  | Text | Edit | Delete | Reaction | Timer | SenderKey | Retry | Reset | AccountData | History | Opaque;

export function isControl(kind: number): boolean {
  return kind >= FIRST_CONTROL;
}

/** Read a body map. Throws Malformed, Unsupported (an unknown kind or a critical key). */
export function readBody(kind: number, value: unknown): Body {
  switch (kind) {
    case Text.kind:
      return Text.fromMap(readMap(value));
    case Edit.kind:
      return Edit.fromMap(readMap(value));
    case Delete.kind:
      return Delete.fromMap(readMap(value));
    case Reaction.kind:
      return Reaction.fromMap(readMap(value));
    case Timer.kind:
      return Timer.fromMap(readMap(value));
    case SenderKey.kind:
      return SenderKey.fromMap(readMap(value));
    case Retry.kind:
      return Retry.fromMap(readMap(value));
    case Reset.kind:
      readMap(value);
      return new Reset();
    case AccountData.kind:
      return AccountData.fromMap(readMap(value));
    case History.kind:
      return History.fromMap(readMap(value));
    case CALL:
      return new Opaque(kind, readMap(value));
    default:
      throw new Unsupported("content kind");
  }
}

/** Read a map of fields. Throws Malformed, Unsupported (a key of 16 or above). */
export function readMap(value: unknown): Fields {
  const fields = form.mapping(value);
  for (const key of fields.keys()) if (key >= FIRST_CRITICAL_KEY) throw new Unsupported("content key");
  return fields;
}

export function attachmentMap(one: Attachment): Fields {
  return withoutNull([one.blobId, one.key, one.size, one.sha256, one.mediaType, one.name, one.thumbnail]);
}

export function readAttachment(value: unknown): Attachment {
  const fields = readMap(value);
  return {
    blobId: form.identifier(fields.get(0)),
    key: secret(form.octets(fields.get(1), KEY_SIZE)),
    size: form.unsigned(fields.get(2)),
    sha256: form.octets(fields.get(3), HASH_SIZE),
    mediaType: form.text(fields.get(4)),
    name: form.optional(fields, 5, form.text),
    thumbnail: form.optional(fields, 6, form.anyOctets),
  };
}

// The values under their places as keys, less those that are null.
function withoutNull(values: readonly (Value | null)[]): Fields {
  return new Map(Array.from(values.entries()).filter(([, value]) => value !== null));
}
