// The newest messages of open chats, so that there is something to read without a network. The server has all of them.
//
// Of each chat the newest ones without a gap (but while what was missed is being fetched), and so many at most.

import type { OpenMessage } from "./open_records";
import { damaged } from "./records";
import type { Row, Transaction } from "./transaction";

export const KEPT = 200; // messages of a chat

const COLUMNS = "position, message, sender, accepted_at, edited_at, deleted, body";

/** What is unread: messages of others, behind a position. */
export interface Unread {
  readonly count: number;
  readonly first: number; // the position of the first; 0: none
  readonly mentioned: boolean;
}

/**
 * Keep a message, or what a later edit or a deletion has made of it. False: nothing of it is new.
 *
 * `mentioned`: it mentions the person.
 */
export function put(tx: Transaction, chat: Uint8Array, one: OpenMessage, mentioned: boolean): boolean {
  const known = at(tx, chat, one.position);
  if (known !== null && !isNewer(one, known)) return false;
  tx.run("INSERT OR REPLACE INTO open_message VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", [
    chat,
    one.position,
    one.message,
    one.sender,
    one.acceptedAt,
    one.editedAt,
    one.deleted ? 1 : 0,
    mentioned ? 1 : 0,
    one.body,
  ]);
  return true;
}

export function at(tx: Transaction, chat: Uint8Array, position: number): OpenMessage | null {
  const row = tx.one(`SELECT ${COLUMNS} FROM open_message WHERE chat = ? AND position = ?`, [chat, position]);
  return row === null ? null : messageOf(row);
}

export function byId(tx: Transaction, chat: Uint8Array, sender: Uint8Array, message: Uint8Array): OpenMessage | null {
  const row = tx.one(`SELECT ${COLUMNS} FROM open_message WHERE message = ? AND sender = ? AND chat = ? LIMIT 1`, [
    message,
    sender,
    chat,
  ]);
  return row === null ? null : messageOf(row);
}

/** At most `limit` messages before a position (null: the newest), oldest first. */
export function before(tx: Transaction, chat: Uint8Array, position: number | null, limit: number): OpenMessage[] {
  const rows = tx.all(
    `SELECT ${COLUMNS} FROM open_message WHERE chat = ? AND position < ? ORDER BY position DESC LIMIT ?`,
    [chat, position ?? Number.MAX_SAFE_INTEGER, limit],
  );
  return rows.map(messageOf).reverse();
}

/** At most `limit` messages after a position, oldest first. */
export function after(tx: Transaction, chat: Uint8Array, position: number, limit: number): OpenMessage[] {
  const rows = tx.all(`SELECT ${COLUMNS} FROM open_message WHERE chat = ? AND position > ? ORDER BY position LIMIT ?`, [
    chat,
    position,
    limit,
  ]);
  return rows.map(messageOf);
}

/** The positions of the oldest and the newest message that are kept; null: none is. */
export function bounds(tx: Transaction, chat: Uint8Array): readonly [oldest: number, newest: number] | null {
  const row = tx.one("SELECT MIN(position), MAX(position) FROM open_message WHERE chat = ?", [chat]);
  return row === null || row[0] === null ? null : [Number(row[0]), Number(row[1])];
}

/** The position of the newest message up to a position; 0: none is kept. */
export function upTo(tx: Transaction, chat: Uint8Array, position: number): number {
  return Number(tx.one("SELECT MAX(position) FROM open_message WHERE chat = ? AND position <= ?", [chat, position])?.[0] ?? 0);
}

/** What of others is unread behind a position. */
export function unread(tx: Transaction, chat: Uint8Array, own: Uint8Array, position: number): Unread {
  const row = tx.one(
    "SELECT COUNT(*), MIN(position), MAX(mentioned) FROM open_message" +
      " WHERE chat = ? AND position > ? AND sender <> ? AND deleted = 0",
    [chat, position, own],
  );
  return { count: Number(row?.[0] ?? 0), first: Number(row?.[1] ?? 0), mentioned: row?.[2] === 1 };
}

/** Messages of an account between two positions (the first excluded). */
export function between(tx: Transaction, chat: Uint8Array, sender: Uint8Array, from: number, to: number): OpenMessage[] {
  const rows = tx.all(
    `SELECT ${COLUMNS} FROM open_message WHERE chat = ? AND sender = ? AND position > ? AND position <= ?`,
    [chat, sender, from, to],
  );
  return rows.map(messageOf);
}

/** The server has no others between the first and the last of these. */
export function keepOnly(tx: Transaction, chat: Uint8Array, [first, last]: readonly [number, number], these: readonly number[]): void {
  tx.run(
    "DELETE FROM open_message WHERE chat = ? AND position BETWEEN ? AND ? AND position NOT IN (SELECT value FROM json_each(?))",
    [chat, first, last, JSON.stringify(these)],
  );
}

/** Forget what is before a position. */
export function dropBefore(tx: Transaction, chat: Uint8Array, position: number): boolean {
  return tx.run("DELETE FROM open_message WHERE chat = ? AND position < ?", [chat, position]) > 0;
}

/** Forget what is beyond the number that is kept. True: something was. */
export function trim(tx: Transaction, chat: Uint8Array): boolean {
  const row = tx.one("SELECT position FROM open_message WHERE chat = ? ORDER BY position DESC LIMIT 1 OFFSET ?", [
    chat,
    KEPT - 1,
  ]);
  return row !== null && dropBefore(tx, chat, Number(row[0]));
}

/** A deletion stands, and otherwise the later edit: frames and answers may overtake each other. */
function isNewer(one: OpenMessage, known: OpenMessage): boolean {
  if (known.deleted) return false;
  return one.deleted || one.editedAt > known.editedAt;
}

function messageOf([position, message, sender, acceptedAt, editedAt, deleted, body]: Row): OpenMessage {
  if (!(message instanceof Uint8Array) || !(sender instanceof Uint8Array)) throw damaged();
  return {
    position: Number(position),
    message,
    sender,
    acceptedAt: Number(acceptedAt),
    editedAt: Number(editedAt),
    deleted: deleted === 1,
    body: String(body),
  };
}
