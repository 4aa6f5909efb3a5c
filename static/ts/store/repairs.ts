// What a message that cannot be read needs: the log of sends, and the messages that wait to be repaired.
//
// PROTOCOL.md, Unable to decrypt. A retry names a message by its place: session id, ratchet key, number.

import { DAY } from "../protocol/limits";

import { damaged, Unreadable } from "./records";
import type { Row, Transaction } from "./transaction";

const LOG_KEPT = 14 * DAY; // ms
const LINES_KEPT = 31 * DAY; // ms; a message that may yet come in a form that can be read takes its line's place

/** Where in a session a message stands. */
export interface Place {
  readonly session: Uint8Array;
  readonly dh: Uint8Array;
  readonly n: number;
}

/** What a place carried, and to whom. */
export interface SentTo {
  readonly message: Uint8Array;
  readonly account: Uint8Array;
  readonly device: Uint8Array;
  readonly signingKey: Uint8Array | null; // the device's; null: of a group chat's message
}

/** Note which place carried a message to a device, beside those that carried it there before. */
export function logSent(tx: Transaction, { session, dh, n }: Place, sent: SentTo, when: { now: number }): void {
  const { message, account, device, signingKey } = sent;
  tx.run(
    "INSERT OR REPLACE INTO sent VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7," +
      " (SELECT COALESCE(MAX(answered), 0) FROM sent WHERE message = ?4 AND device = ?6), ?8)",
    [session, dh, n, message, account, device, when.now, signingKey],
  );
}

/** What a place carried, and how many times that message was sent to that device again. */
export function sentAt(tx: Transaction, place: Place, when: { now: number }): (SentTo & { answered: number }) | null {
  const row = tx.one(
    "SELECT message, account, device, signing_key, answered FROM sent WHERE session = ? AND dh = ? AND n = ? AND at > ?",
    [place.session, place.dh, place.n, when.now - LOG_KEPT],
  );
  if (row === null) return null;
  const [message, account, device, key, answered] = row;
  if (!(message instanceof Uint8Array && account instanceof Uint8Array && device instanceof Uint8Array)) throw damaged();
  return { message, account, device, signingKey: key instanceof Uint8Array ? key : null, answered: Number(answered) };
}

export function countAnswer(tx: Transaction, { message, device }: Pick<SentTo, "message" | "device">): void {
  tx.run("UPDATE sent SET answered = answered + 1 WHERE message = ? AND device = ?", [message, device]);
}

export function tidy(tx: Transaction, when: { now: number }): void {
  tx.run("DELETE FROM sent WHERE at <= ?", [when.now - LOG_KEPT]);
  tx.run("DELETE FROM unreadable WHERE at <= ?", [when.now - LINES_KEPT]);
}

export function unreadable(
  tx: Transaction,
  account: Uint8Array,
  device: Uint8Array,
  message: Uint8Array,
): Unreadable | null {
  const row = tx.one("SELECT value FROM unreadable WHERE account = ? AND device = ? AND message = ?", [
    account,
    device,
    message,
  ]);
  return row === null ? null : Unreadable.unpack(row[0]);
}

/** All that wait to be repaired, oldest first. */
export function all(tx: Transaction): Unreadable[] {
  return tx.all("SELECT value FROM unreadable ORDER BY at").map(([value]) => Unreadable.unpack(value));
}

export function save(tx: Transaction, value: Unreadable): void {
  const { account, device, message, chat, at } = value;
  tx.run(
    "INSERT INTO unreadable VALUES (?, ?, ?, ?, ?, 0, ?)" +
      " ON CONFLICT (account, device, message) DO UPDATE SET value = excluded.value",
    [account, device, message, chat, at, Unreadable.pack(value)],
  );
}

/** It can be read now, from whichever device of that account. */
export function forget(tx: Transaction, account: Uint8Array, message: Uint8Array): void {
  tx.run("DELETE FROM unreadable WHERE account = ? AND message = ?", [account, message]);
}

/** How many of the messages missing in a flow are known to be unreadable; each explains one gap once. */
export function countInGap(tx: Transaction, [chat, account, device]: Row, most: number): number {
  return tx.run(
    "UPDATE unreadable SET gap = 1 WHERE (account, device, message) IN (SELECT account, device, message FROM unreadable" +
      " WHERE account = ?2 AND device = ?3 AND chat = ?1 AND gap = 0 ORDER BY at LIMIT ?4)",
    [chat ?? null, account ?? null, device ?? null, most],
  );
}
