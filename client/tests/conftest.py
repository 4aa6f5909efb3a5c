"""Fixtures of the client's tests: a relay, and people whose clients are open on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from clocks import SteppingClock
from group_parties import Friends, make_friends
from parties import PASSWORD, TOLD, Open, registered
from relay import Relay

from messenger_client import Client


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the machine's own settings; a keyring that keeps nothing, as on a server."""
    for name in ("MESSENGER_HOME", "MESSENGER_SERVER", "MESSENGER_PASSPHRASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    monkeypatch.setenv("MESSENGER_PASSWORD", PASSWORD)


@pytest.fixture
def relay() -> Iterator[Relay]:
    with Relay().running() as running:
        yield running


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
async def open_client(relay: Relay, tmp_path: Path, clock: SteppingClock) -> AsyncIterator[Open]:
    """Open somebody's profile once more; what it notifies of, `told` gives."""
    async with AsyncExitStack() as stack:

        async def opened(name: str) -> Client:
            heard: list[str] = []
            client = await stack.enter_async_context(
                Client.open(tmp_path / name, server=relay.url, notify=heard.append, clock=clock)
            )
            TOLD[client] = heard
            return client

        yield opened


@pytest.fixture
async def alice(open_client: Open) -> Client:
    return await registered(open_client, "alice")


@pytest.fixture
async def bob(open_client: Open) -> Client:
    return await registered(open_client, "bob")


@pytest.fixture
async def dora(open_client: Open) -> Client:
    """The third in the group chats."""
    return await registered(open_client, "dora")


@pytest.fixture
async def mallory(open_client: Open) -> Client:
    """Whom the server would like to have where nobody let her in."""
    return await registered(open_client, "mallory")


@pytest.fixture
async def friends(alice: Client, bob: Client, dora: Client) -> Friends:
    return await make_friends(alice, bob, dora)
