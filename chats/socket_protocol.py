"""uvicorn's WebSocket protocol, with the two things that cost most of it done by hand.

What is written in one turn of the event loop leaves in one system call (uvloop makes one a frame: a commit of 800
messages was 1,600), and a text frame of an open socket gets its head here instead of through six calls of websockets.
Everything else, the reading and the closing, is as it was, but that a closing waits for nobody who does not read.
"""

from __future__ import annotations

import asyncio
from asyncio.transports import BaseTransport, Transport
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
    """A transport that writes once a turn of its loop. In order, and nothing is written after a close."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._parts: list[bytes] = []
        self._size = 0
        self._loop = asyncio.get_running_loop()

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

    def close(self) -> None:
        self._leave()
        self._transport.close()
        if self._transport.get_write_buffer_size():
            # The transport ends when all of it is read, which may be never.
            self._loop.call_later(CLOSE_SECONDS, self._transport.abort)


class SocketProtocol(WebSocketsSansIOProtocol):
    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(cast(BaseTransport, Gathering(cast(Transport, transport))))

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
