// Messages of a group chat under sender keys, and the sender keys that announce them.
//
// PROTOCOL.md, Groups. Nothing here stores anything, and an error changes nothing.

import { AnnouncedChain } from "./announced_chain";
import { Retry } from "./body";
import { compare, equal } from "./bytes";
import * as cbor from "./cbor";
import { checkGroupPlace, readPadded, Sealed, type Content } from "./content";
import type { DeviceList, ListedDevice } from "./device_list";
import { SYSTEM, type Entropy } from "./entropy";
import { Malformed, NotListed, ProtocolError, UnknownSession } from "./errors";
import { checkFrank } from "./franking";
import { checkGroupKey } from "./group_meta";
import type { GroupState } from "./group_state";
import { GroupHeader, GroupMessage, signedPart } from "./group_wire";
import type { AccountId, ChainId, DeviceId, GroupId, MessageId } from "./ids";
import type { OwnDevice } from "./keys";
import { MAX_CHAINS, MAX_GROUP_DEVICES } from "./limits";
import { copen, cseal, KEY_SIZE, sha256, verify } from "./primitives";
import { secret } from "./secret";
import { SenderKey, type OwnChain, type Recipient } from "./sender_key";

export const NO_RATCHET_KEY = new Uint8Array(KEY_SIZE); // the `dh` of a `retry` for a group chat's message

const DOMAIN = "msgr/1/sk";
const LABEL = "sk";
const SIGNATURE_LABEL = "skmsg";

/** What is read from the store. Nothing is written through it. */
export interface Lookup {
  /** A group chat as it is now, or null. */
  newestGroup(group: GroupId): GroupState | null;
  /** A group chat as it was (the newest one, or `group_chain.rebuild`), or null. */
  groupAt(group: GroupId, gsh: Uint8Array): GroupState | null;
  /** An accepted list of an account by its hash, or null. */
  listNamed(account: AccountId, listHash: Uint8Array): DeviceList | null;
  /** The newest accepted list of an account, or null. */
  newestList(account: AccountId): DeviceList | null;
  /** The chains of a device in a group chat, in any order. */
  chains(group: GroupId, account: AccountId, device: DeviceId): readonly AnnouncedChain[];
}

/** A message as the server hands it over: the server's word until `receive` has checked it. */
export interface GroupEnvelope {
  readonly group: GroupId;
  readonly sender: AccountId;
  readonly senderDevice: DeviceId;
  readonly wire: Uint8Array;
  readonly messageId?: MessageId | null; // the client message id the server knows it by
}

/**
 * Store `chain` and `wire` (the outbox) in one transaction, then send the same bytes to everybody.
 *
 * `name` is the `retry` that would ask for the message: keep it in the send log.
 */
export interface GroupSent {
  readonly chain: OwnChain;
  readonly wire: Uint8Array;
  readonly name: Retry;
}

/**
 * A message that decrypted. Store `chain` and the content in one transaction, then acknowledge.
 *
 * `failure` is Malformed, Unsupported or BadFranking when the message opened but must not be shown.
 */
export type GroupReceived = { readonly chain: AnnouncedChain; readonly sealed: Sealed } & Reading;

type Reading =
  | { readonly content: Content; readonly failure: null }
  | { readonly content: null; readonly failure: ProtocolError };

/** Store `chain`, drop the chains of `dropped`, and keep the announced group key, checked, by version. */
export interface AcceptedChain {
  readonly chain: AnnouncedChain;
  readonly dropped: readonly ChainId[];
}

/**
 * Who is to have this device's chain: every listed device of every member but this one.
 *
 * At most 500 devices read a group chat: those that were added to their lists last are left out.
 */
export function recipients(state: GroupState, own: OwnDevice, lookup: Lookup): readonly Recipient[] {
  const devices = state.roster.flatMap(({ account }) => {
    const listed = lookup.newestList(account)?.devices ?? [];
    return listed.map(({ device, signingKey, added }) => ({ account, device, signingKey, added }));
  });
  devices.sort((one, other) => {
    return one.added - other.added || compare(one.account, other.account) || compare(one.device, other.device);
  });
  return devices
    .slice(0, MAX_GROUP_DEVICES)
    .filter((one) => !equal(one.account, own.account) || !equal(one.device, own.device))
    .map(({ account, device, signingKey }) => ({ account, device, signingKey }));
}

/** H(CBOR[[account, list hash] by account]): whom a send was meant for, its own account included. */
export function listsHash(lists: Iterable<DeviceList>): Uint8Array {
  const sorted = [...lists].sort((one, other) => compare(one.account, other.account));
  return sha256(cbor.encode(sorted.map((one) => [one.account, one.hash])));
}

/** Encrypt one sealed content for everybody who has the chain. */
export function encrypt(
  chain: OwnChain,
  own: OwnDevice,
  sealed: Sealed,
  { entropy = SYSTEM }: { readonly entropy?: Entropy } = {},
): GroupSent {
  const header = new GroupHeader(chain.group, chain.epoch, own.account, own.device, chain.id, chain.n);
  const headerBytes = header.toBytes();
  const [moved, key] = chain.next();
  const body = cseal(key, LABEL, associated(headerBytes, chain.gsh, sealed.tag), sealed.padded, entropy);
  const signature = chain.signing.sign(SIGNATURE_LABEL, signedPart(headerBytes, body, sealed.tag));
  const wire = new GroupMessage(headerBytes, body, signature, sealed.tag).toBytes();
  return { chain: moved, wire, name: named(header) };
}

/** The `retry` that asks a message's sender for it again, also when its chain is not known here. */
export function named(header: GroupHeader): Retry {
  return new Retry(header.chain as Uint8Array, NO_RATCHET_KEY, header.n);
}

/**
 * Judge a sender key that came over the session with that device; its content's body is a SenderKey.
 *
 * A chain that is held already stays as it is. Throws NotListed (not listed or no member, then or now; or the group's
 * operations or the lists are not known here up to there: fetch them, and call again); Malformed; BadKey (the group
 * key is not the group's): nothing of it is taken.
 */
export function acceptSenderKey(
  content: Content,
  sender: AccountId,
  device: DeviceId,
  lookup: Lookup,
  { now }: { readonly now: number },
): AcceptedChain {
  const announced = content.body;
  if (!(announced instanceof SenderKey)) throw new RangeError("no sender key"); // the caller's mistake
  const then = lookup.groupAt(announced.group, announced.gsh);
  if (then === null || then.role(sender) === null) throw new NotListed("no member then");
  const listed = checkMember(announced.group, sender, device, lookup);
  checkListedThen(content, sender, listed, lookup);
  if (announced.epoch !== then.epoch) throw new Malformed("another epoch");
  if (announced.groupKey !== null) checkGroupKey(then, announced.groupKey);
  const held = [...lookup.chains(announced.group, sender, device)];
  const known = held.find((one) => equal(one.id, announced.chain));
  if (known !== undefined) {
    if (!known.isOf(announced)) throw new Malformed("another chain of that id");
    return { chain: known, dropped: [] };
  }
  // The oldest go, never the new one.
  held.sort((one, other) => other.received - one.received || compare(other.id, one.id));
  const dropped = held.slice(MAX_CHAINS - 1).map((one) => one.id);
  return { chain: AnnouncedChain.of(announced, sender, device, { now }), dropped };
}

/**
 * Decrypt one message of a group chat. Checks stand in PROTOCOL.md's order.
 *
 * Throws Malformed, Unsupported; UnknownSession (no such chain of that device: ask for it with a `retry`); NotListed
 * (its sender is no member, or its device not listed, now); BadSignature; Undecryptable; Duplicate; TooFar. What fails
 * after the message has opened is returned as `GroupReceived.failure`.
 */
export function receive(envelope: GroupEnvelope, lookup: Lookup, { now }: { readonly now: number }): GroupReceived {
  const { header: headerBytes, body, signature, tag } = GroupMessage.fromBytes(envelope.wire);
  const header = GroupHeader.fromBytes(headerBytes);
  const { group, account, device } = header;
  const isMeant =
    equal(group, envelope.group) && equal(account, envelope.sender) && equal(device, envelope.senderDevice);
  if (!isMeant) throw new Malformed("another group or sender than the server named");
  const chain = heldChain(header, lookup);
  checkMember(group, account, device, lookup);
  verify(chain.signingKey, SIGNATURE_LABEL, signedPart(headerBytes, body, tag), signature);
  const [moved, key] = chain.take(header.n, { now });
  const padded = copen(key, LABEL, associated(headerBytes, chain.gsh, tag), body);
  return { ...read(padded, tag, envelope), chain: moved, sealed: new Sealed(secret(padded), tag) };
}

function heldChain(header: GroupHeader, lookup: Lookup): AnnouncedChain {
  // By account and device, too: a member must not pass another's chain off as his own.
  const held = lookup.chains(header.group, header.account, header.device);
  const chain = held.find((one) => equal(one.id, header.chain));
  if (chain === undefined) throw new UnknownSession("no such chain");
  if (header.epoch !== chain.epoch) throw new Malformed("another epoch");
  return chain;
}

interface Listed {
  readonly accountKey: Uint8Array;
  readonly entry: ListedDevice;
}

function checkMember(group: GroupId, account: AccountId, device: DeviceId, lookup: Lookup): Listed {
  const role = lookup.newestGroup(group)?.role(account) ?? null;
  if (role === null) throw new NotListed("no member");
  return listedIn(lookup.newestList(account), device);
}

/** The device must be, under the same keys, in the list that its content names as its account's newest. */
function checkListedThen(content: Content, account: AccountId, now: Listed, lookup: Lookup): void {
  const then = listedIn(lookup.listNamed(account, content.heads.own), now.entry.device);
  const isSame =
    equal(then.accountKey, now.accountKey) &&
    equal(then.entry.signingKey, now.entry.signingKey) &&
    equal(then.entry.identityKey, now.entry.identityKey);
  if (!isSame) throw new NotListed("device, then");
}

function listedIn(list: DeviceList | null, device: DeviceId): Listed {
  const entry = list?.find(device) ?? null;
  if (list === null || entry === null) throw new NotListed("device");
  return { accountKey: list.accountKey, entry };
}

function read(padded: Uint8Array, tag: Uint8Array, envelope: GroupEnvelope): Reading {
  try {
    checkFrank(padded, tag);
    const content = readPadded(padded);
    checkGroupPlace(content, { group: envelope.group, messageId: envelope.messageId ?? null });
    return { content, failure: null };
  } catch (failure) {
    if (failure instanceof ProtocolError) return { content: null, failure };
    throw failure;
  }
}

/** CBOR["msgr/1/sk", hdr bytes, gsh, F]. */
function associated(header: Uint8Array, gsh: Uint8Array, tag: Uint8Array): Uint8Array {
  return cbor.dump([DOMAIN, header, gsh, tag]);
}
