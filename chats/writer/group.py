"""The group commit: whatever arrived while the last transaction was in flight is the next one. No timer."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable

from chats.delivery.on_demand import OnDemand
from chats.limits import BATCH, BATCH_BYTES, WAITING_BYTES, WRITER_QUEUE
from chats.sends import Accepted, Send, Stale
from chats.writer.store import Store, StoreFailed
from messenger.lib.errors import Unavailable

logger = logging.getLogger(__name__)


class GroupWriter:
    """One an event loop. Sends come in checked; they leave committed, or stale, or refused because nothing works."""

    def __init__(
        self, store: Store, *, committed: Callable[[Send, Accepted], None], stale: Callable[[Send], None]
    ) -> None:
        self._store, self._committed, self._stale = store, committed, stale
        self._queue: deque[Send] = deque()
        self._bytes = 0  # of ciphertext in the queue
        self._work = OnDemand("chats-group-writer", self._write, lambda: bool(self._queue))
        self.finish = self._work.finish

    def put(self, send: Send) -> None:
        """Take a send that was checked."""
        if len(self._queue) >= WRITER_QUEUE or self._bytes >= WAITING_BYTES:
            send.settle(send, Unavailable("the server is busy", retry_after=1))
            return
        self._queue.append(send)
        self._bytes += _size(send)
        self._work.wake()

    async def _write(self) -> None:
        await self._commit(self._next_batch())

    def _next_batch(self) -> list[Send]:
        queue = self._queue
        if len(queue) <= BATCH and self._bytes <= BATCH_BYTES:
            batch = list(queue)
            queue.clear()
            self._bytes = 0
            return batch
        batch, held = [], 0
        while queue and len(batch) < BATCH and held < BATCH_BYTES:
            batch.append(queue.popleft())
            held += _size(batch[-1])
        self._bytes -= held
        return batch

    async def _commit(self, batch: list[Send]) -> None:
        try:
            verdicts = await self._store.accept_batch(batch)
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


def _size(send: Send) -> int:
    size = 0
    for parcel in send.outgoing:
        size += len(parcel.data)
    return size
