// Sessions opened with a device: which of them can still send, and a new one from a bundle. Inside one transaction.

import { equal } from "../lib/bytes";
import type { DeviceList } from "../protocol/device_list";
import type { Entropy } from "../protocol/entropy";
import { BadKey, ProtocolError } from "../protocol/errors";
import { HOUR } from "../protocol/limits";
import { Bundle, verifyBundle, type SeenPrekeys } from "../protocol/prekeys";
import { secret } from "../protocol/secret";
import { startSession, type Pair, type Session } from "../protocol/session";
import * as peers from "../store/peers";
import type { Me, Opened, Peer } from "../store/records";
import * as sessions from "../store/sessions";
import type { Transaction } from "../store/transaction";
import { ownDevice } from "./context";
import type { Target } from "./directory";

const OPENED_EVERY = HOUR; // at most once to repair something, with one device

export interface Options {
  readonly now: number;
  readonly entropy: Entropy;
  /** Called with a device whose bundle is not its own: nothing is encrypted to it. */
  readonly onFalseKeys: (target: Target) => void;
}

/** The two lists that a session is bound to. */
export interface Lists {
  readonly mine: DeviceList;
  readonly theirs: DeviceList;
}

export interface Started {
  readonly pair: Pair;
  readonly session: Session;
}

/** The sessions that can still send: `encrypt` drops the abandoned ones before it looks for one. */
export function usable(tx: Transaction, target: Target, { now }: Pick<Options, "now">): Pair {
  const [pair, dropped] = sessions.pair(tx, target.account, target.device).tidy({ now });
  sessions.drop(tx, dropped);
  return pair;
}

/** An account's newest list, if one is pinned. */
export function newestList(tx: Transaction, account: Uint8Array): DeviceList | null {
  return peers.pinOf(peers.byAccount(tx, account))?.newest ?? null;
}

/** Start a session from a bundle, beside those that there are. Null: the bundle does not verify. */
export function openSession(
  tx: Transaction,
  me: Me,
  target: Target,
  { mine, theirs }: Lists,
  bundle: Uint8Array,
  options: Options & { readonly psk?: Uint8Array | null },
): Started | null {
  const { now, entropy, psk = null } = options;
  try {
    const verified = verifyBundle(Bundle.fromBytes(bundle), theirs, target.device, seenOf(tx, target), { now });
    const session = startSession(ownDevice(me), mine, verified, { now, entropy, psk: psk === null ? null : secret(psk) });
    saveSeen(tx, target, verified.seen);
    const [pair, dropped] = usable(tx, target, options).add(session);
    sessions.save(tx, target.account, target.device, session);
    sessions.drop(tx, dropped);
    return { pair, session };
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    // Keys that are too old are nobody's lie: their device has slept.
    if (!(error instanceof BadKey)) options.onFalseKeys(target);
    return null;
  }
}

/** The session that was opened with a device to repair something, while no other is to be; null: one may be opened. */
export function recentlyOpened(tx: Transaction, target: Target, pair: Pair, { now }: Pick<Options, "now">): Session | null {
  const opened = openedOf(peers.byAccount(tx, target.account), target.device);
  if (opened === null || now < opened.at || now - opened.at >= OPENED_EVERY) return null;
  // It may have given way to others since: the newest then.
  return pair.find(opened.session) ?? [...pair.sessions].sort((one, other) => other.created - one.created)[0] ?? null;
}

/** The session that was opened with a device last, for whatever it was. */
export function openedFor(tx: Transaction, target: Target, pair: Pair): Session | null {
  const opened = openedOf(peers.byAccount(tx, target.account), target.device);
  return opened === null ? null : pair.find(opened.session);
}

export function mayOpen(tx: Transaction, target: Target, { now }: Pick<Options, "now">): boolean {
  const opened = openedOf(peers.byAccount(tx, target.account), target.device);
  return opened === null || now < opened.at || now - opened.at >= OPENED_EVERY;
}

export function noteOpened(tx: Transaction, target: Target, session: Session, { now }: Pick<Options, "now">): void {
  const known = peers.byAccount(tx, target.account)?.opened ?? [];
  const others = known.filter((one) => !equal(one.device, target.device));
  const opened = [...others, { device: target.device, at: now, session: session.id }];
  peers.change(tx, target.account, { opened });
}

function openedOf(peer: Peer | null, device: Uint8Array): Opened | null {
  return peer?.opened.find((one) => equal(one.device, device)) ?? null;
}

function seenOf(tx: Transaction, target: Target): SeenPrekeys {
  const known = peers.byAccount(tx, target.account)?.seenPrekeys ?? [];
  return known.find((one) => equal(one.device, target.device)) ?? { spk: 0, klr: 0 };
}

function saveSeen(tx: Transaction, target: Target, seen: SeenPrekeys): void {
  const known = peers.byAccount(tx, target.account)?.seenPrekeys ?? [];
  const others = known.filter((one) => !equal(one.device, target.device));
  peers.change(tx, target.account, { seenPrekeys: [...others, { device: target.device, spk: seen.spk, klr: seen.klr }] });
}
