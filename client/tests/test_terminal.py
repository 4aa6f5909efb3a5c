"""What others send, and what a terminal is, cannot stop the command line."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from relay import Relay
from typer.testing import CliRunner

from messenger_client import Client
from messenger_client.cli import app
from messenger_client.cli.output import when
from messenger_client.store import outbox


@pytest.mark.parametrize("at", [2**53 - 1, -(2**53), 10**17])
def test_a_moment_that_no_calendar_has_is_shown_as_none(at: int) -> None:
    assert when(at) == "--"


async def test_a_message_from_the_end_of_time_is_listed_among_the_chats(
    alice: Client, bob: Client, relay: Relay, tmp_path: Path
) -> None:
    await alice.write_down("bob", "from afar")
    with alice._context.store.transaction() as tx:
        [row] = outbox.pending(tx)
        outbox.update(tx, replace(row, sent=2**53 - 1))
    await alice.sync()
    await bob.sync()
    for arguments in (["chats"], ["--json", "chats"], ["history", "alice"]):
        shared = ["--profile", str(tmp_path / "bob"), "--server", relay.url]
        done = await asyncio.to_thread(CliRunner().invoke, app, [*shared, *arguments])
        assert (done.exit_code, done.exception) == (0, None)
        assert "from afar" in done.stdout


async def test_an_output_that_is_not_utf_8_shows_escapes_and_ends_nothing(
    alice: Client, bob: Client, relay: Relay, tmp_path: Path
) -> None:
    await alice.send("bob", "Grüße 👋")
    messenger = str(Path(sys.executable).with_name("messenger"))
    command = [messenger, "--profile", str(tmp_path / "bob"), "--server", relay.url]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii:strict"}

    def listen() -> subprocess.CompletedProcess[str]:
        arguments = [*command, "listen", "--count", "1", "--timeout", "20"]
        return subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)

    done = await asyncio.to_thread(listen)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert "Gr\\xfc\\xdfe \\U0001f44b" in done.stdout


def test_ctrl_c_at_a_prompt_ends_the_command(tmp_path: Path, relay: Relay) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "MESSENGER_PASSWORD"}
    child, master = pty.fork()
    if child == 0:
        command = str(Path(sys.executable).with_name("messenger"))
        os.execve(command, [command, "--profile", str(tmp_path / "new"), "login", "alice"], environment)  # noqa: S606
    shown = b""
    while b"Password:" not in shown:
        shown += os.read(master, 1024)
    os.write(master, b"\x03")
    with contextlib.suppress(OSError):  # Linux ends a terminal that nobody has open with an error
        while os.read(master, 1024):
            pass
    _, status = os.waitpid(child, 0)
    os.close(master)
    assert os.waitstatus_to_exitcode(status) == 130
