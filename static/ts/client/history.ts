// Messages from before a device was linked: what one of the account's devices gives, and what the new one keeps of it.
//
// PROTOCOL.md, Linking: texts of private and of group chats. What is taken is an own device's word; each message that
// does not hold spoils itself alone. A group chat may not be known here yet: nothing of it is shown before it is.

import { equal, hex } from "../lib/bytes";
import { ACCEPTED, DELIVERED, History, HistoryEntry, parts, READ } from "../protocol/account_data";
import { Text } from "../protocol/body";
import { readHistory, type Content } from "../protocol/content";
import { ProtocolError } from "../protocol/errors";
import { secret } from "../protocol/secret";
import * as chats from "../store/chats";
import * as groups from "../store/groups";
import { Entry, type ChatState, type EntryStatus, type Me } from "../store/records";
import * as repairs from "../store/repairs";
import * as settings from "../store/settings";
import * as timeline from "../store/timeline";
import type { Transaction } from "../store/transaction";
import * as lookup from "./group_lookup";
import { mentionsBefore, mentionsIn } from "./mentions";
import { chatWith } from "./places";
import { asFirstTold } from "./placing";
import { outgoingState } from "./statuses";

const PAGE = 500; // lines read at once
const NOBODY = new Uint8Array(16);

/** The chats whose messages a new device is given, in this order: private ones, then the groups that one is in. */
export function sharedChats(tx: Transaction, me: Me): ChatState[] {
  const all = chats.chats(tx);
  const isGroup = ({ conversation }: ChatState): boolean => groups.get(tx, conversation) !== null;
  const isIn = ({ conversation }: ChatState): boolean => {
    const group = groups.get(tx, conversation);
    return group?.ended === "" && (lookup.stateOf(group)?.role(me.account) ?? null) !== null;
  };
  return [...all.filter((one) => !isGroup(one)), ...all.filter(isIn)];
}

/** One chat's messages, oldest first, in parts that fit into one content each; the first has the index `from`. */
export function history(tx: Transaction, me: Me, chat: ChatState, from: number): History[] {
  const [account, group] = groups.get(tx, chat.conversation) === null ? [chat.account, null] : [null, chat.conversation];
  return parts(messages(tx, me, chat)).map((entries, at) => new History(account, entries, from + at, group));
}

/**
 * Keep messages from before this device was linked, in front of what it has received itself.
 *
 * What was written while it was not on the list, and lines here are older than, stands at the end.
 */
export function takeHistory(tx: Transaction, me: Me, part: History): Entry[] {
  const state = settings.linking(tx);
  settings.saveLinking(tx, { ...state, taken: Math.min(state.taken + 1, state.history) });
  const { group } = part;
  const chat = placeOf(tx, me, part);
  if (chat === null) return [];
  const shown: Entry[] = [];
  const placeFor = placing(timeline.newest(tx, chat));
  const read: Uint8Array[] = []; // of those that stand behind what is here
  let unread: number | null = null;
  for (const one of part.entries) {
    const content = opened(one, me, part);
    if (content === null) continue;
    const entry = entryOf(tx, one, content, me, part);
    const unsettled = entry.outgoing && (group !== null || one.state !== READ);
    const added = keep(tx, entry, { unsettled, begins: group === null, at: placeFor(entry) });
    shown.push(...added);
    const position = added[0]?.position;
    if (position === undefined || entry.outgoing) continue;
    if (one.state !== READ && position < 0) unread = Math.min(unread ?? position, position);
    if (one.state === READ && position > 0) read.push(entry.id);
  }
  if (unread !== null) chats.leaveUnread(tx, chat, unread);
  chats.markReadElsewhere(tx, chat, read);
  return chats.chat(tx, chat) === null ? [] : shown;
}

/** Add a message; where a line says that it could not be read, it takes that line's place. */
function keep(tx: Transaction, entry: Entry, how: Parameters<typeof timeline.addHistory>[2]): Entry[] {
  const standing = timeline.get(tx, entry.account, entry.id);
  if (standing?.kind !== "unreadable") return timeline.addHistory(tx, entry, how);
  repairs.forget(tx, entry.account, entry.id);
  const shown = timeline.repair(tx, asFirstTold(entry, standing), standing);
  for (const one of shown.slice(0, 1)) timeline.update(tx, one, how);
  return shown;
}

/** By which time the messages of one part stand, or at the end: none before an earlier one of the same device. */
function placing(newest: number | null): (entry: Entry) => number | "end" {
  const latest = new Map<string, number>();
  let isEnd = false;
  return ({ account, device, accepted }) => {
    const sender = hex(account) + hex(device ?? NOBODY);
    const at = Math.max(accepted, latest.get(sender) ?? 0);
    latest.set(sender, at);
    isEnd ||= newest !== null && newest < at;
    return isEnd ? "end" : at;
  };
}

/** The conversation that messages of before belong to; a group chat's may stand here before it is known. */
function placeOf(tx: Transaction, me: Me, { account, group }: History): Uint8Array | null {
  if (group !== null) {
    chats.expectGroup(tx, group);
    return group;
  }
  return account === null || equal(account, me.account) ? null : chatWith(tx, me.account, account).conversation;
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
function opened(one: HistoryEntry, me: Me, { account, group }: History): (Content & { readonly body: Text }) | null {
  try {
    const content = readHistory(one, { own: me.account, chat: account, group });
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
  { account, group }: History,
): Entry {
  const outgoing = equal(one.account, me.account);
  const { conversation: chat, body } = content;
  const named = { chat, author: one.account, named: body.mentions };
  return Entry.of({
    ...(group === null ? mentionsIn(tx, me.account, named) : mentionsBefore(tx, me.account, named)),
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
    // In a group chat: under one's own account, of which the server says nothing. Who has it is not known here.
    statuses: outgoing ? statusesOf(one, account ?? me.account) : [],
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
