"""A device that its owner ends, at one server process, is off at every other within five seconds."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connections
from websockets.exceptions import InvalidStatus

from chats.models import Envelope
from chats.tests.people import Phone
from chats.tests.serving import Served, close_code, hear, say

IN_TIME = 5.0  # seconds


@pytest.fixture(params=["told", "not told"])
def processes(request: pytest.FixtureRequest, alice: Phone, bob: Phone) -> Iterator[tuple[Served, Served]]:
    """Two on one database; where they are `not told`, the second one hears nothing of the first."""
    if request.param == "told" and not settings.REDIS_URL:
        pytest.skip("without Redis processes tell each other nothing")
    here, elsewhere = Served(), Served({} if request.param == "told" else {"REDIS_URL": ""})
    for server in (here, elsewhere):
        server.start()
    yield here, elsewhere
    for server in (here, elsewhere):
        server.kill()
    connections.close_all()


def ask(server: Served, phone: Phone, method: str, path: str, body: Any = None) -> int:
    """The status that a process answers with."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {phone.access}", "Content-Type": "application/json"}
    asked = urllib.request.Request(f"http://127.0.0.1:{server.port}/api/v1/{path}", data, headers, method=method)
    try:
        with urllib.request.urlopen(asked) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code


async def test_it_is_off_at_every_process_and_nothing_follows(
    processes: tuple[Served, Served], alice: Phone, tablet: Phone, bob: Phone
) -> None:
    here, elsewhere = processes
    async with asyncio.timeout(60), elsewhere.connect(tablet) as t, here.connect(bob) as b:
        assert [(await hear(t))["type"] for _ in range(2)] == ["hello", "queue.empty"]
        assert [(await hear(b))["type"] for _ in range(2)] == ["hello", "queue.empty"]
        began = time.monotonic()
        status = await asyncio.to_thread(ask, here, alice, "POST", f"devices/{tablet.id}/suspend", {})
        assert status == 204
        sent = bob.message_to(alice)
        sent["envelopes"] = [one for one in sent["envelopes"] if one["device"] != tablet.id]
        await say(b, sent)
        accepted = await hear(b)
        assert (accepted["type"], accepted["skipped"]) == ("message.accepted", [tablet.id])
        for server in processes:
            assert await asyncio.to_thread(ask, server, tablet, "GET", "envelopes") == 401
        kinds: list[str] = []
        assert await close_code(t, kinds) == 4403
        assert time.monotonic() - began < IN_TIME
        assert set(kinds) <= {"devices.changed"}
        for server in processes:
            with pytest.raises(InvalidStatus) as refused:
                async with server.connect(tablet):
                    pass
            assert refused.value.response.status_code == 401
    assert [one.device_id async for one in Envelope.objects.all()] == [alice.device.pk]
    await sync_to_async(connections.close_all)()
