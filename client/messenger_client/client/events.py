"""Giving conversation out, each line once, in order, to one taker at a time over all processes of the profile."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator

from ..store import Transaction, timeline
from ..store.cursor import Cursor
from .context import Context, require_me
from .model import Event
from .showing import event_of

LOOK_EVERY = 0.5  # seconds between looks at what other processes have stored
PAGE = 200


class Events:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._cursor = Cursor(context.store.directory)
        self._seen: list[int] = []
        self._version = -1
        self._chat: bytes | None = None
        self._last = 0

    def seen(self, event: Event) -> None:
        """Say that an event was given to its reader for good: it does not come again."""
        # The cursor is for all chats: given out from one alone, the event gets its mark in the database.
        if self._chat is None and event.position > self._cursor.position():
            self._cursor.advance(event.position)
        self._last = event.position
        self._seen.append(event.position)

    @property
    def position(self) -> int:
        return self._cursor.position()

    async def next_batch(self) -> list[Event]:
        """What stands behind the last seen event now, gaps that have waited long enough included."""

        def work(tx: Transaction) -> list[Event]:
            me = require_me(tx)
            now = self._context.clock.now()
            timeline.mark_seen(tx, seen)
            timeline.release_due(tx, now=now)
            after = max(self._cursor.position(), self._last)
            found = timeline.unseen(tx, after=after, limit=PAGE, chat=self._chat)
            return [event_of(tx, me, entry, position, now=now) for position, entry in found]

        seen, self._seen = self._seen, []
        return await self._context.write(work, durable=False)

    async def flow(self, chat: bytes | None = None) -> AsyncGenerator[Event]:
        """Give events out for ever, of all chats or of one; the next one after the last was `seen`."""
        self._chat, self._last = chat, 0
        try:
            while True:
                self._context.changed.clear()
                self._version = await self._context.on_thread(self._context.store.data_version)
                async with self._cursor.turn():
                    for event in await self.next_batch():
                        yield event
                        if self._last < event.position:
                            self.seen(event)
                await self._wait()
        finally:
            with contextlib.suppress(Exception):
                await self._mark()

    async def _mark(self) -> None:
        seen, self._seen = self._seen, []
        if seen:
            await self._context.write(lambda tx: timeline.mark_seen(tx, seen), durable=False)

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
        self._cursor.close()
