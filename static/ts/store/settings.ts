// The single rows: who this browser is, its tokens, its prekey counters.
import { Me, PrekeyState, Tokens } from "./records";
import type { Transaction, Value } from "./transaction";

export function me(tx: Transaction): Me | null {
  const packed = get(tx, "me");
  return packed === null ? null : Me.unpack(packed);
}

export function saveMe(tx: Transaction, value: Me): void {
  put(tx, "me", Me.pack(value));
}

export function tokens(tx: Transaction): Tokens | null {
  const packed = get(tx, "tokens");
  return packed === null ? null : Tokens.unpack(packed);
}

export function saveTokens(tx: Transaction, value: Tokens | null): void {
  if (value === null) tx.run("DELETE FROM setting WHERE name = 'tokens'");
  else put(tx, "tokens", Tokens.pack(value));
}

export function prekeyState(tx: Transaction): PrekeyState {
  const packed = get(tx, "prekeys");
  return packed === null ? PrekeyState.of({}) : PrekeyState.unpack(packed);
}

export function savePrekeyState(tx: Transaction, value: PrekeyState): void {
  put(tx, "prekeys", PrekeyState.pack(value));
}

function get(tx: Transaction, name: string): Value {
  return tx.one("SELECT value FROM setting WHERE name = ?", [name])?.[0] ?? null;
}

function put(tx: Transaction, name: string, value: Uint8Array): void {
  tx.run("INSERT INTO setting VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", [name, value]);
}
