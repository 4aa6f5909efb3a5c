"""The socket as Channels sees it: a thin adapter between ASGI and delivery. It decides nothing about messages.

Its `__call__` reads `receive` itself. Channels' own dispatch starts two tasks a frame (await_many_dispatch) and calls
aclose_old_connections through a thread for each (about 50 us): an echo does 14,000 frames/s with them and 44,000
without, on the two cores of the design figures.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from channels.consumer import AsyncConsumer

from accounts.services import DeviceCredentials, authenticate_device
from chats import buckets
from chats.delivery.connection import Connection
from chats.delivery.delivery import Delivery, running
from chats.ids import AccountId, DeviceId
from chats.limits import HANDSHAKE_SECONDS
from chats.services.listing import NOBODY_LISTED, Listed, listed_devices
from messenger.lib import limits, problem
from messenger.lib.addresses import client_address
from messenger.lib.errors import DomainError, Malformed, NotSignedIn, TooManyRequests, Unavailable

logger = logging.getLogger(__name__)
SUBPROTOCOL = "messenger.v1"
MOST_READ_AHEAD = 200  # answers that wait for a slow reader, before its own frames are read no further

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


class DeviceConsumer(AsyncConsumer):  # type: ignore[misc]
    """One socket of one device."""

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        try:
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                delivery = await running()
                credentials, listed = await _authenticate(scope, delivery)
        except TimeoutError:
            await _refuse(scope, send, Unavailable(retry_after=1))
            return
        except DomainError as error:
            await _refuse(scope, send, error)
            return
        await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL})
        socket = Socket(send)
        connection = Connection(
            socket,
            account=AccountId(str(credentials.account_id)),
            device=DeviceId(str(credentials.device_id)),
            session=str(credentials.session_id),
            expires_at=credentials.expires_at,
            listed=str(credentials.device_id) in listed.devices,
            list_version=listed.version,
        )
        delivery.connect(connection)
        try:
            await _read(delivery, connection, socket, receive)
        finally:
            delivery.disconnect(connection)
            await socket.finish()


async def _read(delivery: Delivery, connection: Connection, socket: Socket, receive: Receive) -> None:
    while True:
        event = await receive()
        if event["type"] == "websocket.disconnect":
            return
        text = event.get("text")
        if text is None:
            connection.close(4400)
        if connection.closed:
            continue  # until the other side has seen the closing
        slow = delivery.on_frame(connection, text)  # type: ignore[arg-type]
        if slow is not None:
            await slow
        if socket.backlog > MOST_READ_AHEAD:
            # Who does not read is not read: neither side's backlog grows beyond this.
            await socket.written()
        if delivery.acks.overloaded(connection):
            await delivery.acks.caught_up(connection)


async def _authenticate(scope: dict[str, Any], delivery: Delivery) -> tuple[DeviceCredentials, Listed]:
    if delivery.draining:
        raise Unavailable("this process is about to end", retry_after=1)
    # Before the token is looked at: whoever has none may not ask the database without end.
    (await limits.ahit("address", _address_of(scope))).require()
    if SUBPROTOCOL not in scope.get("subprotocols", ()):
        raise Malformed(f"the subprotocol is {SUBPROTOCOL}")
    given = [value for name, value in scope["headers"] if name == b"authorization"]
    if len(given) != 1 or not given[0].startswith(b"Bearer "):
        raise NotSignedIn
    credentials, listed = await delivery.threads.run(_recognise, given[0].removeprefix(b"Bearer ").decode("latin-1"))
    if wait := buckets.sockets.take(DeviceId(str(credentials.device_id)), buckets.clock()):
        raise TooManyRequests("too many sockets were opened", retry_after=wait)
    return credentials, listed


def _address_of(scope: dict[str, Any]) -> str:
    """The network address to limit this socket by, as accounts does for requests."""
    peer, _ = scope.get("client") or ("", 0)
    forwarded = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
    return client_address(peer, ",".join(forwarded))


def _recognise(access: str) -> tuple[DeviceCredentials, Listed]:
    """Who a token speaks for, and which devices the account has listed."""
    credentials = authenticate_device(access)
    account = AccountId(str(credentials.account_id))
    return credentials, listed_devices([account]).get(account, NOBODY_LISTED)


async def _refuse(scope: dict[str, Any], send: Send, error: DomainError) -> None:
    """Before the socket is open a refusal is an HTTP answer, where the server can give one; else a plain 403."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 4401})
        return
    headers = [(b"content-type", problem.CONTENT_TYPE.encode())]
    if error.retry_after is not None:
        headers.append((b"retry-after", str(max(1, math.ceil(error.retry_after))).encode()))
    await send({"type": "websocket.http.response.start", "status": error.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": orjson.dumps(problem.body(error))})


class Socket:
    """What a connection writes to: frames in order, one task while there are any and none while there are none."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._frames: deque[dict[str, Any]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._broken = False

    @property
    def backlog(self) -> int:
        return len(self._frames)

    def write(self, text: str) -> None:
        self._put({"type": "websocket.send", "text": text})

    def close(self, code: int) -> None:
        if self.backlog > MOST_READ_AHEAD:
            self._frames.clear()  # the reader is not there to read them
        self._put({"type": "websocket.close", "code": code})

    def _put(self, event: dict[str, Any]) -> None:
        if not self._broken:
            self._frames.append(event)
            if self._task is None:
                self._task = asyncio.get_running_loop().create_task(self._flush())

    async def _flush(self) -> None:
        frames = self._frames
        try:
            while frames:
                await self._send(frames[0])  # waits for a slow reader
                frames.popleft()
        except Exception:  # the other side is gone: its receive loop ends with a disconnect of its own
            self._broken = True
            frames.clear()
        finally:
            self._task = None

    async def written(self) -> None:
        """Wait until nothing waits for the reader."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def finish(self) -> None:
        """The socket is over: nothing is written any more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
