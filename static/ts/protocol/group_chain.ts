// The chain of a group chat's operations: each follows the one before, and its author's device has signed it.
//
// PROTOCOL.md, Groups. A broken rule is Malformed, a broken chain ListRefused; an error changes nothing. Checks stand
// in this order: form, chain, author's device, signature, the author's list, rules.

import { compare, equal } from "./bytes";
import type { DeviceList } from "./device_list";
import { ListRefused, Malformed, NotListed } from "./errors";
import type { Args, Create } from "./group_args";
import { NO_PREVIOUS, openOperation, signOperation, type Operation } from "./group_operation";
import { step } from "./group_rules";
import type { Author, GroupState } from "./group_state";
import type { AccountId, GroupId } from "./ids";
import type { OwnDevice } from "./keys";

/** What `follow` and `apply` read from the store. */
export interface Lookup {
  /** An accepted list of an account by its hash, or null. */
  listNamed(account: AccountId, listHash: Uint8Array): DeviceList | null;
}

/** An operation of our own: publish it, and keep `state` once the server has taken it. */
export interface Proposed {
  readonly operation: Operation;
  readonly state: GroupState;
}

/**
 * Hold operations that the server gave (in order, from the first one we do not have) against the group.
 *
 * Throws what `apply` throws; ListRefused too when they are another group's, or there are none at all.
 */
export function follow(
  group: GroupId,
  state: GroupState | null,
  objects: Iterable<Uint8Array>,
  lookup: Lookup,
): GroupState {
  let moved = state;
  for (const signed of objects) moved = apply(moved, signed, lookup);
  if (moved === null || !equal(moved.group, group)) throw new ListRefused("another group");
  return moved;
}

/**
 * The group after one more operation; `state` is null for the first one.
 *
 * Throws Malformed; Unsupported (show "update needed"); ListRefused (not the next operation: a gap, a fork, a replay);
 * NotListed (the author's device is not in the list it named, or that list is not known here: fetch it and call
 * again); BadSignature.
 */
export function apply(state: GroupState | null, signed: Uint8Array, lookup: Lookup): GroupState {
  const operation = openOperation(signed);
  checkPlace(state, operation);
  return judged(state, operation, lookup.listNamed(operation.account, operation.listHash));
}

/** Start a group chat, whose id is 16 random bytes. Throws Malformed, NotListed. */
export function create(
  own: OwnDevice,
  ownList: DeviceList,
  group: GroupId,
  args: Create,
  { now }: { readonly now: number },
): Proposed {
  const listHash = ownList.hash;
  const operation = signOperation(own, { listHash, group, index: 0, previous: NO_PREVIOUS, args, time: now });
  return { operation, state: judged(null, operation, ownList) };
}

/**
 * Sign the next operation, which is judged first: what others would refuse never leaves.
 *
 * Throws Malformed, NotListed, BadSignature. When the server answers `group_changed`, follow, and propose again.
 */
export function propose(
  own: OwnDevice,
  ownList: DeviceList,
  state: GroupState,
  args: Args,
  { now }: { readonly now: number },
): Proposed {
  const operation = signOperation(own, {
    listHash: ownList.hash,
    group: state.group,
    index: state.index + 1,
    previous: state.hash,
    args,
    time: Math.max(now, state.time),
  });
  return { operation, state: judged(state, operation, ownList) };
}

/**
 * The group after operations that this client has applied before: to look a past `gsh` up.
 *
 * Hazard: signatures are not checked again, and authors' lists not remembered. Only for operations out of one's own
 * store, and never to go on from.
 */
export function rebuild(objects: Iterable<Uint8Array>): GroupState {
  let state: GroupState | null = null;
  for (const signed of objects) {
    const operation = openOperation(signed);
    checkPlace(state, operation);
    state = step(state, operation, []);
  }
  if (state === null) throw new ListRefused("no operation");
  return state;
}

function checkPlace(state: GroupState | null, operation: Operation): void {
  const index = state === null ? 0 : state.index + 1;
  const previous = state === null ? NO_PREVIOUS : state.hash;
  if (operation.index !== index || !equal(operation.previous, previous)) throw new ListRefused("not the next operation");
  if (state !== null && !equal(operation.group, state.group)) throw new ListRefused("another group");
}

function judged(state: GroupState | null, operation: Operation, named: DeviceList | null): GroupState {
  const author = named?.find(operation.device) ?? null;
  if (named === null || author === null) throw new NotListed("the author's device");
  operation.checkSignature(author.signingKey);
  const { accountKey, seq } = named;
  return step(state, operation, remembered(state, { account: operation.account, accountKey, seq }));
}

/** Remember the author's list. Throws Malformed when it is older than one named before. */
function remembered(state: GroupState | null, author: Author): readonly Author[] {
  const known = state === null ? [] : state.authors;
  const isSame = (one: Author) => equal(one.account, author.account) && equal(one.accountKey, author.accountKey);
  if (known.some((one) => isSame(one) && one.seq > author.seq)) throw new Malformed("an older list");
  const others = known.filter((one) => !isSame(one));
  return [...others, author].sort((one, other) => {
    return compare(one.account, other.account) || compare(one.accountKey, other.accountKey);
  });
}
