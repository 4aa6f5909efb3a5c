"""The load: senders and recipients on real sockets, in a process of their own, as cheap as Python allows.

Frames are built before the clock starts and sent with a zero mask, so that most of what is measured is the server.
Reads a JSON task from stdin: {"urls": [sender's port, recipient's port], "pairs", "window", "rate", "seconds"}.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
import uuid
from collections.abc import Callable
from typing import Any

import orjson
import uvloop

from messenger.lib.base64url import encode

ENVELOPE_BYTES = 512
WARM_UP = 1.0


def ciphertext() -> str:
    """A body of the ratchet's outer shape, with an F of its own."""
    body = ENVELOPE_BYTES - (19 + 2 + 64 + 3 + 2 + 32 + 1)
    return encode(
        b"\x86\x01\x50" + bytes(16) + b"\x58\x40" + bytes(64) + b"\x59" + body.to_bytes(2, "big") + bytes(body)
        + b"\x58\x20" + os.urandom(32) + b"\xf6"
    )  # fmt: skip


def frame(text: bytes) -> bytes:
    """A masked text frame of RFC 6455; a mask of zeros leaves the text as it is."""
    if len(text) < 126:
        return bytes((0x81, 0x80 | len(text))) + bytes(4) + text
    if len(text) < 65536:
        return b"\x81\xfe" + len(text).to_bytes(2, "big") + bytes(4) + text
    return b"\x81\xff" + len(text).to_bytes(8, "big") + bytes(4) + text


class Socket(asyncio.Protocol):
    """The least of a WebSocket client."""

    def __init__(self, port: int, access: str, heard: Callable[[Any, list[bytes]], None]) -> None:
        self._port, self._access, self._heard = port, access, heard
        self._buffer = b""
        self._open = False
        self.ready = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(
            f"GET /ws/v1 HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Protocol: messenger.v1\r\nAuthorization: Bearer {self._access}\r\n\r\n".encode()
        )

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ready.done():
            self.ready.set_exception(RuntimeError(f"the server refused the socket: {self._buffer[:300]!r}"))

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        at, end, texts = 0, len(buffer), []
        if not self._open:
            head = buffer.find(b"\r\n\r\n")
            if head < 0 or not buffer.startswith(b"HTTP/1.1 101"):
                self._buffer = buffer
                return
            self._open, at = True, head + 4
        while end - at >= 2:
            opcode, length, start = buffer[at] & 15, buffer[at + 1], at + 2
            if length == 126:
                if end - at < 4:
                    break
                length, start = int.from_bytes(buffer[at + 2 : at + 4], "big"), at + 4
            elif length == 127:
                if end - at < 10:
                    break
                length, start = int.from_bytes(buffer[at + 2 : at + 10], "big"), at + 10
            if end - start < length:
                break
            if opcode == 1:
                texts.append(buffer[start : start + length])
            elif opcode == 8:
                code = int.from_bytes(buffer[start : start + 2], "big")
                print(f"the server closed a socket with {code}", file=sys.stderr)
            elif opcode == 9:  # ping
                self.transport.write(b"\x8a" + bytes((0x80 | length,)) + bytes(4) + buffer[start : start + length])
            at = start + length
        self._buffer = buffer[at:]
        if texts:
            if not self.ready.done() and any(b'"queue.empty"' in text for text in texts):
                self.ready.set_result(None)
            self._heard(self, texts)


async def connect(port: int, access: str, heard: Callable[[Any, list[bytes]], None]) -> Socket:
    loop = asyncio.get_running_loop()
    _, socket = await loop.create_connection(lambda: Socket(port, access, heard), "127.0.0.1", port)
    await socket.ready
    return socket


class Pair:
    """One sender, one recipient. `window` unanswered sends at most, or as many a second as the clock says."""

    def __init__(self, sender: dict[str, str], recipient: dict[str, str], frames: int) -> None:
        self.sender, self.recipient = sender, recipient
        lists = {recipient["account"]: recipient["list"], sender["account"]: sender["list"]}
        self.prepared = [
            frame(
                orjson.dumps(
                    {
                        "type": "message.send",
                        "id": str(number),
                        "message_id": str(uuid.UUID(bytes=os.urandom(16))),
                        "to": recipient["account"],
                        "lists": lists,
                        "envelopes": [{"device": recipient["device"], "body": ciphertext()}],
                    }
                )
            )
            for number in range(frames)
        ]
        self.accepted = self.delivered = self.refused = self.sent = 0
        self.stopped = False
        self.window = 0
        self.latencies: list[float] = []
        self.due: dict[bytes, float] = {}

    async def open(self, ports: list[int]) -> None:
        self.out = await connect(ports[0], self.sender["access"], self._sender_heard)
        self.into = await connect(ports[1], self.recipient["access"], self._recipient_heard)

    def refill(self) -> None:
        """Keep the window full: a send counts until it is both answered and delivered."""
        free = self.window - (self.sent - min(self.accepted, self.delivered))
        # Not one by one: a client that writes has more than one frame to write.
        if free >= self.window // 8 > 0:
            self.send(free)

    def send(self, count: int) -> None:
        first = self.sent
        self.sent = min(len(self.prepared), first + count)
        if self.sent > first and not self.stopped:
            self.out.transport.write(b"".join(self.prepared[first : self.sent]))

    def _sender_heard(self, socket: Socket, texts: list[bytes]) -> None:
        answers = 0
        for text in texts:
            if text.startswith(b'{"type":"message.accepted"'):
                answers += 1
            elif text.startswith(b'{"type":"rejected"'):
                answers += 1
                self.refused += 1
                if self.refused == 1:
                    print(text[:300], file=sys.stderr)
        self.accepted += answers
        self.refill()

    def _recipient_heard(self, socket: Socket, texts: list[bytes]) -> None:
        positions = []
        now = time.perf_counter()
        for text in texts:
            if text.startswith(b'{"type":"envelope","envelope":'):
                positions.append(text[30 : text.index(b",", 30)])
                if self.due:
                    message_id = text[text.index(b'"message_id":"') + 14 :][:36]
                    self.latencies.append(now - self.due.pop(message_id, now))
        if positions:
            self.delivered += len(positions)
            self.refill()
            socket.transport.write(frame(b'{"type":"ack","envelopes":[' + b",".join(positions) + b"]}"))


async def closed_loop(pairs: list[Pair], window: int, seconds: float, mark: Callable[[str], None]) -> dict[str, Any]:
    for pair in pairs:
        pair.window = max(8, window // len(pairs))
        pair.refill()
    await asyncio.sleep(WARM_UP)
    mark("start")
    before, started = sum(pair.delivered for pair in pairs), time.perf_counter()
    await asyncio.sleep(seconds)
    after, ended = sum(pair.delivered for pair in pairs), time.perf_counter()
    mark("end")
    exhausted = any(pair.sent >= len(pair.prepared) for pair in pairs)
    for pair in pairs:
        pair.stopped = True
    for _ in range(50):  # what is under way arrives, and is acknowledged, before the next run
        await asyncio.sleep(0.1)
        if all(pair.delivered >= pair.accepted >= pair.sent for pair in pairs):
            break
    await asyncio.sleep(0.2)
    return {
        "messages": after - before,
        "seconds": ended - started,
        "refused": sum(pair.refused for pair in pairs),
        "lost": sum(pair.accepted - pair.refused - pair.delivered for pair in pairs),
        "exhausted": exhausted,
    }


async def open_loop(pairs: list[Pair], rate: float, seconds: float, mark: Callable[[str], None]) -> dict[str, Any]:
    mark("start")
    started = time.perf_counter()
    for number in range(int(rate * seconds)):
        pair = pairs[number % len(pairs)]
        due = started + number / rate
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        text = pair.prepared[pair.sent]
        message_id = text[text.index(b'"message_id":"') + 14 :][:36]
        pair.due[message_id] = due
        pair.send(1)
    await asyncio.sleep(0.5)
    mark("end")
    latencies = sorted(1000 * one for pair in pairs for one in pair.latencies)
    return {
        "messages": len(latencies),
        "seconds": seconds,
        "p50_ms": latencies[len(latencies) // 2],
        "p99_ms": latencies[int(len(latencies) * 0.99)],
        "max_ms": latencies[-1],
        "lost": sum(len(pair.due) for pair in pairs),
    }


async def main() -> None:
    task = json.load(sys.stdin)
    frames = int(task["frames"] / len(task["pairs"]))
    pairs = [Pair(sender, recipient, frames) for sender, recipient in task["pairs"]]
    for number, pair in enumerate(pairs):
        # Every other one the other way round, so that each of two processes writes.
        await pair.open(task["ports"][:: -1 if number % 2 else 1])

    def mark(name: str) -> None:
        print(json.dumps({"mark": name}), flush=True)

    if task["rate"]:
        result = await open_loop(pairs, task["rate"], task["seconds"], mark)
    else:
        result = await closed_loop(pairs, task["window"], task["seconds"], mark)
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    uvloop.run(main())
