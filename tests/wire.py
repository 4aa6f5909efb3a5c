"""A device on the wire, for what its client never does: choose a process, say too much, look at how a socket ends."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.stacks import Stack

PATIENCE = 10.0  # seconds to wait for a frame that has to come
SIGN_IN = """
import json
from django.utils import timezone
from accounts.models import User
from accounts.services.sessions import open_session
for user in User.objects.filter(username__in={names}):
    device = user.devices.get()
    access = open_session(user=user, device=device, now=timezone.now()).access
    print(json.dumps([user.username, str(user.pk), str(device.pk), access]))
"""


@dataclass(frozen=True)
class Answer:
    """What a request was answered."""

    status: int
    body: dict[str, Any]


def call(url: str, path: str, body: object = None, *, access: str = "", **headers: str) -> Answer:
    """Ask the API at `url`: GET without a body, POST with one."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(
        f"{url}/api/v1/{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers=headers | {"Authorization": f"Bearer {access}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return Answer(answer.status, json.loads(answer.read() or b"{}"))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, json.loads(error.read()))


@dataclass(frozen=True)
class Wire:
    """Somebody's only device, with a token of its own."""

    account: str
    device: str
    access: str

    def call(self, url: str, path: str, body: object = None) -> Answer:
        return call(url, path, body, access=self.access)

    @contextmanager
    def online(self, url: str) -> Iterator[Socket]:
        """A socket at this process, past its greeting."""
        with connect(
            url.replace("http", "ws", 1) + "/ws/v1",
            subprotocols=[Subprotocol("messenger.v1")],
            additional_headers={"Authorization": f"Bearer {self.access}"},
        ) as connection:
            socket = Socket(connection)
            socket.get("queue.empty")
            yield socket


@dataclass(frozen=True)
class Socket:
    connection: ClientConnection

    def say(self, frame: dict[str, Any]) -> None:
        self.connection.send(json.dumps(frame))

    def get(self, kind: str, *, within: float = PATIENCE) -> dict[str, Any]:
        """The next frame of this type; others are passed over."""
        while True:
            frame: dict[str, Any] = json.loads(self.connection.recv(timeout=within))
            if frame["type"] == kind:
                return frame

    def rest(self, *, within: float) -> tuple[list[str], int | None]:
        """The types of the frames that come within that time of each other, and how the socket ended if it did."""
        kinds: list[str] = []
        try:
            while True:
                kinds.append(json.loads(self.connection.recv(timeout=within))["type"])
        except TimeoutError:
            return kinds, None
        except ConnectionClosed as closed:
            return kinds, closed.rcvd.code if closed.rcvd else 1006


def wires(stack: Stack, *names: str) -> list[Wire]:
    """Sign the only devices of these people in, as a process that serves nobody does."""
    printed = stack.manage("shell", "-c", SIGN_IN.format(names=names))
    found = {name: Wire(*rest) for name, *rest in map(json.loads, printed.strip().splitlines()[-len(names) :])}
    return [found[name] for name in names]
