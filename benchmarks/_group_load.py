"""The load of a group chat: one device that sends, hundreds that read and acknowledge, in a process of their own.

Reads a JSON task from stdin: what _group_people prints, and {"port", "window"}.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
import urllib.request
import uuid
from typing import Any

import orjson
import uvloop

from benchmarks._load import Socket, connect, frame

PER_FRAME = 20  # envelopes in a device.send
QUIET = 0.4  # seconds between two parts, in which what is under way is acknowledged


class Crowd:
    """All devices but the sender's. What arrives is counted by message, and acknowledged."""

    def __init__(self) -> None:
        self.reached: dict[bytes, int] = {}
        self.last: dict[bytes, float] = {}
        self.deliveries = self.changes = 0
        self.sockets: list[Socket] = []

    def heard(self, socket: Socket, texts: list[bytes]) -> None:
        positions = []
        for text in texts:
            if text.startswith(b'{"type":"envelope","envelope":'):
                positions.append(text[30 : text.index(b",", 30)])
                message_id = text[text.index(b'"message_id":"') + 14 :][:36]
                self.reached[message_id] = self.reached.get(message_id, 0) + 1
                self.last[message_id] = time.perf_counter()
            elif text.startswith(b'{"type":"group.changed"'):
                self.changes += 1
        if positions:
            self.deliveries += len(positions)
            socket.transport.write(frame(b'{"type":"ack","envelopes":[' + b",".join(positions) + b"]}"))


class Sender:
    def __init__(self) -> None:
        self.answers, self.refused, self.bytes = 0, 0, 0

    def heard(self, socket: Socket, texts: list[bytes]) -> None:
        for text in texts:
            if text.startswith((b'{"type":"message.accepted"', b'{"type":"done"')):
                self.answers += 1
            elif text.startswith(b'{"type":"rejected"'):
                self.refused += 1
                print(text[:300], file=sys.stderr)

    def send(self, members: dict[str, Any]) -> bytes:
        text = orjson.dumps(members)
        self.bytes += len(text)
        self.socket.transport.write(frame(text))
        return str(members["message_id"]).encode()

    async def open(self, port: int, access: str) -> None:
        self.socket = await connect(port, access, self.heard)


async def until(condition: Any, seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  # what is waited for comes from sockets
            await asyncio.sleep(0.0005)


def post(port: int, path: str, access: str, body: Any) -> float:
    """Ask over REST. How many seconds it took."""
    headers = {"Authorization": f"Bearer {access}", "Content-Type": "application/json"}
    asked = urllib.request.Request(f"http://127.0.0.1:{port}/api/v1/{path}", orjson.dumps(body), headers)
    started = time.perf_counter()
    with urllib.request.urlopen(asked) as answer:
        answer.read()
    return time.perf_counter() - started


async def one_by_one(sender: Sender, crowd: Crowd, messages: list[Any], devices: int) -> list[float]:
    """Milliseconds from each message to the last device."""
    took = []
    for members in messages:
        started = time.perf_counter()
        name = sender.send(members)
        await until(lambda name=name: crowd.reached.get(name, 0) >= devices)
        took.append(1000 * (crowd.last[name] - started))
        await asyncio.sleep(0.05)  # its acknowledgements are not part of the next one
    await asyncio.sleep(QUIET)
    return took


async def all_at_once(sender: Sender, crowd: Crowd, messages: list[Any], devices: int, window: int) -> float:
    """Deliveries a second, with a window of messages that have not reached everybody."""
    fresh = [members | {"message_id": str(uuid.uuid4())} for members in messages]
    before, started = crowd.deliveries, time.perf_counter()
    for number, members in enumerate(fresh):
        sender.send(members)
        await until(lambda sent=number + 1: crowd.deliveries - before >= (sent - window) * devices)
    await until(lambda: crowd.deliveries - before >= len(fresh) * devices)
    rate = (crowd.deliveries - before) / (time.perf_counter() - started)
    await asyncio.sleep(QUIET)
    return rate


async def tell_sender_key(sender: Sender, crowd: Crowd, task: dict[str, Any], devices: list[Any]) -> dict[str, float]:
    before, sent, started = crowd.deliveries, sender.bytes, time.perf_counter()
    for at in range(0, len(devices), PER_FRAME):
        envelopes = [one | {"body": task["sender_key"]} for one in devices[at : at + PER_FRAME]]
        name = str(uuid.uuid4())
        sender.send({"type": "device.send", "id": name, "message_id": name, "envelopes": envelopes})
    await until(lambda: crowd.deliveries - before >= len(devices))
    took = time.perf_counter() - started
    await asyncio.sleep(QUIET)
    return {"ms": 1000 * took, "bytes": sender.bytes - sent}


async def main() -> None:
    task = json.load(sys.stdin)
    port, (own, *accesses), path = task["port"], task["access"], f"groups/{task['group']}"
    crowd, sender = Crowd(), Sender()
    await sender.open(port, own)
    for access in accesses:
        crowd.sockets.append(await connect(port, access, crowd.heard))
    devices, loop = len(accesses), asyncio.get_running_loop()

    def mark(name: str) -> None:
        print(json.dumps({"mark": name}), flush=True)

    result: dict[str, Any] = {}
    created = await loop.run_in_executor(None, post, port, "groups", own, task["create"])
    await until(lambda: crowd.changes >= devices)
    result["create_ms"] = 1000 * created
    result["sender_key"] = [await tell_sender_key(sender, crowd, task, task["devices"])]
    sent = sender.bytes
    mark("start")
    result["before_ms"] = await one_by_one(sender, crowd, task["before"], devices)
    mark("end")
    result["message_bytes"] = sender.bytes - sent
    changes = crowd.changes
    removing = await loop.run_in_executor(None, post, port, f"{path}/operations", own, task["remove"])
    await until(lambda: crowd.changes - changes >= devices)
    result["remove_ms"] = 1000 * removing
    result["sender_key"].append(await tell_sender_key(sender, crowd, task, task["devices"][:-1]))
    sent, heard = sender.bytes, crowd.deliveries
    result["after_ms"] = await one_by_one(sender, crowd, task["after"], devices - 1)
    result["message_bytes"] += sender.bytes - sent
    result["to_the_removed"] = crowd.deliveries - heard - len(task["after"]) * (devices - 1)
    mark("load")
    result["deliveries_per_second"] = await all_at_once(sender, crowd, task["after"], devices - 1, task["window"])
    mark("done")
    result |= {"deliveries": crowd.deliveries, "refused": sender.refused, "loaded": len(task["after"]) * (devices - 1)}
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    uvloop.run(main())
