// Open chats and who is in them.

import { OpenChat, type OpenMember } from "./open_records";
import { damaged } from "./records";
import type { Row, Transaction } from "./transaction";

export function get(tx: Transaction, id: Uint8Array): OpenChat | null {
  const row = tx.one("SELECT value FROM open_chat WHERE id = ?", [id]);
  return row === null ? null : OpenChat.unpack(row[0]);
}

export function all(tx: Transaction): OpenChat[] {
  return tx.all("SELECT value FROM open_chat").map(([value]) => OpenChat.unpack(value));
}

export function save(tx: Transaction, chat: OpenChat): void {
  tx.run("INSERT INTO open_chat VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET value = excluded.value", [
    chat.id,
    OpenChat.pack(chat),
  ]);
}

/** Change some fields of an open chat. Null: there is none. */
export function change(tx: Transaction, id: Uint8Array, changes: Partial<Omit<OpenChat, "id">>): OpenChat | null {
  const known = get(tx, id);
  if (known === null) return null;
  const changed = { ...known, ...changes };
  save(tx, changed);
  return changed;
}

export function members(tx: Transaction, id: Uint8Array): OpenMember[] {
  return tx.all("SELECT account, role, read_to FROM open_member WHERE chat = ? ORDER BY account", [id]).map(memberOf);
}

export function member(tx: Transaction, id: Uint8Array, account: Uint8Array): OpenMember | null {
  const row = tx.one("SELECT account, role, read_to FROM open_member WHERE chat = ? AND account = ?", [id, account]);
  return row === null ? null : memberOf(row);
}

/** Those who are in it now. How far somebody has read never falls. */
export function saveMembers(tx: Transaction, id: Uint8Array, now: readonly OpenMember[]): void {
  const before = new Map(members(tx, id).map((one) => [one.account.join(), one.readTo]));
  tx.run("DELETE FROM open_member WHERE chat = ?", [id]);
  for (const { account, role, readTo } of now) {
    const known = before.get(account.join()) ?? 0;
    tx.run("INSERT OR REPLACE INTO open_member VALUES (?, ?, ?, ?)", [id, account, role, Math.max(readTo, known)]);
  }
}

/** Somebody has read up to a position. False: that was known already. */
export function markMemberRead(tx: Transaction, id: Uint8Array, account: Uint8Array, position: number): boolean {
  const statement = "UPDATE open_member SET read_to = ?3 WHERE chat = ?1 AND account = ?2 AND read_to < ?3";
  return tx.run(statement, [id, account, position]) > 0;
}

/** How far anybody but one account has read. */
export function furthestRead(tx: Transaction, id: Uint8Array, but: Uint8Array): number {
  return Number(tx.one("SELECT MAX(read_to) FROM open_member WHERE chat = ? AND account <> ?", [id, but])?.[0] ?? 0);
}

/** The chats that an account is in. */
export function chatsOf(tx: Transaction, account: Uint8Array): Uint8Array[] {
  const rows = tx.all("SELECT chat FROM open_member WHERE account = ?", [account]);
  return rows.flatMap(([chat]) => (chat instanceof Uint8Array ? [chat] : []));
}

function memberOf([account, role, readTo]: Row): OpenMember {
  if (!(account instanceof Uint8Array)) throw damaged();
  return { account, role: Number(role), readTo: Number(readTo) };
}
