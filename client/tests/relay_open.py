"""Open chats at the relay (relay.py): members, messages by position, and the frames that tell of them."""

from __future__ import annotations

import base64
import hashlib
import itertools
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from relay_keys import Answer, Json, problem

if TYPE_CHECKING:
    from relay import Relay

RANKS = {"member": 0, "admin": 1, "owner": 2}


@dataclass
class Open:
    kind: str
    title: str
    members: dict[str, str]  # account: role
    requests: set[str] = field(default_factory=set)
    read: dict[str, int] = field(default_factory=dict)
    messages: list[Json] = field(default_factory=list)


class OpenChats:
    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self.of: dict[str, Open] = {}
        self.taken: dict[tuple[str, str], Json] = {}  # the answer to a message, by its sender and id
        self.made: dict[str, str] = {}  # chats by creation id
        self.silent = False  # no frame is sent
        self._positions = itertools.count(1)

    def chat(self, title: str) -> str:
        """The id of a group of that title."""
        return next(key for key, one in self.of.items() if one.title == title)

    def answer(self, method: str, path: list[str], query: str, body: Json, who: tuple[str, str]) -> Answer:
        asked = {name: values[0] for name, values in parse_qs(query).items()}
        if not path:
            if method == "GET":
                mine = [key for key, one in self.of.items() if who[0] in one.members]
                infos = [self._info(key, who[0]) for key in sorted(mine, key=self._newest)]
                return self._relay.paged("open_chats", infos, query)
            return self._create(body, who)
        if path == ["search"]:
            return self._search(asked, who[0])
        chat = self.of.get(path[0])
        if chat is None or who[0] not in chat.members:
            return problem(404, "not_found")
        if path[1:] == ["messages"]:
            if method == "POST":
                return self.send({**body, "open_chat": path[0]}, who)
            if "after" in asked:
                later = [one for one in chat.messages if one["position"] > int(asked["after"])]
                return 200, {"messages": later[: int(asked["limit"])], "next": None}
            return self._page(list(reversed(chat.messages)), asked)
        if path[1:2] == ["messages"]:
            return self._change(path[0], int(path[2]), method, body, who)
        if path[1:] == ["read"]:
            chat.read[who[0]] = max(chat.read.get(who[0], 0), body["position"])
            return 204, {}
        if path[1:] == ["accept"]:
            chat.requests.discard(who[0])
            return 204, {}
        return self._manage(path, method, body, who)

    def send(self, body: Json, who: tuple[str, str | None]) -> Answer:
        key, name = body["open_chat"], (who[0], body["message_id"])
        chat = self.of.get(key)
        if name in self.taken:
            return 201, self.taken[name]
        if chat is None or who[0] not in chat.members:
            return problem(404, "not_found")
        chat.requests.discard(who[0])
        message = {
            "position": next(self._positions), "message_id": body["message_id"], "sender": who[0],
            "accepted_at": int(time.time() * 1000), "edited_at": None, "deleted": False, "body": body["body"],
        }  # fmt: skip
        chat.messages.append(message)
        self.taken[name] = {
            "open_chat": key, "message_id": body["message_id"], "position": message["position"],
            "accepted_at": message["accepted_at"],
        }  # fmt: skip
        for member in chat.members:
            self._tell(member, who[1], {"type": "open.message", "request": member in chat.requests} | message, key)
        return 201, self.taken[name]

    def _create(self, body: Json, who: tuple[str, str]) -> Answer:
        if body["kind"] == "private":
            pair = sorted([who[0], body["account"]])
            key = str(uuid.UUID(bytes=hashlib.sha256("".join(pair).encode()).digest()[:16]))
            chat = Open("private", "", dict.fromkeys(pair, "member"))
        else:
            key = self.made.setdefault(body["creation_id"], str(uuid.uuid4()))
            chat = Open("group", body["title"], {who[0]: "owner"} | dict.fromkeys(body["members"], "member"))
        if key not in self.of:
            self.of[key] = chat
            known = self._relay.contacts
            chat.requests = {one for one in chat.members if one != who[0] and known[one].get(who[0]) != "accepted"}
            self._tell_all(key, who[1])
        return 201, self._info(key, who[0], members=True)

    def _manage(self, path: list[str], method: str, body: Json, who: tuple[str, str]) -> Answer:
        key, chat = path[0], self.of[path[0]]
        other = path[2] if len(path) > 2 else body.get("account", "")
        if method == "GET":
            return 200, self._info(key, who[0], members=True)
        needed = 2 if method == "PATCH" and other else 0 if other == who[0] else 1
        if RANKS[chat.members[who[0]]] < needed:
            return problem(403, "not_allowed", "your role in this chat does not allow that")
        if path[1:] == ["members"]:
            chat.members.setdefault(other, "member")
            if self._relay.contacts[other].get(who[0]) != "accepted":
                chat.requests.add(other)
        elif not other:
            chat.title = body["title"]
        elif other not in chat.members:
            return problem(404, "not_found")
        elif method == "PATCH":
            chat.members[other] = body["role"]
        else:
            del chat.members[other]
            for device in self._relay.listed(other):
                self._relay.push(device, {"type": "open.chat", "open_chat": key, "removed": True})
        self._tell_all(key, who[1])
        return (200, self._info(key, who[0], members=True)) if not other else (204, {})

    def _change(self, key: str, position: int, method: str, body: Json, who: tuple[str, str]) -> Answer:
        chat = self.of[key]
        message = next((one for one in chat.messages if one["position"] == position), None)
        if message is None:
            return problem(404, "not_found")
        if message["sender"] != who[0] and (method == "PATCH" or chat.members[who[0]] == "member"):
            return problem(403, "not_allowed", "authors edit their messages")
        if method == "DELETE":
            message |= {"body": "", "deleted": True}
        else:
            message |= {"body": body["body"], "edited_at": int(time.time() * 1000)}
        for member in chat.members:
            self._tell(member, who[1], {"type": "open.changed"} | message, key)
        return (204, {}) if method == "DELETE" else (200, message)

    def _search(self, asked: dict[str, str], account: str) -> Answer:
        words = asked["q"].casefold().split()
        found = [
            {"open_chat": key, "snippet": one["body"]} | {name: one[name] for name in (
                "position", "message_id", "sender", "accepted_at")}
            for key, chat in self.of.items()
            if account in chat.members and asked.get("chat", key) == key
            for one in chat.messages
            if all(word in one["body"].casefold().split() for word in words)
        ]  # fmt: skip
        return self._page(sorted(found, key=lambda one: -int(one["position"])), asked)

    def _page(self, newest_first: list[Json], asked: dict[str, str]) -> Answer:
        limit = int(asked.get("limit", "50"))
        cursor = int(base64.urlsafe_b64decode(asked["cursor"])) if "cursor" in asked else 2**63
        before = int(asked.get("before", cursor))
        rows = [one for one in newest_first if one["position"] < before]
        following = None
        if len(rows) > limit:
            following = base64.urlsafe_b64encode(str(rows[limit - 1]["position"]).encode()).decode()
        return 200, {"messages": rows[:limit], "next": following}

    def _newest(self, key: str) -> int:
        messages = self.of[key].messages
        return -messages[-1]["position"] if messages else 0

    def _info(self, key: str, account: str, *, members: bool = False) -> Json:
        chat = self.of[key]
        rows = [
            {"account": self._relay._person(one), "role": role, "read_position": chat.read.get(one, 0)}
            for one, role in chat.members.items()
        ]
        more: dict[str, Any] = {"members": rows} if members else {}
        return {
            "id": key, "kind": chat.kind, "title": chat.title, "member_count": len(chat.members),
            "role": chat.members[account], "request": account in chat.requests, "added_by": account,
            "newest": chat.messages[-1]["position"] if chat.messages else None,
            "read_position": chat.read.get(account, 0), "created_by": account, "created_at": 0,
        } | more  # fmt: skip

    def _tell_all(self, key: str, but: str) -> None:
        chat = self.of[key]
        for member in chat.members:
            frame = {"type": "open.chat", "title": chat.title, "member_count": len(chat.members)}
            self._tell(member, but, frame, key)

    def _tell(self, account: str, but: str | None, frame: Json, key: str) -> None:
        for device in self._relay.listed(account):
            if device != but and not self.silent:
                self._relay.push(device, {**frame, "open_chat": key})
