// What this browser is to its account: on the list, taken off it, or left behind by a new account key.

import { equal } from "../lib/bytes";
import { LinkingNeeded } from "../lib/errors";
import type { DeviceList } from "../protocol/device_list";
import type { Me } from "../store/records";
import * as settings from "../store/settings";
import type { Transaction } from "../store/transaction";
import { ownDevice } from "./context";
import { newestList } from "./opening";
import { WORDS } from "./words";

/** Whether a list shows this browser under its own keys. */
export function isOn(newest: DeviceList, me: Me): boolean {
  if (me.device === null) return false;
  const mine = ownDevice({ ...me, accountKey: newest.accountKey });
  const found = newest.find(mine.device);
  const { signing, identity } = mine;
  return found !== null && equal(found.signingKey, signing.public) && equal(found.identityKey, identity.public);
}

/** When (ms) this browser was put on its account's list beside others; null: it was the first, or is on none. */
export function linkedAt(tx: Transaction, { account, device }: Me): number | null {
  const listed = newestList(tx, account)?.devices ?? [];
  const mine = listed.find((one) => device !== null && equal(one.device, device));
  return mine !== undefined && listed.some((one) => one.added < mine.added) ? mine.added : null;
}

/** An account's newest list has been accepted. If it is one's own, see whether this browser is still on it. */
export function noteOwnList(tx: Transaction, newest: DeviceList): void {
  const me = settings.me(tx);
  if (me?.ready !== true || !equal(me.account, newest.account)) return;
  const unlinked = isOn(newest, me) ? "" : "removed";
  if (me.unlinked !== unlinked) settings.saveMe(tx, { ...me, unlinked });
}

/** An account shows another account key than this browser knows. If it is one's own, this browser is out. */
export function noteOwnIdentity(tx: Transaction, account: Uint8Array): void {
  const me = settings.me(tx);
  if (me?.ready === true && equal(me.account, account)) settings.saveMe(tx, { ...me, unlinked: "identity" });
}

/** The server knows this device no more, or serves it no more. */
export function noteEnded(tx: Transaction): void {
  const me = settings.me(tx);
  if (me?.ready === true && me.unlinked === "") settings.saveMe(tx, { ...me, unlinked: "removed" });
}

/** Why this browser can neither read nor write. */
export function linkingNeeded(me: Me | null): LinkingNeeded {
  if (me?.unlinked === "removed") return new LinkingNeeded(WORDS.deviceGone);
  if (me?.unlinked === "identity") return new LinkingNeeded(WORDS.identityMade, true);
  return new LinkingNeeded(WORDS.linkingNeeded);
}
