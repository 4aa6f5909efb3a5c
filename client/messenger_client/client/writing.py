"""Writing: to people and into group chats, and into open chats where that is what was asked for. A part of `Client`."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..api import forms
from ..errors import ClientError, IdentityHasChanged, KeysRefused, Unreachable, WrongUse
from ..store import Transaction, open_chats, outbox
from .events import Finder
from .group_sending import GroupSender, group_name
from .live import STANDING
from .model import Place, Sent, Typing
from .naming import Named, chat_named, is_group_name
from .open_chats import OpenChats
from .open_sending import OpenSender, with_person
from .sending import Sender
from .typing_words import TypingWords


class Writing(OpenChats):
    _sender: Sender
    _group_sender: GroupSender
    _open_sender: OpenSender
    _typing: TypingWords

    async def send(
        self, username: str, text: str, *, mentions: Iterable[str] | None = None, open_chat: bool = False
    ) -> Sent:
        """Write to somebody, or to `#` and a group chat's title or id.

        The message is stored first; unreachable servers get it later (`queued`). In a group chat it mentions the
        members of the names given in `mentions`, or without that those whom the text names as `@name`.

        `open_chat`: into the open chat with somebody, which is not end-to-end encrypted and is made by this; or into
        an open group chat, which without it is named by its id alone: in full, or at least 8 characters of it.

        Raises UnknownPerson, Refused, WrongUse: then it was not sent, and will not be. IdentityHasChanged and
        KeysRefused: it is not sent now; its id is the error's `queued`, and it leaves once that is settled.
        """
        named = await self._named_chat(username, open_chat=open_chat, to_write=True)
        if open_chat or (named is not None and named.is_open):
            return await self._send_open(username, named, text, mentions)
        message_id, name = await self._enqueue(username, named, text, mentions)
        try:
            problems = await self._sender.flush()
        except Unreachable:
            return await self._sender.state_of(message_id)
        own = problems.of.pop(message_id, None) or problems.stuck.get(name.casefold())
        self._tell(problems.of.values())
        if own is not None and own.code != "no_keys":
            waits = isinstance(own, IdentityHasChanged | KeysRefused)
            own.queued = forms.uuid(message_id) if waits else ""
            raise own
        if own is not None:
            self._context.notify(str(own))
        return await self._sender.state_of(message_id)

    async def write_down(
        self, username: str, text: str, *, mentions: Iterable[str] | None = None, open_chat: bool = False
    ) -> str:
        """Store a message for sending and return its id at once; a running `messages()` sends it."""
        named = await self._named_chat(username, open_chat=open_chat, to_write=True)
        if open_chat or (named is not None and named.is_open):
            return forms.uuid(await self._enqueue_open(username, named, text, mentions))
        return forms.uuid((await self._enqueue(username, named, text, mentions))[0])

    async def place(self, name: str, *, open_chat: bool = False, to_write: bool = True) -> Place:
        """Say which chat a name means, before anything is written or read there; its name there is its id.

        Raises WrongUse for none, or several; `to_write` also where `send` would.
        """
        named = await self._named_chat(name, open_chat=open_chat, to_write=to_write)
        return Place(name, open_chat) if named is None else Place(group_name(named.id), named.is_open)

    async def waiting(self) -> int:
        """Return how many messages wait here to be sent."""
        return await self._context.write(lambda tx: outbox.count(tx) + open_chats.count_outgoing(tx), durable=False)

    async def say_typing(self, name: str, *, on: bool = True, open_chat: bool = False) -> None:
        """Say that the person is writing in a chat, or has stopped. Only while connected; the server reads it.

        Say it again every few seconds. Nothing is said to whom the person has not accepted.
        """
        await self._typing.say(await self._finder(name, open_chat=open_chat), on=on)

    async def hear_typing(self, of: str, heard: Callable[[Typing], None], *, open_chat: bool = False) -> None:
        """Have `heard` called, while connected, when somebody in a chat begins to write, and when they stop."""
        self._typing.hear(await self._finder(of, open_chat=open_chat), heard)

    async def _named_chat(self, name: str, *, open_chat: bool, to_write: bool = False) -> Named | None:
        """The group chat that is meant; None: it is a person's name."""
        if not is_group_name(name):
            return None

        def work(tx: Transaction) -> Named:
            return chat_named(tx, name, only_open=open_chat, to_write=to_write)

        return await self._context.write(work, durable=False)

    async def _finder(self, name: str, *, open_chat: bool) -> Finder:
        """How to find the chat that is meant. An open one with somebody may only be made later."""
        named = await self._named_chat(name, open_chat=open_chat)
        if named is not None:
            return Finder(lambda tx: named.id, named.is_open)
        if open_chat:
            await self._account(name)
            return Finder(lambda tx: found.id if (found := with_person(tx, name)) is not None else None, True)
        chat = await self._chat_of(name)
        return Finder(lambda tx: chat, False)

    async def _send_open(self, to: str, named: Named | None, text: str, mentions: Iterable[str] | None) -> Sent:
        message_id = await self._enqueue_open(to, named, text, mentions)
        try:
            problems = await self._open_sender.flush()
        except Unreachable:
            return await self._open_sender.state_of(message_id)
        own = problems.pop(message_id, None)
        self._tell(problems.values())
        if own is not None:
            raise own
        return await self._open_sender.state_of(message_id)

    async def _enqueue_open(self, to: str, named: Named | None, text: str, mentions: Iterable[str] | None) -> bytes:
        if mentions is not None:
            raise WrongUse("In an open chat a message mentions whom its text names, and nobody else.")
        if named is None:
            return await self._open_sender.enqueue(text, to=to)
        return await self._open_sender.enqueue(text, chat=named.id)

    async def _enqueue(
        self, to: str, named: Named | None, text: str, mentions: Iterable[str] | None
    ) -> tuple[bytes, str]:
        """Store a message; returns its id, and the name that the outbox knows its recipient by."""
        if named is None:
            if mentions is not None:
                raise WrongUse("Only members of a group chat can be mentioned.")
            return await self._sender.enqueue(to, text), to
        message_id = await self._group_sender.enqueue(named.id, text, mentions)
        self._sender.wanted.set()
        self._context.changed.set()
        return message_id, group_name(named.id)

    def _tell(self, problems: Iterable[ClientError]) -> None:
        for problem in problems:
            if problem.code not in STANDING:
                self._context.notify(str(problem))
