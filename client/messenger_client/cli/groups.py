"""The verbs of group chats."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Annotated

import typer

from ..client import Client, GroupChat
from ..client.groups import KEEP
from ..client.model import Role
from ..client.open_chats import NOT_ENCRYPTED
from ..errors import WrongUse
from .output import columns, when
from .plain import one_line
from .verb import Terminal, verb

Name = Annotated[str, typer.Argument(metavar="GROUP", help="Its title, or its id or the beginning of that.")]
Who = Annotated[str, typer.Argument(metavar="USER", help="Somebody's username.")]

_STANDING = {
    "pending": "waits for approval",
    "left": "you left",
    "removed": "you were removed",
    "gone": "you are no longer in it",
}
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def add_to(app: typer.Typer) -> None:
    @verb(app)
    async def groups(terminal: Terminal) -> None:
        """List your group chats."""
        async with terminal.client() as client:
            await terminal.sync(client)
            found = await client.groups()
            rows = [[one_line(one.title), _many(one), _word(one), _kind(one), one.id] for one in found]
            for one, line in zip(found, columns(rows), strict=True):
                terminal.output.result(_value("group", one), line)
            if not found:
                terminal.output.say("No group chats yet. Start one: messenger group create TITLE --member NAME")

    group = typer.Typer(
        help="Group chats: make them, change them, join them.", no_args_is_help=True, rich_markup_mode=None
    )
    app.add_typer(group, name="group")
    _add_making(group)
    _add_changing(group)
    _add_joining(group)


def _add_making(app: typer.Typer) -> None:
    @verb(app)
    async def create(
        terminal: Terminal,
        title: Annotated[str, typer.Argument(help="What it is called. The server reads it of an open one alone.")],
        member: Annotated[list[str] | None, typer.Option("--member", metavar="USER", help="Add somebody.")] = None,
        members_may_add: Annotated[
            bool, typer.Option("--members-may-add", help="Let everybody add people, not admins alone.")
        ] = False,
        open_chat: Annotated[
            bool, typer.Option("--open", help="Not end-to-end encrypted: the server reads and keeps all of it.")
        ] = False,
    ) -> None:
        """Start a group chat that you own, end-to-end encrypted; with --open one that is not, and never will be."""
        async with terminal.client() as client:
            if open_chat:
                terminal.output.say(NOT_ENCRYPTED)
            made = await client.create_group(title, member or (), members_may_add=members_may_add, open_chat=open_chat)
            line = f"{title} is there. Write to it: messenger send {'--open ' if open_chat else ''}'#{title}' TEXT"
            terminal.output.result(_value("group", made), one_line(line))

    @verb(app)
    async def info(terminal: Terminal, name: Name) -> None:
        """Show who is in it, who waits, and what goes wrong."""
        async with terminal.client() as client:
            await terminal.sync(client)
            found = await client.group(name)
            rows = [[one_line(one.username), one.role] for one in found.members]
            rows += [[one_line(one), "waits to be let in"] for one in found.waiting]
            lines = [one_line(f"{found.title}  {_word(found)}"), found.id, *columns(rows)]
            if found.is_open:
                lines.append(NOT_ENCRYPTED)
            lines += _particulars(found)
            terminal.output.result(_value("group", found), "\n".join(lines))
            if found.trouble:
                terminal.output.say(found.trouble)

    @verb(app, "set")
    async def change(
        terminal: Terminal,
        name: Name,
        description: Annotated[
            str | None, typer.Option("--description", metavar="TEXT", help="What it is about; '' for nothing.")
        ] = None,
        colour: Annotated[
            str | None, typer.Option("--colour", metavar="RRGGBB", help="Red, green, blue; `none` for none.")
        ] = None,
        members_may_add: Annotated[
            bool | None, typer.Option("--members-may-add/--admins-add", help="Who may add people.")
        ] = None,
    ) -> None:
        """Change what people see of it, or who may add people, as an admin. The title: `group rename`."""
        if description is None and colour is None and members_may_add is None:
            raise WrongUse("What is to be set? See `messenger group set --help`.")
        number = KEEP if colour is None else _colour(colour)
        async with terminal.client() as client:
            await client.sync()
            changed = await client.change_group(
                name, description=description, colour=number, members_may_add=members_may_add
            )
            terminal.output.result(_value("group", changed), "It is so now.")

    @verb(app)
    async def rename(
        terminal: Terminal,
        name: Name,
        title: Annotated[str, typer.Argument(help="The new title.")],
        open_chat: Annotated[bool, typer.Option("--open", help="An open one is meant: the server reads it.")] = False,
    ) -> None:
        """Give it another title."""
        line = f"It is called {title} now."
        await _do(terminal, line, lambda client: client.rename_group(name, title, open_chat=open_chat))


def _add_changing(app: typer.Typer) -> None:
    @verb(app)
    async def add(terminal: Terminal, name: Name, user: Who) -> None:
        """Add somebody. They read what is written from now on; in an open chat all that was written before, too."""
        await _do(terminal, f"{user} is in it.", lambda client: client.add_to_group(name, user))

    @verb(app)
    async def remove(terminal: Terminal, name: Name, user: Who) -> None:
        """Remove somebody, or refuse one who waits. They can read nothing that follows."""
        await _do(terminal, f"{user} is not in it.", lambda client: client.remove_from_group(name, user))

    @verb(app)
    async def promote(
        terminal: Terminal,
        name: Name,
        user: Who,
        owner: Annotated[bool, typer.Option("--owner", help="An owner, who decides about admins, too.")] = False,
    ) -> None:
        """Make somebody an admin: they add, remove, rename, and make links."""
        role: Role = "owner" if owner else "admin"
        await _do(terminal, f"{user} is an {role}.", lambda client: client.set_group_role(name, user, role))

    @verb(app)
    async def demote(terminal: Terminal, name: Name, user: Who) -> None:
        """Make somebody a mere member again."""
        await _do(terminal, f"{user} is a member.", lambda client: client.set_group_role(name, user, "member"))

    @verb(app)
    async def leave(terminal: Terminal, name: Name) -> None:
        """Leave; decline one that somebody unknown added you to; take a wish to join back."""
        await _do(terminal, "You are not in it any more.", lambda client: client.leave_group(name))

    @verb(app)
    async def accept(terminal: Terminal, name: Name) -> None:
        """Stay in one that somebody unknown has added you to. Writing to it does the same."""
        await _do(terminal, "You are in it.", lambda client: client.accept_group(name))


def _add_joining(app: typer.Typer) -> None:
    @verb(app)
    async def link(
        terminal: Terminal,
        name: Name,
        expires: Annotated[
            str | None, typer.Option("--expires", metavar="TIME", help="How long it works: 30m, 12h, 7d.")
        ] = None,
        uses: Annotated[int | None, typer.Option("--uses", min=1, help="How many may join by it.")] = None,
        approval: Annotated[bool, typer.Option("--approval", help="An admin has to let each in.")] = False,
    ) -> None:
        """Make a link to join by. Whoever has it may join: give it to those alone."""
        until = _until(expires)
        async with terminal.client() as client:
            text = await client.open_group_link(name, expires=until, uses=uses, approval=approval)
            terminal.output.result({"type": "group_link", "link": text, "expires_at": until}, text)

    @verb(app)
    async def unlink(
        terminal: Terminal,
        name: Name,
        link: Annotated[
            str | None, typer.Argument(help="The number that `group info` shows of one, or its key; else all of them.")
        ] = None,
    ) -> None:
        """End a link to it, or all of them."""
        async with terminal.client() as client:
            if link is None:
                ended = await client.close_group_links(name)
            else:
                await client.close_group_link(name, link)
                ended = 1
            terminal.output.result({"type": "group_unlinked", "ended": ended}, f"{ended} ended.")

    @verb(app)
    async def join(
        terminal: Terminal,
        link: Annotated[
            str,
            typer.Argument(help="What you were given; `-` reads it from the input, unseen by others on the machine."),
        ],
    ) -> None:
        """Join by a link. Some ask an admin first."""
        text = typer.get_text_stream("stdin").readline() if link == "-" else link
        async with terminal.client() as client:
            joined = await client.join_group(text)
            line = "An admin has to let you in first." if joined.standing == "pending" else "You are in it."
            terminal.output.result(_value("group", joined), line)

    @verb(app)
    async def approve(terminal: Terminal, name: Name, user: Who) -> None:
        """Let somebody in who has asked."""
        await _do(terminal, f"{user} is in it.", lambda client: client.approve_in_group(name, user))


async def _do(terminal: Terminal, line: str, work: Callable[[Client], Awaitable[GroupChat]]) -> None:
    async with terminal.client() as client:
        await client.sync()  # the title that a person means may have come just now
        terminal.output.result(_value("group", await work(client)), one_line(line))


def _value(kind: str, one: GroupChat) -> dict[str, object]:
    value: dict[str, object] = {
        "type": kind,
        "group": one.id,
        "title": one.title,
        "standing": one.standing,
        "role": one.role,
        "request": one.is_request,
        "members": [{"username": member.username, "role": member.role} for member in one.members],
        "waiting": list(one.waiting),
        "links": one.links,
        "trouble": one.trouble,
        "muted": one.muted,
        "description": one.description,
        "colour": None if one.colour is None else f"{one.colour:06x}",
        "members_may_add": one.members_may_add,
        "open_links": [
            {"key": link.key, "expires_at": link.expires_at, "uses": link.uses, "approval": link.approval}
            for link in one.open_links
        ],
    }
    return value | ({"open": True} if one.is_open else {})


def _kind(one: GroupChat) -> str:
    marks = [("not end-to-end encrypted", one.is_open), ("muted", one.muted)]
    return ", ".join(word for word, holds in marks if holds)


def _particulars(one: GroupChat) -> list[str]:
    lines = [one_line(one.description)] if one.description else []
    lines += [f"colour: {one.colour:06x}"] if one.colour is not None else []
    lines += ["members may add people"] if one.members_may_add else []
    lines += ["muted"] if one.muted else []
    for number, link in enumerate(one.open_links, 1):
        words = [f"link {number}: {link.key[:8]}…"]
        words += [f"until {when(link.expires_at)}"] if link.expires_at is not None else []
        words += [f"for {link.uses} more"] if link.uses is not None else []
        words += ["an admin lets each in"] if link.approval else []
        lines.append(", ".join(words))
    return lines


def _colour(text: str) -> int | None:
    if text.casefold() == "none":
        return None
    if not re.fullmatch("#?[0-9A-Fa-f]{6}", text):
        raise WrongUse(f"{text!r} is no colour: six digits, as in ff8800, or none.")
    return int(text.removeprefix("#"), 16)


def _many(one: GroupChat) -> str:
    return f"{len(one.members)} in it" if one.members else ""


def _word(one: GroupChat) -> str:
    if one.trouble:
        return "nothing is sent: see `group info`"
    if one.is_request and one.standing == "member":
        return "request"
    return _STANDING.get(one.standing) or (one.role if one.role not in (None, "member") else "") or ""


def _until(text: str | None) -> int | None:
    """When a time from now is, in ms."""
    if text is None:
        return None
    number, unit = text[:-1], _UNITS.get(text[-1:])
    if unit is None or not (number.isascii() and number.isdigit()) or not 0 < int(number) <= 10_000:
        raise WrongUse(f"{text!r} is no time: 30m, 12h, 7d.")
    return int((datetime.now().astimezone() + timedelta(**{unit: int(number)})).timestamp() * 1000)
