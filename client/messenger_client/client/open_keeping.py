"""Which open chats there are, and what happened in them: read from the server, which has all of it.

A frame only says that there is something to read. What is read is taken in by position, in one transaction: each
message once, whichever process reads it, and however often.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from ..api.open_chats import MOST_PAGE, OpenInfo, OpenMessage
from ..errors import Refused
from ..store import Transaction, groups, open_chats, peers, timeline
from ..store.open_records import OpenChat, OpenNews
from .context import Context, require_linked
from .directory import Directory

FIRST_PAGE = 20  # messages: what has come since the last look is mostly one
MOST_MISSED = 5_000  # messages that are given out after having been away; those before are in the history


class OpenKeeper:
    def __init__(self, context: Context, directory: Directory) -> None:
        self._context = context
        self._directory = directory
        self._lock = asyncio.Lock()

    async def look(self) -> list[OpenInfo]:
        """Learn which chats one is in; returns them as the server tells of them. Raises Unreachable, SignInNeeded."""
        found = await self._context.api.open_chats.known()
        for one in await self._context.write(lambda tx: [info for info in found if _is_other(tx, info)]):
            await self.refresh(one.chat)

        def work(tx: Transaction) -> None:
            listed = {one.chat for one in found}
            for chat in open_chats.known(tx):
                # The list leaves out those of two with somebody whom one blocks.
                if chat.standing == "member" and chat.id not in listed and chat.kind == "group":
                    open_chats.save(tx, replace(chat, standing="gone"))
            open_chats.forget_failed(tx, now=self._context.clock.now())

        await self._context.write(work)
        return found

    async def refresh(self, chat: bytes) -> OpenInfo | None:
        """Read who is in a chat. None: one is not, or not any more."""
        try:
            info = await self._context.api.open_chats.one(chat)
        except Refused as error:
            if error.code != "not_found":
                raise
            await self.gone(chat)
            return None
        await self.keep(info)
        return info

    async def keep(self, info: OpenInfo) -> OpenChat | None:
        """Keep what the server has told of one chat, with its members' names."""

        def work(tx: Transaction) -> OpenChat | None:
            if timeline.chat(tx, info.chat) is not None or groups.get(tx, info.chat) is not None:
                return None  # an encrypted chat has this id: no open one has
            me, profiles = require_linked(tx), [one.profile for one in info.members]
            for one in profiles:
                peers.change(tx, one.account, username=one.username)
            others = [one.account for one in profiles if one.account != me.account]
            known = open_chats.get(tx, info.chat)
            has_a_past = info.newest is not None
            before = known or OpenChat(info.chat, info.kind, taken=info.read_position, is_new=has_a_past)
            return open_chats.save(
                tx,
                replace(
                    before,
                    title=info.title,
                    role=info.role,
                    standing="member",
                    request=info.request,
                    members=[[one.profile.account, one.role] for one in info.members],
                    other=others[0] if info.kind == "private" and others else before.other,
                ),
            )

        return await self._context.write(work)

    async def gone(self, chat: bytes, *, standing: str = "gone") -> None:
        """One is not in a chat any more: by one's own wish (`left`), or because the server says so."""

        def work(tx: Transaction) -> None:
            known = open_chats.get(tx, chat)
            if known is not None and known.standing == "member":
                open_chats.save(tx, replace(known, standing=standing, request=False))
                if standing == "gone" and known.kind == "group":
                    open_chats.add_news(tx, OpenNews("gone", chat, at=self._context.clock.now()))

        await self._context.write(work)
        self._context.changed.set()

    async def catch_up(self) -> None:
        """Take in what was missed in all chats. Raises Unreachable, SignInNeeded."""
        for info in await self.look():
            known = await self._context.write(lambda tx, one=info.chat: open_chats.get(tx, one))  # type: ignore[misc]
            if known is not None and (known.is_new or (info.newest or 0) > known.taken):
                await self.read(info.chat)

    async def read(self, chat: bytes) -> None:
        """Take in the messages of a chat that were not taken in before."""
        async with self._lock:
            known = await self._context.write(lambda tx: open_chats.get(tx, chat))
            if known is None and await self.refresh(chat) is not None:
                known = await self._context.write(lambda tx: open_chats.get(tx, chat))
            if known is None:
                return
            try:
                missed, is_whole = await self._missed(known)
            except Refused as error:
                if error.code != "not_found":
                    raise
                await self.gone(chat)
                return
            await self._directory.name_accounts(one.sender for one in missed)
            await self._context.write(lambda tx: _take(tx, known, missed, is_whole=is_whole))
        self._context.changed.set()

    async def changed(self, chat: bytes, message: OpenMessage) -> None:
        """A message was edited or deleted."""
        await self._directory.name_accounts([message.sender])

        def work(tx: Transaction) -> None:
            known = open_chats.get(tx, chat)
            if known is not None and known.standing == "member":
                kind = "deleted" if message.deleted else "edited"
                at = message.edited_at if message.edited_at and not message.deleted else self._context.clock.now()
                open_chats.add_news(tx, _news(kind, known, message, at=at))

        await self._context.write(work)
        self._context.changed.set()

    async def note_request(self, chat: bytes, *, is_request: bool) -> None:
        def work(tx: Transaction) -> None:
            known = open_chats.get(tx, chat)
            if known is not None and known.request != is_request:
                open_chats.save(tx, replace(known, request=is_request))

        await self._context.write(work, durable=False)

    async def _missed(self, known: OpenChat) -> tuple[list[OpenMessage], bool]:
        """Newest first; and whether these are all. Of a chat that is new here, what one page has."""
        found: list[OpenMessage] = []
        cursor, limit = None, FIRST_PAGE
        while True:
            page, cursor = await self._context.api.open_chats.messages(known.id, cursor=cursor, limit=limit)
            new = [one for one in page if one.position > known.taken]
            found += new
            if len(new) < len(page) or cursor is None:
                return found, True
            if known.is_new or len(found) >= MOST_MISSED:
                return found, False
            limit = MOST_PAGE


def _is_other(tx: Transaction, info: OpenInfo) -> bool:
    """Whether a chat is new here, or another one than is known; and keep what the list says besides."""
    known = open_chats.get(tx, info.chat)
    if known is None or known.standing != "member":
        return True
    if known.request != info.request:
        open_chats.save(tx, replace(known, request=info.request))
    return (known.title, known.role, len(known.members)) != (info.title, info.role, info.member_count)


def _take(tx: Transaction, chat: OpenChat, missed: list[OpenMessage], *, is_whole: bool) -> None:
    me = require_linked(tx)
    others = [one for one in reversed(missed) if one.sender != me.account and not one.deleted]
    news = [_news("message", chat, one, at=one.accepted_at) for one in others]
    if not is_whole and missed:
        news.insert(0, OpenNews("earlier", chat.id, number=missed[-1].position, at=missed[-1].accepted_at))
    open_chats.take(tx, chat, news, upto=max((one.position for one in missed), default=0))


def _news(kind: str, chat: OpenChat, message: OpenMessage, *, at: int) -> OpenNews:
    return OpenNews(kind, chat.id, message.message_id, message.position, message.sender, message.body, at, chat.request)
