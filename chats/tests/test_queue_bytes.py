"""The queues before the database are bounded in bytes: twenty thousand large sends would be the machine's memory."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from typing import Any

import pytest

from chats.delivery import admission
from chats.delivery.delivery import Delivery
from chats.ids import AccountId, DeviceId, MessageId
from chats.sends import Accepted, Parcel, Send, Verdict
from chats.writer import group
from chats.writer.group import GroupWriter
from messenger.lib.errors import DomainError, Malformed, Unavailable


class SlowStore:
    """Writes when it is let, and remembers how many sends came together."""

    def __init__(self) -> None:
        self.let = asyncio.Event()
        self.batches: list[int] = []

    async def accept_batch(self, sends: Sequence[Send]) -> list[Verdict]:
        await self.let.wait()
        self.batches.append(len(sends))
        return [Accepted(0) for _ in sends]


def send_of(size: int, outcomes: list[object]) -> Send:
    def settle(send: Send, outcome: Accepted | DomainError) -> None:
        outcomes.append(type(outcome))

    device = DeviceId(str(uuid.uuid4()))
    send = Send(AccountId(str(uuid.uuid4())), device, MessageId(str(uuid.uuid4())), settle)
    send.parcels = send.outgoing = [Parcel(send.account, device, "", bytes(size))]
    return send


def writer_on(store: Any) -> GroupWriter[Send]:
    return GroupWriter(
        store.accept_batch, committed=lambda send, verdict: send.settle(send, verdict), stale=lambda send: None
    )


async def test_the_writer_refuses_what_would_fill_the_memory_and_takes_more_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(group, "WAITING_BYTES", 1_000)
    store, outcomes = SlowStore(), list[object]()
    writer = writer_on(store)
    for _ in range(4):
        writer.put(send_of(500, outcomes))
    assert outcomes == [Unavailable, Unavailable]
    store.let.set()
    await writer.finish()
    writer.put(send_of(500, outcomes))
    await writer.finish()
    assert outcomes == [Unavailable, Unavailable, Accepted, Accepted, Accepted]


async def test_a_transaction_ends_before_it_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group, "BATCH_BYTES", 1_000)
    store, outcomes = SlowStore(), list[object]()
    writer = writer_on(store)
    for _ in range(5):
        writer.put(send_of(500, outcomes))
    writer.put(send_of(5_000, outcomes))  # one alone is always written
    store.let.set()
    await writer.finish()
    assert store.batches == [2, 2, 2]
    assert outcomes == [Accepted] * 6


@pytest.mark.django_db(transaction=True)
async def test_what_waits_for_facts_is_bounded_in_bytes_and_taken_again_later(
    delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "WAITING_BYTES", 1_000)
    outcomes: list[object] = []
    for _ in range(3):
        delivery.admission.refuse(send_of(500, outcomes), Malformed())
    assert outcomes == [Unavailable]
    await delivery.admission.finish()
    delivery.admission.refuse(send_of(500, outcomes), Malformed())
    await delivery.admission.finish()
    assert outcomes == [Unavailable, Malformed, Malformed, Malformed]
