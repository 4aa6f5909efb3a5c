"""Large envelopes: neither a drain nor a request reads more of them than there is room for."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import sync_to_async

from chats.delivery.delivery import Delivery
from chats.ids import DeviceId
from chats.limits import WINDOW_BYTES
from chats.models import Envelope
from chats.tests.people import Phone
from chats.writer import on_django

SIZE = 60_000


async def queue(sender: Phone, recipient: Phone, count: int) -> list[int]:
    """So many large envelopes in the queue of the recipient; their positions."""
    rows = [
        Envelope(
            device=recipient.device,
            kind=Envelope.Kind.CONTROL,
            sender_device=sender.device,
            client_message_id=sender.device.pk,
            created_at=1,
            ciphertext=bytes(SIZE),
        )
        for _ in range(count)
    ]
    await Envelope.objects.abulk_create(rows)
    return [row.pk async for row in Envelope.objects.filter(device=recipient.device).order_by("position")]


async def test_a_device_gets_the_envelopes_that_it_has_room_for_and_always_one(
    alice: Phone, bob: Phone, charlie: Phone, delivery: Delivery
) -> None:
    of_bob, of_charlie = await queue(alice, bob, 5), await queue(alice, charlie, 5)
    b, c = bob.id, charlie.id

    async def found(rooms: dict[DeviceId, int], held: list[int]) -> list[int]:
        return [row.position for row in await delivery.store.waiting_for(rooms, held, 10)]

    assert await found({b: 1}, []) == of_bob[:1]
    assert await found({b: SIZE}, []) == of_bob[:1]
    assert await found({b: SIZE + 1}, of_bob[:1]) == of_bob[1:3]
    assert await found({b: 2 * SIZE, c: 10 * SIZE}, []) == of_bob[:2] + of_charlie


async def test_large_envelopes_are_read_no_further_than_the_window(
    alice: Phone, bob: Phone, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    positions = await queue(alice, bob, 40)
    read: list[int] = []
    real = delivery.store.waiting_for

    async def counting(*arguments: Any) -> Any:
        rows = await real(*arguments)
        read.append(sum(len(row.ciphertext) for row in rows))
        return rows

    monkeypatch.setattr(delivery.store, "waiting_for", counting)
    async with bob.online(greeted=False) as b:
        await b.get("hello")
        got: list[int] = []
        while (frame := await b.next())["type"] == "envelope":
            got.append(frame["envelope"])
            await b.say({"type": "ack", "envelopes": [frame["envelope"]]})
        assert frame["type"] == "queue.empty"
    assert got == positions
    assert max(read) < WINDOW_BYTES + SIZE
    assert sum(read) == 40 * SIZE  # and each of them once


async def test_a_request_gets_a_bounded_answer_and_is_told_that_there_is_more(
    alice: Phone, bob: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    positions = await queue(alice, bob, 4)
    waiting = sync_to_async(on_django.waiting_for)
    for size, limit, count, more in [
        (3 * SIZE, 10, 3, True),
        (4 * SIZE, 10, 4, False),
        (9 * SIZE, 10, 4, False),
        (9 * SIZE, 4, 4, False),
        (9 * SIZE, 2, 2, True),
        (1, 10, 1, True),
    ]:
        monkeypatch.setattr(on_django, "ANSWER_BYTES", size)
        rows, others = await waiting(bob.id, limit)
        assert ([row.position for row in rows], others) == (positions[:count], more)
