"""What a managing device hands to a device that it links: contacts with their pins, AK, history.

PROTOCOL.md, Linking; contents of kinds 9 and 10, taken from devices of one's own account only. Their form is
read here; a list or a message inside is checked when it is opened, so that a bad one spoils itself alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import ClassVar, TypeVar

from . import cbor, form
from .device_list import Pin, open_list
from .errors import BadKey, IdentityChanged, ListRefused, Malformed
from .ids import AccountId, ConversationId, DeviceId, GroupId
from .limits import MAX_SHARED
from .primitives import HASH_SIZE, KEY_SIZE, SIGNATURE_SIZE, SigningKey
from .secret import Secret

Map = dict[int, cbor.Value]

ACCEPTED, DELIVERED, READ = 0, 1, 2  # states of a message; a received one that is not read is ACCEPTED


@dataclass(frozen=True, slots=True)
class SharedContact:
    """An account as the sharing device holds it: its newest pinned list, and whether the person verified it."""

    account: AccountId
    username: str = field(repr=False)
    device_list: bytes  # the signed object
    verified: bool

    def to_value(self) -> list[cbor.Value]:
        return [self.account, self.username, cbor.decode(self.device_list), self.verified]

    @classmethod
    def from_value(cls, value: cbor.Value) -> SharedContact:
        account, username, signed, verified = form.array(value, 4)
        payload, signature = form.array(signed, 2)
        return cls(
            AccountId(form.identifier(account)),
            form.text(username),
            cbor.encode([form.any_octets(payload), form.octets(signature, SIGNATURE_SIZE)]),
            form.boolean(verified),
        )

    def pin(self, held: Pin | None) -> Pin:
        """Return the pin to hold from now on: the shared list where there was none, else the one held.

        Raises Malformed, ListRefused, IdentityChanged (pinned here under another AK): ignore the contact.
        """
        newest = open_list(self.device_list)
        if newest.account != self.account:
            raise ListRefused("another account")
        if held is None:
            return Pin(newest)
        if held.account_key != newest.account_key:
            raise IdentityChanged
        return held


@dataclass(frozen=True, slots=True)
class AccountData:
    """What a linked device is to know of its account. What is None is not said."""

    kind: ClassVar[int] = 9
    contacts: tuple[SharedContact, ...] = ()
    account_key_seed: Secret | None = None  # makes the receiver a managing device
    managing: tuple[DeviceId, ...] | None = None  # the devices known to hold AK, sorted
    history: int | None = None  # how many History contents follow

    def account_key(self, pinned: bytes) -> SigningKey | None:
        """Return AK, if it was given. Raises BadKey unless it is the AK pinned: take nothing of it then."""
        if self.account_key_seed is None:
            return None
        key = SigningKey.from_seed(self.account_key_seed)
        if key.public != pinned:
            raise BadKey("another account key")
        return key

    def to_map(self) -> Map:
        fields: Map = {
            0: [one.to_value() for one in self.contacts] or None,
            1: None if self.account_key_seed is None else bytes(self.account_key_seed),
            2: None if self.managing is None else list(self.managing),
            3: self.history,
        }
        return {key: value for key, value in fields.items() if value is not None}

    @classmethod
    def from_map(cls, fields: Map) -> AccountData:
        return cls(
            tuple(SharedContact.from_value(one) for one in form.array(fields.get(0, []))),
            Secret(form.octets(fields[1], KEY_SIZE)) if 1 in fields else None,
            _devices(fields[2]) if 2 in fields else None,
            form.unsigned(fields[3]) if 3 in fields else None,
        )


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One message as the sharing device keeps it; `content.read_history` opens it."""

    account: AccountId  # who sent it
    device: DeviceId
    accepted: int  # ms, by the server
    padded: Secret  # fk ‖ content, padded
    stamp: bytes | None
    stamp_key: str | None
    state: int  # ACCEPTED, DELIVERED or READ

    def to_value(self) -> list[cbor.Value]:
        return [
            self.account,
            self.device,
            self.accepted,
            bytes(self.padded),
            self.stamp,
            self.stamp_key,
            self.state,
        ]

    @classmethod
    def from_value(cls, value: cbor.Value) -> HistoryEntry:
        account, device, accepted, padded, stamp, stamp_key, state = form.array(value, 7)
        return cls(
            AccountId(form.identifier(account)),
            DeviceId(form.identifier(device)),
            form.unsigned(accepted),
            Secret(form.any_octets(padded)),
            None if stamp is None else form.octets(stamp, HASH_SIZE),
            None if stamp_key is None else form.text(stamp_key),
            form.unsigned(state, ACCEPTED, READ),
        )


@dataclass(frozen=True, slots=True)
class History:
    """A part of one chat, oldest first: of a private one or of a group chat."""

    kind: ClassVar[int] = 10
    account: AccountId | None  # whose private chat with us it is
    entries: tuple[HistoryEntry, ...]
    index: int  # which of the announced contents this is, from 0
    group: GroupId | None = None  # which group chat it is

    def to_map(self) -> Map:
        fields: Map = {0: self.account, 1: [one.to_value() for one in self.entries], 2: self.index, 3: self.group}
        return {key: value for key, value in fields.items() if value is not None}

    @classmethod
    def from_map(cls, fields: Map) -> History:
        if (0 in fields) == (3 in fields):
            raise Malformed("of one chat")
        return cls(
            AccountId(form.identifier(fields[0])) if 0 in fields else None,
            tuple(HistoryEntry.from_value(one) for one in form.array(fields.get(1))),
            form.unsigned(fields.get(2)),
            GroupId(ConversationId(form.identifier(fields[3]))) if 3 in fields else None,
        )


Shared = TypeVar("Shared", SharedContact, HistoryEntry)


def parts(items: Iterable[Shared]) -> tuple[tuple[Shared, ...], ...]:
    """Split contacts or entries, in their order, so that each part fits into one content.

    One that fits into none is left out: a text within a percent of the longest, say.
    """
    made: list[tuple[Shared, ...]] = []
    part: list[Shared] = []
    size = 0
    for one in items:
        length = len(cbor.encode(one.to_value()))
        if length > MAX_SHARED:
            continue
        if size + length > MAX_SHARED:
            made.append(tuple(part))
            part, size = [], 0
        part.append(one)
        size += length
    if part:
        made.append(tuple(part))
    return tuple(made)


def _devices(value: cbor.Value) -> tuple[DeviceId, ...]:
    devices = tuple(DeviceId(form.identifier(one)) for one in form.array(value))
    if any(first >= second for first, second in pairwise(devices)):
        raise Malformed("devices out of order")
    return devices
