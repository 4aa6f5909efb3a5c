"""Open chats and encrypted ones are never mixed up, whatever the server calls them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from group_parties import lines
from open_parties import ENCRYPTED, choir, rows, written
from parties import befriend, shown
from relay import Relay

from messenger_client import Client
from messenger_client.errors import Refused, WrongUse


async def test_the_open_chat_of_two_is_another_one_than_the_encrypted(alice: Client, bob: Client) -> None:
    await befriend(alice, bob)
    with pytest.raises(WrongUse, match="no open chat with bob"):
        await alice.open_history("bob")
    await alice.send("bob", "in the open", open_chat=True)
    await alice.send("bob", "for your eyes")
    first, second = sorted(await shown(bob, 2), key=lambda event: event.is_open)
    assert (first.text, first.is_open, second.text, second.is_open) == ("for your eyes", False, "in the open", True)
    assert first.chat != second.chat
    await bob.send("alice", "and back", open_chat=True)
    assert await written(alice, "bob") == ["in the open", "and back"]
    encrypted = [event.text for event in await alice.history("bob")]
    assert encrypted == ["hello", "hello yourself", "for your eyes"]
    assert {(one.other, one.is_open) for one in await alice.chats()} == {("bob", True), ("bob", False)}


async def test_nothing_of_one_kind_lands_in_the_tables_of_the_other(
    alice: Client, bob: Client, tmp_path: Path, relay: Relay
) -> None:
    await befriend(alice, bob)
    await alice.create_group("Friends", ["bob"])
    before = rows(tmp_path / "alice")
    chat = await choir(alice, bob)
    relay.faults[f"POST open-chats/{chat}/messages"].append(lambda answer: None)
    await alice.send("#Choir", "hello", open_chat=True)
    await bob.send("#Choir", "back", open_chat=True)
    async with alice.connected():
        await asyncio.to_thread(relay.wait_for, lambda: rows(tmp_path / "alice")["open_news"] == 1)
    after = rows(tmp_path / "alice")
    assert {name: after[name] for name in ENCRYPTED} == {name: before[name] for name in ENCRYPTED}
    await alice.send("#Friends", "for members")
    await alice.send("bob", "for bob")
    kept = {name: count for name, count in rows(tmp_path / "alice").items() if name.startswith("open_")}
    assert kept == {name: count for name, count in after.items() if name.startswith("open_")}


async def test_a_text_for_an_encrypted_group_never_leaves_in_the_open(alice: Client, bob: Client, relay: Relay) -> None:
    friends = await alice.create_group("Friends", ["bob"])
    await bob.sync()
    await bob.accept_group("Friends")
    # The server makes an open chat of the same title, and says that one is in the encrypted one no more.
    await bob.create_group("Friends", ["alice"], open_chat=True)
    await alice.sync()
    with pytest.raises(WrongUse, match="Several group chats"):
        await alice.send("#Friends", "the canary")
    del relay.groups.of[friends.id]
    await alice.sync()
    assert [one.standing for one in await alice.groups() if not one.is_open] == ["gone"]
    with pytest.raises(WrongUse, match="Several group chats"):
        await alice.send("#Friends", "the canary")
    with pytest.raises(Refused):
        await alice.send(f"#{friends.id}", "the canary")
    open_paths = [body for _, path, body in relay.requests if path.startswith(("open-chats", "open."))]
    assert not any("canary" in str(body) for body in open_paths)
    assert await alice.waiting() == 0


async def test_an_open_chat_that_takes_an_encrypted_ones_id_is_none(alice: Client, bob: Client, relay: Relay) -> None:
    friends = await alice.create_group("Friends", ["bob"])
    await bob.create_group("Other", ["alice"], open_chat=True)
    [(made, chat)] = relay.open_chats.of.items()
    relay.open_chats.of = {friends.id: chat}
    await alice.sync()
    assert [one.is_open for one in await alice.groups()] == [False]
    await alice.send(f"#{friends.id}", "for members")
    assert relay.bodies(f"open-chats/{friends.id}/messages") == []
    assert made != friends.id
    assert await lines(alice, "#Friends") == ["for members"]


async def test_open_by_name_is_said_and_kept_to(alice: Client, bob: Client) -> None:
    await alice.create_group("Friends", ["bob"])
    with pytest.raises(WrongUse, match="no open group chat"):
        await alice.send("#Friends", "hello", open_chat=True)
    open_one = await alice.create_group("Friends", ["bob"], open_chat=True)
    assert (await alice.send("#Friends", "hello", open_chat=True)).is_open
    assert (await alice.place("#Friends", open_chat=True)).name == f"#{open_one.id}"
    assert (await alice.place(f"#{open_one.id[:8]}")).is_open
    with pytest.raises(WrongUse, match="not end-to-end encrypted"):
        await alice.place("#friends")
    with pytest.raises(WrongUse, match="edited or deleted yet"):
        await alice.edit_line("bob", "1", "hello")
