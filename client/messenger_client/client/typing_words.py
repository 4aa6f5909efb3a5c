"""Who is writing at this moment: goes over the socket, unencrypted, and is never kept."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from uuid import UUID

from ..api import forms
from ..errors import Defect, Unreachable
from ..protocol.ids import AccountId
from ..store import Transaction, groups, open_chats, peers, timeline
from ..stream import Json
from .context import Context, require_me
from .events import Finder
from .group_lookup import state_of
from .model import Typing
from .showing import name_of

KINDS = ("chat", "group", "open_chat")  # the member of the frame that names the chat


class TypingWords:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._listener: tuple[Finder, Callable[[Typing], None]] | None = None

    def hear(self, finder: Finder, heard: Callable[[Typing], None]) -> None:
        self._listener = finder, heard

    async def heard(self, frame: Json) -> None:
        """A frame of the server: somebody has begun or stopped to write."""
        if self._listener is None:
            return
        finder, tell = self._listener
        with contextlib.suppress(Defect):
            kind = next((one for one in KINDS if frame.get(one) is not None), "chat")
            chat, account = forms.identifier(frame.get(kind)), forms.identifier(frame.get("account"))
            on = frame.get("on") is True

            def work(tx: Transaction) -> Typing | None:
                is_wanted = finder.is_open == (kind == "open_chat") and finder.find(tx) == chat
                return _typing(tx, kind, chat, account, on=on) if is_wanted else None

            word = await self._context.write(work, durable=False)
            if word is not None:
                tell(word)

    async def say(self, finder: Finder, *, on: bool) -> None:
        """Say that the person is writing, or has stopped, to whom they have accepted."""
        found = await self._context.write(lambda tx: _told(tx, finder), durable=False)
        stream = self._context.stream
        if found is not None and stream is not None:
            kind, chat = found
            with contextlib.suppress(Unreachable):
                await stream.send({"type": "typing", kind: forms.uuid(chat), "on": on})


def _typing(tx: Transaction, kind: str, chat: bytes, account: bytes, *, on: bool) -> Typing | None:
    """None: nobody can be writing there, or the person does not want to know."""
    me, peer = require_me(tx), peers.by_account(tx, account)
    if account == me.account or (peer is not None and peer.blocked):
        return None
    group, title = "", ""
    if kind == "group":
        known = groups.get(tx, chat)
        state = state_of(known)
        if known is None or state is None or state.role(AccountId(account)) is None:
            return None
        group, title = forms.uuid(chat), known.title
    elif kind == "open_chat":
        one = open_chats.get(tx, chat)
        if one is None or account not in {bytes(member) for member, _ in one.members}:
            return None
        group, title = (forms.uuid(chat), one.title) if one.kind == "group" else ("", "")
    else:
        private = timeline.chat(tx, chat)
        if private is None or private.account != account:
            return None
    return Typing(str(UUID(bytes=chat)), name_of(tx, account), on, group, title, kind == "open_chat")


def _told(tx: Transaction, finder: Finder) -> tuple[str, bytes] | None:
    """What the chat is, if those in it may know that the person writes."""
    chat = finder.find(tx)
    if chat is None:
        return None
    if finder.is_open:
        one = open_chats.get(tx, chat)
        return ("open_chat", chat) if one is not None and one.standing == "member" and not one.request else None
    group = groups.get(tx, chat)
    if group is not None:
        return ("group", chat) if group.standing == "member" and not group.request else None
    private = timeline.chat(tx, chat)
    peer = None if private is None else peers.by_account(tx, private.account)
    return ("chat", chat) if peer is not None and not peer.request and not peer.blocked else None
