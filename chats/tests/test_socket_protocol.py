"""What uvicorn's protocol does in our way: whole frames, in order, in few writes, no more than a reader takes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from chats.socket_protocol import MOST_GATHERED, Gathering, SocketProtocol

LENGTHS = [0, 1, 125, 126, 127, 65_535, 65_536, 200_000]


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


@asynccontextmanager
async def serving(application: Any) -> AsyncIterator[str]:
    config = uvicorn.Config(
        application, port=0, ws=SocketProtocol, ws_per_message_deflate=False, lifespan="off", log_config=None
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
    return connect(url, max_size=None, max_queue=1, compression=None)


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


async def test_much_is_written_at_once() -> None:
    transport: Any = Written()
    Gathering(transport).write(bytes(MOST_GATHERED))
    assert len(transport.writes) == 1


async def test_what_was_written_goes_before_the_close_and_nothing_after() -> None:
    transport: Any = Written()
    gathering = Gathering(transport)
    gathering.write(b"last")
    gathering.close()
    gathering.write(b"too late")
    await asyncio.sleep(0)
    assert transport.writes == [b"last"]


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
