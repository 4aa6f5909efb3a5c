"""How long to wait before connecting again: exponential, with full jitter, so that clients do not come back at once."""

from __future__ import annotations

from collections.abc import Callable

FIRST = 0.5  # seconds
LONGEST = 30.0

Uniform = Callable[[float, float], float]  # random.uniform, or a test's own


class Backoff:
    """Counts failures; a connection that worked starts the count anew."""

    def __init__(self, uniform: Uniform) -> None:
        self._uniform = uniform
        self._failures = 0

    def delay(self) -> float:
        """Seconds to wait after one more failure: at random below twice as much as the time before."""
        ceiling = min(LONGEST, FIRST * 2.0 ** min(self._failures, 16))
        self._failures += 1
        return self._uniform(0.0, ceiling)

    def worked(self) -> None:
        self._failures = 0
