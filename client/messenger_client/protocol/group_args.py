"""What an operation of a group chat says, one value a code (PROTOCOL.md, Groups).

Refuses missing and mistyped fields, and any field that is not known: all readers must see one group.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from . import cbor, form
from .errors import Malformed
from .ids import AccountId, GroupId
from .limits import MAX_META, MAX_ROSTER
from .primitives import CSEAL_OVERHEAD, KEY_SIZE, SIGNATURE_SIZE, SigningKey, verify

Map = dict[int, cbor.Value]

MEMBER, ADMIN, OWNER = 0, 1, 2  # roles; each includes the lower ones

_JOIN_LABEL = "join"


@dataclass(frozen=True, slots=True)
class Member:
    account: AccountId
    role: int  # MEMBER, ADMIN or OWNER


@dataclass(frozen=True, slots=True)
class Create:
    """Starts the group chat; its author is among the owners."""

    code: ClassVar[int] = 0
    roster: tuple[Member, ...]  # by account
    meta: bytes  # sealed under the group key of version 0
    members_may_add: bool

    @classmethod
    def of(cls, members: Iterable[Member], meta: bytes, *, members_may_add: bool) -> Create:
        """Take the members in any order."""
        return cls(tuple(sorted(members, key=lambda one: one.account)), meta, members_may_add)

    def to_map(self) -> Map:
        return {0: [[one.account, one.role] for one in self.roster], 1: self.meta, 2: self.members_may_add}

    @classmethod
    def from_map(cls, fields: Map) -> Create:
        return cls(read_roster(fields[0]), _meta(fields[1]), form.boolean(fields[2]))


@dataclass(frozen=True, slots=True)
class Add:
    code: ClassVar[int] = 1
    account: AccountId

    def to_map(self) -> Map:
        return {0: self.account}

    @classmethod
    def from_map(cls, fields: Map) -> Add:
        return cls(_account(fields[0]))


@dataclass(frozen=True, slots=True)
class Remove:
    """Removes a member, or refuses somebody who waits; what follows is under a new group key."""

    code: ClassVar[int] = 2
    account: AccountId
    meta: bytes  # under the new group key, whose version is this operation's index

    def to_map(self) -> Map:
        return {0: self.account, 1: self.meta}

    @classmethod
    def from_map(cls, fields: Map) -> Remove:
        return cls(_account(fields[0]), _meta(fields[1]))


@dataclass(frozen=True, slots=True)
class Leave:
    """Its author leaves, or takes the wish to join back."""

    code: ClassVar[int] = 3

    def to_map(self) -> Map:
        return {}

    @classmethod
    def from_map(cls, fields: Map) -> Leave:
        return cls()


@dataclass(frozen=True, slots=True)
class SetRole:
    code: ClassVar[int] = 4
    account: AccountId
    role: int

    def to_map(self) -> Map:
        return {0: self.account, 1: self.role}

    @classmethod
    def from_map(cls, fields: Map) -> SetRole:
        return cls(_account(fields[0]), _role(fields[1]))


@dataclass(frozen=True, slots=True)
class SetMeta:
    code: ClassVar[int] = 5
    meta: bytes  # under the group key of now
    members_may_add: bool

    def to_map(self) -> Map:
        return {0: self.meta, 1: self.members_may_add}

    @classmethod
    def from_map(cls, fields: Map) -> SetMeta:
        return cls(_meta(fields[0]), form.boolean(fields[1]))


@dataclass(frozen=True, slots=True)
class OpenLink:
    """Lets whoever holds the link's secret join. What is None is left out: no end, no bound."""

    code: ClassVar[int] = 6
    key: bytes  # the link's public key
    expires: int | None  # ms: a join at that time or later is too late
    uses: int | None  # how many joins, those that wait for approval included
    approval: bool

    def to_map(self) -> Map:
        fields: Map = {0: self.key, 1: self.expires, 2: self.uses, 3: self.approval}
        return {key: value for key, value in fields.items() if value is not None}

    @classmethod
    def from_map(cls, fields: Map) -> OpenLink:
        return cls(
            form.octets(fields[0], KEY_SIZE),
            form.unsigned(fields[1]) if 1 in fields else None,
            form.unsigned(fields[2], 1) if 2 in fields else None,
            form.boolean(fields[3]),
        )


@dataclass(frozen=True, slots=True)
class CloseLink:
    code: ClassVar[int] = 7
    key: bytes

    def to_map(self) -> Map:
        return {0: self.key}

    @classmethod
    def from_map(cls, fields: Map) -> CloseLink:
        return cls(form.octets(fields[0], KEY_SIZE))


@dataclass(frozen=True, slots=True)
class Join:
    """Its author joins by a link, whose key signs for that account alone."""

    code: ClassVar[int] = 8
    signature: bytes
    key: bytes  # the link's

    @classmethod
    def by(cls, link: SigningKey, group: GroupId, account: AccountId) -> Join:
        """Sign with the link's secret. The same signature shows a server that one may read the chain."""
        return cls(link.sign(_JOIN_LABEL, _join_payload(group, account)), link.public)

    def check(self, group: GroupId, account: AccountId) -> None:
        """Check that the link's key has signed for that account. Raises BadSignature."""
        verify(self.key, _JOIN_LABEL, _join_payload(group, account), self.signature)

    def to_map(self) -> Map:
        return {0: self.signature, 1: self.key}

    @classmethod
    def from_map(cls, fields: Map) -> Join:
        return cls(form.octets(fields[0], SIGNATURE_SIZE), form.octets(fields[1], KEY_SIZE))


@dataclass(frozen=True, slots=True)
class Approve:
    """Lets somebody in who waits."""

    code: ClassVar[int] = 9
    account: AccountId

    def to_map(self) -> Map:
        return {0: self.account}

    @classmethod
    def from_map(cls, fields: Map) -> Approve:
        return cls(_account(fields[0]))


@dataclass(frozen=True, slots=True)
class Rekey:
    code: ClassVar[int] = 10
    meta: bytes  # under the new group key, whose version is this operation's index

    def to_map(self) -> Map:
        return {0: self.meta}

    @classmethod
    def from_map(cls, fields: Map) -> Rekey:
        return cls(_meta(fields[0]))


Args = Create | Add | Remove | Leave | SetRole | SetMeta | OpenLink | CloseLink | Join | Approve | Rekey


def read_roster(value: cbor.Value) -> tuple[Member, ...]:
    """Read a roster: by account, nobody twice. Raises Malformed."""
    rows = [form.array(row, 2) for row in form.array(value)]
    roster = tuple(Member(_account(account), _role(role)) for account, role in rows)
    if len(roster) > MAX_ROSTER:
        raise Malformed("too many members")
    if any(first.account >= second.account for first, second in pairwise(roster)):
        raise Malformed("members out of order")
    return roster


def _account(value: cbor.Value) -> AccountId:
    return AccountId(form.identifier(value))


def _role(value: cbor.Value) -> int:
    return form.unsigned(value, MEMBER, OWNER)


def _meta(value: cbor.Value) -> bytes:
    return form.any_octets(value, CSEAL_OVERHEAD, MAX_META)


def _join_payload(group: GroupId, account: AccountId) -> bytes:
    return cbor.encode([group, account])
