"""What the socket says of open chats while somebody listens: each is read, one after another."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..api import forms
from ..api.open_chats import OpenMessage, open_message
from ..errors import ClientError, Defect, Refused, Unreachable
from ..stream import Json
from .context import Context
from .open_keeping import OpenKeeper
from .open_sending import OpenSender

PAUSE = 5.0  # seconds before what could not be read is read again
LOOK_EVERY = 300.0  # seconds between looks at what no frame has told of
OUTBOX_EVERY = 5.0  # seconds between looks at what other processes could not send


@dataclass
class _Word:
    """What was said of one chat and not dealt with yet."""

    removed: bool = False
    is_other: bool = False  # members, roles or title
    request: bool | None = None  # of a new message
    changed: dict[int, OpenMessage] = field(default_factory=dict)  # by position: the newest of each


class OpenFrames:
    """Run `run` beside what reads the socket: what it asks for is not answered there, and reading waits for nobody."""

    def __init__(self, context: Context, keeper: OpenKeeper, sender: OpenSender) -> None:
        self._context = context
        self._keeper = keeper
        self._sender = sender
        self._words: dict[bytes, _Word] = {}
        self._wanted = asyncio.Event()
        self._told = ""

    def soon(self, frame: Json) -> None:
        """A frame of an open chat has come."""
        with contextlib.suppress(Defect):
            kind, word = frame.get("type"), self._words.setdefault(forms.identifier(frame.get("open_chat")), _Word())
            if kind == "open.message":
                word.request = frame.get("request") is True
            elif kind == "open.changed":
                message = open_message(frame)
                word.changed[message.position] = message
            elif kind == "open.chat":
                word.removed = frame.get("removed") is True
                word.is_other = not word.removed
            self._wanted.set()

    async def run(self) -> None:
        """Take in what was missed, then what the socket tells, for as long as the connection lasts."""
        # Of an earlier connection: what is there now is read anyway, but an edit is told of once.
        kept = {chat: word.changed for chat, word in self._words.items() if word.changed and not word.removed}
        self._words = {chat: _Word(changed=changed) for chat, changed in kept.items()}
        missed = True
        while True:
            try:
                missed = missed and not await self._has_caught_up()
                await self._take_words()
            except Unreachable as error:
                # Of a connection that broke, who reads it knows more: the messages of other chats come on it.
                missed = True
                await self._context.clock.sleep(error.retry_after or PAUSE)
                continue
            if missed:
                await self._context.clock.sleep(PAUSE)
            else:
                missed = not await self._is_told()

    async def empty_outbox(self) -> None:
        """Send what this and other processes have written."""
        while True:
            with contextlib.suppress(Unreachable):  # of a connection that broke, who reads it knows more
                for problem in (await self._sender.flush()).values():
                    self._context.notify(str(problem))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(OUTBOX_EVERY):
                    await self._sender.wanted.wait()

    async def _has_caught_up(self) -> bool:
        try:
            await self._keeper.catch_up()
        except (Refused, Defect) as error:
            self._tell(error)
            return False
        self._told = ""
        return True

    def _tell(self, error: ClientError) -> None:
        """Say what goes wrong: once, however often it is tried again."""
        if self._told != str(error):
            self._told = str(error)
            self._context.notify(self._told)

    async def _is_told(self) -> bool:
        """Wait for the next frame. False: none has come in a long time."""
        try:
            async with asyncio.timeout(LOOK_EVERY):
                await self._wanted.wait()
        except TimeoutError:
            return False
        self._wanted.clear()
        return True

    async def _take_words(self) -> None:
        while self._words:
            chat = next(iter(self._words))
            word = self._words.pop(chat)
            try:
                await self._take(chat, word)
            except Unreachable:
                self._put_back(chat, word)
                raise

    def _put_back(self, chat: bytes, word: _Word) -> None:
        """What is left of a word, under what was said of the same chat meanwhile."""
        newer = self._words.setdefault(chat, word)
        if newer is not word:
            newer.is_other = newer.is_other or (word.is_other and not newer.removed)
            newer.request = word.request if newer.request is None else newer.request
            newer.changed = word.changed | newer.changed

    async def _take(self, chat: bytes, word: _Word) -> None:
        """Deal with a word. One part that is refused holds up no other; raises Unreachable."""
        if word.removed:
            await self._keeper.gone(chat)
            return
        if word.is_other:
            with self._telling():
                await self._keeper.refresh(chat)
        if word.request is not None:
            await self._keeper.note_request(chat, is_request=word.request)
        with self._telling():
            await self._keeper.read(chat)
        for position, message in list(word.changed.items()):
            with self._telling():
                await self._keeper.changed(chat, message)
            del word.changed[position]

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except (Refused, Defect) as error:
            self._tell(error)
