"""Word between processes: what fails is left behind, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import orjson
import pytest

from chats import effects
from chats.delivery import between, messages
from chats.delivery.between import GROUP, Between, Teller
from chats.delivery.delivery import Delivery
from chats.tests.people import Phone


class Layer:
    """A channel layer in memory that keeps count of its channels, and fails when it is told to."""

    def __init__(self) -> None:
        self.queues: dict[str, asyncio.Queue[Any]] = {}
        self.groups: dict[str, set[str]] = {}
        self.failures = 0

    async def new_channel(self, prefix: str) -> str:
        channel = f"{prefix}{len(self.queues)}"
        self.queues[channel] = asyncio.Queue()
        return channel

    async def group_add(self, group: str, channel: str) -> None:
        self._fail()
        self.groups.setdefault(group, set()).add(channel)

    async def group_discard(self, group: str, channel: str) -> None:
        self.groups[group].discard(channel)

    async def group_send(self, group: str, message: Any) -> None:
        for channel in self.groups[group]:
            self.queues[channel].put_nowait(message)

    async def receive(self, channel: str) -> Any:
        message = await self.queues[channel].get()
        self._fail()
        return message

    def _fail(self) -> None:
        if self.failures:
            self.failures -= 1
            raise ConnectionError


async def test_a_frame_for_many_is_told_once_and_what_waits_is_bounded_in_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(between, "get_channel_layer", Layer)
    monkeypatch.setattr(between, "MOST_SIZE", 10_000)
    accounts, teller, text = [uuid.uuid4() for _ in range(10)], Teller(), "x" * 1_000
    monkeypatch.setattr(effects, "after", lambda effect: effect(teller))
    waiting = teller._between._word
    for _ in range(20):
        effects.accounts_told(accounts, text)
    # 1,360 characters each, until it is full.
    assert waiting.accounts == [(text, None, [str(one) for one in accounts])] * 8
    assert teller._between.say() is None
    await teller._between.stop()


async def test_a_listener_that_failed_hears_on_the_same_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(between, "PAUSE_AFTER_FAILURE", 0.001)
    layer, heard = Layer(), asyncio.Queue[Any]()
    monkeypatch.setattr(between, "get_channel_layer", lambda: layer)

    def hear(word: dict[str, Any]) -> None:
        if word["nudges"] == ["broken"]:
            raise KeyError("a defect of the one who hears")
        heard.put_nowait(word["nudges"])

    listener = Between(hear)
    layer.failures = 2
    listener.start()
    async with asyncio.timeout(5):
        while not layer.groups.get(GROUP):  # noqa: ASYNC110  # the layer says nothing when it is joined
            await asyncio.sleep(0.001)
        await layer.group_send(GROUP, {"from": "other", "nudges": ["broken"]})
        layer.failures = 1  # that word is lost
        await layer.group_send(GROUP, {"from": "other", "nudges": ["first"]})
        await layer.group_send(GROUP, {"from": "other", "nudges": ["second"]})
        while await heard.get() != ["second"]:
            pass
    assert len(layer.queues) == 1
    await listener.stop()
    assert layer.groups == {GROUP: set()}


async def test_what_another_version_says_otherwise_is_dropped_and_the_rest_is_heard(
    alice: Phone, delivery: Delivery, caplog: pytest.LogCaptureFixture
) -> None:
    frame = messages.devices_changed(alice.account)
    word = {
        "accounts": [[frame, None, [alice.account]]],
        "changed": 7,
        "pairs": [[alice.account]],
        "devices": [[alice.id, ["not a frame"]]],
        "taken": [["no such share", alice.id, 1]],
        "nudges": [[alice.id]],
        "unheard_of": [1],
    }  # and no `arrived`, no `ended`
    async with alice.online() as a:
        delivery._heard(word)
        assert await a.get("devices.changed") == orjson.loads(frame)
        assert await a.silent()
    dropped = [record.getMessage().rpartition("=")[2] for record in caplog.records]
    assert sorted(dropped) == ["changed", "devices", "nudges", "pairs", "taken"]
