"""uvicorn's WebSocket protocol, with what costs most of it done by hand.

What is written in one turn of the event loop leaves in one system call (uvloop makes one a frame: a commit of 800
messages was 1,600), and a text frame of an open socket gets its head here instead of through six calls of websockets.
uvicorn stops the reading after each frame until it was taken, two system calls: here only if more comes before that.
Everything else, the closing too, is as it was, but that a closing waits for nobody who does not read.
"""

from __future__ import annotations

import asyncio
from asyncio.transports import BaseTransport, Transport
from collections import deque
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import OPEN

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent

# What is overridden here is no interface: read both again before these change.
WRITTEN_FOR = {"uvicorn": "0.54.0", "websockets": "17.4"}
MOST_GATHERED = 64 * 1024  # bytes that wait for the end of the turn: what uvloop itself holds before it says stop
CLOSE_SECONDS = 10.0  # that the other side gets to read what was written before a close


def unknown_versions() -> dict[str, str]:
    """The packages that are not what this was written for, and their versions."""
    return {name: version(name) for name, known in WRITTEN_FOR.items() if version(name) != known}


class Gathering:
    """A transport that writes once a turn of its loop. In order, and nothing is written after a close.

    It stops reading only when more has come since it was told to: see `came`.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._parts: list[bytes] = []
        self._size = 0
        self._loop = asyncio.get_running_loop()
        self.held = False  # nothing more should be read
        self._is_paused = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self._parts:
            self._loop.call_soon(self._leave)
        self._parts.append(data)
        self._size += len(data)
        if self._size >= MOST_GATHERED:
            self._leave()  # so that a slow reader is noticed: the transport pauses the writing

    def _leave(self) -> None:
        parts, self._parts, self._size = self._parts, [], 0
        if parts and not self._transport.is_closing():
            self._transport.write(b"".join(parts))

    def pause_reading(self) -> None:
        self.held = True

    def resume_reading(self) -> None:
        self.held = False
        if self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()

    def came(self) -> None:
        """More has come although nothing more should be read. It is the last."""
        if self.held and not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()

    def close(self) -> None:
        self._leave()
        self._transport.close()
        if self._transport.get_write_buffer_size():
            # The transport ends when all of it is read, which may be never.
            self._loop.call_later(CLOSE_SECONDS, self._transport.abort)


class Received:
    """The events that an application has not taken yet: as much of asyncio.Queue as is used, for one who takes."""

    __slots__ = ("_events", "_waiting")

    def __init__(self) -> None:
        self._events: deque[Any] = deque()
        self._waiting: asyncio.Future[None] | None = None

    def put_nowait(self, event: Any) -> None:
        self._events.append(event)
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def empty(self) -> bool:
        return not self._events

    async def get(self) -> Any:
        while not self._events:
            self._waiting = asyncio.get_running_loop().create_future()
            try:
                await self._waiting
            finally:
                self._waiting = None
        return self._events.popleft()


class SocketProtocol(WebSocketsSansIOProtocol):
    def connection_made(self, transport: BaseTransport) -> None:
        self.gathering = Gathering(cast(Transport, transport))
        self.queue: asyncio.Queue[Any] = cast("asyncio.Queue[Any]", Received())
        super().connection_made(cast(BaseTransport, self.gathering))

    def data_received(self, data: bytes) -> None:
        was_held = self.gathering.held
        super().data_received(data)
        if was_held:
            self.gathering.came()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        # What came of a message that is never whole now. The objects refer to each other, and the collector comes
        # rarely: without this a process holds the halves of thousands of sockets that are gone.
        self.conn.reader.discard()
        self.frames = []

    async def send(self, message: ASGISendEvent) -> None:
        text = message.get("text")
        if text is None or not self._is_open():
            await super().send(message)
            return
        data = cast(str, text).encode()
        self.transport.write(_head(len(data)) + data)

    def _is_open(self) -> bool:
        # The other side may have closed it already: the original refuses to send then, and so ends who sends.
        is_open = self.conn.state is OPEN and not self.close_sent and not self.disconnected
        return is_open and self.writable.is_set()


def _head(length: int) -> bytes:
    """Before the payload of a whole, unmasked text frame (RFC 6455, 5.2)."""
    if length < 126:
        return bytes((0x81, length))
    if length < 65_536:
        return b"\x81\x7e" + length.to_bytes(2, "big")
    return b"\x81\x7f" + length.to_bytes(8, "big")
