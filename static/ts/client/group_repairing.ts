// A message of a group chat that somebody could not read is sent again, to a device that it was for. In a transaction.
//
// PROTOCOL.md, Unable to decrypt. It goes over the session of the two devices, with the chain of now before it.

import { equal } from "../lib/bytes";
import type { Retry } from "../protocol/body";
import { NO_RATCHET_KEY, recipients } from "../protocol/group_message";
import { OwnChain, recipientName } from "../protocol/sender_key";
import * as controls from "../store/controls";
import type { Told } from "../store/group_records";
import * as waiting from "../store/group_waiting";
import * as groups from "../store/groups";
import { Control, type Me } from "../store/records";
import * as repairs from "../store/repairs";
import * as timeline from "../store/timeline";
import type { Transaction } from "../store/transaction";
import { ownDevice } from "./context";
import type { Target } from "./directory";
import type { Visit } from "./doctor";
import { queueSenderKey } from "./group_encrypting";
import { groupKeyOf, GroupLookup, stateOf } from "./group_lookup";

const MOST_ANSWERS = 3; // to questions of one device for one message

export function isOfGroup(retry: Retry): boolean {
  return equal(retry.dh, NO_RATCHET_KEY);
}

/** Answer another device's question for a message of a group chat: with this device's chain, and the message itself. */
export function answerGroup(tx: Transaction, me: Me, from: Target, retry: Retry, visit: Visit): void {
  const sent = repairs.sentAt(tx, { session: retry.sessionId, dh: retry.dh, n: retry.n }, visit);
  const entry = sent === null ? null : timeline.get(tx, me.account, sent.message);
  const group = entry === null ? null : groups.get(tx, entry.chat);
  const state = stateOf(group);
  if (entry === null || entry.padded === null || group === null || state === null || group.trouble !== "") return;
  const readers = recipients(state, ownDevice(me), new GroupLookup(tx));
  const reader = readers.find((one) => equal(one.account, from.account) && equal(one.device, from.device));
  const chain = group.chain === null ? null : OwnChain.fromBytes(group.chain);
  if (reader === undefined) return;
  const isReader = (one: Told): boolean => recipientName(one) === recipientName(reader);
  const isCurrent = chain !== null && equal(chain.id, retry.sessionId);
  // Hazard: a new member knows the chain's name, and must not get by asking what was before it.
  const told = (isCurrent ? group.told : groups.toldOf(tx, retry.sessionId)).find(isReader);
  if (told === undefined || retry.n < told.n) return;
  if (waiting.countAnswer(tx, entry.id, from.device) >= MOST_ANSWERS) return;
  if (chain !== null && group.told.some(isReader)) {
    queueSenderKey(tx, me, [reader], chain.announce(groupKeyOf(group, state)), visit);
  }
  const { account, device, signingKey } = reader;
  controls.add(tx, Control.of({ id: entry.id, account, device, signingKey, padded: entry.padded, at: visit.now, logged: true }));
}
