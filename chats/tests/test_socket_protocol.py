"""What uvicorn's protocol does in our way: whole frames, in order, in few writes, no more than a reader takes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from functools import wraps
from typing import Any

import pytest
import uvicorn
import uvloop
from django.core.management import CommandError, call_command
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.server import ServerState
from websockets.asyncio.client import ClientConnection, connect
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed
from websockets.uri import parse_uri

from chats import socket_protocol
from chats.socket_protocol import MOST_GATHERED, Gathering, SocketProtocol

LENGTHS = [0, 1, 125, 126, 127, 65_535, 65_536, 200_000]


def on_uvloop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """The loop of `manage.py serve`, whose transports differ from asyncio's own."""

    @wraps(test)
    def run(*given: Any, **named: Any) -> None:
        uvloop.run(test(*given, **named))

    return run


class Written:
    """A transport that remembers."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.writes.append(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def get_write_buffer_size(self) -> int:
        return 0

    def get_extra_info(self, name: str) -> None:
        return None

    def pause_reading(self) -> None:
        pass

    resume_reading = pause_reading


@asynccontextmanager
async def serving(application: Any, **options: Any) -> AsyncIterator[str]:
    config = uvicorn.Config(
        application, port=0, ws=SocketProtocol, ws_per_message_deflate=False, lifespan="off", log_config=None, **options
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
        await asyncio.sleep(0.01)
    try:
        yield f"ws://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"
    finally:
        server.should_exit = True
        await task


def open_socket(url: str) -> connect:
    return connect(url, max_size=None, max_queue=1, compression=None, close_timeout=0.5)


@on_uvloop
async def test_one_turn_is_one_write_in_order() -> None:
    transport: Any = Written()
    gathering = Gathering(transport)
    gathering.write(b"one ")
    gathering.write(b"two")
    assert transport.writes == []
    await asyncio.sleep(0)
    gathering.write(b"three")
    await asyncio.sleep(0)
    assert transport.writes == [b"one two", b"three"]


@on_uvloop
async def test_much_is_written_at_once() -> None:
    transport: Any = Written()
    Gathering(transport).write(bytes(MOST_GATHERED))
    assert len(transport.writes) == 1


@on_uvloop
async def test_what_was_written_goes_before_the_close_and_nothing_after() -> None:
    transport: Any = Written()
    gathering = Gathering(transport)
    gathering.write(b"last")
    gathering.close()
    gathering.write(b"too late")
    await asyncio.sleep(0)
    assert transport.writes == [b"last"]


@on_uvloop
async def test_frames_of_every_length_arrive_in_order_and_then_the_close() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        for length in LENGTHS:
            await send({"type": "websocket.send", "text": "x" * length})
        await send({"type": "websocket.send", "text": "\N{SNOWMAN}"})
        await send({"type": "websocket.send", "bytes": b"bytes"})
        await send({"type": "websocket.close", "code": 4409})

    async with serving(application) as url, open_socket(url) as socket:
        got = [await socket.recv() for _ in range(len(LENGTHS) + 2)]
        assert got == [*("x" * length for length in LENGTHS), "\N{SNOWMAN}", b"bytes"]
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert socket.close_code == 4409


@on_uvloop
async def test_a_reader_that_reads_nothing_stops_the_sender() -> None:
    sent = 0

    async def application(scope: Any, receive: Any, send: Any) -> None:
        nonlocal sent
        await receive()
        await send({"type": "websocket.accept"})
        while True:
            await send({"type": "websocket.send", "text": "x" * 1024})
            sent += 1

    async def settled() -> int:
        before = -1
        while before != sent:
            before = sent
            await asyncio.sleep(0.3)
        return sent

    async with serving(application) as url, open_socket(url) as socket:
        held = await settled()
        assert 0 < held < 64 * 1024  # the kernel's buffers, and not the whole of an endless stream
        await read(socket, held)
        assert await settled() > held


async def read(socket: ClientConnection, count: int) -> None:
    for _ in range(count):
        assert await socket.recv() == "x" * 1024


@on_uvloop
async def test_a_socket_that_was_cut_ends_its_application() -> None:
    ended = asyncio.Event()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        assert (await receive())["type"] == "websocket.disconnect"
        try:
            await send({"type": "websocket.send", "text": "nobody"})
        finally:
            ended.set()

    async with serving(application) as url:
        async with open_socket(url) as socket:
            socket.transport.abort()
        await asyncio.wait_for(ended.wait(), 5)


@on_uvloop
async def test_who_neither_reads_nor_answers_loses_the_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_protocol, "CLOSE_SECONDS", 0.2)
    ended = asyncio.Event()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        try:
            while True:
                await send({"type": "websocket.send", "text": "x" * 1024})
        finally:
            ended.set()

    async with (
        serving(application, ws_ping_interval=0.1, ws_ping_timeout=0.1) as url,
        open_socket(url) as socket,
    ):
        socket.transport.pause_reading()
        await asyncio.wait_for(ended.wait(), 5)


@on_uvloop
async def test_a_turn_of_an_open_socket_is_one_write() -> None:
    protocol, transport, _ = await opened()
    for length in LENGTHS[:4]:
        await protocol.send({"type": "websocket.send", "text": "x" * length})
    await asyncio.sleep(0)
    assert len(transport.writes) == 1


@on_uvloop
async def test_half_a_message_is_let_go_with_its_socket() -> None:
    protocol, _, _ = await opened()
    first = b"\x01\xfe\x04\x00" + bytes(4) + bytes(1024)  # the first part of a text, masked with zeros
    half = b"\x00\xff" + (1 << 20).to_bytes(8, "big") + bytes(4) + bytes(100_000)
    protocol.data_received(first + half)
    assert len(protocol.conn.reader.buffer) >= 100_000
    assert protocol.frames
    protocol.connection_lost(None)
    assert len(protocol.conn.reader.buffer) == 0
    assert not protocol.frames


@on_uvloop
async def test_who_sends_after_the_other_side_closed_is_told() -> None:
    protocol, transport, client = await opened()
    client.send_close(1000)
    protocol.data_received(b"".join(client.data_to_send()))
    with pytest.raises(ClientDisconnected):
        await protocol.send({"type": "websocket.send", "text": "too late"})
    await asyncio.sleep(0)
    assert len(transport.writes) == 1  # the closing


async def opened() -> tuple[SocketProtocol, Any, ClientProtocol]:
    """A protocol with an open socket, what it writes to, and who speaks to it."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    config = uvicorn.Config(application, ws_per_message_deflate=False, lifespan="off", log_config=None)
    config.load()
    protocol = SocketProtocol(config, ServerState(), {})
    transport: Any = Written()
    protocol.connection_made(transport)
    client = ClientProtocol(parse_uri("ws://localhost/"))
    client.send_request(client.connect())
    protocol.data_received(b"".join(client.data_to_send()))
    while not transport.writes:  # noqa: ASYNC110  # nothing tells of it
        await asyncio.sleep(0)
    client.receive_data(b"".join(transport.writes))
    transport.writes.clear()
    return protocol, transport, client


def test_with_another_version_of_what_it_overrides_nothing_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(socket_protocol.WRITTEN_FOR, "uvicorn", "0.1")
    with pytest.raises(CommandError, match="uvicorn"):
        call_command("serve", "--port", "0")
