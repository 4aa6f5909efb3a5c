"""What the server says on the socket of open chats: one function a frame. docs/events.md lists them."""

from __future__ import annotations

import uuid

from chats.delivery.messages import encode
from chats.ids import AccountId
from chats.models import OpenChat, OpenMessage


def message_members(message: OpenMessage) -> dict[str, object]:
    """A message, for the socket and for REST."""
    return {
        "position": message.position,
        "message_id": str(message.client_message_id),
        "sender": str(message.sender_id),
        "accepted_at": message.accepted_at,
        "edited_at": message.edited_at,
        "deleted": message.deleted,
        "body": message.body,
    }


def written(message: OpenMessage, *, request: bool) -> str:
    where = {"type": "open.message", "open_chat": str(message.chat_id), "request": request}
    return encode(where | message_members(message))


def changed(message: OpenMessage) -> str:
    """It was edited or deleted."""
    return encode({"type": "open.changed", "open_chat": str(message.chat_id)} | message_members(message))


def accepted(frame_id: str, message: OpenMessage) -> str:
    return encode({"type": "open.accepted", "id": frame_id} | taken_members(message))


def taken_members(message: OpenMessage) -> dict[str, object]:
    """The answer to a message, the first time and again."""
    return {
        "open_chat": str(message.chat_id),
        "message_id": str(message.client_message_id),
        "position": message.position,
        "accepted_at": message.accepted_at,
    }


def chat(of: OpenChat) -> str:
    """Its members, roles or title are others."""
    members = {"open_chat": str(of.pk), "title": of.title, "member_count": of.member_count}
    return encode({"type": "open.chat"} | members)


def left(of: uuid.UUID) -> str:
    """The last that a former member hears."""
    return encode({"type": "open.chat", "open_chat": str(of), "removed": True})


def read(of: uuid.UUID, account: uuid.UUID, position: int) -> str:
    return encode({"type": "open.read", "open_chat": str(of), "account": str(account), "position": position})


def typing(of: str, account: AccountId, on: bool) -> str:
    return encode({"type": "typing", "open_chat": of, "account": account, "on": on})
