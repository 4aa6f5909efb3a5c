"""The verbs about others: requests, blocks, safety numbers."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ..errors import ClientError, WrongUse
from .output import columns, when
from .plain import one_line
from .verb import Terminal, verb

Username = Annotated[str, typer.Argument(help="The other person's username.")]
Recipient = Annotated[str, typer.Argument(help="A username, or '#' and the title or id of a group chat.")]
OpenChat = Annotated[
    bool, typer.Option("--open", help="The open chat with them, or an open group: not end-to-end encrypted.")
]


def add_to(app: typer.Typer) -> None:
    @verb(app)
    async def requests(terminal: Terminal) -> None:
        """List those who wrote to you and whom you have not answered: accept or block them."""
        async with terminal.client() as client:
            await client.sync()
            found = await client.requests()
            lines = columns([[one_line(one.username), when(one.changed_at)] for one in found])
            for one, line in zip(found, lines, strict=True):
                value: dict[str, object] = {"type": "request", "from": one.username, "changed_at": one.changed_at}
                terminal.output.result(value, line)
            if not found:
                terminal.output.say("Nobody waits for an answer.")

    @verb(app)
    async def accept(terminal: Terminal, username: Username) -> None:
        """Accept somebody: they see from now on what has reached you. Takes a block back."""
        async with terminal.client() as client:
            # No sync: what waits for them in the outbox may be refused until they are accepted.
            await client.accept(username)
            _print_contact(terminal, username, "accepted", f"{username} is accepted.")

    @verb(app)
    async def block(terminal: Terminal, username: Username) -> None:
        """Hear nothing more from somebody. They are not told."""
        async with terminal.client() as client:
            await client.block(username)
            _print_contact(terminal, username, "blocked", f"{username} is blocked.")

    @verb(app, "safety-number")
    async def safety_number(terminal: Terminal, username: Username) -> None:
        """Show the sixty digits that you and somebody else compare, best by voice.

        If both of you read the same ones, nobody sits in between.
        """
        async with terminal.client() as client:
            number = await client.safety_number(username)
            groups = number.groups()
            lines = "\n".join("  ".join(groups[start : start + 4]) for start in range(0, len(groups), 4))
            terminal.output.result({"type": "safety_number", "with": username, "digits": number.digits}, lines)

    @verb(app)
    async def verify(
        terminal: Terminal,
        username: Username,
        yes: Annotated[
            bool, typer.Option("--yes", help="We have compared what `safety-number` showed; do not ask.")
        ] = False,
        acknowledge: Annotated[
            bool, typer.Option("--acknowledge", help="Only take note of a changed identity; nothing was compared.")
        ] = False,
    ) -> None:
        """Mark somebody as verified after comparing safety numbers. Also acknowledges a changed identity."""
        async with terminal.client() as client:
            if acknowledge:
                await client.acknowledge(username)
                _print_contact(terminal, username, "acknowledged", f"You can write to {username} again.")
                return
            key = None  # that of the number shown last: what was compared
            if not yes:
                _require_somebody()
                number = await client.safety_number(username)
                _ask(terminal, username, "  ".join(number.groups()))
                key = number.key
            await client.verify(username, key)
            _print_contact(terminal, username, "verified", f"{username} is verified.")


def _require_somebody() -> None:
    if not sys.stdin.isatty():
        raise WrongUse("There is nobody to ask: compare what `messenger safety-number` shows, then say --yes.")


def _ask(terminal: Terminal, username: str, digits: str) -> None:
    terminal.output.say(digits)
    if not terminal.confirm(f"Does {username} read the same sixty digits?"):
        raise ClientError(f"Then {username} is not verified: somebody may sit in between.")


def _print_contact(terminal: Terminal, username: str, state: str, line: str) -> None:
    terminal.output.result({"type": "contact", "with": username, "state": state}, one_line(line))
