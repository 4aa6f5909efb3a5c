"""A real server process on the test's own database, for what only a process can show: its death, and its farewell."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings
from django.db import connection
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from chats.tests.people import Phone

ROOT = Path(__file__).resolve().parent.parent.parent


def database_url() -> str:
    """The database of this test, as a process started now would be told of it."""
    known = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{known['NAME']}"
    return f"postgres://{known['USER']}:{known['PASSWORD']}@{known['HOST']}:{known['PORT']}/{known['NAME']}"


@dataclass
class Served:
    """`manage.py serve` on a free port."""

    settings: dict[str, str] = field(default_factory=dict)  # over those of this test
    process: subprocess.Popen[str] = field(init=False)
    port: int = field(init=False)

    def start(self) -> None:
        ours = {
            "DATABASE_URL": database_url(),
            "DATA_DIR": str(settings.DATA_DIR),
            "SEND_BURST": "100000",
            "DRAIN_SECONDS": "0.2",
            "DJANGO_SETTINGS_MODULE": "messenger.settings",
        }
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "serve", "--port", "0"],
            cwd=ROOT,
            env={**os.environ, **ours, **self.settings},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("Messenger is at http://"), line
        self.port = int(line.rsplit(":", 1)[1])

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def connect(self, phone: Phone) -> connect:
        return connect(
            f"ws://127.0.0.1:{self.port}/ws/v1",
            subprotocols=[Subprotocol("messenger.v1")],
            additional_headers={"Authorization": f"Bearer {phone.access}"},
            compression=None,
        )


async def hear(socket: ClientConnection) -> dict[str, Any]:
    frame: dict[str, Any] = orjson.loads(await socket.recv())
    return frame


async def say(socket: ClientConnection, frame: dict[str, Any]) -> None:
    await socket.send(orjson.dumps(frame).decode())


async def close_code(socket: ClientConnection, kinds: list[str]) -> int | None:
    """Hear to the end: the types of all frames, and the code of the close."""
    try:
        while True:
            kinds.append((await hear(socket))["type"])
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else None
