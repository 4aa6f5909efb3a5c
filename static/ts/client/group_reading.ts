// Group chats within a batch of envelopes: messages under sender keys, sender keys, and what is asked for again.
//
// PROTOCOL.md, Groups. A message that comes before its sender key is kept and read when the key comes; after a while its
// line says that it cannot be read, and its device is asked for both.

import { waitingOrNone, type Json, type Waiting } from "../api/index";
import { equal, utf8 } from "../lib/bytes";
import { readPadded, type Content } from "../protocol/content";
import { NotListed, ProtocolError, UnknownSession } from "../protocol/errors";
import { acceptSenderKey, NO_RATCHET_KEY, receive, type GroupReceived } from "../protocol/group_message";
import { peekGroup } from "../protocol/group_wire";
import { SenderKey } from "../protocol/sender_key";
import type { Withheld } from "../store/group_records";
import * as waiting from "../store/group_waiting";
import * as groups from "../store/groups";
import type * as repairs from "../store/repairs";
import type { Transaction } from "../store/transaction";
import type { Target } from "./directory";
import type { Visit } from "./doctor";
import { GroupLookup, metaOf, stateOf } from "./group_lookup";
import { newestList } from "./opening";

/** A message that opened, or null: it is kept until its sender key comes. Throws what `receive` throws. */
export function readGroup(tx: Transaction, one: Waiting, visit: Visit): (GroupReceived & { readonly isFirst: boolean }) | null {
  const { group, account: sender, device: senderDevice, body: wire, messageId } = one;
  if (group === null) throw new RangeError("no group chat's"); // the caller's mistake
  try {
    const received = receive({ group, sender, senderDevice, wire, messageId }, new GroupLookup(tx), visit);
    groups.saveChain(tx, received.chain);
    const { n } = peekGroup(wire).header;
    return { ...received, isFirst: n === received.chain.first };
  } catch (error) {
    if (!(error instanceof UnknownSession)) throw error;
    // Only of members there is anything to come. Who is none by what is known here may have been added since.
    if (!mayWait(tx, one, group)) throw new NotListed("no member");
    keep(tx, one, group, visit);
    return null;
  }
}

/** Whether its sender is a member, or nobody can say just now: what is known of the group is not the whole of it. */
function mayWait(tx: Transaction, one: Waiting, group: Uint8Array): boolean {
  const known = groups.get(tx, group);
  const state = stateOf(known);
  return state === null || known?.trouble !== "" || state.role(one.account) !== null;
}

function keep(tx: Transaction, one: Waiting, chat: Uint8Array, visit: Visit): void {
  const { account, device, number: envelope, frame } = one;
  waiting.keep(tx, { envelope, chat, account, device, frame: utf8(JSON.stringify(frame)) }, visit);
}

/** Take a sender key, or keep it until what it names is known here. Returns what has waited for it. */
export function hearSenderKey(tx: Transaction, from: Target, content: Content, padded: Uint8Array, visit: Visit): Waiting[] {
  if (!(content.body instanceof SenderKey)) return [];
  const chat = content.body.group;
  const outcome = takeSenderKey(tx, content, from, visit);
  if (outcome === "early") {
    const members = stateOf(groups.get(tx, chat))?.roster.map((one) => one.account) ?? [];
    waiting.keepKey(tx, { ...from, chat }, padded, { now: visit.now, members });
  }
  if (outcome !== "taken") return [];
  return waiting.messagesOf(tx, { ...from, chat }).flatMap(({ frame }) => framed(frame));
}

/** What came of a sender key that waited. `withheld`: the operation that it names, and the server does not show. */
interface HeardAgain {
  readonly waiting: readonly Waiting[];
  readonly withheld: Withheld | null;
}

/** Try a sender key that waited once more. It waits on while the group chat's operations do not hold. */
export function hearAgain(tx: Transaction, key: waiting.WaitingKey, visit: Visit): HeardAgain {
  const content = readPadded(key.padded);
  const { account, device, chat, position } = key;
  const { body } = content;
  const outcome = takeSenderKey(tx, content, { account, device }, visit);
  const group = groups.get(tx, chat);
  const state = stateOf(group);
  const isAhead = outcome === "early" && body instanceof SenderKey && !groups.hasOperation(tx, chat, body.gsh);
  // Not whether it is suspended: that is the server's word, and this is evidence against it.
  const isListed = (newestList(tx, account)?.find(device) ?? null) !== null;
  const isMember = isListed && (state?.role(account) ?? null) !== null;
  const isDoubted = state === null || (group?.trouble !== "" && group?.trouble !== "withheld");
  if (!(outcome === "early" && (isDoubted || (isAhead && isMember)))) waiting.forgetKey(tx, position);
  const came = outcome === "taken" ? waiting.messagesOf(tx, { chat, account, device }) : [];
  const withheld = isAhead && isMember && !isDoubted ? { gsh: body.gsh, account } : null;
  return { waiting: came.flatMap(({ frame }) => framed(frame)), withheld };
}

export function framed(frame: Uint8Array): Waiting[] {
  const read = waitingOrNone(JSON.parse(new TextDecoder().decode(frame)) as Json);
  return read === null || typeof read === "number" ? [] : [read];
}

/**
 * Take a chain that came over the session with a device. `early`: its group's operations, or the lists, are not
 * known here up to there, or it is none of a member's: to be tried again.
 */
function takeSenderKey(tx: Transaction, content: Content, from: Target, visit: Visit): "taken" | "early" | "refused" {
  const { body } = content;
  if (!(body instanceof SenderKey)) return "refused";
  try {
    const lookup = new GroupLookup(tx);
    const accepted = acceptSenderKey(content, from.account, from.device, lookup, visit);
    groups.saveChain(tx, accepted.chain, accepted.dropped);
    if (body.groupKey !== null) keepGroupKey(tx, body.group, body.groupKey);
    return "taken";
  } catch (error) {
    if (error instanceof NotListed) return "early";
    if (error instanceof ProtocolError) return "refused";
    throw error;
  }
}

/** A group key of the newest version opens what people see of the group. */
function keepGroupKey(tx: Transaction, id: Uint8Array, { version, key }: { version: number; key: Uint8Array }): void {
  const group = groups.get(tx, id);
  const state = stateOf(group);
  if (group === null || state === null || version !== state.keyVersion) return;
  if (group.keys.some((one) => one.version === version && equal(one.key, key))) return;
  const kept = { ...group, keys: [...group.keys, { version, key }] };
  groups.save(tx, { ...kept, title: metaOf(kept, state)?.title ?? group.title });
}

/** How a group chat's message is asked for. Null where its outside makes no sense. */
export function placeInGroup(body: Uint8Array): repairs.Place | null {
  try {
    const { chain, n } = peekGroup(body).header;
    return { session: chain, dh: NO_RATCHET_KEY, n };
  } catch (error) {
    if (error instanceof ProtocolError) return null;
    throw error;
  }
}
