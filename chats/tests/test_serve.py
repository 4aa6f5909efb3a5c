"""A real server process: killed in the middle of sends, and asked to end."""

from __future__ import annotations

import asyncio
import contextlib
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from chats.models import Envelope, PrivateMessage
from chats.tests.people import Phone
from chats.tests.serving import Served, close_code, hear, say

MESSAGES = 400


@pytest.fixture
def served(alice: Phone, bob: Phone) -> Iterator[Served]:
    server = Served()
    server.start()
    yield server
    server.kill()
    connections.close_all()


async def send_all(socket: ClientConnection, frames: list[dict[str, Any]], accepted: dict[str, int]) -> None:
    """Say what is not accepted yet, and take the answers until all are in or the server is gone."""
    with contextlib.suppress(ConnectionClosed):
        for frame in frames:
            if frame["message_id"] not in accepted:
                await say(socket, frame)
        while len(accepted) < len(frames):
            answer = await hear(socket)
            if answer["type"] == "message.accepted":
                accepted[answer["message_id"]] = answer["accepted_at"]


async def fetch(socket: ClientConnection, got: list[str], until: int) -> None:
    """Take and acknowledge envelopes; one that came before is dropped, as a client does."""
    with contextlib.suppress(ConnectionClosed):
        while len(got) < until:
            frame = await hear(socket)
            if frame["type"] == "envelope":
                if frame["message_id"] not in got:
                    got.append(frame["message_id"])
                await say(socket, {"type": "ack", "envelopes": [frame["envelope"]]})


async def test_what_was_accepted_before_a_kill_arrives_once_and_in_order(
    served: Served, alice: Phone, bob: Phone
) -> None:
    frames = [alice.message_to(bob) for _ in range(MESSAGES)]
    accepted: dict[str, int] = {}
    got: list[str] = []
    for attempt in range(4):
        async with asyncio.timeout(60), served.connect(alice) as a, served.connect(bob) as b:
            sending = asyncio.create_task(send_all(a, frames, accepted))
            fetching = asyncio.create_task(fetch(b, got, MESSAGES))
            if attempt < 3:
                while len(accepted) < (attempt + 1) * MESSAGES // 5:  # noqa: ASYNC110  # in the middle, somewhere
                    await asyncio.sleep(0.001)
                await asyncio.to_thread(served.kill)
                before = set(accepted)
                assert before <= {str(one) async for one in _stored()}
            await asyncio.gather(sending, fetching)
        if attempt < 3:
            await asyncio.to_thread(served.start)
    assert got == [frame["message_id"] for frame in frames]
    assert accepted.keys() == {frame["message_id"] for frame in frames}
    await sync_to_async(connections.close_all)()


def _stored() -> Any:
    return PrivateMessage.objects.values_list("client_message_id", flat=True)


async def test_on_sigterm_sockets_are_told_and_closed_and_nothing_is_lost(
    served: Served, alice: Phone, bob: Phone
) -> None:
    frames = [alice.message_to(bob) for _ in range(50)]
    async with asyncio.timeout(30), served.connect(alice) as a:
        for frame in frames:
            await say(a, frame)
        kinds: list[str] = []
        while kinds.count("message.accepted") < 10:
            kinds.append((await hear(a))["type"])
        served.terminate()
        assert await close_code(a, kinds) == 1012
        assert kinds.count("server.draining") == 1
        assert await asyncio.to_thread(served.process.wait, 20) == 0
    answered = kinds.count("message.accepted")
    assert await Envelope.objects.filter(device=bob.device).acount() >= answered
    await sync_to_async(connections.close_all)()


async def test_a_refused_socket_gets_a_status_and_a_reason(served: Served, alice: Phone) -> None:
    nobody = Phone(alice.member, alice.device, "nonsense")
    with pytest.raises(InvalidStatus) as refused:
        async with served.connect(nobody):
            pass
    assert refused.value.response.status_code == 401
    assert b'"code":"not_signed_in"' in (refused.value.response.body or b"")
    ready = await asyncio.to_thread(urllib.request.urlopen, f"http://127.0.0.1:{served.port}/readyz")
    assert ready.status == 200
    ready.close()
