"""The socket as Channels sees it: a thin adapter between ASGI and delivery. It decides nothing about messages.

Its `__call__` reads `receive` itself. Channels' own dispatch starts two tasks a frame (await_many_dispatch) and calls
aclose_old_connections through a thread for each (about 50 us): an echo does 14,000 frames/s with them and 44,000
without, on the two cores of the design figures.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from channels.consumer import AsyncConsumer

from chats.delivery.connection import Connection
from chats.delivery.delivery import Delivery, running
from chats.handshake import SUBPROTOCOL, Page, Speaker, greet, introduce
from chats.ids import AccountId, DeviceId
from chats.limits import BACKLOG_FRAMES, BACKLOG_SIZE, HANDSHAKE_SECONDS, READ_AHEAD_FRAMES, READ_AHEAD_SIZE
from messenger.lib import problem
from messenger.lib.errors import DomainError, Unavailable

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


class DeviceConsumer(AsyncConsumer):  # type: ignore[misc]  # Channels has no types
    """One socket of one device: of a program with a bearer token, or of a signed-in page."""

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        try:
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                delivery = await running()
                speaker = await greet(scope, delivery)
        except TimeoutError:
            await _refuse(scope, send, Unavailable(retry_after=1))
            return
        except DomainError as error:
            await _refuse(scope, send, error)
            return
        await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL})
        socket = Socket(send)
        try:
            introduced = await introduce(delivery, speaker, socket, receive) if isinstance(speaker, Page) else speaker
            if introduced is None:
                await socket.written()
            else:
                await _speak(delivery, introduced, socket, receive)
        finally:
            await socket.finish()


async def _speak(delivery: Delivery, speaker: Speaker, socket: Socket, receive: Receive) -> None:
    """The socket speaks for its device until one side closes it."""
    credentials, listed = speaker.credentials, speaker.listed
    connection = Connection(
        socket,
        account=AccountId(str(credentials.account_id)),
        device=DeviceId(str(credentials.device_id)),
        session=str(credentials.session_id),
        browser=speaker.browser,
        expires_at=credentials.expires_at,
        listed=str(credentials.device_id) in listed.devices,
        list_version=listed.version,
    )
    delivery.connect(connection)
    try:
        await _read(delivery, connection, socket, receive)
    finally:
        delivery.disconnect(connection)


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
        slow = delivery.on_frame(connection, text)  # type: ignore[arg-type]  # of one that is open it is text
        if slow is not None:
            await slow
        if socket.behind:
            # Who does not read is not read: neither side's backlog grows beyond this.
            await socket.written()
        if delivery.acks.overloaded(connection):
            await delivery.acks.caught_up(connection)


async def _refuse(scope: dict[str, Any], send: Send, error: DomainError) -> None:
    """Before the socket is open a refusal is an HTTP answer, where the server can give one; else a plain 403."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 4401})
        return
    headers = list(problem.RAW_HEADERS)
    if error.retry_after is not None:
        headers.append((b"retry-after", str(max(1, math.ceil(error.retry_after))).encode()))
    await send({"type": "websocket.http.response.start", "status": error.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": orjson.dumps(problem.body(error))})


class Socket:
    """What a connection writes to: frames in order, one task while there are any and none while there are none."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._frames: deque[dict[str, Any]] = deque()
        self._size = 0  # characters of them
        self._task: asyncio.Task[None] | None = None
        self._broken = False

    @property
    def full(self) -> bool:
        """More waits for the reader than a socket may hold."""
        return len(self._frames) >= BACKLOG_FRAMES or self._size >= BACKLOG_SIZE

    @property
    def behind(self) -> bool:
        """So much waits for the reader that nothing more should be done for it."""
        return len(self._frames) > READ_AHEAD_FRAMES or self._size > READ_AHEAD_SIZE

    def write(self, text: str) -> None:
        self._put({"type": "websocket.send", "text": text}, len(text))

    def close(self, code: int) -> None:
        if self.behind:  # the reader is not there to read them
            self._forget()
        self._put({"type": "websocket.close", "code": code})

    def _forget(self) -> None:
        self._frames.clear()
        self._size = 0

    def _put(self, event: dict[str, Any], size: int = 0) -> None:
        if not self._broken:
            self._frames.append(event)
            self._size += size
            if self._task is None:
                self._task = asyncio.get_running_loop().create_task(self._flush())

    async def _flush(self) -> None:
        frames = self._frames
        try:
            while frames:
                frame = frames.popleft()
                self._size -= len(frame.get("text", ""))
                await self._send(frame)  # waits for a slow reader
        except Exception:  # the other side is gone: its receive loop ends with a disconnect of its own
            self._broken = True
            self._forget()
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
