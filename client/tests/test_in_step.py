"""Several devices of one account: what is written, read and decided on one is known on the others."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from parties import Open, befriend, second_device, states, texts, until
from relay import Relay

from messenger_client import Client, Message
from messenger_client.store import peers


@pytest.fixture(autouse=True)
def checking(relay: Relay) -> None:
    relay.checks_lists = True


async def lines(client: Client, other: str) -> list[str]:
    return [event.text for event in await client.history(other)]


async def test_three_own_devices_get_every_message_and_know_what_became_of_it(
    alice: Client, bob: Client, relay: Relay, open_client: Open
) -> None:
    await befriend(alice, bob)
    laptop = await second_device(open_client, alice, "laptop")
    tablet = await second_device(open_client, alice, "tablet")
    for client, text in ((alice, "one"), (laptop, "two"), (tablet, "three")):
        await client.sync()
        await client.send("bob", text)
    await bob.sync()
    await bob.send("alice", "four")
    for client in (alice, laptop, tablet):
        await client.sync()
    for client in (alice, laptop, tablet):
        assert sorted(await lines(client, "bob"))[2:] == sorted(["hello yourself", "one", "two", "three", "four"])[1:]
        assert {(await states(client, "bob"))[text] for text in ("one", "two", "three")} == {"accepted"}
    last = relay.bodies("messages")[-1]
    assert len(last["envelopes"]) == 3


async def test_a_chat_that_another_own_device_has_begun_is_known_here(
    alice: Client, bob: Client, open_client: Open
) -> None:
    laptop = await second_device(open_client, alice, "laptop")
    await alice.send("bob", "we have not met")
    await laptop.sync()
    assert await lines(laptop, "bob") == ["we have not met"]
    assert all(chat.other == "bob" for chat in await laptop.chats())


async def unseen(client: Client, count: int) -> bool:
    """So many messages of the only conversation are new."""
    return [chat.unseen for chat in await client.chats()] == [count]


async def test_what_was_read_on_one_own_device_is_not_unread_on_another(
    alice: Client, bob: Client, relay: Relay, open_client: Open
) -> None:
    await befriend(alice, bob)
    laptop = await second_device(open_client, alice, "laptop")
    for text in ("one", "two"):
        await bob.send("alice", text)
    for client in (alice, laptop):
        await client.sync()
    assert [chat.unseen for chat in await laptop.chats()] == [2]
    read = [event for event in await alice.history("bob") if isinstance(event, Message) and event.text == "one"]
    async with laptop.connected():
        await asyncio.to_thread(relay.wait_for, lambda: bool(relay.sockets))
        await alice.mark_read(read)
        await until(lambda: unseen(laptop, 1))
    rest = [event for event in await alice.history("bob") if isinstance(event, Message) and event.text == "two"]
    await alice.mark_read(rest)  # while the laptop is away
    await laptop.sync()
    assert [chat.unseen for chat in await laptop.chats()] == [0]
    # Each message is given out once all the same.
    assert await texts(laptop, 2) == ["one", "two"]


async def test_a_contact_that_one_device_blocks_is_blocked_on_the_other(
    alice: Client, bob: Client, relay: Relay, open_client: Open
) -> None:
    await bob.send("alice", "hi")
    laptop = await second_device(open_client, alice, "laptop")
    async with laptop.connected():
        await asyncio.to_thread(relay.wait_for, lambda: bool(relay.sockets))
        await alice.block("bob")

        async def blocked() -> bool:
            with laptop._context.store.transaction() as tx:
                peer = peers.by_account(tx, uuid.UUID(relay.accounts["bob"]["id"]).bytes)
            return peer is not None and peer.blocked

        await until(blocked)
