"""The REST calls of open chats (docs/api.md, Open chats), one method a call. Nothing here is encrypted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote

from . import forms
from .answers import MOST_NUMBER, Profile, profile
from .forms import Json
from .paging import Call, following_page, listed

Kind = Literal["private", "group"]

MOST_PAGE = 100  # messages
MOST_MEMBERS = 500  # of a chat; the server lets in no more


@dataclass(frozen=True, slots=True)
class OpenMember:
    profile: Profile
    role: str
    read_position: int | None  # None: not shown


@dataclass(frozen=True, slots=True)
class OpenInfo:
    """A chat, as the server tells the asking account of it."""

    chat: bytes
    kind: Kind
    title: str = field(repr=False)
    member_count: int
    role: str
    request: bool
    newest: int | None  # position of its newest message
    read_position: int
    members: tuple[OpenMember, ...] = ()  # in the answer about one chat


@dataclass(frozen=True, slots=True)
class OpenMessage:
    position: int
    message_id: bytes
    sender: bytes
    accepted_at: int
    edited_at: int | None
    deleted: bool
    body: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OpenHit:
    """A message that has the words; `snippet` is what stands around the first of them."""

    chat: bytes
    position: int
    message_id: bytes
    sender: bytes
    accepted_at: int
    snippet: str = field(repr=False)


class OpenCalls:
    def __init__(self, call: Call) -> None:
        self._call = call

    async def known(self) -> list[OpenInfo]:
        """The chats one is in, that with the newest message first; not those of two with somebody whom one blocks."""
        return [_info(one) for one in await listed(self._call, "open-chats", "open_chats")]

    async def one(self, chat: bytes) -> OpenInfo:
        return _info(await self._call("GET", _path(chat), None))

    async def create_private(self, account: bytes) -> OpenInfo:
        """The one with another account: there is one a pair."""
        return _info(await self._call("POST", "open-chats", {"kind": "private", "account": forms.uuid(account)}))

    async def create_group(self, creation_id: bytes, title: str, members: Iterable[bytes]) -> OpenInfo:
        """A group; for a creation id that was taken before, the same one."""
        named = [forms.uuid(one) for one in members]
        body: Json = {"kind": "group", "creation_id": forms.uuid(creation_id), "title": title, "members": named}
        return _info(await self._call("POST", "open-chats", body))

    async def rename(self, chat: bytes, title: str) -> OpenInfo:
        return _info(await self._call("PATCH", _path(chat), {"title": title}))

    async def accept(self, chat: bytes) -> None:
        await self._call("POST", f"{_path(chat)}/accept", {})

    async def add(self, chat: bytes, account: bytes) -> None:
        await self._call("POST", f"{_path(chat)}/members", {"account": forms.uuid(account)})

    async def set_role(self, chat: bytes, account: bytes, role: str) -> None:
        await self._call("PATCH", f"{_path(chat)}/members/{forms.uuid(account)}", {"role": role})

    async def remove(self, chat: bytes, account: bytes) -> None:
        await self._call("DELETE", f"{_path(chat)}/members/{forms.uuid(account)}", None)

    async def messages(self, chat: bytes, *, before: int | None = None, limit: int) -> tuple[list[OpenMessage], bool]:
        """A page of those below a position, newest first; and whether there are more."""
        below = "" if before is None else f"&before={before}"
        answer = await self._call("GET", f"{_path(chat)}/messages?limit={limit}{below}", None)
        return _messages(answer), answer.get("next") is not None

    async def messages_after(self, chat: bytes, position: int) -> list[OpenMessage]:
        """The first ones above a position, oldest first: none, when there are no more."""
        return _messages(await self._call("GET", f"{_path(chat)}/messages?limit={MOST_PAGE}&after={position}", None))

    async def send(self, chat: bytes, message_id: bytes, body: str) -> None:
        await self._call("POST", f"{_path(chat)}/messages", {"message_id": forms.uuid(message_id), "body": body})

    async def edit(self, chat: bytes, position: int, body: str) -> OpenMessage:
        return open_message(await self._call("PATCH", f"{_path(chat)}/messages/{position}", {"body": body}))

    async def delete(self, chat: bytes, position: int) -> None:
        await self._call("DELETE", f"{_path(chat)}/messages/{position}", None)

    async def search(
        self, words: str, chat: bytes | None = None, *, cursor: str | None = None, limit: int
    ) -> tuple[list[OpenHit], str | None]:
        """Messages that have all the words, in one chat or in all, newest first; and where the next page starts."""
        place = "" if chat is None else f"&chat={forms.uuid(chat)}"
        path = f"open-chats/search?q={quote(words, safe='')}{place}&limit={limit}{_from(cursor)}"
        answer = await self._call("GET", path, None)
        return [_hit(one) for one in forms.items(answer.get("messages"))], following_page(answer)

    async def mark_read(self, chat: bytes, position: int) -> None:
        await self._call("POST", f"{_path(chat)}/read", {"position": position})


def open_message(value: object) -> OpenMessage:
    fields = forms.members(value)
    edited = fields.get("edited_at")
    return OpenMessage(
        number(fields.get("position")),
        forms.identifier(fields.get("message_id")),
        forms.identifier(fields.get("sender")),
        forms.integer(fields.get("accepted_at")),
        None if edited is None else forms.integer(edited),
        fields.get("deleted") is True,
        forms.string(fields.get("body")),
    )


def number(value: object) -> int:
    """A position: one that a column of the store can hold, too."""
    position = forms.integer(value)
    if not 0 <= position <= MOST_NUMBER:
        raise forms.nonsense()
    return position


def _info(value: object) -> OpenInfo:
    fields = forms.members(value)
    kind, newest = fields.get("kind"), fields.get("newest")
    members = forms.items(fields.get("members", []))
    if len(members) > MOST_MEMBERS:
        raise forms.nonsense()
    return OpenInfo(
        forms.identifier(fields.get("id")),
        "private" if kind == "private" else "group",
        forms.string(fields.get("title")),
        forms.integer(fields.get("member_count")),
        forms.string(fields.get("role")),
        fields.get("request") is True,
        None if newest is None else number(newest),
        number(fields.get("read_position")),
        tuple(_member(one) for one in members),
    )


def _member(value: object) -> OpenMember:
    fields = forms.members(value)
    read = fields.get("read_position")
    return OpenMember(
        profile(fields.get("account")), forms.string(fields.get("role")), None if read is None else number(read)
    )


def _hit(value: object) -> OpenHit:
    fields = forms.members(value)
    return OpenHit(
        forms.identifier(fields.get("open_chat")),
        number(fields.get("position")),
        forms.identifier(fields.get("message_id")),
        forms.identifier(fields.get("sender")),
        forms.integer(fields.get("accepted_at")),
        forms.string(fields.get("snippet")),
    )


def _path(chat: bytes) -> str:
    return f"open-chats/{forms.uuid(chat)}"


def _messages(answer: Json) -> list[OpenMessage]:
    return [open_message(one) for one in forms.items(answer.get("messages"))]


def _from(cursor: str | None) -> str:
    return "" if cursor is None else f"&cursor={quote(cursor, safe='')}"
