"""The chain of a group chat's operations: each follows the one before, and its author's device has signed it.

PROTOCOL.md, Groups. A broken rule is Malformed, a broken chain ListRefused; an error changes nothing. Checks
stand in this order: form, chain, author's device, signature, the author's list, rules.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from .device_list import DeviceList
from .errors import ListRefused, Malformed, NotListed
from .group_args import Args, Create
from .group_operation import NO_PREVIOUS, Operation, open_operation, sign_operation
from .group_rules import step
from .group_state import Author, GroupState
from .ids import AccountId, GroupId
from .keys import OwnDevice


class Lookup(Protocol):
    """What `follow` and `apply` read from the store."""

    def list_named(self, account: AccountId, list_hash: bytes) -> DeviceList | None:
        """Return an accepted list of an account by its hash, or None."""
        ...


@dataclass(frozen=True, slots=True)
class Proposed:
    """An operation of our own: publish it, and keep `state` once the server has taken it."""

    operation: Operation
    state: GroupState


def follow(group: GroupId, state: GroupState | None, objects: Iterable[bytes], lookup: Lookup) -> GroupState:
    """Hold operations that the server gave (in order, from the first one we do not have) against the group.

    Raises what `apply` raises; ListRefused too when they are another group's, or there are none at all.
    """
    for signed in objects:
        state = apply(state, signed, lookup)
    if state is None or state.group != group:
        raise ListRefused("another group")
    return state


def apply(state: GroupState | None, signed: bytes, lookup: Lookup) -> GroupState:
    """Return the group after one more operation; `state=None` for the first one.

    Raises Malformed; Unsupported (show "update needed"); ListRefused (not the next operation: a gap, a fork, a
    replay); NotListed (the author's device is not in the list it named, or that list is not known here: fetch it
    and call again); BadSignature.
    """
    operation = open_operation(signed)
    _check_place(state, operation)
    return _judged(state, operation, lookup.list_named(operation.account, operation.list_hash))


def create(own: OwnDevice, own_list: DeviceList, group: GroupId, args: Create, *, now: int) -> Proposed:
    """Start a group chat, whose id is 16 random bytes. Raises Malformed, NotListed."""
    operation = sign_operation(own, own_list.hash, group, 0, NO_PREVIOUS, args, time=now)
    return Proposed(operation, _judged(None, operation, own_list))


def propose(own: OwnDevice, own_list: DeviceList, state: GroupState, args: Args, *, now: int) -> Proposed:
    """Sign the next operation, which is judged first: what others would refuse never leaves.

    Raises Malformed, NotListed, BadSignature. When the server answers `group_changed`, follow, and propose again.
    """
    operation = sign_operation(
        own, own_list.hash, state.group, state.index + 1, state.hash, args, time=max(now, state.time)
    )
    return Proposed(operation, _judged(state, operation, own_list))


def rebuild(objects: Iterable[bytes]) -> GroupState:
    """Return the group after operations that this client has applied before: to look a past `gsh` up.

    Hazard: signatures are not checked again, and authors' lists not remembered. Only for operations out of one's
    own store, and never to go on from.
    """
    state = None
    for signed in objects:
        operation = open_operation(signed)
        _check_place(state, operation)
        state = step(state, operation, ())
    if state is None:
        raise ListRefused("no operation")
    return state


def _check_place(state: GroupState | None, operation: Operation) -> None:
    expected = (0, NO_PREVIOUS) if state is None else (state.index + 1, state.hash)
    if (operation.index, operation.previous) != expected:
        raise ListRefused("not the next operation")
    if state is not None and operation.group != state.group:
        raise ListRefused("another group")


def _judged(state: GroupState | None, operation: Operation, named: DeviceList | None) -> GroupState:
    author = None if named is None else named.find(operation.device)
    if named is None or author is None:
        raise NotListed("the author's device")
    operation.check_signature(author.signing_key)
    return step(state, operation, _authors(state, Author(operation.account, named.account_key, named.seq)))


def _authors(state: GroupState | None, author: Author) -> tuple[Author, ...]:
    """Remember the author's list. Raises Malformed when it is older than one named before."""
    known = () if state is None else state.authors
    same = [one for one in known if (one.account, one.account_key) == (author.account, author.account_key)]
    if any(one.seq > author.seq for one in same):
        raise Malformed("an older list")
    others = [one for one in known if one not in same]
    return tuple(sorted([*others, author], key=lambda one: (one.account, one.account_key)))
