"""The server's clock, in the protocol's unit. Functions that need the time take `now`; edges call this."""

import time

Milliseconds = int


def now_ms() -> Milliseconds:
    """Milliseconds since 1970, UTC."""
    return time.time_ns() // 1_000_000
