"""The verbs of one's own devices: linking, ending, removing, a new identity."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

from ..client import Client, Device
from ..errors import ClientError, WrongUse
from .account import print_account
from .output import columns, when
from .plain import one_line
from .qr import draw
from .verb import Terminal, verb

CODE = 200  # characters
GROUP = 5  # characters of a code that are shown together
LINE = 10  # groups on a line

MANAGING = (
    "It will hold the account key, too: it can link and remove your devices, and taking it off later costs a new"
    " identity."
)
RESET = (
    "A new identity is the last way out. Your other devices have to be linked again, everybody you write with is told"
    " that your identity has changed and has to compare safety numbers with you anew, and what is still on its way to"
    " your other devices is lost to them."
)

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


class Action(StrEnum):
    SUSPEND = "suspend"
    REMOVE = "remove"


def add_to(app: typer.Typer) -> None:
    @verb(app)
    async def devices(
        terminal: Terminal,
        action: Annotated[Action | None, typer.Argument(help="What to do with one of them; without it: list.")] = None,
        name: Annotated[str | None, typer.Argument(help="Its name, or its id or the beginning of that.")] = None,
        new_identity: Annotated[
            bool, typer.Option("--new-identity", help="Remove one that holds the account key: see reset-identity.")
        ] = False,
        yes: Yes = False,
    ) -> None:
        """List your devices; `suspend NAME` ends one, `remove NAME` also takes it off the signed list.

        Any device can suspend another, which hears and says nothing more within seconds. The next device online that
        holds the account key signs it out of the list.
        """
        async with terminal.client() as client:
            if action is None:
                await _list(terminal, client)
                return
            if name is None:
                raise WrongUse(f"Which one? `messenger devices {action} NAME`.")
            if new_identity and action is Action.REMOVE:
                _agree(terminal, RESET, "Go on?", yes=yes)
            if action is Action.SUSPEND:
                device = await client.suspend_device(name)
            else:
                device = await client.remove_device(name, new_identity=new_identity)
            done = "ended" if action is Action.SUSPEND else "removed"
            value: dict[str, object] = {"type": f"device_{done}", "id": device.id, "name": device.name}
            terminal.output.result(value, one_line(f"{device.name} is {done}."))

    @verb(app)
    async def link(
        terminal: Terminal,
        code: Annotated[
            list[str] | None,
            typer.Argument(
                help="What the new device shows; `-` reads it from the input, unseen by others on the machine."
            ),
        ] = None,
        history: Annotated[bool, typer.Option(help="Send your conversations along.")] = True,
        managing: Annotated[bool, typer.Option("--managing", help=f"Let it manage your devices. {MANAGING}")] = False,
        yes: Yes = False,
    ) -> None:
        """Link devices: on a new one, show a code and wait; on one that manages, `link -` reads it and approves.

        Sign in on the new device first: `messenger login NAME`.
        """
        async with terminal.client() as client:
            if not code:
                await _be_linked(terminal, client)
                return
            text = _typed() if code == ["-"] else "".join(code)
            new = await client.read_link(text)
            words = (
                f"{new.name} ({new.platform}) asks to become one of your devices. It reads all that you write and get."
            )
            _agree(terminal, f"{words} {MANAGING}" if managing else words, "Is it in front of you, and yours?", yes=yes)
            await client.approve_link(text, history=history, managing=managing)
            value: dict[str, object] = {"type": "device_linked", "id": new.id, "name": new.name}
            terminal.output.result(value, one_line(f"{new.name} is linked."))

    @verb(app, "reset-identity")
    async def reset_identity(terminal: Terminal, yes: Yes = False) -> None:
        """Make a new identity with this device alone: the last way out, when no device of yours can link this one."""
        async with terminal.client() as client:
            _agree(terminal, RESET, "Make a new identity?", yes=yes)
            await client.reset_identity()
            await _print_ready(terminal, client, "You have a new identity, and this device is ready.")


def _typed() -> str:
    """A code from the input, in as many lines as it takes; an empty one ends it."""
    lines: list[str] = []
    for line in sys.stdin:
        if not line.strip():
            break
        lines.append(line)
        if sum(len(one) for line in lines for one in line.split()) >= CODE:
            break
    return "".join(lines)


async def _be_linked(terminal: Terminal, client: Client) -> None:
    if await client.is_link_approved():
        terminal.output.say("Another device of yours has approved this one already: going on from there.")
    else:
        await _show_code(terminal, client)
    await client.wait_until_linked()
    await _print_ready(terminal, client, "This device is linked and ready.")


async def _show_code(terminal: Terminal, client: Client) -> None:
    code = await client.link_code()
    groups = [code[start : start + GROUP] for start in range(0, len(code), GROUP)]
    lines = [" ".join(groups[start : start + LINE]) for start in range(0, len(groups), LINE)]
    drawn = [] if terminal.output.as_json else draw(code, colours=terminal.output.colours)
    terminal.output.result({"type": "link_code", "code": code}, "\n".join([*drawn, "", *lines, ""]))
    terminal.output.say(
        "Scan this on a device that manages your account, or say there `messenger link -` and paste it. Waiting."
    )


async def _print_ready(terminal: Terminal, client: Client, line: str) -> None:
    account = await client.account()
    if account is not None:
        print_account(terminal, account, line)


async def _list(terminal: Terminal, client: Client) -> None:
    found = await client.devices()
    rows = [[one_line(one.name), one.platform, _seen(one), _words(one), one.id] for one in found]
    for one, line in zip(found, columns(rows), strict=True):
        terminal.output.result(
            {
                "type": "device",
                "id": one.id,
                "name": one.name,
                "platform": one.platform,
                "created_at": one.created_at,
                "last_seen_at": one.last_seen_at,
                "this_one": one.this_one,
                "managing": one.managing,
                "listed": one.listed,
                "suspended": one.suspended,
            },
            line,
        )


def _seen(one: Device) -> str:
    return "never" if one.last_seen_at is None else when(one.last_seen_at)


def _words(one: Device) -> str:
    if one.suspended:
        return "ended"
    words = ["this one" if one.this_one else "", "manages" if one.managing else "", "" if one.listed else "not linked"]
    return ", ".join(word for word in words if word)


def _agree(terminal: Terminal, what: str, question: str, *, yes: bool) -> None:
    """Say what is about to happen, and have the person agree to it."""
    terminal.output.say(what)
    if yes:
        return
    if not sys.stdin.isatty():
        raise WrongUse("There is nobody to ask: say --yes.")
    if not terminal.confirm(question):
        raise ClientError("Nothing was done.")
