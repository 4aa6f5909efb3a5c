// Whom a text mentions: of those whom it names, who is in the conversation, and each once.

import { equal, hex } from "../lib/bytes";
import * as groups from "../store/groups";
import * as peers from "../store/peers";
import type { Transaction } from "../store/transaction";
import { stateOf } from "./group_lookup";
import { conversationWith } from "./places";

const MOST_ASKED = 1_000; // accounts of one text that are looked up: a made-up one names thousands
const MOST = 100; // of a message; with the longest text they still fit into what the server takes

export interface Mentions {
  readonly mentions: readonly Uint8Array[];
  readonly mentioned: boolean;
}

const NONE: Mentions = { mentions: [], mentioned: false };

interface Named {
  readonly chat: Uint8Array;
  readonly author: Uint8Array;
  readonly named: readonly Uint8Array[];
}

/** What counts of the accounts that a text of `author` names. `own`: the person here. */
export function mentionsIn(tx: Transaction, own: Uint8Array, { chat, author, named }: Named): Mentions {
  if (named.length === 0) return NONE;
  const state = stateOf(groups.get(tx, chat));
  const isIn = (account: Uint8Array): boolean =>
    state === null ? equal(account, own) || equal(conversationWith(own, account), chat) : state.role(account) !== null;
  return counted(own, author, named.filter(isIn));
}

/** The same of a group chat's history. Who was a member then is not known here: those count whom this device knows. */
export function mentionsBefore(tx: Transaction, own: Uint8Array, { author, named }: Named): Mentions {
  const isKnown = (account: Uint8Array): boolean =>
    equal(account, own) || (peers.byAccount(tx, account)?.pin ?? null) !== null;
  const known: Uint8Array[] = [];
  for (const account of distinct(named).slice(0, MOST_ASKED)) {
    if (known.length < MOST && isKnown(account)) known.push(account);
  }
  return counted(own, author, known);
}

function counted(own: Uint8Array, author: Uint8Array, named: readonly Uint8Array[]): Mentions {
  const mentions = distinct(named).slice(0, MOST);
  return { mentions, mentioned: !equal(author, own) && mentions.some((account) => equal(account, own)) };
}

function distinct(accounts: readonly Uint8Array[]): Uint8Array[] {
  return [...new Map(accounts.map((account) => [hex(account), account])).values()];
}
