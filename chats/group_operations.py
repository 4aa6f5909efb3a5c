"""The form of a group chat's operations (PROTOCOL.md, Groups): what one says, once its signature has been checked.

Refuses missing and mistyped fields, and any field that is not known: server and clients must see one group. Whether
an operation may be done is judged in group_chain.py. Owns no state.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import pairwise

from chats.errors import Unsupported
from chats.limits import OPERATION_BYTES
from keys import cbor
from keys.verify import HASH_SIZE, ID_SIZE, KEY_SIZE, SIGNATURE_SIZE, SignedObject, check_signature
from messenger.lib.errors import Malformed

MAX_ROSTER = 500  # accounts in a group chat and waiting, together
MAX_META = 4_096  # bytes of a sealed meta, which the server cannot open
LEAST_META = 24 + 32 + 16  # nonce, key commitment and tag of nothing
NO_PREVIOUS = bytes(HASH_SIZE)  # `prev` of the first operation

Fields = dict[int, cbor.Wide]


class Role(IntEnum):
    """Each includes the lower ones."""

    MEMBER = 0
    ADMIN = 1
    OWNER = 2


class Code(IntEnum):
    CREATE = 0
    ADD = 1
    REMOVE = 2
    LEAVE = 3
    ROLE = 4
    META = 5
    LINK = 6
    UNLINK = 7
    JOIN = 8
    APPROVE = 9
    REKEY = 10


@dataclass(frozen=True, slots=True)
class Create:
    roster: Mapping[uuid.UUID, Role]
    members_may_add: bool


@dataclass(frozen=True, slots=True)
class Add:
    account: uuid.UUID


@dataclass(frozen=True, slots=True)
class Remove:
    """Removes a member, or refuses somebody who waits."""

    account: uuid.UUID


@dataclass(frozen=True, slots=True)
class Leave:
    """Its author leaves, or takes the wish to join back."""


@dataclass(frozen=True, slots=True)
class SetRole:
    account: uuid.UUID
    role: Role


@dataclass(frozen=True, slots=True)
class SetMeta:
    members_may_add: bool


@dataclass(frozen=True, slots=True)
class OpenLink:
    key: bytes
    expires: int | None
    uses: int | None
    approval: bool


@dataclass(frozen=True, slots=True)
class CloseLink:
    key: bytes


@dataclass(frozen=True, slots=True)
class Join:
    signature: bytes
    key: bytes


@dataclass(frozen=True, slots=True)
class Approve:
    account: uuid.UUID


@dataclass(frozen=True, slots=True)
class Rekey:
    """A new group key, which the server sees nothing of."""


Args = Create | Add | Remove | Leave | SetRole | SetMeta | OpenLink | CloseLink | Join | Approve | Rekey


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation whose form has been checked, and nothing else."""

    group: uuid.UUID
    index: int
    previous: bytes
    time: int
    account: uuid.UUID  # the author
    device: uuid.UUID
    list_hash: bytes  # of the author's account's list
    code: Code
    args: Args
    signed: SignedObject = field(repr=False)

    @property
    def hash(self) -> bytes:
        """H(payload): gsh, once this operation is the last."""
        return hashlib.sha256(self.signed.payload).digest()


def read_operation(signed: SignedObject) -> Operation:
    """Read an operation. Raises Malformed, Unsupported (a code, or a key of its args, that is not known)."""
    if len(signed.payload) > OPERATION_BYTES or len(signed.signature) != SIGNATURE_SIZE:
        raise Malformed("the operation has the wrong size")
    kind, group, index, previous, time, account, device, list_hash, code, args = _array(
        cbor.decode_wide(signed.payload), 10
    )
    if kind != "groupop":
        raise Malformed("not a group operation")
    values = (
        _identifier(group),
        _unsigned(index),
        _octets(previous, HASH_SIZE),
        _unsigned(time),
        _identifier(account),
        _identifier(device),
        _octets(list_hash, HASH_SIZE),
    )
    return Operation(*values, *_read_args(_unsigned(code), args), signed)


def check_join(*, group: uuid.UUID, account: uuid.UUID, key: bytes, signature: bytes) -> None:
    """Check that a link's key has signed for that account (label `join`). Raises BadSignature."""
    check_signature(key, "join", cbor.encode([group.bytes, account.bytes]), signature)


def _read_args(number: int, value: cbor.Wide) -> tuple[Code, Args]:
    if number not in _READERS:
        raise Unsupported("the operation's code is not known")
    read, required, optional = _READERS[Code(number)]
    if not isinstance(value, dict) or not required <= value.keys():
        raise Malformed("the operation's arguments are not those of its code")
    # A key that some readers ignored would leave them with another group than the rest.
    if not value.keys() <= required | optional:
        raise Unsupported("an argument of the operation is not known")
    return Code(number), read(value)


def _create(fields: Fields) -> Create:
    _meta(fields[1])
    rows = [_array(row, 2) for row in _array(fields[0])]
    accounts = [_octets(account, ID_SIZE) for account, _ in rows]
    if len(rows) > MAX_ROSTER or any(first >= second for first, second in pairwise(accounts)):
        raise Malformed("the members are too many, or not in the order of their accounts")
    return Create({_identifier(account): _role(role) for account, role in rows}, _boolean(fields[2]))


def _add(fields: Fields) -> Add:
    return Add(_identifier(fields[0]))


def _remove(fields: Fields) -> Remove:
    _meta(fields[1])
    return Remove(_identifier(fields[0]))


def _leave(_: Fields) -> Leave:
    return Leave()


def _set_role(fields: Fields) -> SetRole:
    return SetRole(_identifier(fields[0]), _role(fields[1]))


def _set_meta(fields: Fields) -> SetMeta:
    _meta(fields[0])
    return SetMeta(_boolean(fields[1]))


def _open_link(fields: Fields) -> OpenLink:
    return OpenLink(
        _octets(fields[0], KEY_SIZE),
        _unsigned(fields[1]) if 1 in fields else None,
        _unsigned(fields[2], 1) if 2 in fields else None,
        _boolean(fields[3]),
    )


def _close_link(fields: Fields) -> CloseLink:
    return CloseLink(_octets(fields[0], KEY_SIZE))


def _join(fields: Fields) -> Join:
    return Join(_octets(fields[0], SIGNATURE_SIZE), _octets(fields[1], KEY_SIZE))


def _approve(fields: Fields) -> Approve:
    return Approve(_identifier(fields[0]))


def _rekey(fields: Fields) -> Rekey:
    _meta(fields[0])
    return Rekey()


# Of each code: the reader, the keys that must be there, the keys that may be.
_READERS: dict[int, tuple[Callable[[Fields], Args], set[int], set[int]]] = {
    Code.CREATE: (_create, {0, 1, 2}, set()),
    Code.ADD: (_add, {0}, set()),
    Code.REMOVE: (_remove, {0, 1}, set()),
    Code.LEAVE: (_leave, set(), set()),
    Code.ROLE: (_set_role, {0, 1}, set()),
    Code.META: (_set_meta, {0, 1}, set()),
    Code.LINK: (_open_link, {0, 3}, {1, 2}),
    Code.UNLINK: (_close_link, {0}, set()),
    Code.JOIN: (_join, {0, 1}, set()),
    Code.APPROVE: (_approve, {0}, set()),
    Code.REKEY: (_rekey, {0}, set()),
}


def _array(value: cbor.Wide, length: int | None = None) -> list[cbor.Wide]:
    if not isinstance(value, list) or (length is not None and len(value) != length):
        raise Malformed("an array of the operation has the wrong length")
    return value


def _octets(value: cbor.Wide, length: int) -> bytes:
    if not isinstance(value, bytes) or len(value) != length:
        raise Malformed("a byte string of the operation has the wrong length")
    return value


def _meta(value: cbor.Wide) -> None:
    if not isinstance(value, bytes) or not LEAST_META <= len(value) <= MAX_META:
        raise Malformed("the meta has the wrong size")


def _identifier(value: cbor.Wide) -> uuid.UUID:
    return uuid.UUID(bytes=_octets(value, ID_SIZE))


def _unsigned(value: cbor.Wide, least: int = 0) -> int:
    # type(), not isinstance(): true is no number.
    if type(value) is not int or value < least:
        raise Malformed("a number of the operation is out of range")
    return value


def _role(value: cbor.Wide) -> Role:
    if _unsigned(value) > Role.OWNER:
        raise Malformed("there is no such role")
    return Role(_unsigned(value))


def _boolean(value: cbor.Wide) -> bool:
    if type(value) is not bool:
        raise Malformed("a field of the operation is neither true nor false")
    return value
