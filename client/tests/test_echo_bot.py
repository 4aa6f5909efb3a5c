"""The example in the documentation works as it stands."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from parties import texts
from relay import Relay

from messenger_client import Client

EXAMPLE = Path(__file__).parent.parent / "examples" / "echo_bot.py"


async def test_the_echo_bot_answers(alice: Client, bob: Client, relay: Relay, tmp_path: Path) -> None:
    environment = {**os.environ, "MESSENGER_HOME": str(tmp_path / "bob"), "MESSENGER_SERVER": relay.url}
    process = subprocess.Popen([sys.executable, EXAMPLE], env=environment)  # noqa: ASYNC220
    try:
        await alice.send("bob", "is anybody there?")
        await alice.send("bob", "hello?")
        assert await texts(alice, 2) == ["is anybody there?", "hello?"]
    finally:
        process.kill()
        process.wait()
