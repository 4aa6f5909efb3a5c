"""The verbs of conversations."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Annotated

import typer

from ..client import Client, Event, Message, Sent
from ..client.naming import is_group_name
from ..client.open_chats import NOT_ENCRYPTED
from ..errors import IdentityHasChanged, KeysRefused, Unreachable, WrongUse
from .conversation import converse
from .open_chats import Pages, show_open_history
from .output import TICKS, columns, when
from .people import OpenChat, Recipient
from .plain import one_line
from .verb import Terminal, verb


def add_to(app: typer.Typer) -> None:
    @verb(app)
    async def send(
        terminal: Terminal,
        username: Recipient,
        text: Annotated[str, typer.Argument(help="What to say.")],
        open_chat: OpenChat = False,
    ) -> None:
        """Write to somebody. Without a network the message waits here and leaves by itself later."""
        leaves = "with the next command"
        async with terminal.client() as client:
            place = await client.place(username, open_chat=open_chat)
            if place.is_open:
                terminal.output.say(NOT_ENCRYPTED)
            try:
                sent = await client.send(place.name, text, open_chat=place.is_open)
            except (IdentityHasChanged, KeysRefused) as error:
                # Stored like any other that waits: who tries again would send it twice.
                terminal.output.say(str(error))
                sent, leaves = Sent(error.queued, "queued"), "once that is settled"
            for device in sent.skipped:
                terminal.output.say(_left_out(username, device))
            if sent.state == "queued":
                terminal.output.say(f"Not sent yet: it waits here and leaves {leaves}.")
            terminal.output.result(
                {"type": "sent", "id": sent.id, "state": sent.state} | ({"open": True} if sent.is_open else {}),
                TICKS.get(sent.state, sent.state),
            )

    @verb(app)
    async def listen(
        terminal: Terminal,
        count: Annotated[int | None, typer.Option("--count", min=1, help="Stop after so many messages.")] = None,
        seconds: Annotated[float | None, typer.Option("--timeout", min=0, help="Stop after so many seconds.")] = None,
    ) -> int:
        """Print messages as they come, each once, after the last one printed before.

        Exit status: 0 after --count messages, or at the --timeout if there was no --count; 1 at the --timeout
        with fewer messages than --count; 4 if the server could not be reached in that time.
        """
        terminal.output.names_groups = True
        async with terminal.client() as client:
            printed = 0
            try:
                async with asyncio.timeout(seconds):
                    printed = await _print_messages(terminal, client, count)
            except TimeoutError:
                if not client.was_connected:
                    raise Unreachable("The server could not be reached.") from None
                return 0 if count is None else 1
            return 0 if count is None or printed == count else 1

    @verb(app)
    async def history(
        terminal: Terminal,
        username: Recipient,
        limit: Annotated[int, typer.Option("--limit", min=1, help="So many lines at most.")] = 100,
        before: Annotated[
            int | None, typer.Option("--before", metavar="NUMBER", min=1, help="Of an open chat: above that message.")
        ] = None,
        details: Annotated[
            bool, typer.Option("--details", help="Below your own messages, who has got and read them, and when.")
        ] = False,
        open_chat: OpenChat = False,
    ) -> None:
        """Show a conversation, with what became of your own messages: … ✓ ✓✓ read."""
        async with terminal.client() as client:
            await terminal.sync(client)
            place = await client.place(username, open_chat=open_chat, to_write=False)
            if place.is_open:
                pages = Pages(limit, before, details)
                await show_open_history(terminal, client, place, username, pages)
                return
            if before is not None:
                raise WrongUse("An end-to-end encrypted chat has no pages: --limit shows more of it.")
            for event in await client.history(place.name, limit=limit, details=details):
                terminal.output.event(event, with_state=True, details=details)

    @verb(app)
    async def chats(terminal: Terminal) -> None:
        """List your conversations, the latest first."""
        async with terminal.client() as client:
            await terminal.sync(client)
            found = await client.chats()
            rows = []
            for chat in found:
                last = chat.last
                at = (last.sent_at if isinstance(last, Message) else last.at) if last else 0
                words = one_line(_text_of(last)) if last else ""
                unseen = f"{chat.unseen} new" if chat.unseen else ""
                marks = [("not end-to-end encrypted", chat.is_open), ("verified", chat.verified), ("muted", chat.muted)]
                mark = ", ".join(word for word, holds in marks if holds)
                rows.append(
                    [
                        one_line(f"#{chat.other or chat.group}" if chat.group else chat.other),
                        when(at) if at else "",
                        unseen,
                        mark,
                        words[:60],
                    ]
                )
            for chat, line in zip(found, columns(rows), strict=True):
                last = chat.last
                terminal.output.result(
                    {
                        "type": "chat",
                        "id": chat.id,
                        "with": chat.other,
                        **({"group": chat.group, "title": chat.other} if chat.group else {}),
                        "unseen": chat.unseen,
                        "verified": chat.verified,
                        "last": last.text if last else None,
                        "last_at": (last.sent_at if isinstance(last, Message) else last.at) if last else None,
                        **({"open": True} if chat.is_open else {}),
                        **({"muted": True} if chat.muted else {}),
                    },
                    line,
                )
            if not found:
                terminal.output.say("No conversations yet. Start one: messenger send NAME TEXT")

    @verb(app)
    async def mute(
        terminal: Terminal,
        username: Recipient,
        off: Annotated[bool, typer.Option("--off", help="Let it stand out again.")] = False,
        open_chat: OpenChat = False,
    ) -> None:
        """Let a chat not stand out on this device, but where it mentions you. Everything is printed all the same."""
        async with terminal.client() as client:
            await client.mute(username, muted=not off, open_chat=open_chat)
            words = f"{username} is {'muted' if not off else 'not muted any more'}."
            terminal.output.result({"type": "muted", "with": username, "muted": not off}, one_line(words))

    @verb(app)
    async def retry(terminal: Terminal, username: Recipient) -> None:
        """Ask somebody's app once more for what this device could not read. It is done by itself at first."""
        async with terminal.client() as client:
            await client.sync()
            asked = await client.retry(username)
            words = f"{asked} asked for again." if asked else "There is nothing that asking again would bring."
            terminal.output.result({"type": "retry", "with": username, "asked": asked}, words)

    @verb(app)
    async def chat(terminal: Terminal, username: Recipient, open_chat: OpenChat = False) -> int:
        """Talk with somebody line by line: what you type is sent, what they write appears. Ctrl-D leaves.

        Exit status: 1 if a line was refused, as where you are no longer in the chat.
        """
        async with terminal.client() as client:
            return await converse(terminal, client, username, open_chat=open_chat)


async def _print_messages(terminal: Terminal, client: Client, count: int | None) -> int:
    printed = 0
    told: set[str] = set()
    async with aclosing(client.events()) as events:
        async for event in events:
            terminal.output.event(event)
            # At once: the moment in which a kill shows a line again is this short.
            client.seen(event)
            if isinstance(event, Message):
                whose = event.group or event.sender
                if event.is_request and whose not in told:
                    told.add(whose)
                    terminal.output.say(_is_new(event))
                printed += 1
                if printed == count:
                    break
    return printed


def _left_out(username: str, device: str) -> str:
    if is_group_name(username):
        return f"A member's device cannot be told how to read this yet, and is told when it can be: {device}."
    return f"One of {username}'s devices could not be reached and was left out: {device}."


def _text_of(last: Event) -> str:
    return "(deleted)" if isinstance(last, Message) and last.is_deleted else last.text


def _is_new(event: Message) -> str:
    if event.group:
        name = event.title or event.group
        return f"{name} is new, and so is who added you: `messenger group accept '{name}'`, or `group leave`."
    return f"{event.sender} is new: `messenger accept {event.sender}`, or block."
