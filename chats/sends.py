"""A send on its way from an edge to the database, and what became of it. Shape is checked here, and nothing else."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from chats import wire
from chats.frames import DeviceSend, MessageSend
from chats.ids import AccountId, ChatId, DeviceId, MessageId, conversation_id
from messenger.lib.errors import DomainError, Malformed

NOBODY, NO_CHAT = AccountId(""), ChatId("")  # of control contents
MESSAGE, COPY, CONTROL, GROUP, GROUP_COPY = range(5)  # Envelope.Kind


@dataclass(slots=True)
class Parcel:
    """A ciphertext for one device: as text for the wire, as bytes for the database."""

    account: AccountId
    device: DeviceId
    text: str
    data: bytes
    kind: int = CONTROL


@dataclass(frozen=True, slots=True)
class Target:
    """Another account that control contents are for, and the facts that they were checked against."""

    account: AccountId
    version: int
    mine: int
    theirs: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """Committed, now or by an earlier send of the same message. `positions` are those of the parcels written now."""

    accepted_at: int
    skipped: tuple[DeviceId, ...] = ()
    positions: tuple[int, ...] = ()


class Stale:
    """The facts that a send was checked against are not those of the database any more."""


STALE = Stale()
Verdict = Accepted | Stale
Settle = Callable[[Any, Accepted | DomainError], None]  # with the send itself


class Pending(Protocol):
    """What waits to be checked, and then to be written: a Send, or a GroupSend."""

    attempts: int

    @property
    def device(self) -> DeviceId: ...

    @property
    def settle(self) -> Settle: ...

    @property
    def size(self) -> int: ...


@dataclass(slots=True, eq=False)
class Send:
    """One message, or one set of control contents. `settle` is called once, with the outcome."""

    account: AccountId
    device: DeviceId
    message_id: MessageId
    settle: Settle
    frame_id: str = ""
    is_control: bool = False
    to: AccountId = NOBODY
    lists: dict[AccountId, str] = field(default_factory=dict)
    parcels: list[Parcel] = field(default_factory=list)
    left_out: frozenset[DeviceId] = frozenset()
    tag: bytes = b""
    # What the check found, for the statement that commits. `outgoing` are the parcels that will be written.
    outgoing: list[Parcel] = field(default_factory=list)
    chat: ChatId = NO_CHAT
    account_version: int = 0
    targets: list[Target] = field(default_factory=list)  # of control contents
    to_version: int = 0
    chat_version: int = 0
    skipped: tuple[DeviceId, ...] = ()
    hidden: bool = False  # no status of it is shown to the sender
    request: bool = False  # it is delivered as a request
    stamp: bytes = b""
    attempts: int = 0

    @property
    def size(self) -> int:
        """Bytes of ciphertext."""
        size = 0
        for parcel in self.parcels:
            size += len(parcel.data)
        return size


def fill_message(send: Send, frame: MessageSend) -> None:
    """Take over a frame's contents. Malformed for what no client of ours would send."""
    send.to = AccountId(frame.to)
    if send.to == send.account:
        raise Malformed("a message to oneself")
    send.lists = frame.lists  # type: ignore[assignment]  # each Id in them is one of an account
    if frame.lists.keys() != {send.to, send.account}:
        raise Malformed("lists names the recipient and oneself")
    send.chat = private_chat_id(send.account, send.to)
    send.left_out = frozenset(frame.skipped)  # type: ignore[arg-type]  # and here of a device
    tags = set()
    try:
        for one in frame.envelopes:
            data = wire.decode_body(one.body)
            tags.add(wire.franking_tag(data))
            send.parcels.append(Parcel(AccountId(""), DeviceId(one.device), one.body, data))
    except ValueError as error:
        raise Malformed("a body is not a ciphertext") from error
    if len(tags) > 1:
        # PROTOCOL.md, Content: one fk, content and F for all devices, or a report could deny what others were shown.
        raise Malformed("the franking tags differ")
    send.tag = tags.pop() if tags else bytes(wire.TAG_LENGTH)
    _check_devices(send)


def fill_control(send: Send, frame: DeviceSend) -> None:
    """Take over a frame's contents. They need not be ratchet messages: the server knows no shape of them."""
    try:
        for one in frame.envelopes:
            data = wire.decode_body(one.body)
            send.parcels.append(Parcel(AccountId(one.account), DeviceId(one.device), one.body, data))
    except ValueError as error:
        raise Malformed("a body is not base64url") from error
    _check_devices(send)


def _check_devices(send: Send) -> None:
    devices = {parcel.device for parcel in send.parcels}
    if len(devices) != len(send.parcels) or devices & send.left_out or send.device in devices:
        raise Malformed("a device is named twice, or sends to itself")


_chat_ids: dict[tuple[str, str], ChatId] = {}


def private_chat_id(one: AccountId, other: AccountId) -> ChatId:
    """The chat of two accounts; remembered, since a pair asks for it with every message."""
    if (known := _chat_ids.get((one, other))) is None:
        if len(_chat_ids) > 100_000:
            _chat_ids.clear()
        known = ChatId(str(conversation_id(uuid.UUID(one), uuid.UUID(other))))
        _chat_ids[one, other] = known
    return known
