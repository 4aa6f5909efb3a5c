"""Unable to decrypt: what is damaged heals by itself, nothing is shown twice, and nothing is asked for without end."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest
from clocks import SteppingClock
from damage import Damage, again, alter, ask, count_sessions, flipped, lose, scribble, slip
from parties import PASSWORD, Open, befriend, nothing_more, registered, shown
from relay import Relay

from messenger_client import Client, Message, Notice
from messenger_client.errors import LinkingNeeded
from messenger_client.store import Transaction, settings
from messenger_client.store.records import Me

HOUR = 3_600_000


async def change(client: Client, damage: Damage) -> None:
    await client._context.write(damage)


async def settle(*clients: Client) -> None:
    """Let everybody fetch and answer until nothing moves."""
    for _ in range(4):
        for client in clients:
            await client.sync()


def own(tx: Transaction) -> Me:
    me = settings.me(tx)
    assert me is not None
    return me


def own_id(relay: Relay, username: str) -> bytes:
    return uuid.UUID(relay.device_of(username)).bytes


async def lines(client: Client, other: str) -> list[str]:
    return [event.text for event in await client.history(other)]


@pytest.mark.parametrize("damage", [lose, scribble, alter])
@pytest.mark.parametrize("whose", ["alice", "bob"])
async def test_a_damaged_session_heals_within_two_messages_and_nothing_is_shown_twice(
    alice: Client, bob: Client, whose: str, damage: Damage
) -> None:
    await befriend(alice, bob)
    await change({"alice": alice, "bob": bob}[whose], damage)
    await alice.send("bob", "one")
    await settle(bob, alice)
    await bob.send("alice", "two")
    await settle(alice, bob)
    await alice.send("bob", "three")
    await bob.send("alice", "four")
    await settle(alice, bob)
    expected = ["hello", "hello yourself", "one", "two", "three", "four"]
    assert sorted(await lines(alice, "bob")) == sorted(await lines(bob, "alice")) == sorted(expected)
    assert [event.text for event in await shown(bob, 2)] == ["one", "three"]
    assert [event.text for event in await shown(alice, 2)] == ["two", "four"]
    assert await nothing_more(alice)
    assert await nothing_more(bob)


async def test_while_both_listen_it_heals_by_itself_and_stands_in_the_sender_s_order(
    alice: Client, bob: Client, relay: Relay
) -> None:
    await befriend(alice, bob)
    await change(bob, alter)
    for text in ("one", "two", "three"):
        await alice.send("bob", text)
    async with alice.connected():
        events = await shown(bob, 6)
    assert [event.cause for event in events if isinstance(event, Notice)] == ["undecryptable"] * 3
    assert [event.text for event in events if isinstance(event, Message)] == ["one", "two", "three"]
    assert (await lines(bob, "alice"))[-3:] == ["one", "two", "three"]
    claims = [one["device"] for body in relay.bodies("keys/claim") for one in body["devices"]]
    assert claims.count(relay.device_of("alice")) == 1  # one session was opened for all three


async def test_an_unreadable_line_says_why_and_what_happens_next(
    alice: Client, bob: Client, relay: Relay, clock: SteppingClock
) -> None:
    await befriend(alice, bob)
    await change(bob, lose)
    await alice.send("bob", "one")
    [notice] = await shown(bob, 1)
    assert isinstance(notice, Notice)
    assert (notice.kind, notice.cause, notice.repair) == ("unreadable", "unknown_session", "asked")
    assert "alice's app has been asked to send it again" in notice.text
    clock.ahead += HOUR
    [*_, later] = await bob.history("alice")
    assert isinstance(later, Notice)
    assert later.repair == "possible"
    assert "messenger retry alice" in later.text
    assert await bob.retry("alice") == 1
    await settle(alice, bob)
    assert (await lines(bob, "alice"))[-1] == "one"


async def test_a_message_is_asked_for_three_times_and_no_more(
    alice: Client, bob: Client, relay: Relay, clock: SteppingClock
) -> None:
    await befriend(alice, bob)
    await change(bob, lose)
    await alice.send("bob", "one")
    device = relay.device_of("bob")
    for _ in range(6):
        await bob.sync()
        await alice.sync()
        for row in relay.queue[device]:
            row["body"] = flipped(row["body"])
        clock.ahead += HOUR
    [*_, line] = await bob.history("alice")
    assert isinstance(line, Notice)
    assert line.repair == "none"
    assert "Ask alice to send it again" in line.text
    assert len(again(relay, "alice")) == 3
    assert await bob.retry("alice") == 0


async def test_a_message_is_sent_again_three_times_to_a_device_and_no_more(
    alice: Client, bob: Client, relay: Relay
) -> None:
    await befriend(alice, bob)
    await alice.send("bob", "one")
    await bob.sync()
    await alice.sync()
    account = uuid.UUID(relay.accounts["alice"]["id"]).bytes
    device = uuid.UUID(relay.device_of("alice")).bytes
    body = relay.bodies("messages")[-1]["envelopes"][0]["body"]
    for _ in range(5):
        await ask(bob, account, device, body)
        await bob.sync()
        await alice.sync()
    assert len(again(relay, "alice")) == 3
    await bob.sync()
    assert (await lines(bob, "alice")).count("one") == 1


async def test_a_message_is_sent_again_to_the_device_that_it_was_for_and_to_no_other(
    alice: Client, bob: Client, relay: Relay, open_client: Open
) -> None:
    carol = await registered(open_client, "carol")
    await befriend(alice, bob)
    await befriend(alice, carol)
    await alice.send("bob", "for bob alone")
    body = relay.bodies("messages")[-1]["envelopes"][0]["body"]
    account = uuid.UUID(relay.accounts["alice"]["id"]).bytes
    await ask(carol, account, uuid.UUID(relay.device_of("alice")).bytes, body)
    await settle(carol, alice)
    assert again(relay, "alice") == []
    assert await lines(carol, "alice") == ["hello", "hello yourself"]


@pytest.mark.parametrize("is_false", [True, False])
async def test_after_a_new_identity_only_the_device_of_the_same_keys_is_sent_anything_again(
    alice: Client, bob: Client, relay: Relay, open_client: Open, is_false: bool
) -> None:
    await befriend(alice, bob)
    await alice.send("bob", "for bob alone")
    await bob.sync()
    new = bob
    if is_false:
        # Whoever runs the server, under the id of bob's device.
        new = await open_client("false bob")
        with pytest.raises(LinkingNeeded):
            await new.login("bob", PASSWORD)
        await change(new, lambda tx: settings.save_me(tx, replace(own(tx), device=own_id(relay, "bob"))))
        del relay.prekeys[relay.device_of("bob")]
        with pytest.raises(LinkingNeeded):
            await new.login("bob", PASSWORD)
    await new.reset_identity()
    account = uuid.UUID(relay.accounts["alice"]["id"]).bytes
    await new._directory.refresh(account)
    await alice._directory.refresh((await alice._directory.resolve("bob")).account)
    await alice.acknowledge("bob")
    for body in relay.bodies("messages"):
        if body["to"] == relay.accounts["bob"]["id"]:
            await ask(new, account, own_id(relay, "alice"), body["envelopes"][0]["body"])
    await settle(new, alice)
    assert len(again(relay, "alice")) == (0 if is_false else 2)


async def test_what_was_sent_more_than_two_weeks_ago_is_not_sent_again(
    alice: Client, bob: Client, relay: Relay, clock: SteppingClock
) -> None:
    await befriend(alice, bob)
    await alice.send("bob", "long ago")
    await change(bob, lose)
    await bob.sync()
    clock.ahead += 14 * 24 * HOUR + 1
    await alice.sync()
    assert again(relay, "alice") == []
    [*_, line] = await bob.history("alice")
    assert isinstance(line, Notice)
    assert line.repair == "none"


async def test_a_text_that_comes_in_a_control_envelope_is_shown_nowhere(
    alice: Client, bob: Client, relay: Relay, open_client: Open
) -> None:
    carol = await registered(open_client, "carol")
    await carol._directory.pinned("bob")
    await carol.send("bob", "hi")
    await bob.sync()
    await slip(carol, relay, "past your requests")
    await bob.sync()
    assert await lines(bob, "carol") == ["hi"]
    assert relay.queue[relay.device_of("bob")] == []
    assert all(not ack["unreadable"] for ack in relay.acks)


async def test_a_stranger_is_not_asked_by_itself(alice: Client, bob: Client, relay: Relay) -> None:
    await alice.send("bob", "we have not met")
    for row in relay.queue[relay.device_of("bob")]:
        row["body"] = flipped(row["body"])
    [notice] = await shown(bob, 1)
    assert isinstance(notice, Notice)
    assert notice.repair == "possible"
    assert relay.queue[relay.device_of("alice")] == []
    assert await bob.retry("alice") == 1
    await settle(alice, bob)
    [message] = await bob.history("alice")
    assert isinstance(message, Message)
    assert (message.text, message.is_request) == ("we have not met", True)


async def test_a_control_content_that_cannot_be_read_starts_a_new_session_once_an_hour(
    alice: Client, bob: Client, relay: Relay, clock: SteppingClock
) -> None:
    await befriend(alice, bob)
    sender = (relay.accounts["alice"]["id"], relay.device_of("alice"))
    for _ in range(3):
        row = relay.deliver(relay.device_of("bob"), sender, str(uuid.uuid4()), "", control=True)
        row["body"] = flipped(relay.bodies("messages")[0]["envelopes"][0]["body"], session=True)
        await bob.sync()
    assert len(relay.queue[relay.device_of("alice")]) == 1
    await settle(alice, bob)
    assert await count_sessions(alice) == 1  # the reset dropped the others
    await alice.send("bob", "on the new one")
    await settle(bob)
    assert (await lines(bob, "alice"))[-1] == "on the new one"


async def test_a_sender_that_went_back_to_an_older_state_loses_nothing(
    alice: Client, bob: Client, relay: Relay
) -> None:
    await befriend(alice, bob)
    kept = await alice._context.write(lambda tx: tx.execute("SELECT key, value FROM session").fetchall())
    await alice.send("bob", "one")
    await bob.sync()

    def back(tx: Transaction) -> None:
        for key, value in kept:
            tx.execute("UPDATE session SET value = ? WHERE key = ?", [value, key])

    await change(alice, back)
    await alice.send("bob", "two")
    await settle(bob, alice)
    assert (await lines(bob, "alice"))[-2:] == ["one", "two"]


async def test_a_message_that_was_read_and_one_that_was_not_are_no_gap_on_top(
    alice: Client, bob: Client, relay: Relay, clock: SteppingClock
) -> None:
    await befriend(alice, bob)
    await alice.send("bob", "lost")
    for row in relay.queue[relay.device_of("bob")]:
        row["body"] = flipped(row["body"])
    await alice.send("bob", "after it")
    await bob.sync()
    clock.ahead += 10_000
    kinds = [event.kind for event in await bob.history("alice") if isinstance(event, Notice)]
    assert kinds == ["unreadable"]
    await settle(alice, bob)  # later than the gap's patience: after what came meanwhile
    assert (await lines(bob, "alice"))[-2:] == ["after it", "lost"]
