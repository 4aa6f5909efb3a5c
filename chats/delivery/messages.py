"""What the server says on the socket: one function a frame. The set is closed; docs/events.md lists it."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from django.conf import settings

from chats import franking
from chats.group_sends import GroupSend
from chats.ids import AccountId, ChatId, DeviceId, GroupId, MessageId
from chats.limits import BODY_BYTES, ENVELOPES_PER_SEND, FRAME_BYTES, WINDOW
from chats.sends import CONTROL, COPY, GROUP, GROUP_COPY, MESSAGE, Accepted, Parcel, Send
from chats.writer.store import Waiting
from messenger.lib import base64url
from messenger.lib.errors import DomainError


def encode(members: dict[str, object]) -> str:
    return orjson.dumps(members).decode()


def hello(account: AccountId, device: DeviceId, now: int) -> str:
    limits = {
        "frame_bytes": FRAME_BYTES,
        "body_bytes": BODY_BYTES,
        "window": WINDOW,
        "envelopes_per_send": ENVELOPES_PER_SEND,
        "sends_burst": settings.SEND_BURST,
        "sends_per_second": settings.SEND_RATE,
    }
    return encode({"type": "hello", "account": account, "device": device, "server_time": now, "limits": limits})


def accepted(send: Send | GroupSend, verdict: Accepted) -> str:
    return encode(
        {
            "type": "message.accepted",
            "id": send.frame_id,
            "message_id": send.message_id,
            "accepted_at": verdict.accepted_at,
            "skipped": verdict.skipped,
        }
    )


def done(frame_id: str) -> str:
    return encode({"type": "done", "id": frame_id})


def rejected(frame_id: str | None, error: DomainError) -> str:
    members: dict[str, object] = {"type": "rejected", "id": frame_id, "code": error.code, "detail": error.detail}
    if error.retry_after is not None:
        members["retry_after"] = error.retry_after
    return encode(members | error.extra)


def fresh_envelope(send: Send, parcel: Parcel, position: int, accepted_at: int) -> str:
    """An envelope from memory, right after the commit."""
    control = parcel.kind == CONTROL
    return encode(
        {
            "type": "envelope",
            "envelope": position,
            "kind": "control" if control else "message",
            "message_id": send.message_id,
            "sender": {"account": send.account, "device": send.device},
            "chat": None if control else send.chat,
            "accepted_at": accepted_at,
            "request": send.request and parcel.kind == MESSAGE,
            "expired": False,
            "body": parcel.text,
            "stamp": None if control else base64url.encode(send.stamp),
            "stamp_key": None if control else franking.key_id(),
        }
    )


def group_envelope(send: GroupSend, accepted_at: int, *, request: bool) -> tuple[str, str]:
    """What stands before and after the number in an envelope of a group chat, from memory: only that differs."""
    rest = encode(
        {
            "kind": "group",
            "message_id": send.message_id,
            "sender": {"account": send.account, "device": send.device},
            "group": send.group,
            "accepted_at": accepted_at,
            "request": request,
            "expired": False,
            "body": send.text,
            "stamp": base64url.encode(send.stamp),
            "stamp_key": franking.key_id(),
        }
    )
    return '{"type":"envelope","envelope":', f",{rest[1:]}"


_KINDS = {MESSAGE: "message", COPY: "message", CONTROL: "control", GROUP: "group", GROUP_COPY: "group"}


def envelope_members(row: Waiting) -> dict[str, object]:
    """An envelope from the database, for the socket and for REST."""
    kind = _KINDS[row.kind]
    return {
        "envelope": row.position,
        "kind": kind,
        "message_id": row.message_id,
        "sender": {"account": row.sender, "device": row.sender_device},
        "group" if kind == "group" else "chat": row.chat,
        "accepted_at": row.accepted_at,
        "request": row.request,
        "expired": row.expired,
        "body": base64url.encode(row.ciphertext),
        "stamp": base64url.encode(row.stamp) if row.stamp else None,
        "stamp_key": row.stamp_key or None,
    }


def envelope(row: Waiting) -> str:
    return encode({"type": "envelope", **envelope_members(row)})


def status(
    kind: str, chat: ChatId, messages: Sequence[MessageId], account: AccountId, device: DeviceId, at: int
) -> str:
    """`message.delivered`, `message.read` or `message.expired`."""
    return encode({"type": kind, "chat": chat, "messages": messages, "account": account, "device": device, "at": at})


def group_status(
    kind: str, group: GroupId, messages: Sequence[MessageId], account: AccountId, device: DeviceId, at: int
) -> str:
    """As `status`, in a group chat."""
    return encode({"type": kind, "group": group, "messages": messages, "account": account, "device": device, "at": at})


def group_delivered(
    group: GroupId, messages: Sequence[MessageId], devices: Sequence[tuple[AccountId, DeviceId]], at: int
) -> str:
    """`message.delivered` in a group chat: all these devices have all these messages."""
    having = [{"account": account, "device": device} for account, device in devices]
    return encode({"type": "message.delivered", "group": group, "messages": messages, "devices": having, "at": at})


def group_typing(group: GroupId, account: AccountId, on: bool) -> str:
    return encode({"type": "typing", "group": group, "account": account, "on": on})


def typing(chat: ChatId, account: AccountId, on: bool) -> str:
    return encode({"type": "typing", "chat": chat, "account": account, "on": on})


def devices_changed(account: AccountId) -> str:
    return encode({"type": "devices.changed", "account": account})


def contact_changed(account: AccountId, state: str) -> str:
    return encode({"type": "contact.changed", "account": account, "state": state})


def group_changed(group: GroupId, index: int, head: bytes, *, removed: bool) -> str:
    members: dict[str, object] = {
        "type": "group.changed",
        "group": group,
        "index": index,
        "hash": base64url.encode(head),
    }
    return encode(members | {"removed": True} if removed else members)


def prekeys_low(one_time: int, one_time_kem: int) -> str:
    return encode({"type": "prekeys.low", "one_time": one_time, "one_time_kem": one_time_kem})


QUEUE_EMPTY = encode({"type": "queue.empty"})
DRAINING = encode({"type": "server.draining", "reconnect_after_ms": [500, 5000]})
