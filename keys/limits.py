"""How often prekeys are claimed and the directory is read. Every number can be set by the environment.

A claim is charged by a token bucket for each pair of devices (the generic cell rate algorithm: one time is stored, at
which the bucket is full again). With Redis the processes share the buckets; without it, or while it is away, each
process keeps its own in memory, so that a limit loosens by the number of processes and never blocks anybody.
"""

from __future__ import annotations

import logging
import threading
import uuid
from functools import cache
from typing import cast

import redis
from django.conf import settings

from messenger.lib.clock import Milliseconds
from messenger.lib.env import env

CLAIM_BURST = env.int("CLAIM_BURST", default=6)  # bundles that one device gets of another at once
CLAIM_SECONDS = env.int("CLAIM_SECONDS", default=600)  # and then one in as many seconds
DIRECTORY_ACCOUNTS = 100  # a call
DIRECTORY_CALLS = env.int("DIRECTORY_CALLS", default=20)  # of one account, at once
DIRECTORY_SECONDS = env.int("DIRECTORY_SECONDS", default=60)  # and in as many seconds that many again

MOST_BUCKETS = 100_000  # a process remembers; buckets that are full again are dropped then

logger = logging.getLogger(__name__)

# KEYS: bucket. ARGV: now, the time one token takes, the time a whole bucket takes; all in milliseconds.
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


memory = Buckets()


def _take(name: str, *, interval: int, burst: int, now: Milliseconds) -> float:
    if settings.REDIS_URL:
        try:
            wait = cast(int, _shared().eval(_TAKE, 1, f"bucket:{name}", now, interval, burst * interval))
            return max(0, wait) / 1000
        except redis.RedisError:
            logger.warning("limit_in_memory")
    return memory.take(name, interval=interval, burst=burst, now=now) / 1000


@cache
def _shared() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1)


def claim(*, by: uuid.UUID, target: uuid.UUID, now: Milliseconds) -> float:
    """Charge a claim of one device for another; the seconds to wait if there have been too many, else 0."""
    return _take(f"claim:{by}:{target}", interval=CLAIM_SECONDS * 1000, burst=CLAIM_BURST, now=now)


def directory(*, by: uuid.UUID, now: Milliseconds) -> float:
    """Charge a reading of the directory by one account; the seconds to wait, else 0."""
    interval = DIRECTORY_SECONDS * 1000 // DIRECTORY_CALLS
    return _take(f"directory:{by}", interval=interval, burst=DIRECTORY_CALLS, now=now)
