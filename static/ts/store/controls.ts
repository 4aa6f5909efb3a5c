// Control contents on their way to single devices, in order. A row leaves when the server has taken it.

import { damaged, Control } from "./records";
import type { Row, Transaction } from "./transaction";

/** A row, and where it stands. */
export interface Queued {
  readonly position: number;
  readonly control: Control;
}

export function add(tx: Transaction, control: Control): void {
  tx.run("INSERT INTO control (device, value) VALUES (?, ?)", [control.device, Control.pack(control)]);
}

/** What waits behind a position, oldest first. */
export function pending(tx: Transaction, after: number, limit: number): Queued[] {
  const rows = tx.all("SELECT position, value FROM control WHERE position > ? ORDER BY position LIMIT ?", [after, limit]);
  return rows.map(queuedOf);
}

/** What waits for a device, oldest first. */
export function of(tx: Transaction, device: Uint8Array): Queued[] {
  const rows = tx.all("SELECT position, value FROM control WHERE device = ? ORDER BY position", [device]);
  return rows.map(queuedOf);
}

/** A row as it stands now; null once it has left. */
export function get(tx: Transaction, position: number): Control | null {
  const row = tx.one("SELECT value FROM control WHERE position = ?", [position]);
  return row === null ? null : Control.unpack(row[0]);
}

export function update(tx: Transaction, { position, control }: Queued): void {
  tx.run("UPDATE control SET value = ? WHERE position = ?", [Control.pack(control), position]);
}

export function remove(tx: Transaction, position: number): void {
  tx.run("DELETE FROM control WHERE position = ?", [position]);
}

/** Give up what waits for a device. */
export function forget(tx: Transaction, device: Uint8Array): void {
  tx.run("DELETE FROM control WHERE device = ?", [device]);
}

/** How many wait for a device. */
export function count(tx: Transaction, device: Uint8Array): number {
  return Number(tx.one("SELECT COUNT(*) FROM control WHERE device = ?", [device])?.[0]);
}

function queuedOf([position, value]: Row): Queued {
  if (typeof position !== "number") throw damaged();
  return { position, control: Control.unpack(value) };
}
