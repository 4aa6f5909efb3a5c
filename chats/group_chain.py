"""Whether an operation is the next one of a group chat (PROTOCOL.md, Groups): its place, its signature, the rules.

The rules are those that clients apply, since nothing that the server took is taken back. States are values; an error
changes nothing. What is sealed stays closed: keys, epochs and metas are the clients' to follow.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from chats.errors import ListRefused
from chats.group_operations import (
    MAX_ROSTER,
    NO_PREVIOUS,
    Add,
    Approve,
    CloseLink,
    Code,
    Create,
    Join,
    OpenLink,
    Operation,
    Remove,
    Role,
    SetMeta,
    SetRole,
    check_join,
)
from keys.verify import check_signature
from messenger.lib.errors import Malformed

MAX_LINKS = 20  # of a group chat at a time


@dataclass(frozen=True, slots=True)
class Link:
    """An open link to join by."""

    expires: int | None  # ms
    uses: int | None  # how many joins are left
    approval: bool

    def is_live(self, at: int) -> bool:
        return self.uses != 0 and (self.expires is None or at < self.expires)


@dataclass(frozen=True, slots=True)
class GroupState:
    """A group chat after its operation number `index`."""

    group: uuid.UUID
    index: int
    hash: bytes
    time: int
    members_may_add: bool
    roster: Mapping[uuid.UUID, Role]  # empty once the last member has left
    pending: frozenset[uuid.UUID] = frozenset()
    removed: frozenset[uuid.UUID] = frozenset()  # ever, or refused
    links: Mapping[bytes, Link] = field(default_factory=dict)


def judge(state: GroupState | None, operation: Operation, *, signing_key: bytes) -> GroupState:
    """Return the group chat after one more operation, `state=None` for the first one.

    `signing_key` is that of the author's device. Raises ListRefused (not the next operation), BadSignature, Malformed.
    """
    expected = (0, NO_PREVIOUS) if state is None else (state.index + 1, state.hash)
    if (operation.index, operation.previous) != expected or (state is not None and operation.group != state.group):
        raise ListRefused("not the next operation of this group chat")
    check_signature(signing_key, "groupop", operation.signed.payload, operation.signed.signature)
    if state is None:
        return _created(operation)
    if not state.roster:
        raise Malformed("nobody is left in the group chat")
    if operation.time < state.time:
        raise Malformed("the time of the operation is before that of the last one")
    if operation.code not in _RULES:
        raise Malformed("the group chat was created before")
    moved = _RULES[operation.code](state, operation, operation.args)
    return replace(moved, index=operation.index, hash=operation.hash, time=operation.time)


def _created(operation: Operation) -> GroupState:
    args = operation.args
    if not isinstance(args, Create):
        raise Malformed("a group chat starts with create")
    if args.roster.get(operation.account) != Role.OWNER:
        raise Malformed("the author is not among the owners")
    return GroupState(operation.group, 0, operation.hash, operation.time, args.members_may_add, args.roster)


# The rules, one a code. Each returns the group chat with its own changes only.


def _add(state: GroupState, operation: Operation, args: Add) -> GroupState:
    _require(state, operation, Role.MEMBER if state.members_may_add else Role.ADMIN)
    _check_is_new(state, args.account)
    return _with_member(state, args.account, Role.MEMBER)


def _remove(state: GroupState, operation: Operation, args: Remove) -> GroupState:
    author, role = _require(state, operation, Role.ADMIN), state.roster.get(args.account)
    if args.account == operation.account:
        raise Malformed("one leaves, and does not remove oneself")
    if role is None and args.account not in state.pending:
        raise Malformed("whom to remove is not in the group chat")
    if role is not None and role > Role.MEMBER and author < Role.OWNER:
        raise Malformed("an admin removes members only")
    return replace(_without(state, args.account), removed=state.removed | {args.account})


def _leave(state: GroupState, operation: Operation, _: Any) -> GroupState:
    if operation.account not in state.roster and operation.account not in state.pending:
        raise Malformed("who leaves is not in the group chat")
    return _owned(_without(state, operation.account))


def _set_role(state: GroupState, operation: Operation, args: SetRole) -> GroupState:
    _require(state, operation, Role.OWNER)
    if state.roster.get(args.account) in (None, args.role):
        raise Malformed("no member, or of that role already")
    return _owned(_with_member(state, args.account, args.role))


def _set_meta(state: GroupState, operation: Operation, args: SetMeta) -> GroupState:
    _require(state, operation, Role.ADMIN)
    return replace(state, members_may_add=args.members_may_add)


def _open_link(state: GroupState, operation: Operation, args: OpenLink) -> GroupState:
    _require(state, operation, Role.ADMIN)
    if args.key in state.links or len(state.links) >= MAX_LINKS:
        raise Malformed("the same link, or one too many")
    return replace(state, links={**state.links, args.key: Link(args.expires, args.uses, args.approval)})


def _close_link(state: GroupState, operation: Operation, args: CloseLink) -> GroupState:
    _require(state, operation, Role.ADMIN)
    if args.key not in state.links:
        raise Malformed("there is no such link")
    return replace(state, links={key: link for key, link in state.links.items() if key != args.key})


def _join(state: GroupState, operation: Operation, args: Join) -> GroupState:
    account, link = operation.account, state.links.get(args.key)
    _check_is_new(state, account)
    if link is None or not link.is_live(operation.time):
        raise Malformed("the link is closed, expired or used up")
    check_join(group=state.group, account=account, key=args.key, signature=args.signature)
    if link.uses is not None:
        state = replace(state, links={**state.links, args.key: replace(link, uses=link.uses - 1)})
    if link.approval or account in state.removed:
        return replace(state, pending=state.pending | {account})
    return _with_member(state, account, Role.MEMBER)


def _approve(state: GroupState, operation: Operation, args: Approve) -> GroupState:
    _require(state, operation, Role.ADMIN)
    if args.account not in state.pending:
        raise Malformed("whom to approve does not wait")
    return _with_member(_without(state, args.account), args.account, Role.MEMBER)


def _rekey(state: GroupState, operation: Operation, _: Any) -> GroupState:
    _require(state, operation, Role.ADMIN)
    return state


_RULES: dict[int, Callable[[GroupState, Operation, Any], GroupState]] = {
    Code.ADD: _add,
    Code.REMOVE: _remove,
    Code.LEAVE: _leave,
    Code.ROLE: _set_role,
    Code.META: _set_meta,
    Code.LINK: _open_link,
    Code.UNLINK: _close_link,
    Code.JOIN: _join,
    Code.APPROVE: _approve,
    Code.REKEY: _rekey,
}


def _require(state: GroupState, operation: Operation, least: Role) -> Role:
    """Return the author's role, at least that one, or raise Malformed."""
    role = state.roster.get(operation.account)
    if role is None or role < least:
        raise Malformed("the author may not do that")
    return role


def _check_is_new(state: GroupState, account: uuid.UUID) -> None:
    if account in state.roster or account in state.pending:
        raise Malformed("in the group chat, or waiting, already")
    if len(state.roster) + len(state.pending) >= MAX_ROSTER:
        raise Malformed("the group chat has too many members")


def _owned(state: GroupState) -> GroupState:
    if state.roster and Role.OWNER not in state.roster.values():
        raise Malformed("no owner would be left")
    return state


def _with_member(state: GroupState, account: uuid.UUID, role: Role) -> GroupState:
    return replace(state, roster={**state.roster, account: role})


def _without(state: GroupState, account: uuid.UUID) -> GroupState:
    return replace(
        state,
        roster={one: role for one, role in state.roster.items() if one != account},
        pending=state.pending - {account},
    )
