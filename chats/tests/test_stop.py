"""The end of a process: what was taken is written, but nobody waits for a database that is away."""

from __future__ import annotations

import asyncio

import pytest

from chats.delivery import delivery as deliveries
from chats.delivery.delivery import Delivery
from chats.models import Envelope
from chats.tests.people import Phone
from chats.writer.store import StoreFailed


async def test_the_end_does_not_wait_for_a_database_that_is_away(
    alice: Phone, bob: Phone, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "FLUSH_SECONDS", 0.2)
    async with alice.online() as a, bob.online() as b:
        await a.ask(alice.message_to(bob))
        position = (await b.get("envelope"))["envelope"]
        with monkeypatch.context() as patch:

            async def away(acks: object, now: int) -> None:
                raise StoreFailed

            patch.setattr(delivery.store, "acknowledge", away)
            await b.say({"type": "ack", "envelopes": [position]})
            await asyncio.sleep(0.1)
            async with asyncio.timeout(3):
                await delivery.drain(0)
                await deliveries.stop_running()
    assert await Envelope.objects.filter(pk=position).aexists()  # it is delivered again
