"""Open chats as the tests of chats use them, over REST."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from chats.tests.people import Phone

Rest = Callable[..., tuple[int, Any]]


def private_of(ask: Rest, phone: Phone, other: Phone) -> str:
    """The id of an open chat of two."""
    status, chat = ask(phone, "post", "open-chats", {"kind": "private", "account": other.account})
    assert status == 201, chat
    return str(chat["id"])


def group_of(ask: Rest, phone: Phone, *others: Phone, title: str = "Choir") -> str:
    """The id of an open group chat."""
    status, chat = ask(phone, "post", "open-chats", group_body(*others, title=title))
    assert status == 201, chat
    return str(chat["id"])


def group_body(*others: Phone, **changes: Any) -> dict[str, Any]:
    return {
        "kind": "group",
        "creation_id": str(uuid.uuid4()),
        "title": "Choir",
        "members": [one.account for one in others],
    } | changes


def text(body: str = "Hello", **changes: Any) -> dict[str, Any]:
    """A whole body of `POST open-chats/{chat}/messages`."""
    return {"message_id": str(uuid.uuid4()), "body": body} | changes


def write(ask: Rest, phone: Phone, chat: str, body: str = "Hello") -> int:
    """The position of a message that was accepted."""
    status, accepted = ask(phone, "post", f"open-chats/{chat}/messages", text(body))
    assert status == 201, accepted
    return int(accepted["position"])


def bodies(ask: Rest, phone: Phone, chat: str) -> list[str]:
    """What the newest page says, newest first."""
    status, page = ask(phone, "get", f"open-chats/{chat}/messages")
    assert status == 200, page
    return [one["body"] for one in page["messages"]]


def everything(chat: str, member: str, position: int) -> list[tuple[str, str, Any]]:
    """Every call about an open chat, with a body that is right."""
    path = f"open-chats/{chat}"
    return [
        ("get", path, None),
        ("patch", path, {"title": "Ours"}),
        ("post", f"{path}/accept", {}),
        ("post", f"{path}/members", {"account": member}),
        ("patch", f"{path}/members/{member}", {"role": "admin"}),
        ("delete", f"{path}/members/{member}", None),
        ("get", f"{path}/messages", None),
        ("post", f"{path}/messages", text()),
        ("patch", f"{path}/messages/{position}", {"body": "Other"}),
        ("delete", f"{path}/messages/{position}", None),
        ("post", f"{path}/read", {"position": position}),
    ]
