// Group chats: each with its operations, and the chains that other devices have announced in it.

import { AnnouncedChain } from "../protocol/announced_chain";
import { CHAIN_PERIOD, DAY } from "../protocol/limits";
import { OwnChain } from "../protocol/sender_key";

import * as chats from "./chats";
import { Group, ToldChain, type Told } from "./group_records";
import { damaged } from "./records";
import type { Transaction, Value } from "./transaction";

const TOLD_KEPT = CHAIN_PERIOD + 14 * DAY; // ms; nobody is sent anything again that is older

export function get(tx: Transaction, id: Uint8Array): Group | null {
  const row = tx.one("SELECT value FROM group_chat WHERE id = ?", [id]);
  return row === null ? null : Group.unpack(row[0]);
}

export function all(tx: Transaction): Group[] {
  return tx.all("SELECT value FROM group_chat").map(([value]) => Group.unpack(value));
}

/** Store a group chat; one that is new gets its place among the conversations. */
export function save(tx: Transaction, group: Group): void {
  tx.run("INSERT INTO group_chat VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET value = excluded.value", [
    group.id,
    Group.pack(group),
  ]);
  if (chats.chat(tx, group.id) === null) chats.saveChat(tx, { conversation: group.id, account: group.id });
}

/** Change some fields of a group chat, made if there is none. */
export function change(tx: Transaction, id: Uint8Array, changes: Partial<Omit<Group, "id">>): Group {
  const changed = { ...(get(tx, id) ?? Group.of({ id })), ...changes };
  save(tx, changed);
  return changed;
}

/** Forget a group chat that never came to be, but for messages of before this device's time, which wait for it. */
export function forget(tx: Transaction, id: Uint8Array): void {
  const ofOperations = "id IN (SELECT substr(hash, 1, 16) FROM group_operation WHERE chat = ?1)";
  tx.run(`DELETE FROM entry WHERE chat = ?1 AND (account = ?1 OR ${ofOperations})`, [id]); // warnings are its own
  tx.run("DELETE FROM group_operation WHERE chat = ?", [id]);
  tx.run("DELETE FROM group_chat WHERE id = ?", [id]);
  tx.run("DELETE FROM chat WHERE conversation = ?1 AND NOT EXISTS (SELECT 1 FROM entry WHERE chat = ?1)", [id]);
}

export function saveOperation(
  tx: Transaction,
  id: Uint8Array,
  operation: { readonly index: number; readonly hash: Uint8Array; readonly signed: Uint8Array },
): void {
  tx.run("INSERT INTO group_operation VALUES (?, ?, ?, ?)", [id, operation.index, operation.hash, operation.signed]);
}

/** The operations up to the one of that hash, in order; none where it is not known here. */
export function operationsTo(tx: Transaction, id: Uint8Array, hash: Uint8Array): Uint8Array[] {
  const rows = tx.all(
    "SELECT signed FROM group_operation WHERE chat = ?1 AND number <=" +
      " (SELECT number FROM group_operation WHERE chat = ?1 AND hash = ?2) ORDER BY number",
    [id, hash],
  );
  return rows.map(([signed]) => bytes(signed));
}

/** Whether an operation of that hash is known here. */
export function hasOperation(tx: Transaction, id: Uint8Array, hash: Uint8Array): boolean {
  return tx.one("SELECT 1 FROM group_operation WHERE chat = ? AND hash = ?", [id, hash]) !== null;
}

/** The hash of an operation by its number, or null. */
export function hashAt(tx: Transaction, id: Uint8Array, number: number): Uint8Array | null {
  const row = tx.one("SELECT hash FROM group_operation WHERE chat = ? AND number = ?", [id, number]);
  return row === null ? null : bytes(row[0]);
}

/** The chains of a device in a group chat. */
export function chains(tx: Transaction, id: Uint8Array, account: Uint8Array, device: Uint8Array): AnnouncedChain[] {
  const rows = tx.all("SELECT value FROM announced_chain WHERE chat = ? AND account = ? AND device = ?", [
    id,
    account,
    device,
  ]);
  return rows.map(([value]) => AnnouncedChain.fromBytes(bytes(value)));
}

export function saveChain(tx: Transaction, chain: AnnouncedChain, dropped: readonly Uint8Array[] = []): void {
  const { group, account, device, id } = chain;
  for (const one of dropped) {
    tx.run("DELETE FROM announced_chain WHERE chat = ? AND account = ? AND device = ? AND id = ?", [
      group,
      account,
      device,
      one,
    ]);
  }
  tx.run("INSERT OR REPLACE INTO announced_chain VALUES (?, ?, ?, ?, ?)", [
    group,
    account,
    device,
    id,
    chain.toBytes(),
  ]);
}

/** A device is gone, or has other keys: nothing more of its chains is read. */
export function dropDevice(tx: Transaction, account: Uint8Array, device: Uint8Array): void {
  tx.run("DELETE FROM announced_chain WHERE account = ? AND device = ?", [account, device]);
}

/** This device starts anew, under other keys: it makes another chain in every group chat. */
export function dropOwnChains(tx: Transaction): void {
  for (const group of all(tx)) {
    keepTold(tx, group);
    if (group.chain !== null) save(tx, { ...group, chain: null, told: [] });
  }
}

/** Keep who was told this device's chain, which gives way to another: what was sent on it may be asked for still. */
export function keepTold(tx: Transaction, group: Group): void {
  if (group.chain === null) return;
  const { id, created } = OwnChain.fromBytes(group.chain);
  tx.run("INSERT OR REPLACE INTO told_chain VALUES (?, ?, ?)", [id, created, ToldChain.pack({ told: group.told })]);
}

/** Who was told an own chain that is used no more. */
export function toldOf(tx: Transaction, chain: Uint8Array): readonly Told[] {
  const row = tx.one("SELECT value FROM told_chain WHERE id = ?", [chain]);
  return row === null ? [] : ToldChain.unpack(row[0]).told;
}

/** Once a day: drop chains of which nothing can come any more, or be asked for, and skipped keys as old. */
export function tidyChains(tx: Transaction, when: { now: number }): void {
  tx.run("DELETE FROM told_chain WHERE at <= ?", [when.now - TOLD_KEPT]);
  for (const [value] of tx.all("SELECT value FROM announced_chain")) {
    const before = AnnouncedChain.fromBytes(bytes(value));
    const kept = before.tidy(when);
    if (kept === null) {
      tx.run("DELETE FROM announced_chain WHERE chat = ? AND account = ? AND device = ? AND id = ?", [
        before.group,
        before.account,
        before.device,
        before.id,
      ]);
    } else if (kept.skipped.size !== before.skipped.size) saveChain(tx, kept);
  }
}

function bytes(value: Value | undefined): Uint8Array {
  if (!(value instanceof Uint8Array)) throw damaged();
  return value;
}
