// Which envelopes were dealt with, and which wait for a person's word about a changed identity.
import { Peer } from "./records";
import type { Transaction } from "./transaction";

const KEPT = 45 * 24 * 3_600_000; // ms; the server gives an envelope up after 30 days

export interface Parked {
  readonly envelope: number;
  readonly frame: Uint8Array; // the envelope as it came, JSON
}

export function isKnown(tx: Transaction, envelope: number): boolean {
  return tx.one("SELECT 1 FROM envelope WHERE id = ?", [envelope]) !== null;
}

export function remember(tx: Transaction, envelope: number, when: { now: number }): void {
  tx.run("INSERT OR IGNORE INTO envelope VALUES (?, ?)", [envelope, when.now]);
}

export function tidy(tx: Transaction, when: { now: number }): void {
  tx.run("DELETE FROM envelope WHERE at < ?", [when.now - KEPT]);
}

export function park(tx: Transaction, envelope: number, account: Uint8Array, frame: Uint8Array): void {
  tx.run("INSERT OR IGNORE INTO parked VALUES (?, ?, ?)", [envelope, account, frame]);
}

/** Parked envelopes, oldest first, of the senders whose identity is settled. All stay. */
export function parked(tx: Transaction): Parked[] {
  const found: Parked[] = [];
  for (const [account, value] of tx.all(
    "SELECT account, value FROM peer WHERE account IN (SELECT account FROM parked)",
  )) {
    if (Peer.unpack(value).changedLists.length > 0) continue;
    for (const [envelope, frame] of tx.all("SELECT id, frame FROM parked WHERE account = ?", [account ?? null])) {
      if (frame instanceof Uint8Array) found.push({ envelope: Number(envelope), frame });
    }
  }
  return found.sort((one, other) => one.envelope - other.envelope);
}

/** Have an envelope taken as if it had just come; nothing happens if it is not parked. */
export function unpark(tx: Transaction, envelope: number): void {
  if (tx.run("DELETE FROM parked WHERE id = ?", [envelope]) > 0) {
    tx.run("DELETE FROM envelope WHERE id = ?", [envelope]);
  }
}
