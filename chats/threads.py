"""Django's ORM off the event loop: a few threads, each with its own database connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from django.db import close_old_connections, connections

P = ParamSpec("P")
Result = TypeVar("Result")
THREADS = 4  # database connections that delivery's slow paths may take


class Threads:
    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="chats-orm")

    async def run(self, function: Callable[P, Result], /, *args: P.args, **kwargs: P.kwargs) -> Result:
        """Call `function` in a thread and wait for it."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, partial(_call, partial(function, *args, **kwargs)))

    def close(self) -> None:
        """Wait for what runs, then end the threads."""
        self._executor.shutdown()


def _call(function: Callable[[], Result]) -> Result:
    try:
        return function()
    finally:
        close_old_connections()
        connections.close_all()
