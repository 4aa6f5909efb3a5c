// Conversations: whom they are with, what was read in them, what is being written.
import { hex } from "../lib/bytes";

import { damaged } from "./records";
import type { ChatState, Entry } from "./records";
import { ENTRY, entryOf } from "./timeline";
import type { Row, Transaction } from "./transaction";

/** One conversation as a list of them shows it. */
export interface Overview {
  readonly chat: ChatState;
  readonly last: Entry | null; // the newest line
  readonly unread: number; // incoming lines behind `readTo`
  readonly firstUnread: number; // the position of the first of them; 0: none
  readonly mentioned: boolean; // one of them mentions the person
}

const CHAT = "conversation, account, counter, read_to, told_to, draft";
// Not a group chat whose history came before it is known here.
const KNOWN = "(account <> conversation OR conversation IN (SELECT id FROM group_chat))";

export function chat(tx: Transaction, conversation: Uint8Array): ChatState | null {
  const row = tx.one(`SELECT ${CHAT} FROM chat WHERE conversation = ? AND ${KNOWN}`, [conversation]);
  return row === null ? null : stateOf(row);
}

export function chats(tx: Transaction): ChatState[] {
  return tx.all(`SELECT ${CHAT} FROM chat WHERE ${KNOWN}`).map(stateOf);
}

/** Keep a place for a group chat that is not known here yet: there is no such conversation before it is. */
export function expectGroup(tx: Transaction, id: Uint8Array): void {
  tx.run("INSERT OR IGNORE INTO chat VALUES (?1, ?1, 0, 0, 0, '')", [id]);
}

/** Remember a conversation, or set its counter. What was read and written in it has calls of its own. */
export function saveChat(
  tx: Transaction,
  state: Pick<ChatState, "conversation" | "account"> & Partial<Pick<ChatState, "counter">>,
): void {
  tx.run(
    "INSERT INTO chat VALUES (?, ?, ?, 0, 0, '')" +
      " ON CONFLICT (conversation) DO UPDATE SET account = excluded.account, counter = excluded.counter",
    [state.conversation, state.account, state.counter ?? 0],
  );
}

export function saveDraft(tx: Transaction, conversation: Uint8Array, draft: string): void {
  tx.run("UPDATE chat SET draft = ? WHERE conversation = ?", [draft, conversation]);
}

/** The person has seen the lines up to here. False: that was known already. */
export function markRead(tx: Transaction, conversation: Uint8Array, position: number): boolean {
  // Not beyond what is shown: lines to come are unread.
  return (
    tx.run(
      "UPDATE chat SET read_to = MIN(?1, (SELECT COALESCE(MAX(position), 0) FROM entry WHERE chat = ?2))" +
        " WHERE conversation = ?2 AND read_to < MIN(?1, (SELECT COALESCE(MAX(position), 0) FROM entry WHERE chat = ?2))",
      [position, conversation],
    ) > 0
  );
}

/** Somebody's messages were read on another own device, which has told it: up to the last of them, here too. */
export function markReadElsewhere(tx: Transaction, conversation: Uint8Array, messages: readonly Uint8Array[]): boolean {
  const last = tx.one(
    "SELECT MAX(position) FROM entry WHERE chat = ? AND outgoing = 0 AND id IN (SELECT unhex(value) FROM json_each(?))",
    [conversation, JSON.stringify(messages.map(hex))],
  )?.[0];
  if (typeof last !== "number" || !markRead(tx, conversation, last)) return false;
  markTold(tx, conversation, last);
  return true;
}

/** The ids of incoming messages that are unread here, oldest first. */
export function unread(tx: Transaction, conversation: Uint8Array, limit: number): Uint8Array[] {
  const rows = tx.all(
    "SELECT entry.id FROM entry JOIN chat ON entry.chat = chat.conversation" +
      " WHERE entry.chat = ? AND outgoing = 0 AND position > read_to ORDER BY position LIMIT ?",
    [conversation, limit],
  );
  return rows.flatMap(([id]) => (id instanceof Uint8Array ? [id] : []));
}

/** Lines from before this device's time came in: those from the first unread one on are unread, if none was read yet. */
export function leaveUnread(tx: Transaction, conversation: Uint8Array, position: number): void {
  tx.run("UPDATE chat SET read_to = ?1, told_to = ?1 WHERE conversation = ?2 AND read_to = 0", [position - 1, conversation]);
}

/** Incoming lines that the person has read and the server was not told of, oldest first. */
export function readAndUntold(tx: Transaction, conversation: Uint8Array, limit: number): Entry[] {
  const rows = tx.all(
    `SELECT ${ENTRY} FROM entry JOIN chat ON entry.chat = chat.conversation` +
      " WHERE entry.chat = ? AND outgoing = 0 AND position > told_to AND position <= read_to ORDER BY position LIMIT ?",
    [conversation, limit],
  );
  return rows.map(entryOf);
}

/** Conversations in which `readAndUntold` may have something. */
export function withUntold(tx: Transaction): Uint8Array[] {
  const rows = tx.all(`SELECT conversation FROM chat WHERE read_to > told_to AND ${KNOWN}`);
  return rows.flatMap(([conversation]) => (conversation instanceof Uint8Array ? [conversation] : []));
}

/** The server knows now that the lines up to here were read. */
export function markTold(tx: Transaction, conversation: Uint8Array, position: number): void {
  tx.run("UPDATE chat SET told_to = ?1 WHERE conversation = ?2 AND told_to < ?1", [position, conversation]);
}

/** All conversations, or one, with what a list shows of them; in no order. */
export function overviews(tx: Transaction, conversation: Uint8Array | null = null): Overview[] {
  const states = conversation === null ? chats(tx) : [chat(tx, conversation)];
  return states.flatMap((state) => (state === null ? [] : [overview(tx, state)]));
}

function overview(tx: Transaction, state: ChatState): Overview {
  const last = tx.one(
    `SELECT ${ENTRY} FROM entry WHERE chat = ? AND position IS NOT NULL ORDER BY position DESC LIMIT 1`,
    [state.conversation],
  );
  const unread = tx.one("SELECT COUNT(*), MIN(position) FROM entry WHERE chat = ? AND outgoing = 0 AND position > ?", [
    state.conversation,
    state.readTo,
  ]);
  const mentioned = tx.one("SELECT 1 FROM entry WHERE chat = ? AND mentioned = 1 AND position > ? LIMIT 1", [
    state.conversation,
    state.readTo,
  ]);
  return {
    chat: state,
    last: last === null ? null : entryOf(last),
    unread: Number(unread?.[0] ?? 0),
    firstUnread: Number(unread?.[1] ?? 0),
    mentioned: mentioned !== null,
  };
}

function stateOf(row: Row): ChatState {
  const [conversation, account, counter, readTo, toldTo, draft] = row;
  if (!(conversation instanceof Uint8Array) || !(account instanceof Uint8Array)) throw damaged();
  return {
    conversation,
    account,
    counter: Number(counter),
    readTo: Number(readTo),
    toldTo: Number(toldTo),
    draft: String(draft),
  };
}
