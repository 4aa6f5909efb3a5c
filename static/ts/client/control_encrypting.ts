// Contents for single devices are encrypted, each when its turn comes. Inside one transaction.
//
// PROTOCOL.md, State on a client: session and ciphertext are stored together, before the network.

import { DAY } from "../protocol/limits";
import { readPadded, Sealed } from "../protocol/content";
import { SenderKey } from "../protocol/sender_key";
import { encrypt, type Pair } from "../protocol/session";
import * as controls from "../store/controls";
import type { Queued } from "../store/controls";
import * as peers from "../store/peers";
import type { Control, Me } from "../store/records";
import * as repairs from "../store/repairs";
import * as sessions from "../store/sessions";
import type { Transaction } from "../store/transaction";
import { isReachable, isSame } from "./controls";
import { targetKey, type Bundles } from "./directory";
import { placeOf } from "./encrypting";
import { GroupLookup } from "./group_lookup";
import { hasChanged } from "./identity";
import { mayOpen, newestList, noteOpened, openedFor, openSession, recentlyOpened, usable, type Options } from "./opening";

const KEPT = 14 * DAY; // ms; nobody waits for it any longer

/** What became of some rows. What is nowhere in it is for nobody any more. */
export interface Encrypted {
  readonly ready: readonly Queued[];
  readonly keyless: readonly Queued[]; // no session yet: keys have to be claimed
  readonly waits: readonly Queued[];
}

/** Encrypt rows and store the results, or say what is missing and use up nothing. */
export function encryptControls(
  tx: Transaction,
  me: Me,
  rows: readonly Queued[],
  keys: Bundles,
  options: Options,
): Encrypted {
  const found = { ready: [] as Queued[], keyless: [] as Queued[], waits: [] as Queued[] };
  const lookup = new GroupLookup(tx);
  for (const row of rows) {
    if (isForNoMember(row.control, lookup)) {
      controls.remove(tx, row.position);
      continue;
    }
    const prepared = encryptControl(tx, me, row.position, keys, options);
    if (prepared === "keys") found.keyless.push(row);
    else if (prepared === "waits") found.waits.push(row);
    else if (prepared !== "gone") found.ready.push(prepared);
  }
  return found;
}

/** Whether it is the sender key of a group chat that its account is in no more. */
function isForNoMember({ account, padded }: Control, lookup: GroupLookup): boolean {
  const { body } = readPadded(padded);
  if (!(body instanceof SenderKey)) return false;
  const state = lookup.newestGroup(body.group);
  return state !== null && state.role(account) === null;
}

type Prepared = Queued | "gone" | "waits" | "keys";

function encryptControl(tx: Transaction, me: Me, position: number, keys: Bundles, options: Options): Prepared {
  // The row as it stands: much may have happened since it was read.
  const control = controls.get(tx, position);
  if (control === null) return "gone";
  if (hasChanged(peers.byAccount(tx, control.account))) return "waits"; // for the person's word
  if (!isReachable(tx, control) || !isSame(tx, control) || options.now - control.at > KEPT) {
    controls.remove(tx, position);
    return "gone";
  }
  if (control.wire !== null) return { position, control };
  const chosen = choose(tx, me, control, keys, options);
  if (typeof chosen === "string") return chosen;
  const sent = encrypt(chosen.pair, Sealed.fromBytes(control.padded), { ...options, sessionId: chosen.sessionId });
  sessions.save(tx, control.account, control.device, sent.session);
  sessions.drop(tx, sent.dropped);
  if (control.only) sessions.dropOthers(tx, control.account, control.device, sent.session.id);
  if (control.logged) {
    const { id: message, account, device, signingKey } = control;
    repairs.logSent(tx, placeOf(sent), { message, account, device, signingKey }, options);
  }
  const changed = { position, control: { ...control, wire: sent.wire } };
  controls.update(tx, changed);
  return changed;
}

interface Chosen {
  readonly pair: Pair;
  readonly sessionId: Uint8Array | null; // null: the one that decrypted last
}

/** The session that a content goes on, opened if need be. */
function choose(tx: Transaction, me: Me, control: Control, keys: Bundles, options: Options): Chosen | "keys" | "waits" {
  const pair = usable(tx, control, options);
  if (!control.fresh && pair.sessions.length > 0) return { pair, sessionId: null };
  const recent = control.psk === null ? recentlyOpened(tx, control, pair, options) : openedFor(tx, control, pair);
  if (recent !== null) return { pair, sessionId: recent.id };
  const bundle = keys.found.get(targetKey(control));
  if (bundle === undefined) return "keys";
  const [mine, theirs] = [newestList(tx, me.account), newestList(tx, control.account)];
  if (mine === null || theirs === null) return "waits";
  const started = openSession(tx, me, control, { mine, theirs }, bundle, { ...options, psk: control.psk });
  if (started === null) return "waits";
  if (control.fresh || mayOpen(tx, control, options)) noteOpened(tx, control, started.session, options);
  return { pair: started.pair, sessionId: started.session.id };
}
