// The account key that somebody is known by: pinned, changed, acknowledged, compared. Inside one transaction.

import { equal } from "../lib/bytes";
import { IdentityHasChanged, KeysRefused } from "../lib/errors";
import { uuid } from "../lib/uuid";
import { readPadded } from "../protocol/content";
import { acknowledgeIdentity, type Accepted } from "../protocol/device_list";
import { SenderKey } from "../protocol/sender_key";
import type { Transaction } from "../store/transaction";
import * as controls from "../store/controls";
import * as groups from "../store/groups";
import * as peers from "../store/peers";
import { Peer } from "../store/records";
import * as sessions from "../store/sessions";
import { WORDS } from "./words";

export function shownName(peer: Peer): string {
  return peer.username === "" ? uuid(peer.account) : peer.username;
}

/** The account key that the server shows now: the pinned one, or a changed one that waits for the person's word. */
export function currentKey(peer: Peer): Uint8Array | null {
  return peer.changedKey ?? peers.pinOf(peer)?.accountKey ?? null;
}

/** The safety number was compared, and their identity is still that one. */
export function isVerified(peer: Peer | null): boolean {
  // The pin last: to open one is to check signatures, and a list of chats asks this of everybody.
  if (peer === null || peer.verifiedKey === null || hasChanged(peer)) return false;
  const pin = peers.pinOf(peer);
  return pin !== null && equal(peer.verifiedKey, pin.accountKey);
}

/** Whether a change of identity waits for the person's word. */
export function hasChanged(peer: Peer | null): boolean {
  return peer !== null && peer.changedLists.length > 0;
}

export function requireUnchanged(peer: Peer | null): void {
  if (peer !== null && hasChanged(peer)) throw new IdentityHasChanged(WORDS.identityChanged(shownName(peer)));
}

/** Take a changed identity as it is now: new pin, old sessions dropped, the verified mark gone. */
export function acknowledge(tx: Transaction, account: Uint8Array): Peer {
  const peer = peers.byAccount(tx, account);
  const pin = peers.pinOf(peer);
  const changed = peer?.changedKey ?? null;
  if (peer === null || pin === null || changed === null || !hasChanged(peer)) {
    throw new KeysRefused(WORDS.nothingToAcknowledge);
  }
  const accepted = acknowledgeIdentity(pin, changed, peer.changedLists);
  peers.forgetLists(tx, account);
  for (const { device, signingKey } of pin.newest.devices) {
    const listed = accepted.pin.newest.find(device);
    const isSame = listed !== null && equal(listed.signingKey, signingKey);
    for (const row of controls.of(tx, device)) {
      // It was for those of before. But a chain counts as told, and the very same device has not got it yet.
      if (isSame && isSenderKey(row)) controls.update(tx, { ...row, control: { ...row.control, wire: null } });
      else controls.remove(tx, row.position);
    }
    sessions.dropPair(tx, account, device);
    groups.dropDevice(tx, account, device);
  }
  return save(tx, peer, accepted, { verifiedKey: null, changedLists: [], changedKey: null, seenPrekeys: [] });
}

function isSenderKey({ control }: controls.Queued): boolean {
  return readPadded(control.padded).body instanceof SenderKey;
}

/** Mark the account key that was compared, and no other. Throws IdentityHasChanged if it is not the current one. */
export function markVerified(tx: Transaction, account: Uint8Array, key: Uint8Array): void {
  const peer = peers.byAccount(tx, account) ?? Peer.of({ account });
  const current = currentKey(peer);
  if (current === null || !equal(current, key)) {
    throw new IdentityHasChanged(WORDS.identityChangedMeanwhile(shownName(peer)));
  }
  if (hasChanged(peer)) acknowledge(tx, account);
  peers.change(tx, account, { verifiedKey: key });
}

/** Keep lists that were accepted, and the pin that they lead to. */
export function save(tx: Transaction, peer: Peer, accepted: Accepted, changes: Partial<Peer>): Peer {
  for (const one of accepted.lists) peers.saveList(tx, one);
  return peers.change(tx, peer.account, { ...changes, pin: accepted.pin.toBytes() });
}
