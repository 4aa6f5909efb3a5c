"""A conversation line by line: two directions at once, and an end that leaves nothing behind unnoticed."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from contextlib import aclosing

from ..client import Client, Event, Message, Place, Typing
from ..client.open_chats import NOT_ENCRYPTED
from ..errors import ClientError, Refused, Unreachable, WrongUse
from .verb import Terminal

PATIENCE = 30.0  # seconds without progress after which what could not leave stays for the next time
READ_EVERY = 1.0  # seconds between read receipts
WRITING_LASTS = 6.0  # seconds after which nobody is writing any more, should the word get lost
BACKLOG = 10  # lines of history to begin with


async def converse(terminal: Terminal, client: Client, username: str, *, open_chat: bool) -> int:
    """Return when the input ends and everything has left: 0, or 1 where a line was refused."""
    place = await client.place(username, open_chat=open_chat)
    if place.is_open:
        terminal.output.say(NOT_ENCRYPTED)
    if sys.stdin.isatty():
        for event in await _backlog(client, place):
            if not isinstance(event, Message) or event.outgoing:
                terminal.output.event(event)
        terminal.output.say(f"You are talking with {username}. Ctrl-D leaves.")
    await client.hear_typing(place.name, _Writers(terminal).heard, open_chat=place.is_open)
    unread: list[Message] = []
    printing = asyncio.create_task(_print(terminal, client, place, unread))
    typing = asyncio.create_task(_type(terminal, client, place))
    reading = asyncio.create_task(_mark_read(client, unread))
    try:
        await asyncio.wait([printing, typing], return_when=asyncio.FIRST_COMPLETED)
        if printing.done():
            printing.result()
        refused = typing.result()
        await _leave(terminal, client, printing)
    finally:
        for task in (printing, typing, reading):
            task.cancel()
        results = await asyncio.gather(printing, typing, reading, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result
    return 1 if refused else 0


class _Writers:
    """Who is writing: said once as they begin."""

    def __init__(self, terminal: Terminal) -> None:
        self._output = terminal.output
        self._until: dict[str, float] = {}  # by name: when what they have begun is over, should no word of it come

    def heard(self, word: Typing) -> None:
        now = asyncio.get_running_loop().time()
        has_begun = word.on and self._until.get(word.username, 0.0) < now
        self._until[word.username] = now + WRITING_LASTS if word.on else 0.0
        if self._output.as_json:
            self._output.typing(word)
        elif has_begun and sys.stdin.isatty():
            self._output.say(f"{word.username} is typing …")


async def _backlog(client: Client, place: Place) -> list[Event]:
    try:
        return await client.history(place.name, limit=BACKLOG, open_chat=place.is_open)
    except (Unreachable, WrongUse):
        if not place.is_open:
            raise
        return []  # of an open chat it is at the server, if there is one yet


async def _print(terminal: Terminal, client: Client, place: Place, unread: list[Message]) -> None:
    async with aclosing(client.events(of=place.name, open_chat=place.is_open)) as events:
        async for event in events:
            terminal.output.event(event)
            client.seen(event)
            if isinstance(event, Message) and not event.is_request:
                unread.append(event)


async def _type(terminal: Terminal, client: Client, place: Place) -> int:
    """Take the input to its end; returns how many lines were refused, as where one is no longer in the chat."""
    lines, refused = _lines(), 0
    while (line := await lines.get()) is not None:
        text = line.rstrip("\r\n")
        if not text:
            continue
        try:
            message_id = await client.write_down(place.name, text, open_chat=place.is_open)
        except WrongUse as error:
            terminal.output.say(str(error))
            continue
        except Refused as error:
            terminal.output.say(str(error))
            refused += 1
            continue
        if terminal.output.as_json:
            terminal.output.result({"type": "sent", "id": message_id, "state": "queued"}, "")
    return refused


def _lines() -> asyncio.Queue[str | None]:
    """The input's lines, then None. Read by a thread that nobody has to wait for at the end."""
    import threading

    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[str | None] = asyncio.Queue()

    def read() -> None:
        with contextlib.suppress(ValueError, OSError, RuntimeError):  # the loop or the input has been closed
            for line in sys.stdin:
                loop.call_soon_threadsafe(queue.put_nowait, line)
            loop.call_soon_threadsafe(queue.put_nowait, None)

    threading.Thread(target=read, daemon=True).start()
    return queue


async def _mark_read(client: Client, unread: list[Message]) -> None:
    while True:
        await asyncio.sleep(READ_EVERY)
        if unread:
            batch = unread[:500]
            with contextlib.suppress(ClientError):  # a courtesy; nothing depends on it
                with contextlib.suppress(Refused):  # the chat is gone: it will not be taken later, either
                    await client.mark_read(batch)
                del unread[: len(batch)]


async def _leave(terminal: Terminal, client: Client, printing: asyncio.Task[None]) -> None:
    """Wait until the outbox is empty, as long as it empties."""
    loop = asyncio.get_running_loop()
    left, since = await client.waiting(), loop.time()
    while left and not printing.done():
        await asyncio.sleep(0.05)
        now_left = await client.waiting()
        if now_left != left:
            left, since = now_left, loop.time()
        elif loop.time() - since > PATIENCE:
            break
    if printing.done():
        with contextlib.suppress(Unreachable):
            printing.result()
    if left:
        terminal.output.say("Some of it could not be sent yet: it waits here and leaves with the next command.")
