"""What every verb shares: the three options, before or after it, the client, and how it ends."""

from __future__ import annotations

import asyncio
import getpass
import inspect
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Concatenate, ParamSpec

import typer

from ..client import Client
from ..client.profiles import directory_of
from ..errors import ClientError, SignInNeeded, Unreachable, WrongUse
from ..store import needs_passphrase
from .output import Output, exit_code

P = ParamSpec("P")

ProfileOption = Annotated[
    Path | None,
    typer.Option("--profile", metavar="DIR", help="Where keys and conversations are.  [env var: MESSENGER_HOME]"),
]
ServerOption = Annotated[
    str | None,
    typer.Option("--server", metavar="URL", help="As in https://chat.example.  [env var: MESSENGER_SERVER]"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object a line on stdout; words go to stderr.")]


@dataclass(frozen=True)
class Shared:
    """The options that stood before the verb."""

    profile: Path | None = None
    server: str | None = None
    as_json: bool = False


class Terminal:
    """A verb's surroundings."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self.output = Output(as_json=shared.as_json)

    def client(self) -> AbstractAsyncContextManager[Client]:
        directory = directory_of(self._shared.profile)
        passphrase = os.environ.get("MESSENGER_PASSPHRASE")
        if not passphrase and needs_passphrase(directory) and sys.stdin.isatty():
            with interruptible():
                passphrase = getpass.getpass("Passphrase of this profile: ")
        return Client.open(directory, server=self._shared.server, passphrase=passphrase, notify=self.output.say)

    async def sync(self, client: Client) -> None:
        """Bring things up to date if the server can be reached; what is known here is shown in any case."""
        try:
            await client.sync()
        except Unreachable:
            self.output.say("Offline: this is what is known here.")
        except SignInNeeded as error:
            self.output.say(str(error))

    def password(self, *, new: bool) -> str:
        """MESSENGER_PASSWORD, else what the person types; never an argument, which others on the machine can see."""
        password = os.environ.get("MESSENGER_PASSWORD")
        if password:
            return password
        if not sys.stdin.isatty():
            raise WrongUse("There is nobody to ask for the password: set MESSENGER_PASSWORD.")
        with interruptible():
            password = getpass.getpass("Password: ")
            if new and getpass.getpass("Again: ") != password:
                raise WrongUse("The two passwords differ.")
        return password

    def confirm(self, question: str) -> bool:
        """Ask on stderr for a yes or no."""
        with interruptible():
            return typer.confirm(question, err=True)


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C end a prompt: asyncio.run takes the first one as a wish to cancel a task, which waits here."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def verb(
    app: typer.Typer, name: str | None = None
) -> Callable[[Callable[Concatenate[Terminal, P], Awaitable[int | None]]], None]:
    """Register an async function as a verb; it returns an exit code, or None for 0."""

    def register(function: Callable[Concatenate[Terminal, P], Awaitable[int | None]]) -> None:
        def command(
            ctx: typer.Context, *, profile: Path | None, server: str | None, as_json: bool, **values: object
        ) -> None:
            before = ctx.find_object(Shared) or Shared()
            terminal = Terminal(Shared(profile or before.profile, server or before.server, as_json or before.as_json))
            work = function(terminal, **values)  # type: ignore[call-arg, arg-type]  # typer has read P
            raise typer.Exit(_run(terminal, work))

        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
        keyword = inspect.Parameter.KEYWORD_ONLY
        shared = [
            inspect.Parameter("profile", keyword, default=None, annotation=ProfileOption),
            inspect.Parameter("server", keyword, default=None, annotation=ServerOption),
            inspect.Parameter("as_json", keyword, default=False, annotation=JsonOption),
        ]
        context = inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
        parameters = [context, *(one.replace(kind=keyword) for one in own), *shared]
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # typer reads it
        command.__annotations__ = {one.name: one.annotation for one in parameters}
        command.__doc__ = function.__doc__
        app.command(name or function.__name__.replace("_", "-"))(command)

    return register


def _run(terminal: Terminal, work: Awaitable[int | None]) -> int:
    async def run() -> int | None:
        return await work

    try:
        return asyncio.run(run()) or 0
    except ClientError as error:
        terminal.output.say(str(error))
        return exit_code(error)
    except (KeyboardInterrupt, asyncio.CancelledError, typer.Abort):
        return 130
    except BrokenPipeError:
        # Whoever read has gone. Python would complain once more when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
