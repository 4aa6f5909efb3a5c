"""A clock that tests move by hand."""

from __future__ import annotations

import asyncio
import time


class SteppingClock:
    """The machine's time plus what was added; sleeps are recorded and take none."""

    def __init__(self) -> None:
        self.ahead = 0  # ms
        self.slept: list[float] = []

    def now(self) -> int:
        return time.time_ns() // 1_000_000 + self.ahead

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(min(seconds, 0.01))
