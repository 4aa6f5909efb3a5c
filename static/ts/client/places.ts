// Which conversation belongs to whom.

import { privateConversation } from "../protocol/content";
import type { ConversationId } from "../protocol/ids";
import type { Transaction } from "../store/database";
import { ChatState } from "../store/records";
import * as timeline from "../store/timeline";

export function conversationWith(own: Uint8Array, other: Uint8Array): ConversationId {
  return privateConversation(own, other);
}

/** The private chat with an account, remembered from now on. */
export function chatWith(tx: Transaction, own: Uint8Array, other: Uint8Array): ChatState {
  const conversation = conversationWith(own, other);
  const known = timeline.chat(tx, conversation);
  if (known !== null) return known;
  const state: ChatState = { conversation, account: other, counter: 0, readTo: 0, toldTo: 0, draft: "" };
  timeline.saveChat(tx, state);
  return state;
}
