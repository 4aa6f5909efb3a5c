"""Django's ORM off the event loop: a few threads, each with its own database connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

P = ParamSpec("P")
Result = TypeVar("Result")
THREADS = 4  # database connections that delivery's slow paths may take


class Threads:
    def __init__(self) -> None:
        self._connections: list[BaseDatabaseWrapper] = []
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="chats-orm", initializer=self._started)

    def _started(self) -> None:
        connection = connections["default"]
        connection.inc_thread_sharing()  # so that it can be closed when its thread is gone
        self._connections.append(connection)

    async def run(self, function: Callable[P, Result], /, *args: P.args, **kwargs: P.kwargs) -> Result:
        """Call `function` in a thread and wait for it."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, partial(_call, partial(function, *args, **kwargs)))

    def close(self) -> None:
        """Wait for what runs, then end the threads."""
        self._executor.shutdown()
        with ThreadPoolExecutor(1) as another:  # Django refuses to close a connection in the thread of an event loop
            for connection in self._connections:
                another.submit(connection.close).result()


def _call(function: Callable[[], Result]) -> Result:
    connection = connections["default"]
    try:
        return function()
    finally:
        # Back to the pool. SQLite has none, and to open it anew takes longer than most of what is asked.
        if connection.vendor != "sqlite" or connection.errors_occurred:
            connection.close()
