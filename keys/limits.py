"""How often one device claims prekeys of another: a burst, and then one in a while.

A token bucket for each pair of devices, by the generic cell rate algorithm: what is kept is the time at which the
bucket is full again. (messenger/lib/limits.py counts in windows, which have no burst.) With Redis the processes share
the buckets. Without it, or while it is away, each process keeps its own: the limit loosens by the number of processes
and stands in nobody's way.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from functools import lru_cache
from typing import cast

import redis
from django.conf import settings

from messenger.lib.clock import Milliseconds

MOST_BUCKETS = 100_000  # that a process remembers: some 20 MB
REDIS_TIMEOUT = 0.5  # seconds
REDIS_PAUSE = 5.0  # seconds for which a Redis that failed is not asked again

logger = logging.getLogger(__name__)

# KEYS: the bucket. ARGV: now, the time that one token takes, the time that a whole bucket takes; in milliseconds.
_TAKE = """
local full_at = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), tonumber(ARGV[1])) + tonumber(ARGV[2])
local wait = full_at - tonumber(ARGV[1]) - tonumber(ARGV[3])
if wait <= 0 then
  redis.call('SET', KEYS[1], string.format('%.0f', full_at), 'PX', tonumber(ARGV[3]) + tonumber(ARGV[2]))
end
return wait
"""


class Buckets:
    """Token buckets in the memory of one process."""

    def __init__(self) -> None:
        self._full_at: dict[str, Milliseconds] = {}
        self._lock = threading.Lock()

    def take(self, name: str, *, interval: int, burst: int, now: Milliseconds) -> int:
        """Take a token; the milliseconds to wait for one if there is none, else 0."""
        with self._lock:
            full_at = max(self._full_at.get(name, 0), now) + interval
            wait = full_at - now - burst * interval
            if wait > 0:
                return wait
            if len(self._full_at) >= MOST_BUCKETS:
                active = {other: at for other, at in self._full_at.items() if at > now}
                # All of them active: better to forget them than to grow, or to sift them at each call.
                self._full_at = active if len(active) < MOST_BUCKETS else {}
            self._full_at[name] = full_at
            return 0


_memory = Buckets()
_redis_away_until = 0.0


def claim(*, by: uuid.UUID, target: uuid.UUID, now: Milliseconds) -> float:
    """Charge a claim of one device for another; the seconds to wait if there have been too many, else 0."""
    return (
        _take(f"claim:{by}:{target}", interval=settings.CLAIM_SECONDS * 1000, burst=settings.CLAIM_BURST, now=now)
        / 1000
    )


def _take(name: str, *, interval: int, burst: int, now: Milliseconds) -> int:
    global _redis_away_until
    if settings.REDIS_URL and time.monotonic() >= _redis_away_until:
        try:
            wait = _shared(settings.REDIS_URL).eval(_TAKE, 1, f"bucket:{name}", now, interval, burst * interval)
            return max(0, cast(int, wait))
        except redis.RedisError:
            _redis_away_until = time.monotonic() + REDIS_PAUSE
            logger.warning("claim_limit_in_memory")
    return _memory.take(name, interval=interval, burst=burst, now=now)


@lru_cache(maxsize=2)
def _shared(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_timeout=REDIS_TIMEOUT, socket_connect_timeout=REDIS_TIMEOUT)
