// Sessions started, and messages sent and received on them.
//
// Nothing here stores anything: `encrypt` and `receive` return the new pair and what else the store must do, all of
// it in one transaction. An error changes nothing.

import { equal } from "./bytes";
import { checkPlace, readPadded, Sealed, type Content } from "./content";
import type { DeviceList } from "./device_list";
import { SYSTEM, type Entropy } from "./entropy";
import {
  Malformed,
  NotListed,
  ProtocolError,
  Replayed,
  Undecryptable,
  UnknownPrekey,
  UnknownSession,
} from "./errors";
import { checkFrank } from "./franking";
import type { AccountId, DeviceId, GroupId, MessageId, SessionId } from "./ids";
import type { OwnDevice } from "./keys";
import { isAbandoned, Pair, Session } from "./pair";
import { initiate, Party, respond } from "./pqxdh";
import { ONE_TIME, OPK, SPK, type PrekeyLabel, type PrivatePrekey, type VerifiedBundle } from "./prekeys";
import { sha256 } from "./primitives";
import * as ratchet from "./ratchet";
import { secret, type Secret } from "./secret";
import { Header, Init, Message } from "./wire";

export { Pair, Session };

/** What `receive` reads from the store. Nothing is written through it. */
export interface Lookup {
  /** The private half of an own prekey, or null once it is deleted. */
  privatePrekey(label: PrekeyLabel, keyId: number): PrivatePrekey | null;
  /** The pre-shared key of that id (`pskId(s)`): linking or invitation. */
  psk(pskId: Uint8Array): Secret | null;
  /** Whether a first message with this H(EK) was accepted before. */
  hasSeenEk(ekHash: Uint8Array): boolean;
  /** An accepted list of an account by its hash, or null. */
  listNamed(account: AccountId, listHash: Uint8Array): DeviceList | null;
  /** The newest accepted list of an account, or null. */
  newestList(account: AccountId): DeviceList | null;
}

/** A message as the server hands it over: the server's word until `receive` has checked it. */
export interface Envelope {
  readonly sender: AccountId;
  readonly senderDevice: DeviceId;
  readonly wire: Uint8Array;
  readonly messageId?: MessageId | null; // the client message id the server knows it by
  readonly chatWith?: AccountId | null; // for a copy from one of our own devices: the chat's other account
  readonly group?: GroupId | null; // for a message out of a group chat that was asked for: the line it repairs
}

/** H(EK) of an accepted first message; keep it until the signed prekey `spkId` is deleted. */
export interface RememberedEk {
  readonly ekHash: Uint8Array;
  readonly spkId: number;
}

/**
 * Store `pair` and `wire` (the outbox) in one transaction, then send.
 *
 * A `retry` names the message by the session's id, `dh` and `n`: keep them in the send log.
 */
export interface Sent {
  readonly pair: Pair;
  readonly session: Session; // the one that was used, as changed
  readonly wire: Uint8Array;
  readonly dh: Uint8Array;
  readonly n: number;
  readonly dropped: readonly SessionId[];
}

/**
 * A message that decrypted. Store all of this in one transaction, then acknowledge.
 *
 * `failure` is Malformed, Unsupported or BadFranking when the message opened but must not be shown: the state
 * moves on all the same, or the message key would stay usable.
 */
export type Received = Moved & Reading;

interface Moved {
  readonly pair: Pair;
  readonly session: Session; // the one that was used, as changed
  readonly sealed: Sealed; // padded content with fk, and F: keep them where the message can be reported
  readonly isNewSession: boolean;
  readonly deletePrekeys: readonly (readonly [label: PrekeyLabel, keyId: number])[]; // one-time private halves
  readonly usedPsk: Uint8Array | null; // id of the pre-shared key used; a linking one is deleted
  readonly rememberEk: RememberedEk | null;
  readonly dropped: readonly SessionId[];
}

type Reading =
  | { readonly content: Content; readonly failure: null }
  | { readonly content: null; readonly failure: ProtocolError };

/**
 * Start a session from a verified bundle; `Pair.add` it, and `encrypt`. Throws BadKey, NotListed.
 *
 * NotListed: `ownList` does not show this device under its keys, so nobody would accept the session.
 */
export function startSession(
  own: OwnDevice,
  ownList: DeviceList,
  bundle: VerifiedBundle,
  options: { now: number; psk?: Secret | null; entropy?: Entropy },
): Session {
  const { now, psk = null, entropy = SYSTEM } = options;
  const entry = ownList.find(own.device);
  if (entry === null || !isSameParty(Party.ofListed(ownList.account, ownList.accountKey, entry), Party.ofOwn(own))) {
    throw new NotListed("this device");
  }
  const [agreement, init] = initiate(own, ownList.hash, bundle, psk, entropy);
  const started = ratchet.start(agreement.transcript, agreement.secret, bundle.spk, { now, entropy });
  const id = agreement.sessionId;
  return new Session({ id, created: now, decrypted: null, init: init.toBytes(), ratchet: started });
}

/**
 * Encrypt one sealed content for one device: on the session that decrypted last, or a named one.
 *
 * Throws UnknownSession when there is no session (any more): claim a bundle and start one.
 */
export function encrypt(
  pair: Pair,
  sealed: Sealed,
  options: { now: number; sessionId?: SessionId | null; entropy?: Entropy },
): Sent {
  const { now, sessionId = null, entropy = SYSTEM } = options;
  let kept = pair;
  let dropped: readonly SessionId[] = [];
  if (pair.sessions.some((one) => isAbandoned(one, now))) [kept, dropped] = pair.tidy({ now });
  const session = sessionId === null ? kept.sessions[0] : kept.find(sessionId);
  if (!session) throw new UnknownSession();
  const [state, header, headerBytes, body] = ratchet.encrypt(session.ratchet, sealed.padded, sealed.tag, { entropy });
  const wire = new Message(session.id, headerBytes, body, sealed.tag, session.init).toBytes();
  const moved = session.with({ ratchet: state });
  // In its place: sending changes no order.
  const sessions = kept.sessions.map((one) => (one === session ? moved : one));
  const { dh, n } = header;
  return { pair: new Pair(kept.account, kept.device, sessions), session: moved, wire, dh, n, dropped };
}

/**
 * Decrypt one message of the device that `pair` and `envelope` name. Checks stand in PROTOCOL.md's order.
 *
 * Throws any failure; nothing changes then. NotListed may mean that lists are missing here: fetch them
 * (`peek(wire)` names the hash), accept them, and call again. What fails after the message has opened is returned
 * as `Received.failure`.
 */
export function receive(
  own: OwnDevice,
  pair: Pair,
  envelope: Envelope,
  lookup: Lookup,
  options: { now: number; entropy?: Entropy },
): Received {
  const { now, entropy = SYSTEM } = options;
  if (!equal(envelope.sender, pair.account) || !equal(envelope.senderDevice, pair.device)) {
    throw new RangeError("the pair is another device's"); // the caller's mistake, not the sender's
  }
  const message = Message.fromBytes(envelope.wire);
  const header = Header.fromBytes(message.header);
  let session = pair.find(message.sessionId);
  let fresh: Fresh | null = null;
  if (session === null) {
    fresh = answer(own, pair, message, lookup, now);
    session = fresh.session;
  }
  const [state, padded] = ratchet.decrypt(session.ratchet, header, message.header, message.body, message.tag, {
    now,
    entropy,
  });
  const used = session.with({ ratchet: state, decrypted: latest(pair, message.sessionId, now), init: null });
  const [moved, dropped] = pair.add(used);
  return {
    ...read(padded, message.tag, own, envelope),
    pair: moved,
    session: used,
    sealed: new Sealed(secret(padded), message.tag),
    isNewSession: fresh !== null,
    deletePrekeys: fresh?.oneTime ?? [],
    usedPsk: fresh?.init.pskId ?? null,
    rememberEk: fresh && { ekHash: sha256(fresh.init.ek), spkId: fresh.init.spkId },
    dropped,
  };
}

interface Fresh {
  readonly session: Session;
  readonly init: Init;
  readonly oneTime: readonly (readonly [PrekeyLabel, number])[];
}

/** B's side of a first message: PROTOCOL.md, Session set-up, checks in its order. */
function answer(own: OwnDevice, pair: Pair, message: Message, lookup: Lookup, now: number): Fresh {
  if (message.init === null) throw new UnknownSession();
  const init = Init.fromBytes(message.init);
  if (!equal(init.account, pair.account) || !equal(init.device, pair.device)) {
    throw new Malformed("another sender than the server named");
  }
  if (lookup.hasSeenEk(sha256(init.ek))) throw new Replayed();
  const peer = listedSender(init, lookup);
  const spk = privatePrekey(lookup, SPK, init.spkId);
  const opk = init.opkId === null ? null : privatePrekey(lookup, OPK, init.opkId);
  const kemKey = privatePrekey(lookup, init.kemLabel, init.kemId);
  let psk = null;
  if (init.pskId !== null) {
    psk = lookup.psk(init.pskId);
    if (psk === null) throw new UnknownPrekey("psk");
  }
  const agreement = respond(own, peer, init, spk, opk, kemKey, psk);
  if (!equal(agreement.sessionId, message.sessionId)) throw new Undecryptable("another session id");
  const { transcript, secret: agreed, sessionId: id } = agreement;
  const state = ratchet.answer(transcript, agreed, spk);
  const oneTime: [PrekeyLabel, number][] = [];
  if (init.opkId !== null) oneTime.push([OPK, init.opkId]);
  if (ONE_TIME.has(init.kemLabel)) oneTime.push([init.kemLabel, init.kemId]);
  return { session: new Session({ id, created: now, decrypted: null, init: null, ratchet: state }), init, oneTime };
}

/** The sending device, if it is, under the same keys, in the list it named and in the newest one. */
function listedSender(init: Init, lookup: Lookup): Party {
  const named = lookup.listNamed(init.account, init.listHash);
  const newest = lookup.newestList(init.account);
  if (named === null || newest === null) throw new NotListed("list not known here");
  const then = named.find(init.device);
  const now = newest.find(init.device);
  if (then === null || now === null) throw new NotListed();
  const sender = Party.ofListed(newest.account, newest.accountKey, now);
  if (!isSameParty(Party.ofListed(newest.account, named.accountKey, then), sender)) throw new NotListed();
  return sender;
}

function privatePrekey(lookup: Lookup, label: PrekeyLabel, keyId: number): PrivatePrekey {
  const found = lookup.privatePrekey(label, keyId);
  if (found === null) throw new UnknownPrekey(label);
  return found;
}

function read(padded: Uint8Array, tag: Uint8Array, own: OwnDevice, envelope: Envelope): Reading {
  try {
    checkFrank(padded, tag);
    const content = readPadded(padded);
    checkPlace(content, {
      own: own.account,
      sender: envelope.sender,
      chatWith: envelope.chatWith ?? null,
      group: envelope.group ?? null,
      messageId: envelope.messageId ?? null,
    });
    return { content, failure: null };
  } catch (failure) {
    if (failure instanceof ProtocolError) return { content: null, failure };
    throw failure;
  }
}

function isSameParty(one: Party, other: Party): boolean {
  return (
    equal(one.account, other.account) &&
    equal(one.device, other.device) &&
    equal(one.accountKey, other.accountKey) &&
    equal(one.signingKey, other.signingKey) &&
    equal(one.identityKey, other.identityKey)
  );
}

/** A time after every other session's: which decrypted last must not hang on a clock that was set back. */
function latest(pair: Pair, id: SessionId, now: number): number {
  return pair.sessions.reduce((most, one) => {
    return one.decrypted && !equal(one.id, id) ? Math.max(most, one.decrypted + 1) : most;
  }, now);
}
