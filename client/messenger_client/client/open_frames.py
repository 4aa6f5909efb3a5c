"""What the socket says of open chats while somebody listens: each is read, one after another."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field

from ..api import forms
from ..api.open_chats import OpenMessage, open_message
from ..errors import Defect, Refused, Unreachable
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
        self._words.clear()
        missed = True
        while True:
            try:
                if missed:
                    await self._keeper.catch_up()
                missed = False
                while self._words:
                    chat = next(iter(self._words))
                    await self._take(chat, self._words.pop(chat))
            except Unreachable as error:
                # Of a connection that broke, who reads it knows more: the messages of other chats come on it.
                await self._context.clock.sleep(error.retry_after or PAUSE)
                missed = True
                continue
            except (Refused, Defect) as error:
                self._context.notify(str(error))
            missed = missed or not await self._is_told()

    async def empty_outbox(self) -> None:
        """Send what this and other processes have written."""
        while True:
            with contextlib.suppress(Unreachable):  # of a connection that broke, who reads it knows more
                for problem in (await self._sender.flush()).values():
                    self._context.notify(str(problem))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(OUTBOX_EVERY):
                    await self._sender.wanted.wait()

    async def _is_told(self) -> bool:
        """Wait for the next frame. False: none has come in a long time."""
        try:
            async with asyncio.timeout(LOOK_EVERY):
                await self._wanted.wait()
        except TimeoutError:
            return False
        self._wanted.clear()
        return True

    async def _take(self, chat: bytes, word: _Word) -> None:
        if word.removed:
            await self._keeper.gone(chat)
            return
        if word.is_other:
            await self._keeper.refresh(chat)
        if word.request is not None:
            await self._keeper.note_request(chat, is_request=word.request)
        await self._keeper.read(chat)
        for message in word.changed.values():
            await self._keeper.changed(chat, message)
