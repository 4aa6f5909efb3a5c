"""`manage.py jobs`: the periodic work, where the serving processes do not do it themselves."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from chats import jobs
from chats.delivery.between import Teller


class Command(BaseCommand):
    help = "Run the periodic jobs, again and again until SIGTERM."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="run each once and end")

    def handle(self, *args: Any, **options: Any) -> None:
        asyncio.run(_run(once=options["once"]))


async def _run(*, once: bool) -> None:
    async with Teller():
        if once:
            await jobs.run_in_threads()
            return
        task = asyncio.create_task(jobs.run_forever())
        for one in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(one, task.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await task
