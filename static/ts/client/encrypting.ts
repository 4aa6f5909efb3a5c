// A content becomes ciphertexts: one for each device that is to have it. All of it inside the caller's transaction.
//
// PROTOCOL.md, Content and State on a client: content, fk and F are made once a message; ratchets move in the
// transaction that stores the ciphertexts.

import { equal, hex } from "../lib/bytes";
import { Text } from "../protocol/body";
import { seal, Sealed } from "../protocol/content";
import type { DeviceList } from "../protocol/device_list";
import type { Recipient } from "../protocol/sender_key";
import { encrypt, type Pair, type Sent } from "../protocol/session";
import * as chats from "../store/chats";
import * as outbox from "../store/outbox";
import * as peers from "../store/peers";
import type { Me, Outgoing, Peer } from "../store/records";
import * as repairs from "../store/repairs";
import * as sessions from "../store/sessions";
import * as timeline from "../store/timeline";
import type { Transaction } from "../store/transaction";
import { targetKey, type Bundles, type Target } from "./directory";
import { openSession, usable, type Options } from "./opening";
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
    repairs.logSent(tx, placeOf(sent), { message: outgoing.id, ...target }, options);
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

/** How a retry names what was sent. */
export function placeOf({ session, dh, n }: Sent): repairs.Place {
  return { session: session.id, dh, n };
}

function pinned(tx: Transaction, account: Uint8Array): Pinned | null {
  const peer = peers.byAccount(tx, account);
  const pin = peers.pinOf(peer);
  return peer === null || pin === null ? null : { peer, list: pin.newest };
}

/** Every listed device of both accounts, less the suspended ones and this one. */
function targetsOf(me: Me, both: readonly Pinned[]): Recipient[] {
  return both.flatMap(({ peer, list }) =>
    list.devices
      .filter(({ device }) => !peer.suspended.some((suspended) => equal(suspended, device)))
      .filter(({ device }) => me.device === null || !equal(device, me.device))
      .map(({ device, signingKey }) => ({ account: peer.account, device, signingKey })),
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
    let pair: Pair | null = usable(tx, target, options);
    const theirs = pins.get(hex(target.account));
    const bundle = keys.found.get(targetKey(target));
    if (pair.sessions.length === 0) {
      const isReady = bundle !== undefined && theirs !== undefined && mine !== undefined;
      pair = isReady ? (openSession(tx, me, target, { mine, theirs }, bundle, options)?.pair ?? null) : null;
    }
    if (pair !== null) pairs.set(targetKey(target), pair);
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
      body: new Text(outgoing.text, { mentions: outgoing.mentions }),
      heads: { own: mine.list.hash, recipient: theirs.list.hash },
      counter,
    },
    options.entropy,
  );
}
