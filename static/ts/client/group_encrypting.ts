// A message of a group chat becomes one ciphertext, and whoever has not got this device's chain yet is told it.
//
// PROTOCOL.md, Groups. Chain, sender keys and ciphertext are stored in one transaction; the sender keys leave first.

import { equal, random } from "../lib/bytes";
import { WrongUse } from "../lib/errors";
import { Text } from "../protocol/body";
import { seal, Sealed } from "../protocol/content";
import { encrypt, listsHash, recipients } from "../protocol/group_message";
import type { GroupState } from "../protocol/group_state";
import { OwnChain, recipientName, type Recipient, type SenderKey } from "../protocol/sender_key";
import * as chats from "../store/chats";
import * as controls from "../store/controls";
import * as groupOutbox from "../store/group_outbox";
import type { Group, GroupOutgoing } from "../store/group_records";
import * as groups from "../store/groups";
import * as peers from "../store/peers";
import { Control, type Me } from "../store/records";
import * as repairs from "../store/repairs";
import * as timeline from "../store/timeline";
import type { Transaction } from "../store/transaction";
import { ownDevice } from "./context";
import { isReachable } from "./controls";
import type { Visit } from "./doctor";
import { groupKeyOf, GroupLookup, stateOf } from "./group_lookup";
import { requireUnchanged } from "./identity";
import { newestList } from "./opening";
import { WORDS } from "./words";

/** This device's chain, which everybody who is to read it has been told, or is about to be. */
export interface Given {
  readonly group: Group;
  readonly state: GroupState;
  readonly chain: OwnChain;
  readonly readers: readonly Recipient[];
}

/** Accounts whose lists have to be fetched first. */
export class Unlisted {
  readonly accounts: readonly Uint8Array[];

  constructor(accounts: readonly Uint8Array[]) {
    this.accounts = accounts;
  }
}

/**
 * Have this device's chain ready, made anew where that is due, and give it to everybody who has not got it.
 *
 * `onlyOwn`: to devices of one's own account, and null where none lacks it. Throws IdentityHasChanged while the person
 * has not answered a change of a member's identity.
 */
export function giveChain(
  tx: Transaction,
  me: Me,
  group: Group,
  visit: Visit,
  { onlyOwn = false } = {},
): Given | Unlisted | null {
  const state = stateOf(group);
  if (state === null || state.role(me.account) === null) return null;
  const unlisted = state.roster.map((one) => one.account).filter((one) => newestList(tx, one) === null);
  if (unlisted.length > 0) return new Unlisted(unlisted);
  if (!onlyOwn) for (const { account } of state.roster) requireUnchanged(peers.byAccount(tx, account));
  const readers = recipients(state, ownDevice(me), new GroupLookup(tx));
  const lacking = (told: readonly Recipient[]): Recipient[] => {
    const names = new Set(told.map(recipientName));
    return readers.filter((one) => !names.has(recipientName(one)) && isReachable(tx, one));
  };
  const isOwn = ({ account }: Recipient): boolean => equal(account, me.account);
  const isNew = lacking(group.told).some(isOwn);
  if (onlyOwn && !isNew) return null;
  const held = group.chain === null ? null : OwnChain.fromBytes(group.chain);
  // A new device of one's own learns by it up to where the past has been seen here.
  const isBehind = held !== null && isNew && !equal(held.gsh, state.hash);
  const isDue = held === null || isBehind || held.isDue(state, group.told, readers, visit);
  const chain = isDue ? OwnChain.begin(state, visit) : held;
  if (isDue) groups.keepTold(tx, group);
  const told = isDue ? [] : group.told;
  const fresh = lacking(told).filter((one) => !onlyOwn || isOwn(one));
  queueSenderKey(tx, me, fresh, chain.announce(groupKeyOf(group, state)), visit);
  const given = { ...group, chain: chain.toBytes(), told: [...told, ...fresh.map((one) => ({ ...one, n: chain.n }))] };
  if (isDue || fresh.length > 0) groups.save(tx, given);
  return { group: given, state, chain, readers };
}

/** Have a chain go to devices: one content, over the session with each. */
export function queueSenderKey(
  tx: Transaction,
  me: Me,
  to: readonly Recipient[],
  body: SenderKey,
  { now, entropy }: Visit,
): void {
  const mine = newestList(tx, me.account);
  if (mine === null) return;
  const id = random(16);
  const heads = { own: mine.hash, recipient: null };
  const content = { sent: now, messageId: id, conversation: body.group, body, heads, counter: 0 };
  const padded = seal(content, entropy).toBytes();
  for (const { account, device, signingKey } of to) {
    controls.add(tx, Control.of({ id, account, device, signingKey, padded, at: now }));
  }
}

/** Encrypt a message for everybody who has this device's chain, and store the result. */
export function encryptInGroup(tx: Transaction, me: Me, outgoing: GroupOutgoing, given: Given, visit: Visit): GroupOutgoing {
  const { group, state, chain } = given;
  const isNew = outgoing.padded === null;
  const sealed = outgoing.padded === null ? sealNew(tx, me, outgoing, visit) : Sealed.fromBytes(outgoing.padded);
  const sent = encrypt(chain, ownDevice(me), sealed, visit);
  groups.save(tx, { ...group, chain: sent.chain.toBytes() });
  const { sessionId: session, dh, n } = sent.name;
  repairs.logSent(tx, { session, dh, n }, { message: outgoing.id, account: group.id, device: group.id, signingKey: null }, visit);
  const padded = sealed.toBytes();
  const lists = listsOf(tx, state);
  const done = { ...outgoing, padded, wire: sent.wire, gsh: state.hash, lists, attempts: outgoing.attempts + 1 };
  groupOutbox.update(tx, done);
  const entry = timeline.get(tx, me.account, outgoing.id);
  if (entry !== null) {
    // Sealed just now: the chat's counter is this message's, to be given back should it never leave.
    const counter = isNew ? (chats.chat(tx, group.id)?.counter ?? 0) : entry.counter;
    timeline.update(tx, { ...entry, padded, counter }, { unsettled: false });
  }
  return done;
}

/** Whether a message is encrypted for the group chat and the lists as they are known now, and not of before. */
export function isOfNow(tx: Transaction, group: Group, { gsh, lists }: GroupOutgoing): boolean {
  const state = stateOf(group);
  if (state === null || gsh === null || lists === null) return false;
  return equal(gsh, state.hash) && equal(lists, listsOf(tx, state));
}

/** The hash of the members' lists, as they are known here. */
function listsOf(tx: Transaction, { roster }: GroupState): Uint8Array {
  return listsHash(roster.flatMap(({ account }) => newestList(tx, account) ?? []));
}

function sealNew(tx: Transaction, me: Me, outgoing: GroupOutgoing, { entropy }: Visit): Sealed {
  const chat = chats.chat(tx, outgoing.group);
  const own = newestList(tx, me.account);
  if (chat === null || own === null) throw new WrongUse(WORDS.unknownChat);
  const counter = chat.counter + 1;
  chats.saveChat(tx, { ...chat, counter });
  const heads = { own: own.hash, recipient: null };
  const { sent, id: messageId, group: conversation, text, mentions } = outgoing;
  return seal({ sent, messageId, conversation, body: new Text(text, { mentions }), heads, counter }, entropy);
}
