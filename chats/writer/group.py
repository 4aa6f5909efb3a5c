"""The group commit: whatever arrived while the last transaction was in flight is the next one. No timer."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from chats.delivery.on_demand import OnDemand
from chats.limits import BATCH, BATCH_BYTES, WAITING_BYTES, WRITER_QUEUE
from chats.sends import Accepted, Pending, Stale, Verdict
from chats.writer.store import StoreFailed
from messenger.lib.errors import Unavailable

logger = logging.getLogger(__name__)
AnySend = TypeVar("AnySend", bound=Pending)


class GroupWriter(Generic[AnySend]):
    """One an event loop and kind. Sends come in checked; they leave committed, or stale, or refused: nothing works.

    `accept` is one of the store's, `batch` how many sends it takes at a time.
    """

    def __init__(
        self,
        accept: Callable[[Sequence[AnySend]], Awaitable[list[Verdict]]],
        *,
        committed: Callable[[AnySend, Accepted], None],
        stale: Callable[[AnySend], None],
        batch: int = BATCH,
    ) -> None:
        self._accept, self._committed, self._stale, self._most = accept, committed, stale, batch
        self._queue: deque[AnySend] = deque()
        self._bytes = 0  # of ciphertext in the queue
        self._work = OnDemand("chats-group-writer", self._write, lambda: bool(self._queue))
        self.finish = self._work.finish

    def put(self, send: AnySend) -> None:
        """Take a send that was checked."""
        if len(self._queue) >= WRITER_QUEUE or self._bytes >= WAITING_BYTES:
            send.settle(send, Unavailable("the server is busy", retry_after=1))
            return
        self._queue.append(send)
        self._bytes += send.size
        self._work.wake()

    async def _write(self) -> None:
        await self._commit(self._next_batch())

    def _next_batch(self) -> list[AnySend]:
        queue = self._queue
        if len(queue) <= self._most and self._bytes <= BATCH_BYTES:
            batch = list(queue)
            queue.clear()
            self._bytes = 0
            return batch
        batch, held = [], 0
        while queue and len(batch) < self._most and held < BATCH_BYTES:
            batch.append(queue.popleft())
            held += batch[-1].size
        self._bytes -= held
        return batch

    async def _commit(self, batch: list[AnySend]) -> None:
        try:
            verdicts = await self._accept(batch)
        except StoreFailed:
            # Perhaps it was committed: the repetition finds the stored answer.
            logger.error("writer_store_failed sends=%d", len(batch))
            for send in batch:
                send.settle(send, Unavailable("the database does not answer", retry_after=1))
            return
        except Exception:
            if len(batch) > 1:  # One bad send must not take the others with it.
                half = len(batch) // 2
                await self._commit(batch[:half])
                await self._commit(batch[half:])
                return
            logger.exception("writer_send_failed device=%s", batch[0].device)
            batch[0].settle(batch[0], Unavailable("the message could not be written"))
            return
        for send, verdict in zip(batch, verdicts, strict=True):
            if isinstance(verdict, Stale):
                self._stale(send)
            else:
                self._committed(send, verdict)
