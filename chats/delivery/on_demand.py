"""Work that runs while there is some, in one task, and costs nothing while there is none."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

logger = logging.getLogger(__name__)
PAUSE_AFTER_FAILURE = 1.0


class OnDemand:
    """Calls `work` again and again as long as `has_work`, never twice at a time. What fails is tried again later."""

    def __init__(self, name: str, work: Callable[[], Awaitable[None]], has_work: Callable[[], bool]) -> None:
        self._name, self._work, self._has_work = name, work, has_work
        self._task: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """There is something to do."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name=self._name)

    async def _run(self) -> None:
        try:
            while self._has_work():
                try:
                    await self._work()
                except Exception:
                    logger.exception("delivery_work_failed work=%s", self._name)
                    await asyncio.sleep(PAUSE_AFTER_FAILURE)
        finally:
            self._task = None

    async def finish(self, *, within: float | None = None) -> None:
        """Wait until there is nothing to do; after `within` seconds stop in the middle."""
        try:
            async with asyncio.timeout(within):
                while self._task is not None:
                    await asyncio.wait([self._task])
        except TimeoutError:
            logger.warning("delivery_work_unfinished work=%s", self._name)
            await self.cancel()

    async def cancel(self) -> None:
        """Stop in the middle."""
        if self._task is not None:
            task = self._task
            task.cancel()
            await asyncio.wait([task])
