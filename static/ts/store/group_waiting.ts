// What came in group chats before what it needs: messages without their chain, sender keys ahead of the operations.

import { hex } from "../lib/bytes";
import { DAY, MAX_CHAINS } from "../protocol/limits";

import { damaged } from "./records";
import type { Row, Transaction } from "./transaction";

const KEPT = 7 * DAY; // ms
const MOST = 500; // messages, a group chat; and sender keys
const MOST_IN_ALL = 5_000; // of each

/** A sender key that cannot be judged yet: its padded content, and the device whose session it came on. */
export interface WaitingKey {
  readonly position: number;
  readonly chat: Uint8Array;
  readonly account: Uint8Array;
  readonly device: Uint8Array;
  readonly padded: Uint8Array;
}

/** A message whose chain is not known: the envelope as it came, JSON. */
export interface WaitingMessage {
  readonly envelope: number;
  readonly frame: Uint8Array;
}

interface From {
  readonly chat: Uint8Array;
  readonly account: Uint8Array;
  readonly device: Uint8Array;
}

/** Keep a message until its sender key comes; the oldest give way. */
export function keep(tx: Transaction, message: From & WaitingMessage, when: { now: number }): void {
  const { envelope, chat, account, device, frame } = message;
  tx.run("INSERT OR IGNORE INTO group_waiting VALUES (?, ?, ?, ?, ?, 0, ?)", [
    envelope,
    chat,
    account,
    device,
    when.now,
    frame,
  ]);
  tx.run(
    "DELETE FROM group_waiting WHERE chat = ?1 AND envelope NOT IN" +
      " (SELECT envelope FROM group_waiting WHERE chat = ?1 ORDER BY envelope DESC LIMIT ?2)",
    [chat, MOST],
  );
  const newest = "SELECT envelope FROM group_waiting ORDER BY envelope DESC LIMIT ?";
  tx.run(`DELETE FROM group_waiting WHERE envelope NOT IN (${newest})`, [MOST_IN_ALL]);
}

/** What waits for a chain of a device, in order. All stay. */
export function messagesOf(tx: Transaction, { chat, account, device }: From): WaitingMessage[] {
  const rows = tx.all(
    "SELECT envelope, frame FROM group_waiting WHERE chat = ? AND account = ? AND device = ? ORDER BY envelope",
    [chat, account, device],
  );
  return rows.map(messageOf);
}

/** What has waited since then or longer, and was not asked for yet. */
export function overdue(tx: Transaction, since: number): WaitingMessage[] {
  const rows = tx.all("SELECT envelope, frame FROM group_waiting WHERE at <= ? AND asked = 0 ORDER BY envelope", [since]);
  return rows.map(messageOf);
}

export function markAsked(tx: Transaction, envelope: number): void {
  tx.run("UPDATE group_waiting SET asked = 1 WHERE envelope = ?", [envelope]);
}

export function forget(tx: Transaction, envelope: number): void {
  tx.run("DELETE FROM group_waiting WHERE envelope = ?", [envelope]);
}

/**
 * Keep a sender key until what it names is here; the oldest give way, first those of the same device.
 *
 * In a group chat those of people who are no `members` give way first: anybody who talks to one may send them.
 */
export function keepKey(
  tx: Transaction,
  from: From,
  padded: Uint8Array,
  { now, members = [] }: { now: number; members?: readonly Uint8Array[] },
): void {
  const { chat, account, device } = from;
  tx.run("INSERT INTO group_key (chat, account, device, at, padded) VALUES (?, ?, ?, ?, ?)", [
    chat,
    account,
    device,
    now,
    padded,
  ]);
  const newest = "SELECT position FROM group_key";
  const ofDevice = "chat = ?1 AND account = ?2 AND device = ?3";
  const latest = `${newest} WHERE ${ofDevice} ORDER BY position DESC LIMIT ?4`;
  tx.run(`DELETE FROM group_key WHERE ${ofDevice} AND position NOT IN (${latest})`, [chat, account, device, MAX_CHAINS]);
  const isMember = "account IN (SELECT unhex(value) FROM json_each(?3))";
  const ofChat = `${newest} WHERE chat = ?1 ORDER BY ${isMember} DESC, position DESC LIMIT ?2`;
  const named = JSON.stringify(members.map((one) => hex(one)));
  tx.run(`DELETE FROM group_key WHERE chat = ?1 AND position NOT IN (${ofChat})`, [chat, MOST, named]);
  tx.run(`DELETE FROM group_key WHERE position NOT IN (${newest} ORDER BY position DESC LIMIT ?)`, [MOST_IN_ALL]);
}

/** The sender keys that wait, oldest first. */
export function keys(tx: Transaction): WaitingKey[] {
  return tx.all("SELECT position, chat, account, device, padded FROM group_key ORDER BY position").map(keyOf);
}

/** The group chats of which sender keys wait. */
export function chatsOfKeys(tx: Transaction): Uint8Array[] {
  return tx.all("SELECT chat FROM group_key GROUP BY chat ORDER BY MIN(position)").map(([chat]) => {
    if (!(chat instanceof Uint8Array)) throw damaged();
    return chat;
  });
}

/** Those of one group chat. */
export function keysOf(tx: Transaction, chat: Uint8Array): WaitingKey[] {
  const columns = "position, chat, account, device, padded";
  return tx.all(`SELECT ${columns} FROM group_key WHERE chat = ? ORDER BY position`, [chat]).map(keyOf);
}

/** Give up those of a group chat that is none of one's own. */
export function forgetKeys(tx: Transaction, chat: Uint8Array): void {
  tx.run("DELETE FROM group_key WHERE chat = ?", [chat]);
}

export function forgetKey(tx: Transaction, position: number): void {
  tx.run("DELETE FROM group_key WHERE position = ?", [position]);
}

export function tidy(tx: Transaction, when: { now: number }): void {
  tx.run("DELETE FROM group_waiting WHERE at <= ?", [when.now - KEPT]);
  tx.run("DELETE FROM group_key WHERE at <= ?", [when.now - KEPT]);
}

/** Count one more answer to a device's question for a message; returns how many there were before. */
export function countAnswer(tx: Transaction, message: Uint8Array, device: Uint8Array): number {
  const times = Number(tx.one("SELECT times FROM group_answer WHERE message = ? AND device = ?", [message, device])?.[0] ?? 0);
  tx.run("INSERT OR REPLACE INTO group_answer VALUES (?, ?, ?)", [message, device, times + 1]);
  return times;
}

function messageOf([envelope, frame]: Row): WaitingMessage {
  if (!(frame instanceof Uint8Array)) throw damaged();
  return { envelope: Number(envelope), frame };
}

function keyOf([position, chat, account, device, padded]: Row): WaitingKey {
  if (!(chat instanceof Uint8Array && account instanceof Uint8Array)) throw damaged();
  if (!(device instanceof Uint8Array && padded instanceof Uint8Array)) throw damaged();
  return { position: Number(position), chat, account, device, padded };
}
