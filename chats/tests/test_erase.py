"""What was acknowledged is gone from the disk too, where the database is a file of ours."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from chats.delivery import delivery as deliveries
from chats.tests.people import Phone, ciphertext
from chats.writer import sqlite
from messenger.lib.base64url import decode

pytestmark = pytest.mark.skipif(not settings.SQLITE, reason="PostgreSQL keeps its files to itself")


def on_disk(body: bytes) -> bool:
    """Whether any part of a ciphertext stands in the files of the database: its pages are not in one piece."""
    files = Path(connection.settings_dict["NAME"])
    contents = [path.read_bytes() for path in files.parent.glob(files.name + "*")]
    return any(body[at : at + 48] in content for at in range(0, len(body), 1_000) for content in contents)


@pytest.mark.parametrize("size", [400, 40_000])
async def test_no_ciphertext_is_left_on_the_disk_after_its_ack(
    size: int, alice: Phone, bob: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "LOG_SECONDS", 0.05)
    await deliveries.running()
    body = ciphertext(size=size)
    try:
        async with alice.online() as a, bob.online() as b:
            control = alice.control_to(bob)
            control["envelopes"][0]["body"] = body
            await a.ask(control)
            position = (await b.get("envelope"))["envelope"]
            assert on_disk(decode(body))
            await b.ack(position)
            async with asyncio.timeout(5):
                while on_disk(decode(body)):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
    finally:
        await deliveries.stop_running()


async def test_no_ciphertext_is_left_on_the_disk_after_the_end(alice: Phone, bob: Phone) -> None:
    await deliveries.running()
    body = ciphertext()
    async with alice.online() as a, bob.online() as b:
        control = alice.control_to(bob)
        control["envelopes"][0]["body"] = body
        await a.ask(control)
        await b.ack((await b.get("envelope"))["envelope"])
        assert on_disk(decode(body))
    await deliveries.stop_running()
    assert not on_disk(decode(body))
