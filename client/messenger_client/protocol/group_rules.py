"""The rules of a group chat: who may do what, and what it makes of the group. A broken rule is Malformed.

PROTOCOL.md, Groups. Place, author and signature of an operation have been checked before (`group_chain`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from .errors import Malformed
from .group_args import (
    ADMIN,
    MEMBER,
    OWNER,
    Add,
    Approve,
    CloseLink,
    Create,
    Join,
    Leave,
    Member,
    OpenLink,
    Rekey,
    Remove,
    SetMeta,
    SetRole,
)
from .group_operation import Operation
from .group_state import Author, GroupState, Link
from .ids import AccountId
from .limits import MAX_LINKS, MAX_ROSTER


def step(state: GroupState | None, operation: Operation, authors: tuple[Author, ...]) -> GroupState:
    """Return the group after an operation whose author and place are right. Raises Malformed, BadSignature (join)."""
    args = operation.args
    if state is None:
        if not isinstance(args, Create):
            raise Malformed("a group chat starts with create")
        return _created(operation, args, authors)
    if state.is_over:
        raise Malformed("nobody is left")
    if operation.time < state.time:
        raise Malformed("time runs backwards")
    if args.code not in _RULES:
        raise Malformed("create again")
    moved = _RULES[args.code](state, operation, args)
    return replace(moved, index=operation.index, hash=operation.hash, time=operation.time, authors=authors)


def _created(operation: Operation, args: Create, authors: tuple[Author, ...]) -> GroupState:
    if Member(operation.account, OWNER) not in args.roster:
        raise Malformed("the author is no owner")
    return GroupState(
        group=operation.group,
        index=0,
        hash=operation.hash,
        time=operation.time,
        roster=args.roster,
        pending=(),
        removed=(),
        links=(),
        members_may_add=args.members_may_add,
        epoch=0,
        meta=args.meta,
        key_version=0,
        key_meta=args.meta,
        authors=authors,
    )


# The rules, one a code. Each returns the group with its own changes only.


def _add(state: GroupState, operation: Operation, args: Add) -> GroupState:
    _require(state, operation, MEMBER if state.members_may_add else ADMIN)
    _check_is_new(state, args.account)
    return _with_member(state, args.account, MEMBER)


def _remove(state: GroupState, operation: Operation, args: Remove) -> GroupState:
    author = _require(state, operation, ADMIN)
    role = state.role(args.account)
    if args.account == operation.account:
        raise Malformed("oneself")  # would know the new group key: one leaves
    if role is None and args.account not in state.pending:
        raise Malformed("not in it")
    if role is not None and role > MEMBER and author < OWNER:
        raise Malformed("an admin removes members only")
    removed = tuple(sorted({*state.removed, args.account}))
    return _with_new_key(replace(_without(state, args.account), removed=removed), operation, args.meta)


def _leave(state: GroupState, operation: Operation, args: Leave) -> GroupState:
    if state.role(operation.account) is None and operation.account not in state.pending:
        raise Malformed("not in it")
    left = _without(state, operation.account)
    _check_owned(left)
    return replace(left, epoch=state.epoch + 1)


def _set_role(state: GroupState, operation: Operation, args: SetRole) -> GroupState:
    _require(state, operation, OWNER)
    if state.role(args.account) in (None, args.role):
        raise Malformed("not in it, or of that role already")
    moved = _with_member(state, args.account, args.role)
    _check_owned(moved)
    return moved


def _set_meta(state: GroupState, operation: Operation, args: SetMeta) -> GroupState:
    _require(state, operation, ADMIN)
    return replace(state, meta=args.meta, members_may_add=args.members_may_add)


def _open_link(state: GroupState, operation: Operation, args: OpenLink) -> GroupState:
    _require(state, operation, ADMIN)
    if state.link(args.key) is not None or len(state.links) >= MAX_LINKS:
        raise Malformed("the same link, or one too many")
    return _with_link(state, Link(args.key, args.expires, args.uses, args.approval))


def _close_link(state: GroupState, operation: Operation, args: CloseLink) -> GroupState:
    _require(state, operation, ADMIN)
    if state.link(args.key) is None:
        raise Malformed("no such link")
    return replace(state, links=tuple(one for one in state.links if one.key != args.key))


def _join(state: GroupState, operation: Operation, args: Join) -> GroupState:
    account, link = operation.account, state.link(args.key)
    _check_is_new(state, account)
    if link is None or link.uses == 0:
        raise Malformed("no such link, or used up")
    if link.expires is not None and operation.time >= link.expires:
        raise Malformed("expired")
    args.check(state.group, account)
    if link.uses is not None:
        state = _with_link(state, replace(link, uses=link.uses - 1))
    if link.approval or account in state.removed:
        return replace(state, pending=tuple(sorted((*state.pending, account))))
    return _with_member(state, account, MEMBER)


def _approve(state: GroupState, operation: Operation, args: Approve) -> GroupState:
    _require(state, operation, ADMIN)
    if args.account not in state.pending:
        raise Malformed("does not wait")
    return _with_member(_without(state, args.account), args.account, MEMBER)


def _rekey(state: GroupState, operation: Operation, args: Rekey) -> GroupState:
    _require(state, operation, ADMIN)
    return _with_new_key(state, operation, args.meta)


_RULES: dict[int, Callable[[GroupState, Operation, Any], GroupState]] = {
    Add.code: _add,
    Remove.code: _remove,
    Leave.code: _leave,
    SetRole.code: _set_role,
    SetMeta.code: _set_meta,
    OpenLink.code: _open_link,
    CloseLink.code: _close_link,
    Join.code: _join,
    Approve.code: _approve,
    Rekey.code: _rekey,
}


def _require(state: GroupState, operation: Operation, least: int) -> int:
    """Return the author's role, at least that one, or raise Malformed."""
    role = state.role(operation.account)
    if role is None or role < least:
        raise Malformed("may not do that")
    return role


def _check_is_new(state: GroupState, account: AccountId) -> None:
    if state.role(account) is not None or account in state.pending:
        raise Malformed("in it, or waiting, already")
    if len(state.roster) + len(state.pending) >= MAX_ROSTER:
        raise Malformed("too many members")


def _check_owned(state: GroupState) -> None:
    if state.roster and not state.owners:
        raise Malformed("no owner would be left")


def _with_member(state: GroupState, account: AccountId, role: int) -> GroupState:
    others = [one for one in state.roster if one.account != account]
    return replace(state, roster=tuple(sorted([*others, Member(account, role)], key=lambda one: one.account)))


def _without(state: GroupState, account: AccountId) -> GroupState:
    return replace(
        state,
        roster=tuple(one for one in state.roster if one.account != account),
        pending=tuple(one for one in state.pending if one != account),
    )


def _with_link(state: GroupState, link: Link) -> GroupState:
    others = [one for one in state.links if one.key != link.key]
    return replace(state, links=tuple(sorted([*others, link], key=lambda one: one.key)))


def _with_new_key(state: GroupState, operation: Operation, meta: bytes) -> GroupState:
    return replace(state, epoch=state.epoch + 1, meta=meta, key_version=operation.index, key_meta=meta)
