// What is on its way out. A row leaves only when the server has answered for good.
import { hex } from "../lib/bytes";

import { Outgoing } from "./records";
import type { Transaction } from "./transaction";

export function add(tx: Transaction, outgoing: Outgoing, chat: Uint8Array): void {
  tx.run("INSERT INTO outbox (id, chat, value) VALUES (?, ?, ?)", [outgoing.id, chat, Outgoing.pack(outgoing)]);
}

export function update(tx: Transaction, outgoing: Outgoing): void {
  tx.run("UPDATE outbox SET value = ? WHERE id = ?", [Outgoing.pack(outgoing), outgoing.id]);
}

export function get(tx: Transaction, messageId: Uint8Array): Outgoing | null {
  const row = tx.one("SELECT value FROM outbox WHERE id = ?", [messageId]);
  return row === null ? null : Outgoing.unpack(row[0]);
}

export function remove(tx: Transaction, messageId: Uint8Array): void {
  tx.run("DELETE FROM outbox WHERE id = ?", [messageId]);
}

/** What waits, oldest first, less the chats in which one of the `stuck` messages has to leave first. */
export function pending(tx: Transaction, stuck: Iterable<Uint8Array> = [], limit = 100): Outgoing[] {
  const rows = tx.all(
    "SELECT value FROM outbox WHERE chat NOT IN" +
      " (SELECT chat FROM outbox WHERE id IN (SELECT unhex(value) FROM json_each(?))) ORDER BY position LIMIT ?",
    [JSON.stringify([...stuck].map(hex)), limit],
  );
  return rows.map(([value]) => Outgoing.unpack(value));
}

export function count(tx: Transaction): number {
  return Number(tx.one("SELECT COUNT(*) FROM outbox")?.[0]);
}
