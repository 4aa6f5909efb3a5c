// What a managing device hands to one that it links: contacts with their pins, the account key, history.
//
// PROTOCOL.md, Linking. Made on the one side and taken on the other, inside transactions. What is taken comes from a
// device of one's own account, and changes no pin that is here already.

import { equal } from "../lib/bytes";
import { AccountData, DELIVERED, History, HistoryEntry, ACCEPTED, parts, READ, SharedContact } from "../protocol/account_data";
import { Text, type Body } from "../protocol/body";
import { readHistory, type Content } from "../protocol/content";
import { ProtocolError } from "../protocol/errors";
import { secret } from "../protocol/secret";
import * as chats from "../store/chats";
import * as peers from "../store/peers";
import { Entry, type ChatState, type EntryStatus, type Me } from "../store/records";
import * as settings from "../store/settings";
import * as timeline from "../store/timeline";
import type { Transaction } from "../store/transaction";
import { queueControl } from "./controls";
import type { Visit } from "./doctor";
import { hasChanged } from "./identity";
import { mentionsIn } from "./mentions";
import { managingOf } from "./own_devices";
import { chatWith } from "./places";
import { outgoingState } from "./statuses";

const PAGE = 500; // lines read at once
const NOBODY = new Uint8Array(16);

/** The device that is given something, and what the session to it starts from. */
export interface Link {
  readonly device: Uint8Array;
  readonly secret: Uint8Array;
  readonly managing: boolean;
}

export function contacts(tx: Transaction, me: Me): SharedContact[] {
  return peers.allPinned(tx).flatMap((peer) => {
    const pin = peers.pinOf(peer);
    if (pin === null || equal(peer.account, me.account)) return [];
    const verified = peer.verifiedKey !== null && equal(peer.verifiedKey, pin.accountKey) && !hasChanged(peer);
    return [new SharedContact(peer.account, peer.username, pin.newest.signed, verified)];
  });
}

/** One chat's messages, oldest first, in parts that fit into one content each; the first has the index `from`. */
export function history(tx: Transaction, me: Me, chat: ChatState, from: number): History[] {
  return parts(messages(tx, me, chat)).map((entries, at) => new History(chat.account, entries, from + at));
}

/** Queue everything for a new device, in the order in which it is to leave. Returns how much that is. */
export function give(tx: Transaction, me: Me, link: Link, given: readonly History[], visit: Visit): number {
  const shared = parts(contacts(tx, me));
  const accountKeySeed = link.managing && me.accountKeySeed !== null ? secret(me.accountKeySeed) : null;
  const first = new AccountData({
    contacts: shared[0] ?? [],
    accountKeySeed,
    managing: managingOf(me),
    history: given.length,
  });
  const bodies: Body[] = [first, ...shared.slice(1).map((one) => new AccountData({ contacts: one })), ...given];
  const target = { account: me.account, device: link.device };
  for (const body of bodies) queueControl(tx, me, target, body, visit, { fresh: true, psk: link.secret });
  return bodies.length;
}

/** Tell own managing devices which ones hold the account key. */
export function tellManagers(tx: Transaction, me: Me, devices: readonly Uint8Array[], visit: Visit): void {
  const body = new AccountData({ managing: managingOf(me) });
  for (const device of devices) queueControl(tx, me, { account: me.account, device }, body, visit);
}

/** Keep what another own device has given. Of an account key that is not the pinned one, nothing. */
export function takeAccountData(tx: Transaction, me: Me, data: AccountData): void {
  if (me.accountKey === null) return;
  let seed: Uint8Array | null;
  try {
    seed = data.accountKey(me.accountKey)?.seed ?? null;
  } catch (error) {
    if (error instanceof ProtocolError) return;
    throw error;
  }
  for (const contact of data.contacts) if (!equal(contact.account, me.account)) takeContact(tx, contact);
  if (seed !== null || data.managing !== null) {
    const held = { ...me, accountKeySeed: seed ?? me.accountKeySeed, managing: [...me.managing, ...(data.managing ?? [])] };
    settings.saveMe(tx, { ...held, managing: managingOf(held) });
  }
  if (data.history !== null) settings.saveLinking(tx, { ...settings.linking(tx), history: data.history, taken: 0 });
}

/** Keep messages from before this device was linked, in front of what it has received itself. */
export function takeHistory(tx: Transaction, me: Me, part: History): Entry[] {
  const state = settings.linking(tx);
  settings.saveLinking(tx, { ...state, taken: Math.min(state.taken + 1, state.history) });
  if (part.account === null || equal(part.account, me.account)) return [];
  const chat = chatWith(tx, me.account, part.account);
  const shown: Entry[] = [];
  let unread: number | null = null;
  for (const one of part.entries) {
    const content = opened(one, me, part.account);
    if (content === null) continue;
    const entry = entryOf(tx, one, content, me, part.account);
    const added = timeline.addHistory(tx, entry, { unsettled: entry.outgoing && one.state !== READ });
    shown.push(...added);
    if (!entry.outgoing && one.state !== READ) unread ??= added[0]?.position ?? null;
  }
  if (unread !== null) chats.leaveUnread(tx, chat.conversation, unread);
  return shown;
}

function* messages(tx: Transaction, me: Me, chat: ChatState): Generator<HistoryEntry> {
  for (let after = Number.MIN_SAFE_INTEGER; ; ) {
    const lines = timeline.linesAfter(tx, chat.conversation, after, PAGE);
    for (const entry of lines) {
      const isSettled = entry.state === "" || entry.state === "accepted";
      if (entry.kind !== "text" || entry.padded === null || !isSettled) continue;
      yield new HistoryEntry({
        account: entry.account,
        device: entry.device ?? me.device ?? NOBODY,
        accepted: entry.accepted,
        padded: secret(entry.padded),
        stamp: entry.stamp,
        stampKey: entry.stampKey === "" ? null : entry.stampKey,
        state: stateOf(entry, chat.readTo),
      });
    }
    const last = lines.at(-1);
    if (last === undefined) return;
    after = last.position;
  }
}

function stateOf(entry: Entry, readTo: number): number {
  if (!entry.outgoing) return entry.position > readTo ? ACCEPTED : READ;
  const state = outgoingState(entry);
  return state === "read" ? READ : state === "delivered" ? DELIVERED : ACCEPTED;
}

/** A message, if it is a text that holds. */
function opened(one: HistoryEntry, me: Me, chat: Uint8Array): (Content & { readonly body: Text }) | null {
  try {
    const content = readHistory(one, { own: me.account, chat });
    return content.body instanceof Text ? { ...content, body: content.body } : null;
  } catch (error) {
    if (error instanceof ProtocolError) return null;
    throw error;
  }
}

function entryOf(
  tx: Transaction,
  one: HistoryEntry,
  content: Content & { readonly body: Text },
  me: Me,
  other: Uint8Array,
): Entry {
  const outgoing = equal(one.account, me.account);
  const { conversation: chat, body } = content;
  return Entry.of({
    ...mentionsIn(tx, me.account, { chat, author: one.account, named: body.mentions }),
    id: content.messageId,
    kind: "text",
    outgoing,
    account: one.account,
    chat,
    sent: content.sent,
    device: one.device,
    text: body.text,
    accepted: one.accepted,
    counter: content.counter,
    state: outgoing ? "accepted" : "",
    statuses: outgoing ? statusesOf(one, other) : [],
    padded: one.padded,
    stamp: one.stamp,
    stampKey: one.stampKey ?? "",
  });
}

/** How far it had come: whose device that was does not matter any more. */
function statusesOf(one: HistoryEntry, account: Uint8Array): readonly EntryStatus[] {
  if (one.state === ACCEPTED) return [];
  return [{ account, device: NOBODY, status: one.state === READ ? "read" : "delivered", at: one.accepted }];
}

function takeContact(tx: Transaction, contact: SharedContact): void {
  const held = peers.pinOf(peers.byAccount(tx, contact.account));
  try {
    const pin = contact.pin(held);
    if (held === null) {
      peers.saveList(tx, pin.newest);
      peers.change(tx, contact.account, { username: contact.username, pin: pin.toBytes() });
    }
    const peer = peers.byAccount(tx, contact.account);
    if (contact.verified && peer?.verifiedKey === null) {
      peers.change(tx, contact.account, { verifiedKey: pin.accountKey });
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
  }
}
