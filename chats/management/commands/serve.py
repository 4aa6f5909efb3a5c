"""`manage.py serve`: this server in production, on uvicorn. Ends on SIGTERM when everything it took is written."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from chats import jobs
from chats.delivery import delivery
from chats.limits import FRAME_BYTES
from chats.socket_protocol import SocketProtocol, unknown_versions
from messenger import health


class Command(BaseCommand):
    help = "Serve HTTP and sockets."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=settings.HOST)
        parser.add_argument("--port", type=int, default=settings.PORT, help="0 takes a free one")

    def handle(self, *args: Any, **options: Any) -> None:
        if unknown := unknown_versions():
            raise CommandError(f"chats/socket_protocol.py was not written for {unknown}: install requirements.txt.")
        config = uvicorn.Config(
            "messenger.asgi:application",
            host=options["host"],
            port=options["port"],
            loop="uvloop",
            http="httptools",
            ws=SocketProtocol,
            ws_per_message_deflate=False,  # ciphertext does not shrink
            ws_max_size=FRAME_BYTES + 64 * 1024,  # a little more than allowed: it is answered with 4413
            lifespan="on",
            access_log=False,
            log_config=None,
            log_level="warning",  # uvicorn logs the address of every socket at info
            server_header=False,
            proxy_headers=False,  # uvicorn would believe X-Forwarded-* of anybody on this machine
            timeout_graceful_shutdown=5,
        )
        Server(config, say=self.stdout.write).run()


class Server(uvicorn.Server):
    """Says where it serves, runs the jobs where nobody else does, and drains before it ends."""

    def __init__(self, config: uvicorn.Config, say: Any) -> None:
        super().__init__(config)
        self._say = say
        self._jobs: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        _settle_garbage()
        if jobs.embedded():
            self._jobs = asyncio.get_running_loop().create_task(jobs.run_forever())
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        self._say(f"Messenger is at http://{f'[{host}]' if ':' in host else host}:{port}")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        health.start_draining()
        if self._jobs is not None:
            self._jobs.cancel()
        await (await delivery.running()).drain(settings.DRAIN_SECONDS)
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn raises the signal again when it is done, and would end with its number instead of 0.
        before = {one: signal.signal(one, self.handle_exit) for one in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)


def _settle_garbage() -> None:
    """What was imported stays to the end: it is looked through for garbage no more.

    By default every 700 new objects are a reason to look, which is every fiftieth message: a seventh of the time that
    a message takes. References are counted all the same; the collector only finds circles, and messages make none.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
