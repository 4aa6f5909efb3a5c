// What stands in the store becomes what the page shows: names for ids, one plain sentence for what is no message.

import { equal, hex } from "../lib/bytes";
import { fromUuid, uuid } from "../lib/uuid";
import type { Overview } from "../store/chats";
import type { Group } from "../store/group_records";
import * as groups from "../store/groups";
import * as peers from "../store/peers";
import { Peer, type Entry } from "../store/records";
import * as settings from "../store/settings";
import * as timeline from "../store/timeline";
import type { Transaction } from "../store/transaction";
import { hasChanged, isVerified, shownName } from "./identity";
import { metaOf, stateOf } from "./group_lookup";
import { ROLES, type ChatSummary, type GroupInfo, type GroupPerson, type Line } from "./model";
import { outgoingState } from "./statuses";
import { WORDS } from "./words";
import { systemSentence } from "./words_groups";

export const LATEST = 8_640_000_000_000_000; // ms: beyond it no Date can be shown

export function lineOf(tx: Transaction, entry: Entry): Line {
  return {
    id: lineId(entry),
    chat: uuid(entry.chat),
    position: entry.position,
    kind: kindOf(entry),
    outgoing: entry.outgoing && entry.kind !== "system",
    sender: entry.outgoing || !isMessage(entry) ? "" : nameOf(tx, entry.account),
    sentAt: Math.min(entry.sent, LATEST),
    acceptedAt: Math.min(entry.accepted, LATEST),
    text: entry.kind === "system" ? systemText(tx, entry) : textOf(tx, entry),
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
    mentions: entry.mentions.map((one) => personOf(tx, one)),
    mentioned: entry.mentioned,
    editedAt: 0,
    deleted: false,
    changeable: false,
    deletable: false,
  };
}

function textOf(tx: Transaction, entry: Entry): string {
  return entry.kind === "text" ? entry.text : sentence(entry, nameOf(tx, entry.account));
}

/** Something that somebody has written, whether it can be read or not. */
function isMessage({ kind }: Entry): boolean {
  return kind === "text" || kind === "unreadable" || kind === "expired" || kind === "update_needed";
}

/** A line's id at the page. With the writer's account where that is somebody else, who could choose any id. */
export function lineId(entry: Pick<Entry, "account" | "id" | "outgoing">): string {
  return entry.outgoing ? uuid(entry.id) : `${uuid(entry.account)}_${uuid(entry.id)}`;
}

export function summaryOf(tx: Transaction, overview: Overview): ChatSummary {
  const { chat, last, unread, firstUnread, mentioned } = overview;
  const group = groups.get(tx, chat.conversation);
  const peer = peers.byAccount(tx, chat.account) ?? Peer.of({ account: chat.account });
  return {
    id: uuid(chat.conversation),
    kind: group === null ? "private" : "group",
    open: false,
    account: uuid(chat.account),
    name: group === null ? shownName(peer) : group.title || WORDS.noTitle,
    group: group === null ? null : infoOf(tx, group),
    last: last === null ? null : lineOf(tx, last),
    unread,
    firstUnread,
    mentioned,
    draft: chat.draft,
    request: group === null ? peer.request : group.request,
    blocked: peer.blocked,
    verified: isVerified(peer),
    identityChanged: hasChanged(peer),
  };
}

function infoOf(tx: Transaction, group: Group): GroupInfo {
  const state = stateOf(group);
  const own = settings.me(tx)?.account ?? group.id;
  const role = state?.role(own) ?? null;
  const meta = state === null ? null : metaOf(group, state);
  const isIn = group.ended === "" && role !== null;
  return {
    title: group.title,
    description: meta?.description ?? "",
    colour: meta?.colour ?? null,
    role: isIn ? (ROLES[role] ?? "member") : null,
    members: (state?.roster ?? []).map((one) => ({
      ...personOf(tx, one.account),
      role: ROLES[one.role] ?? "member",
      identityChanged: hasChanged(peers.byAccount(tx, one.account)),
    })),
    pending: (state?.pending ?? []).map((one) => personOf(tx, one)),
    isPending: group.ended === "" && state?.isPending(own) === true,
    links: (state?.links ?? []).map(({ key, expires, uses, approval }) => ({ key: hex(key), expires, uses, approval })),
    membersMayAdd: state?.membersMayAdd ?? false,
    muted: group.muted,
    ended: group.ended,
    trouble: WORDS.groupTrouble[group.trouble],
  };
}

function personOf(tx: Transaction, account: Uint8Array): GroupPerson {
  return { account: uuid(account), name: nameOf(tx, account) };
}

export function nameOf(tx: Transaction, account: Uint8Array): string {
  return shownName(peers.byAccount(tx, account) ?? Peer.of({ account }));
}

/** The last line's time orders the chats of all kinds; one that nobody has written in yet stands first. */
export function byLatest({ last: one }: ChatSummary, { last: other }: ChatSummary): number {
  if (one === null || other === null) return Number(other === null) - Number(one === null);
  return timeOf(other) - timeOf(one) || other.position - one.position;
}

function timeOf(line: Line): number {
  return line.acceptedAt || line.sentAt;
}

/** The entry of a line's id at the page; null: there is none. */
export function entryAt(tx: Transaction, line: string): Entry | null {
  const [id, writer] = line.split("_").map(fromUuid).reverse();
  const account = writer === undefined ? (settings.me(tx)?.account ?? null) : writer;
  return id && account ? timeline.get(tx, account, id) : null;
}

function kindOf({ kind }: Entry): Line["kind"] {
  return kind === "warning" || kind === "control" ? "notice" : kind;
}

function systemText(tx: Transaction, { event, account, text }: Entry): string {
  const own = settings.me(tx)?.account ?? account;
  const about = event?.about ?? account;
  const name = (one: Uint8Array): string => (equal(one, own) ? WORDS.you : nameOf(tx, one));
  return systemSentence(event?.name ?? "", {
    who: name(account),
    whom: name(about),
    isOwnWhom: equal(about, own),
    role: event?.role ?? 0,
    title: text,
  });
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
