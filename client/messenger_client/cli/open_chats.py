"""The verbs of open chats alone: what was written there can be changed, and searched for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from ..client import Client, Hit, Place
from ..client.open_chats import NOT_ENCRYPTED
from .output import columns, when
from .people import OpenChat, Recipient
from .plain import one_line
from .verb import Terminal, verb

Which = Annotated[
    str, typer.Argument(metavar="MESSAGE", help="The number that `history` shows, or its id or the beginning of that.")
]


def add_to(app: typer.Typer) -> None:
    @verb(app)
    async def edit(
        terminal: Terminal,
        username: Recipient,
        message: Which,
        text: Annotated[str, typer.Argument(help="What it is to say.")],
        open_chat: OpenChat = False,
    ) -> None:
        """Put another text in place of a message of yours, in an open chat."""
        async with terminal.client() as client:
            changed = await client.edit_line(username, message, text, open_chat=open_chat)
            value: dict[str, object] = {"type": "edited", "id": changed.id, "chat": changed.chat}
            value |= {"number": changed.number, "open": True}
            terminal.output.result(value, f"[{changed.number}] is edited.")

    @verb(app)
    async def delete(terminal: Terminal, username: Recipient, message: Which, open_chat: OpenChat = False) -> None:
        """Delete a message for everybody, in an open chat: one of yours, or as an admin of a group any."""
        async with terminal.client() as client:
            number = await client.delete_line(username, message, open_chat=open_chat)
            terminal.output.result({"type": "deleted", "number": number, "open": True}, f"[{number}] is deleted.")

    @verb(app)
    async def search(
        terminal: Terminal,
        words: Annotated[list[str], typer.Argument(help="Whole words; a message has all of them.")],
        name: Annotated[
            str | None, typer.Option("--in", metavar="CHAT", help="In one open chat: '#TITLE', or with somebody.")
        ] = None,
        limit: Annotated[int, typer.Option("--limit", min=1, max=100, help="So many at most.")] = 50,
        before: Annotated[
            str | None, typer.Option("--before", metavar="PAGE", help="Older ones: what the page before has said.")
        ] = None,
    ) -> None:
        """Search your open chats, the newest first. The server does that; encrypted chats it cannot look into."""
        async with terminal.client() as client:
            hits = await client.search(" ".join(words), name=name, limit=limit, before=before)
            rows = [[when(one.sent_at), f"[{one.number}]", *_place(one), one_line(one.snippet)] for one in hits.found]
            for one, line in zip(hits.found, columns(rows), strict=True):
                terminal.output.result(_hit(one), line)
            if not hits.found:
                terminal.output.say("Nothing found. Only open chats are searched.")
            if hits.before is not None:
                terminal.output.say(f"There are older ones: --before {hits.before}")
                _print_page(terminal, hits.before)


@dataclass(frozen=True)
class Pages:
    """What was asked for of a history."""

    limit: int
    before: int | None
    details: bool


async def show_open_history(terminal: Terminal, client: Client, place: Place, name: str, asked: Pages) -> None:
    """Print a page of an open chat's history, with the number of each message."""
    terminal.output.say(NOT_ENCRYPTED)
    page = await client.open_history(place.name, limit=asked.limit, before=asked.before)
    if page.before is not None:
        how = "--open " if not name.startswith("#") else ""
        terminal.output.say(f"Earlier ones: messenger history {how}'{name}' --before {page.before}")
        _print_page(terminal, page.before)
    for message in page.messages:
        terminal.output.event(message, with_state=True, details=asked.details)


def _print_page(terminal: Terminal, before: str | int) -> None:
    if terminal.output.as_json:
        terminal.output.result({"type": "page", "before": before}, "")


def _place(one: Hit) -> list[str]:
    return [one_line(f"#{one.other}" if one.group else one.other), one_line(one.sender)]


def _hit(one: Hit) -> dict[str, object]:
    value: dict[str, object] = {
        "type": "hit",
        "id": one.id,
        "chat": one.chat,
        "with": one.other,
        "number": one.number,
        "from": one.sender,
        "sent_at": one.sent_at,
        "snippet": one.snippet,
        "open": True,
    }
    return value | ({"group": one.group, "title": one.other} if one.group else {})
