"""How many frames a device may send: a token bucket in this process's memory, over the socket and REST together.

Asking Redis would cost more than the send. So each process counts for itself, and tells the others once a second what
it has let through of the shares in SHARED: there they cost the device as much. What is over by then is owed. While
word is lost, a share loosens by the number of processes.
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
        self._untold: dict[DeviceId, int] = {}

    def take(self, device: DeviceId, now: float, amount: int = 1) -> float:
        """0 if the device may send now, or the seconds until it may, rounded up to a millisecond.

        What costs more than one is allowed while there is one, and owed.
        """
        level = self._level(device, now)
        wait = 0.0 if level >= 1 else math.ceil((1 - level) / self._rate * 1000 + 1e-6) / 1000
        if not wait:
            level -= amount
            self._untold[device] = self._untold.get(device, 0) + amount
        self._keep(device, level, now)
        return wait

    def taken_elsewhere(self, device: DeviceId, now: float, amount: int) -> None:
        """Another process has let this through."""
        self._keep(device, self._level(device, now) - amount, now)

    def untold(self) -> list[tuple[DeviceId, int]]:
        """What was let through here since this was asked last."""
        # Requests are counted in threads: one that comes between may be told twice, which is not worth a lock a send.
        untold, self._untold = self._untold, {}
        return list(untold.items())

    def _level(self, device: DeviceId, now: float) -> float:
        level, at = self._levels.pop(device, (float(self._burst), now))
        return min(self._burst, level + (now - at) * self._rate)

    def _keep(self, device: DeviceId, level: float, now: float) -> None:
        self._levels[device] = (level, now)
        if len(self._levels) > MOST:
            del self._levels[next(iter(self._levels))]


sends = Buckets(settings.SEND_BURST, settings.SEND_RATE)
sockets = Buckets(settings.SOCKETS_PER_MINUTE, settings.SOCKETS_PER_MINUTE / 60)
acks = Buckets(4_000, 1_000)  # envelopes that were not sent on the socket that acknowledges them
typing = Buckets(10, 4)  # a keystroke is not news: on and off, and on again
SHARED = ("sends", "sockets")  # their names. The others are of a socket, and a device has one
clock = time.monotonic
