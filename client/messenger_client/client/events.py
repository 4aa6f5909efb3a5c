"""Giving conversation out, each line once, in order, to one taker at a time over all processes of the profile."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

from ..store import Transaction, open_chats, timeline
from ..store.cursor import OPEN_FILE, Cursor
from .context import Context, require_me
from .model import Event
from .open_showing import Names, event_of_news
from .showing import event_of

LOOK_EVERY = 0.5  # seconds between looks at what other processes have stored
PAGE = 200


@dataclass(frozen=True, slots=True)
class Finder:
    """The one chat to give out from: its id, once there is one."""

    find: Callable[[Transaction], bytes | None]
    is_open: bool


class _Queue:
    """What is given out in the order of its positions: the lines of encrypted chats, or the news of open ones."""

    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor
        self.last = 0
        self._seen: list[int] = []

    @property
    def after(self) -> int:
        return max(self.cursor.position(), self.last)

    def see(self, position: int, *, of_all: bool) -> None:
        # The cursor is for all chats: given out from one alone, the event gets its mark in the database.
        if of_all and position > self.cursor.position():
            self.cursor.advance(position)
        self.last = position
        self._seen.append(position)

    def take_seen(self) -> list[int]:
        seen, self._seen = self._seen, []
        return seen


class Events:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._lines = _Queue(Cursor(context.store.directory))
        self._news = _Queue(Cursor(context.store.directory, OPEN_FILE))
        self._version = -1
        self._finder: Finder | None = None  # of all chats

    def seen(self, event: Event) -> None:
        """Say that an event was given to its reader for good: it does not come again."""
        self._queue_of(event).see(event.position, of_all=self._finder is None)

    @property
    def position(self) -> int:
        return self._lines.cursor.position()

    @property
    def open_position(self) -> int:
        """The same in the news of open chats."""
        return self._news.cursor.position()

    async def next_batch(self) -> list[Event]:
        """What stands behind the last seen event now, gaps that have waited long enough included."""

        def work(tx: Transaction) -> list[Event]:
            me = require_me(tx)
            now = self._context.clock.now()
            timeline.mark_seen(tx, seen)
            open_chats.drop_news(tx, given)
            timeline.release_due(tx, now=now)
            found: list[Event] = []
            one = self._finder
            chat = None if one is None else one.find(tx)
            if one is not None and chat is None:
                return found  # it is made with the first message
            if one is None or not one.is_open:
                entries = timeline.unseen(tx, after=self._lines.after, limit=PAGE, chat=chat)
                found += [event_of(tx, me, entry, position, now=now) for position, entry in entries]
            if one is None or one.is_open:
                news = open_chats.news(tx, after=self._news.after, limit=PAGE, chat=chat)
                names = Names(tx)
                found += [event_of_news(tx, me, each, position, names) for position, each in news]
            return found

        seen, given = self._lines.take_seen(), self._news.take_seen()
        return await self._context.write(work, durable=False)

    async def flow(self, finder: Finder | None = None) -> AsyncGenerator[Event]:
        """Give events out for ever, of all chats or of one; the next one after the last was `seen`."""
        self._finder = finder
        self._lines.last = self._news.last = 0
        try:
            while True:
                self._context.changed.clear()
                self._version = await self._context.on_thread(self._context.store.data_version)
                async with self._lines.cursor.turn():
                    for event in await self.next_batch():
                        yield event
                        if self._queue_of(event).last < event.position:
                            self.seen(event)
                await self._wait()
        finally:
            with contextlib.suppress(Exception):
                await self._mark()

    def _queue_of(self, event: Event) -> _Queue:
        return self._news if event.is_open else self._lines

    async def _mark(self) -> None:
        seen, given = self._lines.take_seen(), self._news.take_seen()

        def work(tx: Transaction) -> None:
            timeline.mark_seen(tx, seen)
            open_chats.drop_news(tx, given)

        if seen or given:
            await self._context.write(work, durable=False)

    async def _wait(self) -> None:
        """Until something may be new: here, by another process, or because a gap has waited long enough."""
        due = await self._context.write(timeline.next_due, durable=False)
        while not self._context.changed.is_set():
            if due is not None and self._context.clock.now() >= due:
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY):
                    await self._context.changed.wait()
            if await self._context.on_thread(self._context.store.data_version) != self._version:
                return

    def close(self) -> None:
        self._lines.cursor.close()
        self._news.cursor.close()
