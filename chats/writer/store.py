"""What delivery asks of a database, and the rows that it answers with. SQL is in postgres.py and sqlite.py."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from chats import franking
from chats.group_sends import GroupSend
from chats.ids import AccountId, ChatId, DeviceId, MessageId, known_bytes, to_text
from chats.sends import Send, Verdict


@dataclass(frozen=True, slots=True)
class Waiting:
    """An envelope in the queue, as a device will be told of it."""

    device: DeviceId
    position: int
    kind: int
    message_id: MessageId
    sender: AccountId
    sender_device: DeviceId
    chat: ChatId | None  # or a group chat's id
    accepted_at: int
    request: bool
    expired: bool
    ciphertext: bytes
    stamp: bytes
    stamp_key: str


@dataclass(frozen=True, slots=True)
class Entered:
    """A message that devices have now: those of them that its sender may know of."""

    message_id: MessageId
    chat: ChatId
    sender: AccountId
    devices: Sequence[DeviceId]
    in_group: bool  # `chat` is a group chat's id


class Store(Protocol):
    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def accept_batch(self, sends: Sequence[Send]) -> list[Verdict]:
        """Write sends in one transaction, and say of each what happened. Nothing is pushed before this returns."""

    async def accept_group_batch(self, sends: Sequence[GroupSend]) -> list[Verdict]:
        """The same for messages to group chats. Each ciphertext is stored once."""

    async def acknowledge(self, acks: Sequence[tuple[DeviceId, int]], now: int) -> list[Entered]:
        """Delete exactly these envelopes, each only if it is of that device, and enter the delivered statuses.

        Returns those that a sender may know of.
        """

    async def waiting_for(self, rooms: Mapping[DeviceId, int], held: Collection[int], limit: int) -> list[Waiting]:
        """The oldest envelopes of each device that are not among `held`, at most `limit` a device, in order.

        `rooms` says how many bytes of ciphertext a device has room for: the one that fills it is the last.
        """

    async def having_envelopes(self, devices: Collection[DeviceId], held: Collection[int]) -> set[DeviceId]:
        """Those of the devices that have an envelope which is not among `held`."""


class StoreFailed(Exception):
    """The database did not answer. What was sent may or may not be written: a repetition will tell."""


def stamp_of(send: Send, now: int) -> bytes:
    """The server's stamp on a message; control contents get none."""
    if send.is_control:
        return b""
    send.stamp = franking.stamp(send.tag, known_bytes(send.account), known_bytes(send.chat), now)
    return send.stamp


def group_stamp_of(send: GroupSend, now: int) -> bytes:
    """The server's stamp on a message to a group chat."""
    send.stamp = franking.stamp(send.tag, known_bytes(send.account), known_bytes(send.group), now)
    return send.stamp


def split_ids(joined: bytes) -> tuple[DeviceId, ...]:
    """The ids in a run of 16 bytes each."""
    return tuple(DeviceId(to_text(joined[at : at + 16])) for at in range(0, len(joined), 16))
