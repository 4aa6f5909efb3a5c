"""Devices as the tests of chats use them: what they hold, how they build a send, and their socket."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from channels.testing import WebsocketCommunicator
from django.utils import timezone

from accounts.models import Device
from accounts.services.sessions import open_session
from chats.ids import AccountId, DeviceId, conversation_id
from messenger.asgi import application
from messenger.lib.base64url import encode
from tests.cast import Member

PATIENCE = 5.0  # seconds to wait for a frame that must come
SILENCE = 0.15  # seconds in which nothing may come


def ciphertext(tag: bytes | None = None, size: int = 400) -> str:
    """A body of the ratchet's outer shape: [1, session id, hdr, body, F, null]."""
    tag = tag or os.urandom(32)
    header, body = os.urandom(64), os.urandom(size)
    return encode(
        b"\x86\x01\x50" + os.urandom(16) + b"\x58\x40" + header + b"\x59" + size.to_bytes(2, "big") + body
        + b"\x58\x20" + tag + b"\xf6"
    )  # fmt: skip


@dataclass
class Phone:
    """One device of a member, signed in."""

    member: Member
    device: Device
    access: str = ""
    session: uuid.UUID | None = None

    @classmethod
    def sign_in(cls, member: Member, number: int = 0) -> Phone:
        device = member.devices[number]
        access = open_session(user=member.user, device=device, now=timezone.now()).access
        return cls(member, device, access)

    @property
    def account(self) -> AccountId:
        return AccountId(str(self.member.id))

    @property
    def id(self) -> DeviceId:
        return DeviceId(str(self.device.pk))

    def chat_with(self, other: Phone) -> str:
        return str(conversation_id(self.member.id, other.member.id))

    def message_to(self, other: Phone, **changes: Any) -> dict[str, Any]:
        """A whole `message.send` for every device of the other and every other one of one's own."""
        tag = os.urandom(32)
        devices = [*other.member.devices, *(one for one in self.member.devices if one.pk != self.device.pk)]
        return {
            "type": "message.send",
            "id": uuid.uuid4().hex,
            "message_id": str(uuid.uuid4()),
            "to": other.account,
            "lists": {other.account: encode(other.member.list_hash), self.account: encode(self.member.list_hash)},
            "envelopes": [{"device": str(one.pk), "body": ciphertext(tag)} for one in devices],
        } | changes

    def control_to(self, *others: Phone) -> dict[str, Any]:
        return {
            "type": "device.send",
            "id": uuid.uuid4().hex,
            "message_id": str(uuid.uuid4()),
            "envelopes": [{"account": one.account, "device": one.id, "body": ciphertext()} for one in others],
        }

    @asynccontextmanager
    async def online(self, *, greeted: bool = True) -> AsyncIterator[Socket]:
        """A socket of this device, past `hello` and `queue.empty` unless something waits."""
        socket = Socket(self)
        await socket.open()
        try:
            if greeted:
                await socket.get("hello")
                await socket.get("queue.empty")
            yield socket
        finally:
            await socket.leave()


@dataclass
class Socket:
    phone: Phone
    headers: list[tuple[bytes, bytes]] | None = None
    subprotocols: Sequence[str] = ("messenger.v1",)
    wire: Any = field(init=False)

    async def open(self) -> None:
        headers = self.headers
        if headers is None:
            headers = [(b"authorization", b"Bearer " + self.phone.access.encode())]
        self.wire = WebsocketCommunicator(application, "/ws/v1", headers=headers, subprotocols=list(self.subprotocols))
        self.opened, self.refusal = await self.wire.connect(timeout=PATIENCE)

    async def say(self, frame: dict[str, Any] | str) -> None:
        await self.wire.send_to(text_data=frame if isinstance(frame, str) else orjson.dumps(frame).decode())

    async def next(self) -> dict[str, Any]:
        """The next frame, or {"closed": code}."""
        event = await self.wire.receive_output(timeout=PATIENCE)
        if event["type"] == "websocket.close":
            return {"type": "closed", "code": event["code"]}
        frame: dict[str, Any] = orjson.loads(event["text"])
        return frame

    async def get(self, kind: str) -> dict[str, Any]:
        frame = await self.next()
        assert frame["type"] == kind, frame
        return frame

    async def ask(self, frame: dict[str, Any]) -> dict[str, Any]:
        """Say a frame, and the answer that carries its id."""
        await self.say(frame)
        answer = await self.next()
        assert answer.get("id") == frame["id"], answer
        return answer

    async def ack(self, *positions: int) -> None:
        answer = await self.ask({"type": "ack", "id": "ack", "envelopes": list(positions)})
        assert answer["type"] == "done"

    async def silent(self) -> bool:
        """Nothing more arrives."""
        return bool(await self.wire.receive_nothing(timeout=SILENCE))

    async def leave(self) -> None:
        await self.wire.disconnect(timeout=PATIENCE)
        await asyncio.sleep(0)
