// A content becomes ciphertexts: one for each device that is to have it. All of it inside the caller's transaction.
//
// PROTOCOL.md, Content and State on a client: content, fk and F are made once a message; ratchets move in the
// transaction that stores the ciphertexts.

import { equal, hex } from "../lib/bytes";
import { Text } from "../protocol/body";
import { seal, Sealed } from "../protocol/content";
import type { DeviceList } from "../protocol/device_list";
import type { Entropy } from "../protocol/entropy";
import { ProtocolError } from "../protocol/errors";
import { Bundle, verifyBundle, type SeenPrekeys } from "../protocol/prekeys";
import { encrypt, startSession, type Pair } from "../protocol/session";
import * as chats from "../store/chats";
import * as outbox from "../store/outbox";
import * as peers from "../store/peers";
import type { Me, Outgoing, Peer } from "../store/records";
import * as sessions from "../store/sessions";
import * as timeline from "../store/timeline";
import type { Transaction } from "../store/transaction";
import { ownDevice } from "./context";
import { targetKey, type Bundles, type Target } from "./directory";
import { chatWith } from "./places";

export const NO_KEYS: Bundles = { found: new Map(), unusable: new Set() };

/** What has to come from the server before the message can be encrypted. */
export class Missing {
  readonly lists: readonly Uint8Array[]; // accounts without a pinned list
  readonly bundles: readonly Target[]; // devices without a session

  constructor(lists: readonly Uint8Array[], bundles: readonly Target[]) {
    this.lists = lists;
    this.bundles = bundles;
  }
}

interface Options {
  readonly now: number;
  readonly entropy: Entropy;
}

interface Pinned {
  readonly peer: Peer;
  readonly list: DeviceList;
}

/** Encrypt for every device and store the result, or say what is missing and use up nothing. */
export function encryptOutgoing(
  tx: Transaction,
  me: Me,
  outgoing: Outgoing,
  keys: Bundles,
  options: Options,
): Outgoing | Missing {
  const recipient = pinned(tx, outgoing.account);
  const own = pinned(tx, me.account);
  if (recipient === null || own === null) {
    return new Missing([...(recipient ? [] : [outgoing.account]), ...(own ? [] : [me.account])], []);
  }
  const targets = targetsOf(me, [recipient, own]);
  const missing = targets.filter((target) => {
    const key = targetKey(target);
    return !keys.found.has(key) && !keys.unusable.has(key) && usable(tx, target, options).sessions.length === 0;
  });
  if (missing.length > 0) return new Missing([], missing);
  const pins = new Map([recipient, own].map((one) => [hex(one.peer.account), one.list]));
  const pairs = start(tx, me, targets, pins, keys, options);
  const reached = targets.filter((target) => pairs.has(targetKey(target)));
  const skipped = targets.filter((target) => !pairs.has(targetKey(target)));
  if (!reached.some((target) => equal(target.account, outgoing.account))) {
    // To be sent when one can: the server would take it for nobody.
    return { ...outgoing, skipped: skipped.map((target) => target.device), envelopes: [] };
  }
  const sealed = outgoing.padded === null ? sealNew(tx, me, outgoing, recipient, own, options) : Sealed.fromBytes(outgoing.padded);
  const envelopes = reached.map((target) => {
    const pair = pairs.get(targetKey(target)) ?? sessions.pair(tx, target.account, target.device);
    const sent = encrypt(pair, sealed, options);
    sessions.save(tx, target.account, target.device, sent.session);
    sessions.drop(tx, sent.dropped);
    return { device: target.device, body: sent.wire };
  });
  const done: Outgoing = {
    ...outgoing,
    padded: sealed.toBytes(),
    lists: [recipient, own].map((one) => ({ account: one.peer.account, hash: one.list.hash })),
    envelopes,
    skipped: skipped.map((target) => target.device),
    attempts: outgoing.attempts + 1,
  };
  outbox.update(tx, done);
  const entry = timeline.get(tx, me.account, outgoing.id);
  if (entry !== null) {
    const toRecipient = skipped.filter((target) => equal(target.account, outgoing.account));
    // Sealed just now: the chat's counter is this message's, to be given back should it never leave.
    const counter = outgoing.padded === null ? chatWith(tx, me.account, outgoing.account).counter : entry.counter;
    const changed = { ...entry, padded: done.padded, skipped: toRecipient.map((target) => target.device), counter };
    timeline.update(tx, changed, { unsettled: false });
  }
  return done;
}

/** The sessions that can still send: `encrypt` drops the abandoned ones before it looks for one. */
function usable(tx: Transaction, target: Target, { now }: Options): Pair {
  const [pair, dropped] = sessions.pair(tx, target.account, target.device).tidy({ now });
  sessions.drop(tx, dropped);
  return pair;
}

function pinned(tx: Transaction, account: Uint8Array): Pinned | null {
  const peer = peers.byAccount(tx, account);
  const pin = peers.pinOf(peer);
  return peer === null || pin === null ? null : { peer, list: pin.newest };
}

/** Every listed device of both accounts, less the suspended ones and this one. */
function targetsOf(me: Me, both: readonly Pinned[]): Target[] {
  return both.flatMap(({ peer, list }) =>
    list.devices
      .map((listed) => listed.device)
      .filter((device) => !peer.suspended.some((suspended) => equal(suspended, device)))
      .filter((device) => me.device === null || !equal(device, me.device))
      .map((device) => ({ account: peer.account, device })),
  );
}

/** Start sessions where there are none. A bundle that does not verify leaves its device out, and only it. */
function start(
  tx: Transaction,
  me: Me,
  targets: readonly Target[],
  pins: ReadonlyMap<string, DeviceList>,
  keys: Bundles,
  options: Options,
): Map<string, Pair> {
  const pairs = new Map<string, Pair>();
  const mine = pins.get(hex(me.account));
  for (const target of targets) {
    const pair = usable(tx, target, options);
    const list = pins.get(hex(target.account));
    const data = keys.found.get(targetKey(target));
    if (pair.sessions.length > 0) {
      pairs.set(targetKey(target), pair);
    } else if (data !== undefined && list !== undefined && mine !== undefined) {
      try {
        const seen = seenOf(tx, target);
        const verified = verifyBundle(Bundle.fromBytes(data), list, target.device, seen, options);
        const session = startSession(ownDevice(me), mine, verified, options);
        saveSeen(tx, target, verified.seen);
        const [added, dropped] = pair.add(session);
        pairs.set(targetKey(target), added);
        sessions.drop(tx, dropped);
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
      }
    }
  }
  return pairs;
}

function sealNew(tx: Transaction, me: Me, outgoing: Outgoing, theirs: Pinned, mine: Pinned, options: Options): Sealed {
  const chat = chatWith(tx, me.account, outgoing.account);
  const counter = chat.counter + 1;
  chats.saveChat(tx, { ...chat, counter });
  return seal(
    {
      sent: outgoing.sent,
      messageId: outgoing.id,
      conversation: chat.conversation,
      body: new Text(outgoing.text),
      heads: { own: mine.list.hash, recipient: theirs.list.hash },
      counter,
    },
    options.entropy,
  );
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
