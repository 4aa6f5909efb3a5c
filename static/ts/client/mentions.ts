// Whom a text mentions: of those whom it names, who is in the conversation, and each once.

import { equal, hex } from "../lib/bytes";
import * as groups from "../store/groups";
import type { Transaction } from "../store/transaction";
import { stateOf } from "./group_lookup";
import { conversationWith } from "./places";

const MOST = 100; // of a message; with the longest text they still fit into what the server takes

export interface Mentions {
  readonly mentions: readonly Uint8Array[];
  readonly mentioned: boolean;
}

/** What counts of the accounts that a text of `author` names. `own`: the person here. */
export function mentionsIn(
  tx: Transaction,
  own: Uint8Array,
  { chat, author, named }: { readonly chat: Uint8Array; readonly author: Uint8Array; readonly named: readonly Uint8Array[] },
): Mentions {
  if (named.length === 0) return { mentions: [], mentioned: false };
  const state = stateOf(groups.get(tx, chat));
  const isIn = (account: Uint8Array): boolean =>
    state === null ? equal(account, own) || equal(conversationWith(own, account), chat) : state.role(account) !== null;
  const distinct = [...new Map(named.map((account) => [hex(account), account])).values()];
  const mentions = distinct.filter(isIn).slice(0, MOST);
  return { mentions, mentioned: !equal(author, own) && mentions.some((account) => equal(account, own)) };
}
