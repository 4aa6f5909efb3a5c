"""Who is writing: said and heard over the socket, in chats of two and in groups of both kinds, and kept nowhere."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from group_parties import Friends
from open_parties import choir
from parties import befriend
from relay import Json, Relay
from test_cli import terminal

from messenger_client import Client
from messenger_client.cli.conversation import _Writers
from messenger_client.cli.verb import Shared, Terminal
from messenger_client.client import Typing

NOBODY = "7" * 8 + "-7777-7777-7777-" + "7" * 12


@asynccontextmanager
async def online(client: Client, relay: Relay, name: str) -> AsyncIterator[None]:
    async with client.connected():
        # Not before it has been greeted can it say anything.
        await asyncio.to_thread(relay.wait_for, lambda: client._context.stream is not None)
        assert relay.device_of(name) in relay.sockets
        yield


async def id_of(client: Client) -> str:
    account = await client.account()
    assert account is not None
    return account.account


async def heard(client: Client, relay: Relay, of: str, frames: list[Json], *, open_chat: bool = False) -> list[Typing]:
    """What reaches whoever listens to one chat, of frames of which the last one does."""
    found: list[Typing] = []
    last = asyncio.Event()

    def take(word: Typing) -> None:
        found.append(word)
        if not word.on:
            last.set()

    await client.hear_typing(of, take, open_chat=open_chat)
    async with online(client, relay, "alice"):
        for frame in frames:
            relay.push(relay.device_of("alice"), {"type": "typing", **frame})
        async with asyncio.timeout(20):
            await last.wait()
    return found


async def test_a_group_says_by_name_who_writes(friends: Friends, relay: Relay) -> None:
    alice, bob, _ = friends
    group, account = (await alice.group("Friends")).id, await id_of(bob)
    frames: list[Json] = [
        {"group": group, "account": NOBODY, "on": True},
        {"group": NOBODY, "account": account, "on": True},
        {"group": group, "account": await id_of(alice), "on": True},
        {"open_chat": group, "account": account, "on": True},
        {"group": group, "account": account, "on": True},
        {"group": "nonsense", "account": account, "on": True},
        {"group": group, "account": account, "on": False},
    ]
    words = await heard(alice, relay, "#Friends", frames)
    assert words == [Typing(group, "bob", on, group, "Friends") for on in (True, False)]
    await alice.block("bob")
    dora = {one.username: one.account for one in (await alice.group("Friends")).members}["dora"]
    words = await heard(alice, relay, "#Friends", [*frames, {"group": group, "account": dora, "on": False}])
    assert [one.username for one in words] == ["dora"]


async def test_so_do_chats_of_two_and_open_ones(alice: Client, bob: Client, relay: Relay) -> None:
    await befriend(alice, bob)
    account = await id_of(bob)
    [chat] = [one.id for one in await alice.chats()]
    frames: list[Json] = [
        {"chat": chat, "account": NOBODY, "on": True},
        {"chat": chat, "account": account, "on": False},
    ]
    assert await heard(alice, relay, "bob", frames) == [Typing(chat, "bob", False)]
    opened = await choir(alice, bob)
    frames = [
        {"open_chat": opened, "account": NOBODY, "on": True},
        {"open_chat": opened, "account": account, "on": False},
    ]
    assert await heard(alice, relay, "#Choir", frames) == [Typing(opened, "bob", False, opened, "Choir", True)]


async def test_it_is_said_only_where_one_was_let_in(alice: Client, bob: Client, relay: Relay) -> None:
    await befriend(alice, bob)
    await alice.accept("bob")
    [chat] = [one.id for one in await alice.chats()]
    opened, group = await choir(alice, bob), (await alice.create_group("Friends", ["bob"])).id
    relay.open_chats.of[opened].requests = relay.groups.of[group].requests = {await id_of(bob)}
    await bob.sync()
    await alice.say_typing("bob")  # not connected: nobody is told
    async with online(alice, relay, "alice"), online(bob, relay, "bob"):
        for name, on in (("bob", True), ("#Friends", True), ("#Choir", False)):
            await alice.say_typing(name, on=on)
        for name in ("#Friends", "#Choir"):
            await bob.say_typing(name)  # a request
        await bob.say_typing("alice", open_chat=True)  # there is none yet
        await bob.say_typing("alice")
        await asyncio.to_thread(relay.wait_for, lambda: relay.times("FRAME", "typing") == 4)
    names = {relay.device_of(who): who for who in ("alice", "bob")}
    said = [(names[device], {**frame, "id": None}) for device, frame in relay.frames if frame["type"] == "typing"]
    assert said[:3] == [
        ("alice", {"type": "typing", kind: key, "on": on, "id": None})
        for kind, key, on in (("chat", chat, True), ("group", group, True), ("open_chat", opened, False))
    ]
    assert said[3:] == [("bob", {"type": "typing", "chat": chat, "on": True, "id": None})]


def test_the_chat_verb_tells_programs(tmp_path: Path, relay: Relay) -> None:
    alice, bob = terminal("alice", tmp_path, relay), terminal("bob", tmp_path, relay)
    [made] = alice.json("group", "create", "Friends", "--member", "bob")
    assert bob.json("whoami")
    chatting = alice.start("--json", "chat", "#Friends")
    relay.wait_for(lambda: relay.device_of("alice") in relay.sockets)
    account = relay.accounts["bob"]["id"]
    frame = {"type": "typing", "group": made["group"], "account": account, "on": True}
    relay.push(relay.device_of("alice"), frame)
    assert chatting.stdout is not None
    assert json.loads(chatting.stdout.readline()) == {
        "type": "typing", "chat": made["group"], "from": "bob", "on": True, "group": made["group"], "title": "Friends"
    }  # fmt: skip
    chatting.communicate(timeout=30)


async def test_a_person_reads_it_once_as_it_begins(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    writers = _Writers(Terminal(Shared()))
    for name, on in (("bob", True), ("bob", True), ("dora", True), ("bob", False), ("bob", True)):
        writers.heard(Typing("chat", name, on))
    assert capsys.readouterr().err.splitlines() == ["bob is typing …", "dora is typing …", "bob is typing …"]
