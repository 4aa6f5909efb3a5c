"""Word between processes, over the channel layer: one message a tick for all of them, one listener a process.

Nothing depends on it. A lost nudge costs the time to the next poll, a lost ending of a session the time to the next
sweep. The in-memory layer means that there is one process, and nobody to tell.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable, Sequence
from typing import Any

from channels.layers import InMemoryChannelLayer, get_channel_layer

from chats import effects
from chats.delivery.on_demand import OnDemand
from chats.ids import AccountId, DeviceId

logger = logging.getLogger(__name__)
GROUP = "chats.delivery"
PAUSE_AFTER_FAILURE = 1.0
FINISH_SECONDS = 5.0  # that the last word may take
MOST_WAITING = 50_000  # entries that are kept while the layer does not answer; then the poll has to do
MOST_SIZE = 16 * 1024 * 1024  # or that many characters of frames, and of the ids of those whom they are for


class Word:
    """What one process tells the others in a tick."""

    MEMBERS = ("changed", "pairs", "nudges", "accounts", "devices", "arrived", "ended", "taken")
    __slots__ = (*MEMBERS, "size")

    def __init__(self) -> None:
        self.nudges: set[DeviceId] = set()
        # A frame for every device of some accounts, but this one if there is one.
        self.accounts: list[tuple[str, DeviceId | None, list[AccountId]]] = []
        self.devices: list[tuple[DeviceId, str]] = []  # a frame for one device
        self.arrived: list[tuple[DeviceId, int]] = []  # a device connected, and when
        self.changed: set[AccountId] = set()  # device sets to load again
        self.pairs: set[tuple[AccountId, AccountId]] = set()  # contacts to load again
        self.ended: set[str] = set()  # sessions
        self.taken: list[tuple[str, DeviceId, int]] = []  # of which share, by whom, how much
        self.size = 0  # characters of `accounts`

    @property
    def entries(self) -> int:
        # Not __len__: an empty word would be false, and "is there anybody to tell" is asked of it.
        return sum(len(getattr(self, name)) for name in self.MEMBERS)

    @property
    def full(self) -> bool:
        return self.size >= MOST_SIZE or self.entries >= MOST_WAITING

    def tell_accounts(self, accounts: Sequence[AccountId], text: str, but: DeviceId | None) -> None:
        self.accounts.append((text, but, list(accounts)))
        self.size += len(text) + sum(map(len, accounts))

    def as_message(self) -> dict[str, Any]:
        return {name: list(getattr(self, name)) for name in self.MEMBERS}


class Between:
    """`heard` gets the words of others."""

    def __init__(self, heard: Callable[[dict[str, Any]], None]) -> None:
        self._heard = heard
        self._layer: Any = get_channel_layer()
        self.alone = self._layer is None or isinstance(self._layer, InMemoryChannelLayer)
        self._me = secrets.token_hex(8)
        self._word = Word()
        self._work = OnDemand("chats-between", self._publish, lambda: self._word.entries > 0)
        self.finish = self._work.finish
        self._listener: asyncio.Task[None] | None = None

    def start(self) -> None:
        if not self.alone:
            self._listener = asyncio.get_running_loop().create_task(self._listen(), name="chats-listener")

    async def stop(self) -> None:
        await self._work.cancel()
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.wait([self._listener])

    def say(self) -> Word | None:
        """What is told in the next tick, to be added to; None when there is nobody to tell."""
        if self.alone or self._word.full:
            return None
        self._work.wake()
        return self._word

    async def _publish(self) -> None:
        word, self._word = self._word, Word()
        try:
            await self._layer.group_send(GROUP, {"type": "chats.word", "from": self._me, **word.as_message()})
        except Exception:
            logger.warning("channel_layer_failed entries=%d", word.entries)
            await asyncio.sleep(PAUSE_AFTER_FAILURE)

    async def _listen(self) -> None:
        channel = await self._new_channel()
        try:
            while True:
                try:
                    await self._layer.group_add(GROUP, channel)
                    while True:
                        self._take(await self._layer.receive(channel))
                except Exception:
                    # The channel stays: the layer would go on filling the queue of one that nobody reads any more.
                    logger.warning("channel_layer_failed listening=1")
                    await asyncio.sleep(PAUSE_AFTER_FAILURE)
        finally:
            with contextlib.suppress(Exception):
                await self._layer.group_discard(GROUP, channel)

    async def _new_channel(self) -> str:
        while True:
            try:
                return str(await self._layer.new_channel("chats."))
            except Exception:
                logger.warning("channel_layer_failed listening=0")
                await asyncio.sleep(PAUSE_AFTER_FAILURE)

    def _take(self, message: dict[str, Any]) -> None:
        if message["from"] != self._me:
            try:
                self._heard(message)
            except Exception:  # of one word: the next one is heard
                logger.exception("word_failed")


class Teller(effects.Receiver):
    """Takes the effects of a process that has no sockets, and tells those that have: `async with Teller()`."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._between = Between(lambda word: None)

    async def __aenter__(self) -> None:
        effects.receive(self)

    async def __aexit__(self, *_: object) -> None:
        effects.ignore(self)
        await asyncio.sleep(0)  # what was submitted from a thread is taken first
        await self._between.finish(within=FINISH_SECONDS)

    def submit(self, effect: effects.Effect) -> None:
        self._loop.call_soon_threadsafe(effect, self)

    def nudge(self, device: DeviceId) -> None:
        if word := self._between.say():
            word.nudges.add(device)

    def tell_accounts(self, accounts: Sequence[AccountId], text: str, but: DeviceId | None = None) -> None:
        if word := self._between.say():
            word.tell_accounts(accounts, text, but)

    def pair_changed(self, one: AccountId, other: AccountId) -> None:
        if word := self._between.say():
            word.pairs.add((one, other))
