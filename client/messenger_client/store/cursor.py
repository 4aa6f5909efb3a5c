"""How far the conversation was given out: `listen` and `Client.messages()` go on behind it.

A file of eight bytes beside the database, because it moves right after each line was flushed: a process that
is killed between the two shows one line twice, and the database's lock would make that moment long. The
other order would lose a line. After a loss of power it may lag; the database's own marks bound by how much.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from .locks import async_file_lock

FILE = "printed"
OPEN_FILE = "printed-open"  # of open chats, whose news are a queue of their own
_SIZE = 8


class Cursor:
    def __init__(self, directory: Path, name: str = FILE) -> None:
        self._lock = directory / "printed.lock"
        self._file = os.open(directory / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Hold the turn to give lines out: two processes would each give the same one."""
        async with async_file_lock(self._lock):
            yield

    def position(self) -> int:
        return int.from_bytes(os.pread(self._file, _SIZE, 0), "big")

    def advance(self, position: int) -> None:
        # One write inside one page: it has happened or it has not.
        os.pwrite(self._file, position.to_bytes(_SIZE, "big"), 0)

    def close(self) -> None:
        os.close(self._file)
