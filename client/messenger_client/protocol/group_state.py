"""A group chat as its operations have made it: a value that `group_chain` moves on, and its bytes for the store.

PROTOCOL.md, Groups.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from . import cbor, form
from .group_args import OWNER, Member, read_roster
from .ids import AccountId, ConversationId, GroupId
from .primitives import HASH_SIZE, KEY_SIZE

_STATE_VERSION = 1


@dataclass(frozen=True, slots=True)
class Link:
    """An open link to join by."""

    key: bytes  # public
    expires: int | None  # ms
    uses: int | None  # how many joins are left
    approval: bool


@dataclass(frozen=True, slots=True)
class Author:
    """The newest list, under one AK, that an author of operations has named."""

    account: AccountId
    account_key: bytes
    seq: int


@dataclass(frozen=True, slots=True)
class GroupState:
    """The group chat after its operation number `index`."""

    group: GroupId  # gid
    index: int
    hash: bytes  # gsh, H(payload) of that operation
    time: int  # ms, of that operation
    roster: tuple[Member, ...]  # by account; empty once the last member has left
    pending: tuple[AccountId, ...]  # who waits for approval, sorted
    removed: tuple[AccountId, ...]  # who was ever removed or refused, sorted
    links: tuple[Link, ...]  # by key
    members_may_add: bool
    epoch: int  # how many removes, leaves and rekeys there were
    meta: bytes = field(repr=False)  # sealed, as it was last set
    key_version: int  # of the group key: the index of the operation that brought it
    key_meta: bytes = field(repr=False)  # what that operation sealed: a group key must open it
    authors: tuple[Author, ...] = field(repr=False)  # by account and AK

    @property
    def is_over(self) -> bool:
        """Nobody is left, and no operation can follow."""
        return not self.roster

    @property
    def owners(self) -> tuple[AccountId, ...]:
        return tuple(one.account for one in self.roster if one.role == OWNER)

    def role(self, account: AccountId) -> int | None:
        """Return a member's role, or None for everybody else."""
        return next((one.role for one in self.roster if one.account == account), None)

    def link(self, key: bytes) -> Link | None:
        return next((one for one in self.links if one.key == key), None)

    def to_bytes(self) -> bytes:
        fields = [
            _STATE_VERSION,
            self.group,
            self.index,
            self.hash,
            self.time,
            [[one.account, one.role] for one in self.roster],
            list(self.pending),
            list(self.removed),
            [[one.key, one.expires, one.uses, one.approval] for one in self.links],
            self.members_may_add,
            self.epoch,
            self.meta,
            self.key_version,
            self.key_meta,
            [[one.account, one.account_key, one.seq] for one in self.authors],
        ]
        return cbor.dump(fields)

    @classmethod
    def from_bytes(cls, data: bytes) -> GroupState:
        version, group, index, gsh, time, *rest = form.array(cbor.decode(data), 15)
        roster, pending, removed, links, may_add, epoch, meta, key_version, key_meta, authors = rest
        form.unsigned(version, _STATE_VERSION, _STATE_VERSION)
        return cls(
            GroupId(ConversationId(form.identifier(group))),
            form.unsigned(index),
            form.octets(gsh, HASH_SIZE),
            form.unsigned(time),
            read_roster(roster),
            _accounts(pending),
            _accounts(removed),
            tuple(_link(one) for one in form.array(links)),
            form.boolean(may_add),
            form.unsigned(epoch),
            form.any_octets(meta),
            form.unsigned(key_version),
            form.any_octets(key_meta),
            tuple(_author(one) for one in form.array(authors)),
        )


def _accounts(value: cbor.Value) -> tuple[AccountId, ...]:
    return tuple(AccountId(form.identifier(one)) for one in form.array(value))


def _link(value: cbor.Value) -> Link:
    key, expires, uses, approval = form.array(value, 4)
    return Link(
        form.octets(key, KEY_SIZE),
        None if expires is None else form.unsigned(expires),
        None if uses is None else form.unsigned(uses),
        form.boolean(approval),
    )


def _author(value: cbor.Value) -> Author:
    account, account_key, seq = form.array(value, 3)
    return Author(AccountId(form.identifier(account)), form.octets(account_key, KEY_SIZE), form.unsigned(seq))
