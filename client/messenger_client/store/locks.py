"""Locks between the processes of a profile, for what is longer than a transaction. The system frees them
when a process dies, kill -9 included: there is never a stale one. POSIX only."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

_POLL = 0.02  # seconds


@contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Hold the lock file; waits for whoever holds it."""
    descriptor = _open(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@asynccontextmanager
async def async_file_lock(path: Path) -> AsyncIterator[None]:
    """The same without stopping the event loop."""
    descriptor = _open(path)
    try:
        while not _try(descriptor):  # noqa: ASYNC110 - the one who frees it is another process
            await asyncio.sleep(_POLL)
        yield
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
