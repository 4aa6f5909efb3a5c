// The rules of a group chat: who may do what, and what it makes of the group. A broken rule is Malformed.
//
// PROTOCOL.md, Groups. Place, author and signature of an operation have been checked before (`group_chain`).

import { compare, equal } from "./bytes";
import { Malformed } from "./errors";
import {
  Add,
  ADMIN,
  Approve,
  CloseLink,
  Create,
  Join,
  Leave,
  MEMBER,
  OpenLink,
  OWNER,
  Rekey,
  Remove,
  SetMeta,
  SetRole,
  type Member,
} from "./group_args";
import type { Operation } from "./group_operation";
import { GroupState, type Author, type Link } from "./group_state";
import type { AccountId } from "./ids";
import { MAX_LINKS, MAX_ROSTER } from "./limits";

/** The group after an operation whose author and place are right. Throws Malformed, BadSignature (join). */
export function step(state: GroupState | null, operation: Operation, authors: readonly Author[]): GroupState {
  const { args, index, hash, time } = operation;
  if (state === null) {
    if (!(args instanceof Create)) throw new Malformed("a group chat starts with create");
    return created(operation, args, authors);
  }
  if (state.isOver) throw new Malformed("nobody is left");
  if (time < state.time) throw new Malformed("time runs backwards");
  return obeyed(state, operation).with({ index, hash, time, authors });
}

function created(operation: Operation, args: Create, authors: readonly Author[]): GroupState {
  const { group, hash, time, account } = operation;
  const { roster, meta, membersMayAdd } = args;
  if (!roster.some((one) => equal(one.account, account) && one.role === OWNER)) {
    throw new Malformed("the author is no owner");
  }
  return new GroupState({
    group,
    index: 0,
    hash,
    time,
    roster,
    pending: [],
    removed: [],
    links: [],
    membersMayAdd,
    epoch: 0,
    meta,
    keyVersion: 0,
    keyMeta: meta,
    authors,
  });
}

// The rules, one a code. Each gives the group with its own changes only.

function obeyed(state: GroupState, operation: Operation): GroupState {
  const { args } = operation;
  switch (args.code) {
    case Create.code:
      throw new Malformed("create again");
    case Add.code:
      return add(state, operation, args);
    case Remove.code:
      return remove(state, operation, args);
    case Leave.code:
      return leave(state, operation);
    case SetRole.code:
      return setRole(state, operation, args);
    case SetMeta.code:
      return setMeta(state, operation, args);
    case OpenLink.code:
      return openLink(state, operation, args);
    case CloseLink.code:
      return closeLink(state, operation, args);
    case Join.code:
      return join(state, operation, args);
    case Approve.code:
      return approve(state, operation, args);
    case Rekey.code:
      return rekey(state, operation, args);
  }
}

function add(state: GroupState, operation: Operation, args: Add): GroupState {
  demand(state, operation, state.membersMayAdd ? MEMBER : ADMIN);
  checkIsNew(state, args.account);
  return withMember(state, args.account, MEMBER);
}

function remove(state: GroupState, operation: Operation, args: Remove): GroupState {
  const author = demand(state, operation, ADMIN);
  const role = state.role(args.account);
  // Would know the new group key: one leaves.
  if (equal(args.account, operation.account)) throw new Malformed("oneself");
  if (role === null && !state.isPending(args.account)) throw new Malformed("not in it");
  if (role !== null && role > MEMBER && author < OWNER) throw new Malformed("an admin removes members only");
  const others = state.removed.filter((one) => !equal(one, args.account));
  const removed = [...others, args.account].sort(compare);
  return withNewKey(without(state, args.account).with({ removed }), operation, args.meta);
}

function leave(state: GroupState, operation: Operation): GroupState {
  if (state.role(operation.account) === null && !state.isPending(operation.account)) throw new Malformed("not in it");
  const left = without(state, operation.account);
  checkOwned(left);
  return left.with({ epoch: state.epoch + 1 });
}

function setRole(state: GroupState, operation: Operation, args: SetRole): GroupState {
  demand(state, operation, OWNER);
  const role = state.role(args.account);
  if (role === null || role === args.role) throw new Malformed("not in it, or of that role already");
  const moved = withMember(state, args.account, args.role);
  checkOwned(moved);
  return moved;
}

function setMeta(state: GroupState, operation: Operation, args: SetMeta): GroupState {
  demand(state, operation, ADMIN);
  return state.with({ meta: args.meta, membersMayAdd: args.membersMayAdd });
}

function openLink(state: GroupState, operation: Operation, args: OpenLink): GroupState {
  demand(state, operation, ADMIN);
  if (state.link(args.key) !== null || state.links.length >= MAX_LINKS) {
    throw new Malformed("the same link, or one too many");
  }
  const { key, expires, uses, approval } = args;
  return withLink(state, { key, expires, uses, approval });
}

function closeLink(state: GroupState, operation: Operation, args: CloseLink): GroupState {
  demand(state, operation, ADMIN);
  if (state.link(args.key) === null) throw new Malformed("no such link");
  return state.with({ links: state.links.filter((one) => !equal(one.key, args.key)) });
}

function join(state: GroupState, operation: Operation, args: Join): GroupState {
  const { account, time } = operation;
  const link = state.link(args.key);
  checkIsNew(state, account);
  if (link === null || link.uses === 0) throw new Malformed("no such link, or used up");
  if (link.expires !== null && time >= link.expires) throw new Malformed("expired");
  args.check(state.group, account);
  const used = link.uses === null ? state : withLink(state, { ...link, uses: link.uses - 1 });
  if (link.approval || state.removed.some((one) => equal(one, account))) {
    return used.with({ pending: [...used.pending, account].sort(compare) });
  }
  return withMember(used, account, MEMBER);
}

function approve(state: GroupState, operation: Operation, args: Approve): GroupState {
  demand(state, operation, ADMIN);
  if (!state.isPending(args.account)) throw new Malformed("does not wait");
  return withMember(without(state, args.account), args.account, MEMBER);
}

function rekey(state: GroupState, operation: Operation, args: Rekey): GroupState {
  demand(state, operation, ADMIN);
  return withNewKey(state, operation, args.meta);
}

/** The author's role, at least that one; or throw Malformed. */
function demand(state: GroupState, operation: Operation, least: number): number {
  const role = state.role(operation.account);
  if (role === null || role < least) throw new Malformed("may not do that");
  return role;
}

function checkIsNew(state: GroupState, account: AccountId): void {
  if (state.role(account) !== null || state.isPending(account)) throw new Malformed("in it, or waiting, already");
  if (state.roster.length + state.pending.length >= MAX_ROSTER) throw new Malformed("too many members");
}

function checkOwned(state: GroupState): void {
  if (!state.isOver && state.owners.length === 0) throw new Malformed("no owner would be left");
}

function withMember(state: GroupState, account: AccountId, role: number): GroupState {
  const others = state.roster.filter((one) => !equal(one.account, account));
  const byAccount = (one: Member, other: Member) => compare(one.account, other.account);
  return state.with({ roster: [...others, { account, role }].sort(byAccount) });
}

function without(state: GroupState, account: AccountId): GroupState {
  return state.with({
    roster: state.roster.filter((one) => !equal(one.account, account)),
    pending: state.pending.filter((one) => !equal(one, account)),
  });
}

function withLink(state: GroupState, link: Link): GroupState {
  const others = state.links.filter((one) => !equal(one.key, link.key));
  return state.with({ links: [...others, link].sort((one, other) => compare(one.key, other.key)) });
}

function withNewKey(state: GroupState, operation: Operation, meta: Uint8Array): GroupState {
  return state.with({ epoch: state.epoch + 1, meta, keyVersion: operation.index, keyMeta: meta });
}
