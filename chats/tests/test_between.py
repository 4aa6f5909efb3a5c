"""Word between processes: what fails is left behind, and leaves nothing behind."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from chats.delivery import between
from chats.delivery.between import GROUP, Between


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
