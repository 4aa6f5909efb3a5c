"""A device's share over all processes: each tells what it let through, and charges what it is told."""

from __future__ import annotations

from typing import Any

import pytest

from chats import buckets
from chats.delivery.between import Word
from chats.delivery.delivery import Delivery
from chats.ids import DeviceId
from chats.tests.people import Phone

PHONE = DeviceId("a phone")


def test_what_was_taken_elsewhere_is_missing_here() -> None:
    bucket = buckets.Buckets(10, 1.0)
    bucket.taken_elsewhere(PHONE, 0.0, 9)
    assert bucket.take(PHONE, 0.0) == 0
    assert bucket.take(PHONE, 0.0) == pytest.approx(1.0, abs=0.01)


def test_what_two_processes_let_through_in_one_second_is_owed_at_both() -> None:
    bucket = buckets.Buckets(10, 1.0)
    for _ in range(10):
        assert bucket.take(PHONE, 0.0) == 0
    bucket.taken_elsewhere(PHONE, 1.0, 10)
    assert bucket.take(PHONE, 1.0) == pytest.approx(10.0, abs=0.01)


def test_only_what_was_let_through_here_is_told_and_once() -> None:
    bucket = buckets.Buckets(2, 1.0)
    for _ in range(3):
        bucket.take(PHONE, 0.0)
    bucket.taken_elsewhere(PHONE, 0.0, 5)
    assert bucket.untold() == [(PHONE, 2)]
    assert bucket.untold() == []


async def test_the_other_processes_are_told_what_was_sent_here(
    alice: Phone, bob: Phone, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    word = Word()
    async with alice.online() as a:
        for _ in range(2):
            assert (await a.ask(alice.message_to(bob)))["type"] == "message.accepted"
    monkeypatch.setattr(delivery.between, "say", lambda: word)
    await delivery.tell_shares()
    assert word.taken == [("sends", alice.id, 2), ("sockets", alice.id, 1)]


async def test_what_was_sent_at_another_process_counts_here(
    alice: Phone, bob: Phone, charlie: Phone, delivery: Delivery, settings: Any
) -> None:
    word = Word()
    word.taken.append(("sends", alice.id, settings.SEND_BURST + 1))
    async with alice.online() as a, charlie.online() as c:
        delivery._heard(word.as_message())
        refused = await a.ask(alice.message_to(bob))
        assert refused["code"] == "too_many_requests"
        assert refused["retry_after"] > 0
        assert (await c.ask(charlie.message_to(bob)))["type"] == "message.accepted"
