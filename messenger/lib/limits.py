"""Rate limits, the same for pages, API and socket. Which there are, and how much, is settings.LIMITS.

With Redis all processes share the counts. While Redis is away each process counts in its own memory: limits loosen by
the number of processes, nobody is locked out, and a request waits for Redis at most once in a while.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from dataclasses import dataclass
from functools import lru_cache

import redis
from django.conf import settings
from limits import RateLimitItem, parse
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from messenger.lib.errors import TooManyRequests

logger = logging.getLogger(__name__)

NO_LIMIT = "none"
REDIS_TIMEOUT = 0.5  # seconds
REDIS_PAUSE = 5.0  # seconds for which a Redis that failed is not asked again
SWEEP_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether one more is allowed under the limit `name` of `amount` in `window` seconds."""

    name: str
    allowed: bool
    amount: int = 0
    window: int = 0
    retry_after: float = 0.0

    def require(self, error: type[TooManyRequests] = TooManyRequests) -> None:
        """Raise `error`, which says when to try again, unless this is allowed."""
        if not self.allowed:
            wait = max(1, math.ceil(self.retry_after))
            # draft-ietf-httpapi-ratelimit-headers-10
            headers = {
                "RateLimit-Policy": f'"{self.name}";q={self.amount};w={self.window}',
                "RateLimit": f'"{self.name}";r=0;t={wait}',
            }
            raise error(retry_after=wait, headers=headers)


class _Memory(MemoryStorage):
    _swept = 0.0

    def _MemoryStorage__schedule_expiry(self) -> None:
        # The library's own starts a thread at nearly every hit, and each of them looks through every key.
        if time.monotonic() - self._swept > SWEEP_SECONDS:
            self._swept = time.monotonic()
            self._MemoryStorage__expire_events()  # type: ignore[attr-defined]  # the library's own, by its mangled name


_memory = SlidingWindowCounterRateLimiter(_Memory())
_redis_away_until = 0.0


def hit(name: str, *key: str) -> Verdict:
    """Count one more of `key` under the limit `name`, if it is allowed."""
    return _ask("hit", name, key)


def peek(name: str, *key: str) -> Verdict:
    """Whether one more would be allowed; counts nothing."""
    return _ask("test", name, key)


def forget(name: str, *key: str) -> None:
    """Start the count of `key` anew."""
    _ask("clear", name, key)


async def ahit(name: str, *key: str) -> Verdict:
    """`hit` for the event loop, which it never blocks."""
    return await asyncio.to_thread(hit, name, *key) if settings.REDIS_URL else hit(name, *key)


def reset() -> None:
    """Forget every count: for tests."""
    _memory.storage.reset()
    if settings.REDIS_URL:
        _shared(settings.REDIS_URL).storage.reset()


def _ask(question: str, name: str, key: tuple[str, ...]) -> Verdict:
    global _redis_away_until
    item = _item(settings.LIMITS[name])
    if item is None:
        return Verdict(name, True)
    if settings.REDIS_URL and time.monotonic() >= _redis_away_until:
        try:
            return _answer(_shared(settings.REDIS_URL), question, name, item, key)
        except redis.RedisError:
            _redis_away_until = time.monotonic() + REDIS_PAUSE
            logger.warning("limits_in_memory")
    return _answer(_memory, question, name, item, key)


def _answer(
    limiter: SlidingWindowCounterRateLimiter, question: str, name: str, item: RateLimitItem, key: tuple[str, ...]
) -> Verdict:
    if question == "clear":
        limiter.clear(item, name, *key)
        return Verdict(name, True)
    allowed = limiter.hit(item, name, *key) if question == "hit" else limiter.test(item, name, *key)
    wait = 0.0 if allowed else limiter.get_window_stats(item, name, *key).reset_time - time.time()
    return Verdict(name, allowed, item.amount, item.get_expiry(), wait)


@lru_cache(maxsize=64)
def _item(rate: str) -> RateLimitItem | None:
    return None if rate == NO_LIMIT else parse(rate)


@lru_cache(maxsize=2)
def _shared(url: str) -> SlidingWindowCounterRateLimiter:
    storage = RedisStorage(url, socket_timeout=REDIS_TIMEOUT, socket_connect_timeout=REDIS_TIMEOUT)
    return SlidingWindowCounterRateLimiter(storage)
