// Message franking: a tag that lets a receiver, and nobody else, show a moderator what was sent.
// PROTOCOL.md, Content. One fk, content, padded and F for all devices of all recipients, and for retries.

import { concat } from "./bytes";
import { BadFranking, Malformed } from "./errors";
import { ID_SIZE, type AccountId, type ConversationId } from "./ids";
import { HASH_SIZE, hmac, KEY_SIZE, labelled, same } from "./primitives";

/** F = HMAC(fk, P‖"frank"‖00‖padded[32:]), fk being padded's first 32 bytes. Throws Malformed. */
export function frank(padded: Uint8Array): Uint8Array {
  if (padded.length < KEY_SIZE) throw new Malformed("no franking key");
  return hmac(padded.subarray(0, KEY_SIZE), concat(labelled("frank"), padded.subarray(KEY_SIZE)));
}

/** Throw BadFranking unless the tag is that of the padded content. */
export function checkFrank(padded: Uint8Array, tag: Uint8Array): void {
  if (!same(frank(padded), tag)) throw new BadFranking();
}

/** The server's stamp: HMAC(Ks, F ‖ sender ‖ conversation ‖ accepted time in ms, 8 bytes big-endian). */
export function stamp(
  serverKey: Uint8Array,
  tag: Uint8Array,
  sender: AccountId,
  conversation: ConversationId,
  accepted: number,
): Uint8Array {
  if (tag.length !== HASH_SIZE || sender.length !== ID_SIZE || conversation.length !== ID_SIZE) {
    throw new Malformed("stamp");
  }
  const time = new Uint8Array(8);
  new DataView(time.buffer).setBigUint64(0, BigInt(accepted));
  return hmac(serverKey, concat(tag, sender, conversation, time));
}
