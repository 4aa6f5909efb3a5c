// What stands in the store becomes what the page shows: names for ids, one plain sentence for what is no message.

import { uuid } from "../lib/uuid";
import type { Overview } from "../store/chats";
import * as peers from "../store/peers";
import { Peer, type Entry } from "../store/records";
import type { Transaction } from "../store/transaction";
import { hasChanged, isVerified, shownName } from "./identity";
import type { ChatSummary, Line } from "./model";
import { outgoingState } from "./statuses";
import { WORDS } from "./words";

const LATEST = 8_640_000_000_000_000; // ms: beyond it no Date can be shown

export function lineOf(tx: Transaction, entry: Entry): Line {
  return {
    id: lineId(entry),
    chat: uuid(entry.chat),
    position: entry.position,
    kind: kindOf(entry),
    outgoing: entry.outgoing,
    sentAt: Math.min(entry.sent, LATEST),
    acceptedAt: Math.min(entry.accepted, LATEST),
    text: entry.kind === "text" ? entry.text : sentence(entry, nameOf(tx, entry.account)),
    state: entry.outgoing ? outgoingState(entry) : "received",
    devices: entry.statuses.map((one) => ({
      account: uuid(one.account),
      device: uuid(one.device),
      status: one.status,
      at: Math.min(one.at, LATEST),
    })),
    skipped: entry.skipped.length,
    cause: entry.cause,
    missing: entry.missing,
    repair: entry.repair,
  };
}

/** A line's id at the page. With the writer's account where that is somebody else, who could choose any id. */
export function lineId(entry: Pick<Entry, "account" | "id" | "outgoing">): string {
  return entry.outgoing ? uuid(entry.id) : `${uuid(entry.account)}_${uuid(entry.id)}`;
}

export function summaryOf(tx: Transaction, overview: Overview): ChatSummary {
  const { chat, last, unread, firstUnread } = overview;
  const peer = peers.byAccount(tx, chat.account) ?? Peer.of({ account: chat.account });
  return {
    id: uuid(chat.conversation),
    account: uuid(chat.account),
    name: shownName(peer),
    last: last === null ? null : lineOf(tx, last),
    unread,
    firstUnread,
    draft: chat.draft,
    request: peer.request,
    blocked: peer.blocked,
    verified: isVerified(peer),
    identityChanged: hasChanged(peer),
  };
}

export function nameOf(tx: Transaction, account: Uint8Array): string {
  return shownName(peers.byAccount(tx, account) ?? Peer.of({ account }));
}

/** The last line's time orders the chats; one that nobody has written in yet stands first. */
export function byLatest(one: ChatSummary, other: ChatSummary): number {
  if (one.last === null || other.last === null) return Number(other.last === null) - Number(one.last === null);
  return other.last.position - one.last.position;
}

function kindOf({ kind }: Entry): Line["kind"] {
  return kind === "warning" || kind === "control" ? "notice" : kind;
}

function sentence(entry: Entry, name: string): string {
  switch (entry.kind) {
    case "unreadable":
      return WORDS.unreadable(entry.outgoing ? "" : name, entry.cause, entry.repair);
    case "gap":
      return WORDS.gap(name, entry.missing);
    case "expired":
      return WORDS.expired(name);
    case "identity_changed":
      return WORDS.identityChangedLine(name);
    case "update_needed":
      return WORDS.updateNeeded(name);
    default:
      return entry.text;
  }
}
