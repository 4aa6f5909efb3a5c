"""Which open chats there are, and what happened in them: read from the server, which has all of it.

A frame only says that there is something to read. What is read is taken in by position, in one transaction: each
message once, whichever process reads it, and however often.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import replace

from ..api.open_chats import OpenInfo, OpenMessage
from ..errors import Defect, Refused
from ..protocol.ids import ID_SIZE
from ..store import Transaction, groups, open_chats, peers, timeline
from ..store.open_records import OpenChat, OpenNews
from ..store.records import Peer
from .context import Context, require_linked
from .directory import Directory

FIRST_PAGE = 20  # messages of a chat that is new here: those before are in its history


class OpenKeeper:
    def __init__(self, context: Context, directory: Directory) -> None:
        self._context = context
        self._directory = directory
        self._lock = asyncio.Lock()

    async def look(self) -> list[OpenInfo]:
        """Learn which chats one is in; returns them as the server tells of them.

        Raises Unreachable, SignInNeeded; Refused and Defect where it does not tell which. One that cannot be read
        holds up no other.
        """
        found = await self._context.api.open_chats.known()
        for one in await self._context.write(lambda tx: [info for info in found if _is_other(tx, info)]):
            with self._telling():
                await self.refresh(one.chat)

        listed = {one.chat for one in found}

        def unlisted(tx: Transaction) -> list[bytes]:
            open_chats.forget_failed(tx, now=self._context.clock.now())
            known = [one for one in open_chats.known(tx) if one.standing == "member" and one.kind == "group"]
            return [one.id for one in known if one.id not in listed]

        for chat in await self._context.write(unlisted, durable=False):
            with self._telling():
                await self.refresh(chat)  # perhaps it has moved from page to page meanwhile
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

        named: list[tuple[Peer, str]] = []

        def work(tx: Transaction) -> OpenChat | None:
            if timeline.chat(tx, info.chat) is not None or groups.get(tx, info.chat) is not None:
                return None  # an encrypted chat has this id: no open one has
            me, profiles = require_linked(tx), [one.profile for one in info.members]
            named.extend((peers.change(tx, one.account, username=one.username), one.username) for one in profiles)
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

        kept = await self._context.write(work)
        for peer, name in named:
            self._directory.check_name(peer, name)
        return kept

    async def gone(self, chat: bytes, *, standing: str = "gone") -> None:
        """One is not in a chat any more: by one's own wish (`left`), or because the server says so."""

        def work(tx: Transaction) -> None:
            known = open_chats.get(tx, chat)
            if known is not None and known.standing == "member":
                open_chats.save(tx, replace(known, standing=standing, request=False))
                if standing == "gone" and known.kind == "group":
                    open_chats.add_news(
                        tx, OpenNews("gone", chat, secrets.token_bytes(ID_SIZE), at=self._context.clock.now())
                    )

        await self._context.write(work)
        self._context.changed.set()

    async def catch_up(self) -> None:
        """Take in what was missed in all chats. Raises as `look`."""
        for info in await self.look():
            known = await self._context.write(open_chats.get, info.chat)
            if known is not None and (known.is_new or (info.newest or 0) > known.taken):
                with self._telling():
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
                await self._take_missed(known)
            except Refused as error:
                if error.code != "not_found":
                    raise
                await self.gone(chat)

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

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        """What is wrong with one chat is said, and stops there."""
        try:
            yield
        except (Refused, Defect) as error:
            self._context.notify(str(error))

    async def _take_missed(self, known: OpenChat) -> None:
        """All that came after what was taken in; of a chat that is new here, its newest page."""
        calls = self._context.api.open_chats
        if known.is_new:
            newest, has_more = await calls.messages(known.id, limit=FIRST_PAGE)
            missed = [one for one in reversed(newest) if one.position > known.taken]
            known = await self._take(known, missed, has_more=has_more and len(missed) == len(newest))
        while missed := [
            one for one in await calls.messages_after(known.id, known.taken) if one.position > known.taken
        ]:
            known = await self._take(known, missed)

    async def _take(self, chat: OpenChat, missed: list[OpenMessage], *, has_more: bool = False) -> OpenChat:
        """Keep what was missed, oldest first, to be given out; `has_more`: there is some from before it, too."""
        await self._directory.name_accounts(one.sender for one in missed)

        def work(tx: Transaction) -> OpenChat:
            me = require_linked(tx)
            others = [one for one in missed if one.sender != me.account and not one.deleted]
            news = [_news("message", chat, one, at=one.accepted_at) for one in others]
            if has_more:
                news.insert(
                    0,
                    OpenNews(
                        "earlier", chat.id, secrets.token_bytes(ID_SIZE), missed[0].position, at=missed[0].accepted_at
                    ),
                )
            return open_chats.take(tx, chat, news, upto=max((one.position for one in missed), default=0))

        taken = await self._context.write(work)
        self._context.changed.set()
        return taken


def _is_other(tx: Transaction, info: OpenInfo) -> bool:
    """Whether a chat is new here, or another one than is known; and keep what the list says besides."""
    known = open_chats.get(tx, info.chat)
    if known is None or known.standing != "member":
        return True
    if known.request != info.request:
        open_chats.save(tx, replace(known, request=info.request))
    return (known.title, known.role, len(known.members)) != (info.title, info.role, info.member_count)


def _news(kind: str, chat: OpenChat, message: OpenMessage, *, at: int) -> OpenNews:
    return OpenNews(kind, chat.id, message.message_id, message.position, message.sender, message.body, at, chat.request)
