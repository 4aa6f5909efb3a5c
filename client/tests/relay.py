"""A server of the contract (docs/api.md, docs/events.md) in memory, on a real port, for the client's tests.

It believes everything, so that a test can make it lie; what a real server refuses is tested with the real one.
`refusals` maps "METHOD path" to answers to the next such requests, in place of any work; `faults` to functions that get
the answer after the work was done and return another, or None to lose it.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import secrets
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

import uvicorn
from relay_groups import Groups
from relay_keys import Answer, Json, RelayKeys, b64, decode, list_hash, problem
from relay_open import OpenChats

__all__ = ["Answer", "Json", "Relay", "b64", "decode", "problem"]

Fault = Callable[[Answer], Answer | None]


class Relay(RelayKeys):
    def __init__(self) -> None:
        super().__init__()
        self.url = ""
        self.requests: list[tuple[str, str, Json]] = []  # method, path, body
        self.frames: list[tuple[str, Json]] = []  # the device that sent one, and the frame
        self.faults: dict[str, list[Fault]] = defaultdict(list)
        self.refusals: dict[str, list[Answer]] = defaultdict(list)  # given before anything is done
        self.accounts: dict[str, Json] = {}  # by username
        self.queue: dict[str, list[Json]] = defaultdict(list)  # by device
        self.answers: dict[str, Json] = {}  # by message id
        self.acks: list[Json] = []
        self.contacts: dict[str, dict[str, str]] = defaultdict(dict)
        self.chats: dict[str, list[tuple[str, str]]] = defaultdict(list)  # by account: id, the other account
        self.reads: dict[str, list[Json]] = defaultdict(list)  # by account: statuses of what it has read
        self.checks_lists = False  # whether a send for other lists than the newest is `devices_changed`
        self.expires_in = 900
        self.limits: Json = {}  # of `hello`
        self.sockets: dict[str, Callable[[Json | int], None]] = {}
        self.groups = Groups(self)
        self.open_chats = OpenChats(self)
        self._numbers = itertools.count(1)
        self._loop: asyncio.AbstractEventLoop | None = None

    # What tests do

    def times(self, method: str, path: str) -> int:
        return sum(1 for one in self.requests if one[:2] == (method, path))

    def bodies(self, path: str) -> list[Json]:
        return [body for _, found, body in self.requests if found == path]

    def push(self, device: str, frame: Json | int) -> None:
        """Send a frame on a device's socket, or close it with a code."""
        assert self._loop is not None
        if device in self.sockets:
            self._loop.call_soon_threadsafe(self.sockets[device], frame)

    def device_of(self, username: str) -> str:
        account = self.accounts[username]["id"]
        return next(device for device, row in self.devices.items() if row["account"] == account)

    def wait_for(self, condition: Callable[[], bool], seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it did not happen in time"
            time.sleep(0.01)

    @contextmanager
    def running(self, port: int = 0) -> Iterator[Relay]:
        config = uvicorn.Config(self, port=port, log_level="error", lifespan="off", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        self.wait_for(lambda: server.started)
        self.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.should_exit = True
            thread.join(10)

    # ASGI

    async def __call__(self, scope: Json, receive: Callable[[], Awaitable[Json]], send: Callable[[Json], Any]) -> None:
        self._loop = asyncio.get_running_loop()
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send)
            return
        data = b""
        while True:
            event = await receive()
            data += event.get("body", b"")
            if not event.get("more_body"):
                break
        path = scope["path"].removeprefix("/api/v1/")
        body = json.loads(data) if data else {}
        self.requests.append((scope["method"], path, body))
        answer: Answer | None
        call = f"{scope['method']} {path}"
        try:
            if self.refusals[call]:
                answer = self.refusals[call].pop(0)
            else:
                answer = self._answer(scope["method"], path, scope["query_string"].decode(), body, self._who(scope))
        except PermissionError:
            answer = problem(401, "not_signed_in")
        waiting = self.faults[call]
        if waiting:
            answer = waiting.pop(0)(answer)
        if answer is None:
            return  # no answer: uvicorn answers 500 for us, the client knows nothing
        status, value = answer
        await send(
            {"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]}
        )
        await send({"type": "http.response.body", "body": b"" if status == 204 else json.dumps(value).encode()})

    def _who(self, scope: Json) -> tuple[str, str | None] | None:
        header = dict(scope["headers"]).get(b"authorization", b"").decode().removeprefix("Bearer ")
        return self.tokens.get(header)

    async def _socket(self, scope: Json, receive: Callable[[], Awaitable[Json]], send: Callable[[Json], Any]) -> None:
        await receive()
        who = self._who(scope)
        await send({"type": "websocket.accept", "subprotocol": "messenger.v1"})
        if who is None or who[1] is None:
            await send({"type": "websocket.close", "code": 4401})
            return
        device = who[1]
        outgoing: asyncio.Queue[Json | int] = asyncio.Queue()
        if device in self.sockets:
            self.sockets[device](4409)
        self.sockets[device] = outgoing.put_nowait
        outgoing.put_nowait(
            {"type": "hello", "account": who[0], "device": device, "server_time": 0, "limits": self.limits}
        )
        for row in self.queue[device]:
            outgoing.put_nowait({"type": "envelope", **row})
        outgoing.put_nowait({"type": "queue.empty"})
        writer = asyncio.create_task(self._write(outgoing, send))
        try:
            while (event := await receive())["type"] == "websocket.receive":
                frame = json.loads(event["text"])
                self.requests.append(("FRAME", frame["type"], frame))
                self.frames.append((device, frame))
                outgoing.put_nowait(self._frame(frame, who))
        finally:
            writer.cancel()
            if self.sockets.get(device) == outgoing.put_nowait:
                del self.sockets[device]

    async def _write(self, outgoing: asyncio.Queue[Json | int], send: Callable[[Json], Any]) -> None:
        while True:
            frame = await outgoing.get()
            if isinstance(frame, int):
                await send({"type": "websocket.close", "code": frame})
                return
            await send({"type": "websocket.send", "text": json.dumps(frame)})

    def _frame(self, frame: Json, who: tuple[str, str | None]) -> Json:
        body = {key: value for key, value in frame.items() if key not in ("id", "type")}
        if frame["type"] == "message.send":
            status, value = self._send(body, who)
            kind = "message.accepted" if status < 400 else "rejected"
            return {"type": kind, "id": frame["id"], **value}
        if frame["type"] == "group.send":
            status, value = self.groups.send(body.pop("group"), body, who)
            kind = "message.accepted" if status < 400 else "rejected"
            return {"type": kind, "id": frame["id"], **value}
        if frame["type"] == "open.send":
            status, value = self.open_chats.send(body, who)
            return {"type": "open.accepted" if status < 400 else "rejected", "id": frame["id"], **value}
        if frame["type"] == "ack":
            self._ack(body, who)
        if frame["type"] == "device.send":
            status, value = self._send_to_devices(body, who)
            if status >= 400:
                return {"type": "rejected", "id": frame["id"], **value}
        return {"type": "done", "id": frame.get("id")}

    # Calls

    def _answer(self, method: str, path: str, query: str, body: Json, who: tuple[str, str | None] | None) -> Answer:
        call = f"{method} {path}"
        if call == "POST auth/register":
            if body["username"] in self.accounts:
                return problem(409, "username_taken", "That username is taken.")
            self.accounts[body["username"]] = {"id": str(uuid.uuid4()), "password": body["password"]}
            return 201, self._issue(body["username"], None)
        if call == "POST auth/token":
            account = self.accounts.get(body["username"])
            if account is None or account["password"] != body["password"]:
                return problem(401, "wrong_credentials")
            return 200, self._issue(body["username"], None)
        if call == "POST auth/token/refresh":
            found = self.refreshes.pop(body["refresh"], None)
            if found is None:
                return problem(401, "session_ended")
            return 200, self._issue(self._name(found[0]), found[1])
        if call == "POST auth/device/challenge":
            return 200, {"nonce": b64(secrets.token_bytes(32)), "expires_in": 60}
        if call == "POST auth/device/token":
            device = self.devices[body["device"]]
            if body["device"] in self.suspended[device["account"]]:
                return problem(404, "not_found")
            return 200, self._issue(self._name(device["account"]), body["device"])
        if who is None:
            raise PermissionError
        if call == "POST devices":
            known = next((key for key, row in self.devices.items() if row["key"] == body["signing_key"]), None)
            device_id = known or str(uuid.uuid4())
            row = {"account": who[0], "key": body["signing_key"], "name": body["name"], "platform": body["platform"]}
            self.devices[device_id] = row
            return 201, {"id": device_id}
        if path.startswith("devices"):
            return self.devices_call(path, query, who[0])
        if who[1] is None:
            return problem(403, "wrong_token")
        return self._signed_in(method, path, query, body, (who[0], who[1]))

    def _signed_in(self, method: str, path: str, query: str, body: Json, who: tuple[str, str]) -> Answer:
        account, device = who
        call = f"{method} {path}"
        if path.startswith("keys/"):
            return self.keys_call(method, path, query, body, who)
        if path.split("/")[0] == "groups":
            return self.groups.answer(method, path.split("/")[1:], query, body, who)
        if path.split("/")[0] == "open-chats":
            return self.open_chats.answer(method, path.split("/")[1:], query, body, who)
        if call == "POST messages":
            return self._send(body, who)
        if call == "POST device-messages":
            return self._send_to_devices(body, who)
        if call == "GET chats":
            chats: list[Json] = [{"id": chat, "account": self._person(other)} for chat, other in self.chats[account]]
            return self.paged("chats", chats, query)
        if call == "GET envelopes":
            return 200, {"envelopes": self.queue[device][:100], "more": len(self.queue[device]) > 100}
        if call == "POST envelopes/ack":
            return 200, {"acknowledged": self._ack(body, who)}
        if call == "POST messages/statuses":
            read = [one for one in self.reads[account] if one["message"] in body["messages"] and "chat" in body]
            return 200, {"statuses": read}
        if call == "GET contacts":
            contacts = [self._contact(other, state) for other, state in self.contacts[account].items()]
            return self.paged("contacts", contacts, query)
        if path.startswith("contacts/"):
            _, other, verb = path.split("/")
            self.contacts[account][other] = {"accept": "accepted", "block": "blocked"}[verb]
            for one in self.listed(account):
                if one != device:
                    self.push(
                        one, {"type": "contact.changed", "account": other, "state": self.contacts[account][other]}
                    )
            return 200, self._contact(other, self.contacts[account][other])
        if path.startswith("accounts/"):
            who_else = path.removeprefix("accounts/")
            for name, row in self.accounts.items():
                if who_else in (name, row["id"]):
                    return 200, {"id": row["id"], "username": name, "display_name": ""}
        if call == "POST messages/read":
            self._read(account, device, body)
        if call in ("POST auth/logout", "POST messages/read"):
            return 204, {}
        return problem(404, "not_found")

    def _issue(self, username: str, device: str | None) -> Json:
        account = self.accounts[username]["id"]
        access, refresh = secrets.token_hex(), secrets.token_hex()
        self.tokens[access] = (account, device)
        self.refreshes[refresh] = (account, device)
        owner = {"id": account, "username": username}
        return {"access": access, "refresh": refresh, "expires_in": self.expires_in, "account": owner, "device": device}

    def _read(self, account: str, device: str, body: Json) -> None:
        for one in body["messages"]:
            self.reads[account].append(
                {"message": one, "account": account, "device": device, "status": "read", "at": 1}
            )
        for one in self.listed(account):
            if one != device:
                self.push(one, {"type": "message.read", "account": account, "device": device, "at": 1, **body})

    def _send(self, body: Json, who: tuple[str, str | None]) -> Answer:
        if body["message_id"] in self.answers:
            return 201, self.answers[body["message_id"]]
        at = int(time.time() * 1000)
        newest = {one: self.lists[one][-1:] for one in (who[0], body["to"])}
        if self.checks_lists and body["lists"] != {one: list_hash(lists[0]) for one, lists in newest.items() if lists}:
            return problem(409, "devices_changed", accounts=[self._newest(one) for one in newest])
        known = self.contacts[body["to"]].setdefault(who[0], "requested")
        chat = _conversation(who[0], body["to"])
        for owner, other in ((who[0], body["to"]), (body["to"], who[0])):
            if (chat, other) not in self.chats[owner]:
                self.chats[owner].append((chat, other))
        for one in body["envelopes"]:
            own = self.devices.get(one["device"], {}).get("account") == who[0]
            request = known == "requested" and not own
            self.deliver(one["device"], who, body["message_id"], one["body"], request=request, chat=chat)
        self.answers[body["message_id"]] = {"message_id": body["message_id"], "accepted_at": at, "skipped": []}
        return 201, self.answers[body["message_id"]]

    def _send_to_devices(self, body: Json, who: tuple[str, str | None]) -> Answer:
        if any(self.contacts[who[0]].get(one["account"]) == "blocked" for one in body["envelopes"]):
            return problem(403, "contact_blocked")  # the whole of it, as a real server does
        for one in body["envelopes"]:
            if one["device"] in self.suspended[one["account"]] or one["device"] not in self.listed(one["account"]):
                return problem(409, "devices_changed", accounts=[self._newest(one["account"])])
        for one in body["envelopes"]:
            self.deliver(one["device"], who, body["message_id"], one["body"], control=True)
        return 201, {}

    def deliver(
        self,
        device: str,
        sender: tuple[str, str | None],
        message_id: str,
        body: str,
        *,
        request: bool = False,
        control: bool = False,
        chat: str | None = None,
        group: str | None = None,
    ) -> Json:
        row = {
            "envelope": next(self._numbers),
            "kind": "control" if control else "message" if group is None else "group",
            "message_id": message_id,
            "sender": {"account": sender[0], "device": sender[1]},
            **({"chat": chat} if group is None else {"group": group}),
            "accepted_at": int(time.time() * 1000),
            "request": request,
            "expired": False,
            "body": body,
            "stamp": None if control else b64(bytes(32)),
            "stamp_key": None if control else "1",
        }
        self.queue[device].append(row)
        self.push(device, {"type": "envelope", **row})
        return row

    def _ack(self, body: Json, who: tuple[str, str | None]) -> int:
        self.acks.append(body)
        gone = {*body.get("envelopes", []), *(one["envelope"] for one in body.get("unreadable", []))}
        before = len(self.queue[str(who[1])])
        self.queue[str(who[1])] = [row for row in self.queue[str(who[1])] if row["envelope"] not in gone]
        return before - len(self.queue[str(who[1])])

    def _contact(self, account: str, state: str) -> Json:
        return {
            "account": self._person(account),
            "state": state,
            "changed_at": 0,
        }

    def _person(self, account: str) -> Json:
        return {"id": account, "username": self._name(account), "display_name": ""}

    def _name(self, account: str) -> str:
        return next(name for name, row in self.accounts.items() if row["id"] == account)


def _conversation(one: str, other: str) -> str:
    lower, higher = sorted((uuid.UUID(one).bytes, uuid.UUID(other).bytes))
    return str(uuid.UUID(bytes=sha256(b"msgr/1/dm\x00" + lower + higher).digest()[:16]))
