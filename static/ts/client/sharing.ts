// What a managing device hands to one that it links: contacts with their pins, the account key; and history (history.ts).
//
// PROTOCOL.md, Linking. Made on the one side and taken on the other, inside transactions. What is taken comes from a
// device of one's own account, and changes no pin that is here already.

import { equal } from "../lib/bytes";
import { AccountData, parts, SharedContact, type History } from "../protocol/account_data";
import type { Body } from "../protocol/body";
import { ProtocolError } from "../protocol/errors";
import { secret } from "../protocol/secret";
import * as peers from "../store/peers";
import type { Me } from "../store/records";
import * as settings from "../store/settings";
import type { Transaction } from "../store/transaction";
import { queueControl } from "./controls";
import type { Visit } from "./doctor";
import { hasChanged } from "./identity";
import { managingOf } from "./own_devices";

/** The device that is given something, and what the session to it starts from. */
export interface Link {
  readonly device: Uint8Array;
  readonly secret: Uint8Array;
  readonly managing: boolean;
}

export function contacts(tx: Transaction, me: Me): SharedContact[] {
  return peers.allPinned(tx).flatMap((peer) => {
    const pin = peers.pinOf(peer);
    if (pin === null || equal(peer.account, me.account)) return [];
    const verified = peer.verifiedKey !== null && equal(peer.verifiedKey, pin.accountKey) && !hasChanged(peer);
    return [new SharedContact(peer.account, peer.username, pin.newest.signed, verified)];
  });
}

/** Queue everything for a new device, in the order in which it is to leave. Returns how much that is. */
export function give(tx: Transaction, me: Me, link: Link, given: readonly History[], visit: Visit): number {
  const shared = parts(contacts(tx, me));
  const accountKeySeed = link.managing && me.accountKeySeed !== null ? secret(me.accountKeySeed) : null;
  const first = new AccountData({
    contacts: shared[0] ?? [],
    accountKeySeed,
    managing: managingOf(me),
    history: given.length,
  });
  const bodies: Body[] = [first, ...shared.slice(1).map((one) => new AccountData({ contacts: one })), ...given];
  const target = { account: me.account, device: link.device };
  for (const body of bodies) queueControl(tx, me, target, body, visit, { fresh: true, psk: link.secret });
  return bodies.length;
}

/** Tell own managing devices which ones hold the account key. */
export function tellManagers(tx: Transaction, me: Me, devices: readonly Uint8Array[], visit: Visit): void {
  const body = new AccountData({ managing: managingOf(me) });
  for (const device of devices) queueControl(tx, me, { account: me.account, device }, body, visit);
}

/** Keep what another own device has given. Of an account key that is not the pinned one, nothing. */
export function takeAccountData(tx: Transaction, me: Me, data: AccountData): void {
  if (me.accountKey === null) return;
  let seed: Uint8Array | null;
  try {
    seed = data.accountKey(me.accountKey)?.seed ?? null;
  } catch (error) {
    if (error instanceof ProtocolError) return;
    throw error;
  }
  for (const contact of data.contacts) if (!equal(contact.account, me.account)) takeContact(tx, contact);
  if (seed !== null || data.managing !== null) {
    const held = { ...me, accountKeySeed: seed ?? me.accountKeySeed, managing: [...me.managing, ...(data.managing ?? [])] };
    settings.saveMe(tx, { ...held, managing: managingOf(held) });
  }
  if (data.history !== null) settings.saveLinking(tx, { ...settings.linking(tx), history: data.history, taken: 0 });
}

function takeContact(tx: Transaction, contact: SharedContact): void {
  const held = peers.pinOf(peers.byAccount(tx, contact.account));
  try {
    const pin = contact.pin(held);
    if (held === null) {
      peers.saveList(tx, pin.newest);
      peers.change(tx, contact.account, { username: contact.username, pin: pin.toBytes() });
    }
    const peer = peers.byAccount(tx, contact.account);
    if (contact.verified && peer?.verifiedKey === null) {
      peers.change(tx, contact.account, { verifiedKey: pin.accountKey });
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
  }
}
