// What was written in open chats and is not accepted yet, or was refused. A row leaves when the server has the message.

import { OpenOutgoing } from "./open_records";
import type { Row, Transaction } from "./transaction";

const STEPS = 2 ** 16; // rows between two positions, before their order starts again

/** One of them, and where it stands: behind the newest message of when it was written. */
export interface Queued {
  readonly outgoing: OpenOutgoing;
  readonly position: number; // with a fraction
}

export function add(tx: Transaction, outgoing: OpenOutgoing): void {
  const { id, chat, failed } = outgoing;
  tx.run("INSERT INTO open_outbox (id, chat, failed, value) VALUES (?, ?, ?, ?)", [
    id,
    chat,
    failed ? 1 : 0,
    OpenOutgoing.pack(outgoing),
  ]);
}

export function fail(tx: Transaction, id: Uint8Array, cause: string): OpenOutgoing | null {
  const found = get(tx, id);
  if (found === null) return null;
  const failed = { ...found.outgoing, failed: true, cause };
  tx.run("UPDATE open_outbox SET failed = 1, value = ? WHERE id = ?", [OpenOutgoing.pack(failed), id]);
  return failed;
}

export function get(tx: Transaction, id: Uint8Array): Queued | null {
  const row = tx.one("SELECT position, value FROM open_outbox WHERE id = ?", [id]);
  return row === null ? null : queuedOf(row);
}

export function remove(tx: Transaction, id: Uint8Array): boolean {
  return tx.run("DELETE FROM open_outbox WHERE id = ?", [id]) > 0;
}

/** What has to leave next. */
export function first(tx: Transaction): OpenOutgoing | null {
  const row = tx.one("SELECT position, value FROM open_outbox WHERE failed = 0 ORDER BY position LIMIT 1");
  return row === null ? null : queuedOf(row).outgoing;
}

/** All of a chat, in order. */
export function ofChat(tx: Transaction, chat: Uint8Array): Queued[] {
  return tx.all("SELECT position, value FROM open_outbox WHERE chat = ? ORDER BY position", [chat]).map(queuedOf);
}

/** How many wait to be sent. */
export function count(tx: Transaction): number {
  return Number(tx.one("SELECT COUNT(*) FROM open_outbox WHERE failed = 0")?.[0]);
}

function queuedOf([position, value]: Row): Queued {
  const outgoing = OpenOutgoing.unpack(value);
  return { outgoing, position: outgoing.after + ((Number(position) % (STEPS - 1)) + 1) / STEPS };
}
