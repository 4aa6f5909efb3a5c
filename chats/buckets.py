"""How many frames a device may send: a token bucket in this process's memory.

Each process counts for itself, over the socket and REST together: a device has one socket, and asking Redis would
cost more than the send. With Redis away nothing changes.
"""

from __future__ import annotations

import math
import time

from django.conf import settings

from chats.ids import DeviceId

MOST = 100_000  # devices remembered; a forgotten one has a full bucket again


class Buckets:
    """One bucket a device: `burst` at once, then `rate` a second."""

    def __init__(self, burst: int, rate: float) -> None:
        self._burst, self._rate = burst, rate
        self._levels: dict[DeviceId, tuple[float, float]] = {}

    def take(self, device: DeviceId, now: float, amount: int = 1) -> float:
        """0 if the device may send now, or the seconds until it may, rounded up to a millisecond.

        What costs more than one is allowed while there is one, and owed.
        """
        level, at = self._levels.pop(device, (float(self._burst), now))
        level = min(self._burst, level + (now - at) * self._rate)
        wait = 0.0 if level >= 1 else math.ceil((1 - level) / self._rate * 1000 + 1e-6) / 1000
        if not wait:
            level -= amount
        self._levels[device] = (level, now)
        if len(self._levels) > MOST:
            del self._levels[next(iter(self._levels))]
        return wait


sends = Buckets(settings.SEND_BURST, settings.SEND_RATE)
sockets = Buckets(settings.SOCKETS_PER_MINUTE, settings.SOCKETS_PER_MINUTE / 60)
acks = Buckets(4_000, 1_000)  # envelopes that were not sent on the socket that acknowledges them
typing = Buckets(10, 4)  # a keystroke is not news: on and off, and on again
clock = time.monotonic
