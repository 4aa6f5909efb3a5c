"""No body is taken beyond the bound, whoever sends it and however it is framed."""

import json
from typing import Any

import pytest
from django.conf import settings

from messenger.body_limit import limited

Event = dict[str, Any]


async def _answer(headers: list[tuple[bytes, bytes]], chunks: list[bytes]) -> tuple[list[Event], int]:
    """What the client gets, and how many bytes reached the application."""
    sent: list[Event] = []
    reached = 0
    waiting = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    waiting.append({"type": "http.request", "body": b"", "more_body": False})

    async def application(scope: Event, receive: Any, send: Any) -> None:
        nonlocal reached
        while True:
            event = await receive()
            reached += len(event.get("body", b""))
            if event["type"] == "http.disconnect" or not event["more_body"]:
                break
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"fine"})

    async def receive() -> Event:
        return waiting.pop(0)

    async def send(event: Event) -> None:
        sent.append(event)

    await limited(application)({"type": "http", "headers": headers}, receive, send)
    return sent, reached


async def test_a_body_within_the_bound_arrives() -> None:
    sent, reached = await _answer([(b"content-length", b"4")], [b"body"])
    assert (sent[0]["status"], reached) == (200, 4)


@pytest.mark.parametrize("length", [b"2097153", b"99999999999999999999999999"])
async def test_a_body_that_announces_too_much_is_refused_unread(length: bytes) -> None:
    sent, reached = await _answer([(b"content-length", length)], [b"x"])
    assert (sent[0]["status"], reached) == (413, 0)
    assert json.loads(sent[1]["body"])["code"] == "malformed"
    assert {(b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store")} <= set(sent[0]["headers"])


async def test_a_body_that_announces_nothing_is_refused_where_it_becomes_too_large() -> None:
    chunk = bytes(1024 * 1024)
    sent, reached = await _answer([], [chunk] * 50)
    assert [event.get("status") for event in sent] == [413, None]
    assert reached <= settings.DATA_UPLOAD_MAX_MEMORY_SIZE
