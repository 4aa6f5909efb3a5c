// The single rows: who this browser is, its prekey counters, what was begun of linking.
import { Linking, Me, PrekeyState } from "./records";
import type { Transaction, Value } from "./transaction";

export function me(tx: Transaction): Me | null {
  const packed = get(tx, "me");
  return packed === null ? null : Me.unpack(packed);
}

export function saveMe(tx: Transaction, value: Me): void {
  put(tx, "me", Me.pack(value));
}

export function prekeyState(tx: Transaction): PrekeyState {
  const packed = get(tx, "prekeys");
  return packed === null ? PrekeyState.of({}) : PrekeyState.unpack(packed);
}

export function savePrekeyState(tx: Transaction, value: PrekeyState): void {
  put(tx, "prekeys", PrekeyState.pack(value));
}

export function linking(tx: Transaction): Linking {
  const packed = get(tx, "linking");
  return packed === null ? Linking.of({}) : Linking.unpack(packed);
}

export function saveLinking(tx: Transaction, value: Linking): void {
  put(tx, "linking", Linking.pack(value));
}

function get(tx: Transaction, name: string): Value {
  return tx.one("SELECT value FROM setting WHERE name = ?", [name])?.[0] ?? null;
}

function put(tx: Transaction, name: string, value: Uint8Array): void {
  tx.run("INSERT INTO setting VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", [name, value]);
}
