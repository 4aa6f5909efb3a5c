// Messages on their way to group chats. A row leaves only when the server has answered for good.
import { hex } from "../lib/bytes";

import { GroupOutgoing } from "./group_records";
import type { Transaction } from "./transaction";

export function add(tx: Transaction, outgoing: GroupOutgoing): void {
  tx.run("INSERT INTO group_outbox (id, chat, value) VALUES (?, ?, ?)", [
    outgoing.id,
    outgoing.group,
    GroupOutgoing.pack(outgoing),
  ]);
}

export function update(tx: Transaction, outgoing: GroupOutgoing): void {
  tx.run("UPDATE group_outbox SET value = ? WHERE id = ?", [GroupOutgoing.pack(outgoing), outgoing.id]);
}

export function get(tx: Transaction, messageId: Uint8Array): GroupOutgoing | null {
  const row = tx.one("SELECT value FROM group_outbox WHERE id = ?", [messageId]);
  return row === null ? null : GroupOutgoing.unpack(row[0]);
}

export function remove(tx: Transaction, messageId: Uint8Array): void {
  tx.run("DELETE FROM group_outbox WHERE id = ?", [messageId]);
}

/** The message that has to leave next, of the group chats that are not stuck. */
export function first(tx: Transaction, stuck: Iterable<Uint8Array>): GroupOutgoing | null {
  const row = tx.one(
    "SELECT value FROM group_outbox WHERE chat NOT IN (SELECT unhex(value) FROM json_each(?)) ORDER BY position LIMIT 1",
    [JSON.stringify([...stuck].map(hex))],
  );
  return row === null ? null : GroupOutgoing.unpack(row[0]);
}

export function count(tx: Transaction): number {
  return Number(tx.one("SELECT COUNT(*) FROM group_outbox")?.[0]);
}
