// Which conversation belongs to whom.

import { privateConversation } from "../protocol/content";
import type { ConversationId } from "../protocol/ids";
import * as chats from "../store/chats";
import type { ChatState } from "../store/records";
import type { Transaction } from "../store/transaction";

export function conversationWith(own: Uint8Array, other: Uint8Array): ConversationId {
  return privateConversation(own, other);
}

/** The private chat with an account, remembered from now on. */
export function chatWith(tx: Transaction, own: Uint8Array, other: Uint8Array): ChatState {
  const conversation = conversationWith(own, other);
  const known = chats.chat(tx, conversation);
  if (known !== null) return known;
  const state: ChatState = { conversation, account: other, counter: 0, readTo: 0, toldTo: 0, draft: "" };
  chats.saveChat(tx, state);
  return state;
}
