// Ratchet sessions and the private halves of prekeys. Read and written inside the transaction that uses them.
import { StoreError } from "../lib/errors";
import { ProtocolError } from "../protocol/errors";
import { isSpent, PrivatePrekey } from "../protocol/prekeys";
import type { PrekeyLabel } from "../protocol/prekeys";
import { Pair } from "../protocol/pair";
import { Session } from "../protocol/session";

import { damaged } from "./records";
import type { Transaction, Value } from "./transaction";

export function pair(tx: Transaction, account: Uint8Array, device: Uint8Array): Pair {
  const rows = tx.all("SELECT id, value FROM session WHERE account = ? AND device = ?", [account, device]);
  return Pair.of(
    account,
    device,
    rows.flatMap(([id, value]) => opened(tx, id, value)),
  );
}

export function isKnown(tx: Transaction, sessionId: Uint8Array): boolean {
  return tx.one("SELECT 1 FROM session WHERE id = ?", [sessionId]) !== null;
}

export function save(tx: Transaction, account: Uint8Array, device: Uint8Array, session: Session): void {
  tx.run("INSERT INTO session VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET value = excluded.value", [
    session.id,
    account,
    device,
    session.toBytes(),
  ]);
}

export function drop(tx: Transaction, ids: Iterable<Uint8Array>): void {
  for (const id of ids) tx.run("DELETE FROM session WHERE id = ?", [id]);
}

export function dropPair(tx: Transaction, account: Uint8Array, device: Uint8Array): void {
  tx.run("DELETE FROM session WHERE account = ? AND device = ?", [account, device]);
}

/** Give up all but one, as after a `reset`. */
export function dropOthers(tx: Transaction, account: Uint8Array, device: Uint8Array, sessionId: Uint8Array): void {
  tx.run("DELETE FROM session WHERE account = ? AND device = ? AND id <> ?", [account, device, sessionId]);
}

/** Give every session up, as under a new account key: each is bound to the old one. */
export function dropAll(tx: Transaction): void {
  tx.run("DELETE FROM session");
}

export function savePrekey(tx: Transaction, value: PrivatePrekey): void {
  tx.run("INSERT INTO prekey VALUES (?, ?, ?)", [value.label, value.keyId, value.toBytes()]);
}

export function prekey(tx: Transaction, label: PrekeyLabel, keyId: number): PrivatePrekey | null {
  const row = tx.one("SELECT value FROM prekey WHERE label = ? AND id = ?", [label, keyId]);
  return row === null ? null : PrivatePrekey.fromBytes(bytes(row[0]));
}

export function deletePrekey(tx: Transaction, label: PrekeyLabel, keyId: number): void {
  tx.run("DELETE FROM prekey WHERE label = ? AND id = ?", [label, keyId]);
}

/** Delete signed private halves past their time, and the H(EK)s that stand under them. */
export function deleteSpentPrekeys(tx: Transaction, when: { now: number }): void {
  for (const [value] of tx.all("SELECT value FROM prekey WHERE label IN ('spk', 'klr')")) {
    const found = PrivatePrekey.fromBytes(bytes(value));
    if (!isSpent(found, when)) continue;
    deletePrekey(tx, found.label, found.keyId);
    if (found.label === "spk") tx.run("DELETE FROM used_ek WHERE spk_id = ?", [found.keyId]);
  }
}

/** Forget every own prekey: they belong to a device that is no more. */
export function forgetPrekeys(tx: Transaction): void {
  tx.run("DELETE FROM prekey");
  tx.run("DELETE FROM used_ek");
}

export function rememberEk(tx: Transaction, ekHash: Uint8Array, spkId: number): void {
  tx.run("INSERT OR IGNORE INTO used_ek VALUES (?, ?)", [ekHash, spkId]);
}

export function hasSeenEk(tx: Transaction, ekHash: Uint8Array): boolean {
  return tx.one("SELECT 1 FROM used_ek WHERE hash = ?", [ekHash]) !== null;
}

/** Once a day: drop sessions unanswered for 30 days, and skipped keys as old. */
export function tidyPairs(tx: Transaction, when: { now: number }): void {
  for (const [account, device] of tx.all("SELECT DISTINCT account, device FROM session")) {
    const before = pair(tx, bytes(account), bytes(device));
    const [kept, dropped] = before.tidy(when);
    drop(tx, dropped);
    for (const session of kept.sessions) {
      if (!before.sessions.includes(session)) save(tx, bytes(account), bytes(device), session);
    }
  }
}

/** Open a stored session. A damaged one is dropped like one that never was: what was sent on it is asked for again. */
function opened(tx: Transaction, id: Value | undefined, value: Value | undefined): readonly Session[] {
  try {
    return [Session.fromBytes(bytes(value))];
  } catch (error) {
    if (!(error instanceof ProtocolError || error instanceof StoreError)) throw error;
    tx.run("DELETE FROM session WHERE id = ?", [id ?? null]);
    return [];
  }
}

function bytes(value: Value | undefined): Uint8Array {
  if (!(value instanceof Uint8Array)) throw damaged();
  return value;
}
