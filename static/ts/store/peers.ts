// Accounts and their pins, and every device list that was accepted.
import { hex } from "../lib/bytes";
import { openList, Pin } from "../protocol/device_list";
import type { DeviceList } from "../protocol/device_list";

import { damaged, Peer } from "./records";
import type { Transaction, Value } from "./transaction";

export function byAccount(tx: Transaction, account: Uint8Array): Peer | null {
  const row = tx.one("SELECT value FROM peer WHERE account = ?", [account]);
  return row === null ? null : Peer.unpack(row[0]);
}

/** All accounts whose keys are pinned. */
export function allPinned(tx: Transaction): Peer[] {
  return tx.all("SELECT value FROM peer").map(([value]) => Peer.unpack(value)).filter((peer) => peer.pin !== null);
}

export function byName(tx: Transaction, username: string): Peer | null {
  const row = tx.one("SELECT value FROM peer WHERE name = ?", [username.toLowerCase()]);
  return row === null ? null : Peer.unpack(row[0]);
}

/** Store an account's record; returns it as it is kept: under no name if another account holds that one. */
export function save(tx: Transaction, peer: Peer): Peer {
  let kept = peer;
  // Which account has a name is the server's word. Once keys are pinned under it, it moves for no later word.
  const before = byAccount(tx, peer.account);
  if (before !== null && before.pin !== null && before.username !== "") kept = { ...kept, username: before.username };
  const holder = kept.username === "" ? null : byName(tx, kept.username);
  if (holder !== null && hex(holder.account) !== hex(kept.account)) {
    if (holder.pin !== null) kept = { ...kept, username: "" };
    else write(tx, { ...holder, username: "" });
  }
  write(tx, kept);
  return kept;
}

/** Change some fields of an account's record, made if there is none. */
export function change(tx: Transaction, account: Uint8Array, changes: Partial<Omit<Peer, "account">>): Peer {
  return save(tx, { ...(byAccount(tx, account) ?? Peer.of({ account })), ...changes });
}

export function pinOf(peer: Peer | null): Pin | null {
  return peer === null || peer.pin === null ? null : new Pin(opened(peer.pin));
}

export function saveList(tx: Transaction, value: DeviceList): void {
  tx.run("INSERT OR IGNORE INTO device_list VALUES (?, ?, ?)", [value.account, value.hash, value.signed]);
}

export function listNamed(tx: Transaction, account: Uint8Array, listHash: Uint8Array): DeviceList | null {
  const row = tx.one("SELECT signed FROM device_list WHERE account = ? AND hash = ?", [account, listHash]);
  return row === null ? null : opened(row[0] ?? null);
}

/** The lists of an account that are kept, under the account key that is pinned. */
export function lists(tx: Transaction, account: Uint8Array): DeviceList[] {
  return tx.all("SELECT signed FROM device_list WHERE account = ?", [account]).map(([signed]) => opened(signed ?? null));
}

/** Whether a list was ever seen, that of an identity that was given up included. */
export function knowsList(tx: Transaction, account: Uint8Array, listHash: Uint8Array): boolean {
  const known =
    "SELECT 1 FROM device_list WHERE account = ?1 AND hash = ?2 UNION SELECT 1 FROM old_list WHERE account = ?1 AND hash = ?2";
  return tx.one(known, [account, listHash]) !== null;
}

/** Drop the lists of an identity that was given up: first messages that name them are not listed. */
export function forgetLists(tx: Transaction, account: Uint8Array): void {
  // Their names stay: what was written before the change names them, and nobody withholds a thing.
  tx.run("INSERT OR IGNORE INTO old_list SELECT account, hash FROM device_list WHERE account = ?", [account]);
  tx.run("DELETE FROM device_list WHERE account = ?", [account]);
}

const MOST_OPENED = 256;
const kept = new Map<string, DeviceList>();

/** Open a list; its signatures are checked once a start, not once a message. */
function opened(signed: Value): DeviceList {
  if (!(signed instanceof Uint8Array)) throw damaged();
  const key = hex(signed);
  const list = kept.get(key) ?? openList(signed);
  kept.delete(key); // the one used last stands last
  kept.set(key, list);
  const oldest = kept.keys().next();
  if (kept.size > MOST_OPENED && oldest.done !== true) kept.delete(oldest.value);
  return list;
}

function write(tx: Transaction, peer: Peer): void {
  tx.run(
    "INSERT INTO peer VALUES (?, ?, ?)" +
      " ON CONFLICT (account) DO UPDATE SET name = excluded.name, value = excluded.value",
    [peer.account, peer.username === "" ? null : peer.username.toLowerCase(), Peer.pack(peer)],
  );
}
