"""Requests over REST, as a device makes them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from django.test import Client

from chats.tests.people import Phone

Rest = Callable[..., tuple[int, Any]]
Ask = Callable[..., Awaitable[tuple[int, Any]]]


def rest(client: Client) -> Rest:
    """`ask(phone, "post", "open-chats", body)` gives (status, body)."""

    def call(phone: Phone | None, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        headers = {"authorization": f"Bearer {phone.access}"} if phone else {}
        more = {} if body is None else {"data": body, "content_type": "application/json"}
        answer = getattr(client, method)(f"/api/v1/{path}", headers=headers, **more)
        return answer.status_code, answer.json() if answer.content else None

    return call
