// Contents: what a message says, padded and franked. Refuses what was moved here from another chat.
// PROTOCOL.md, Content.

import { AccountData, History, type HistoryEntry } from "./account_data";
import { isControl, readBody, readMap, type Body } from "./body";
import { compare, concat, equal } from "./bytes";
import * as cbor from "./cbor";
import { SYSTEM, type Entropy } from "./entropy";
import { Malformed, Unsupported } from "./errors";
import * as form from "./form";
import { frank } from "./franking";
import type { AccountId, ConversationId, GroupId, MessageId } from "./ids";
import { pad, unpad } from "./padding";
import { HASH_SIZE, KEY_SIZE, labelled, sha256 } from "./primitives";
import { secret, type Secret } from "./secret";
import { SenderKey } from "./sender_key";

export const CONTENT_VERSION = 1;

/** The newest lists the sender knew, so that a withheld list shows. */
export interface Heads {
  readonly own: Uint8Array; // hash of the sender's account's list
  readonly recipient: Uint8Array | null; // of the recipient's account's list; null in a group
}

export interface Content {
  readonly sent: number; // ms, by the sender's clock
  readonly messageId: MessageId; // the client message id of the send
  readonly conversation: ConversationId;
  readonly body: Body;
  readonly heads: Heads;
  readonly counter: number; // this sender device's messages in the conversation, from 1; control contents: 0
}

/** One content, ready for every device it goes to, and for retries: store it with the send. */
export class Sealed {
  readonly padded: Secret; // fk ‖ CBOR content, padded
  readonly tag: Uint8Array; // F

  constructor(padded: Secret, tag: Uint8Array) {
    this.padded = padded;
    this.tag = tag;
  }

  toBytes(): Secret {
    return this.padded;
  }

  /** Rebuild from the stored padded content. */
  static fromBytes(data: Uint8Array): Sealed {
    return new Sealed(secret(data), frank(data));
  }
}

/** H(P‖"dm"‖00‖ lower account id ‖ higher)[:16]; the same from both sides. */
export function privateConversation(account: AccountId, other: AccountId): ConversationId {
  const [lower, higher] = compare(account, other) <= 0 ? [account, other] : [other, account];
  return sha256(concat(labelled("dm"), lower, higher)).slice(0, 16);
}

/** Encode, pad and frank a content once, for all its devices. Throws Malformed, Unsupported. */
export function seal(content: Content, entropy: Entropy = SYSTEM): Sealed {
  // PROTOCOL.md has pad(fk ‖ CBOR content): the padding counts fk in.
  const padded = pad(concat(entropy.random(KEY_SIZE), encodeContent(content)));
  return new Sealed(secret(padded), frank(padded));
}

/** Read the content of a padded plaintext, fk included. Throws Malformed, Unsupported. */
export function readPadded(padded: Uint8Array): Content {
  return decodeContent(unpad(padded).subarray(KEY_SIZE));
}

export interface HistoryPlace {
  readonly own: AccountId;
  readonly chat?: AccountId | null; // whose private chat with `own` it is,
  readonly group?: GroupId | null; // or which group chat
}

/**
 * Read a message out of the history of a chat, held to what holds for a received one.
 *
 * Throws Malformed, Unsupported: skip the entry. Its device, time and state are the sharing device's word, and in a
 * group chat its sender, too: members come and go.
 */
export function readHistory(entry: HistoryEntry, { own, chat = null, group = null }: HistoryPlace): Content {
  const content = readPadded(entry.padded);
  if (group !== null) checkGroupPlace(content, { group });
  else checkPrivatePlace(content, entry.account, { own, chat });
  return content;
}

function checkPrivatePlace(content: Content, sender: AccountId, { own, chat }: { own: AccountId; chat: AccountId | null }): void {
  const isOfChat = chat !== null && (equal(sender, own) || equal(sender, chat));
  if (!isOfChat || !equal(content.conversation, privateConversation(own, chat))) throw new Malformed("conversation");
  if (isControl(content.body.kind)) throw new Malformed("control content");
}

/** Encode a content. Throws Malformed, Unsupported for what a receiver would refuse: it never leaves. */
export function encodeContent(content: Content): Uint8Array {
  const data = cbor.encode(
    new Map<number, unknown>([
      [0, CONTENT_VERSION],
      [1, content.body.kind],
      [2, content.sent],
      [3, content.messageId],
      [4, content.conversation],
      [5, content.body.toMap()],
      [6, [content.heads.own, content.heads.recipient]],
      [7, content.counter],
    ]),
  );
  decodeContent(data);
  return data;
}

/** Decode a content. Throws Malformed, Unsupported (an unknown version, kind, or key from 16 up). */
export function decodeContent(data: Uint8Array): Content {
  const fields = readMap(cbor.decode(data));
  if (form.unsigned(fields.get(0)) !== CONTENT_VERSION) throw new Unsupported("content version");
  const kind = form.unsigned(fields.get(1));
  const body = readBody(kind, fields.get(5));
  const [own, recipient] = form.array(fields.get(6), 2);
  const counter = form.unsigned(fields.get(7));
  checkCounter(kind, counter);
  return {
    sent: form.unsigned(fields.get(2)),
    messageId: form.identifier(fields.get(3)),
    conversation: form.identifier(fields.get(4)),
    body,
    heads: {
      own: form.octets(own, HASH_SIZE),
      recipient: recipient === null ? null : form.octets(recipient, HASH_SIZE),
    },
    counter,
  };
}

export interface Place {
  readonly own: AccountId;
  readonly sender: AccountId; // of the session
  readonly chatWith?: AccountId | null;
  readonly group?: GroupId | null;
  readonly messageId?: MessageId | null;
}

/**
 * Hold a content against the session it came on and against what the server says of it, or Malformed.
 *
 * A copy from one of our own devices belongs to the private chat with `chatWith`, so the server cannot
 * move it either; a message that is sent again out of a group chat, to `group`; a control content to the
 * pair's own chat. Account data and history come from one's own devices alone. A sender key carries its
 * group's id; whether it may be taken, `group_message` judges.
 */
export function checkPlace(
  content: Content,
  { own, sender, chatWith = null, group = null, messageId = null }: Place,
): void {
  if (messageId !== null && !equal(content.messageId, messageId)) throw new Malformed("message id");
  const { body } = content;
  const { kind } = body;
  if (body instanceof SenderKey) {
    if (!equal(content.conversation, body.group)) throw new Malformed("conversation");
    return;
  }
  if (group !== null && !isControl(kind)) {
    checkGroupPlace(content, { group, messageId });
    return;
  }
  const isShared = kind === AccountData.kind || kind === History.kind;
  if (isShared && !equal(sender, own)) throw new Malformed("another account's data");
  const copied = equal(sender, own) && chatWith !== null && !isControl(kind);
  const expected = privateConversation(own, copied ? chatWith : sender);
  if (!equal(content.conversation, expected)) throw new Malformed("conversation");
}

/** Hold a content against the group chat it came in and the id the server knows it by, or Malformed. */
export function checkGroupPlace(
  content: Content,
  { group, messageId = null }: { readonly group: GroupId; readonly messageId?: MessageId | null },
): void {
  if (messageId !== null && !equal(content.messageId, messageId)) throw new Malformed("message id");
  if (!equal(content.conversation, group)) throw new Malformed("conversation");
  if (isControl(content.body.kind)) throw new Malformed("control content");
  if (content.heads.recipient !== null) throw new Malformed("a head of one recipient");
}

function checkCounter(kind: number, counter: number): void {
  if ((counter === 0) !== isControl(kind)) throw new Malformed("counter");
}
