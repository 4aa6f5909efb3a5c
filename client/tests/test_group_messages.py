"""Messages of group chats: chains, their order, what comes too early, and what is asked for again."""

from __future__ import annotations

from uuid import UUID

import pytest
from clocks import SteppingClock
from group_parties import Friends, lines, notices, settle
from parties import Open, nothing_more, registered, shown
from relay import Json, Relay, b64, problem

from messenger_client import Client, Message
from messenger_client.errors import IdentityHasChanged
from messenger_client.protocol.limits import CHAIN_MESSAGES, DAY
from messenger_client.store import Transaction, groups

MINUTE = 60_000


async def chain_of(client: Client) -> bytes:
    """The id of the chain that a client sends on."""

    def work(tx: Transaction) -> bytes:
        [group] = groups.known(tx)
        found = groups.own_chain(tx, group.id)
        assert found is not None
        return bytes(found[0].id)

    return await client._context.write(work)


def held_back(relay: Relay, name: str, kind: str) -> list[Json]:
    """Take what waits for somebody off their queue."""
    device = relay.device_of(name)
    taken = [row for row in relay.queue[device] if row["kind"] == kind]
    relay.queue[device] = [row for row in relay.queue[device] if row["kind"] != kind]
    return taken


async def test_a_chain_is_told_once_and_serves_many_messages(friends: Friends, relay: Relay) -> None:
    alice, bob, _ = friends
    await alice.send("#Friends", "one")
    told = len(relay.bodies("device-messages"))
    for text in ("two", "three"):
        await alice.send("#Friends", text)
    assert len(relay.bodies("device-messages")) == told
    await bob.sync()
    assert await lines(bob) == ["one", "two", "three"]


async def test_a_chain_is_made_anew_after_a_week_and_after_many_messages(
    friends: Friends, clock: SteppingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob, _ = friends
    await alice.send("#Friends", "one")
    first = await chain_of(alice)
    clock.ahead += 8 * DAY
    await alice.send("#Friends", "two")
    second = await chain_of(alice)
    monkeypatch.setattr("messenger_client.protocol.sender_key.CHAIN_MESSAGES", 2)
    await alice.send("#Friends", "three")
    assert await chain_of(alice) == second
    await alice.send("#Friends", "four")
    assert len({first, second, await chain_of(alice)}) == 3
    assert CHAIN_MESSAGES == 500
    await bob.sync()
    assert await lines(bob) == ["one", "two", "three", "four"]


async def test_a_chain_is_made_anew_once_somebody_was_removed(friends: Friends) -> None:
    alice, _, dora = friends
    await dora.send("#Friends", "one")
    first = await chain_of(dora)
    await alice.remove_from_group("Friends", "bob")
    await dora.send("#Friends", "two")
    assert await chain_of(dora) != first


async def test_messages_stand_in_their_writers_order(friends: Friends, relay: Relay) -> None:
    alice, bob, _ = friends
    for text in ("one", "two", "three"):
        await alice.send("#Friends", text)
    relay.queue[relay.device_of("bob")].sort(key=lambda row: (row["kind"] == "group", -row["envelope"]))
    await bob.sync()
    assert await lines(bob) == ["one", "two", "three"]
    assert [event.text for event in await shown(bob, 3)] == ["one", "two", "three"]
    assert await nothing_more(bob)


async def test_a_message_that_came_before_its_sender_key_is_read_once_that_has_come(
    friends: Friends, relay: Relay
) -> None:
    _, bob, dora = friends
    await dora.send("#Friends", "too early")
    keys = held_back(relay, "bob", "control")
    await bob.sync()
    assert await lines(bob) == []
    assert relay.queue[relay.device_of("bob")] == []
    relay.queue[relay.device_of("bob")] += keys
    await bob.sync()
    assert await lines(bob) == ["too early"]
    assert await notices(bob) == ["alice created the group chat."]


async def test_a_sender_key_that_was_lost_is_asked_for(friends: Friends, relay: Relay, clock: SteppingClock) -> None:
    _, bob, dora = friends
    await dora.send("#Friends", "lost")
    assert held_back(relay, "bob", "control")
    await bob.sync()
    await bob.sync()
    assert not any(row["kind"] == "control" for row in relay.queue[relay.device_of("dora")])
    clock.ahead += 2 * MINUTE
    await bob.sync()
    [line] = [text for text in await notices(bob) if "cannot be read" in text]
    assert "dora's app has been asked" in line
    await settle(dora, bob)
    assert await lines(bob) == ["lost"]
    assert not [text for text in await notices(bob) if "cannot be read" in text]
    await dora.send("#Friends", "and the next")
    await bob.sync()
    assert await lines(bob) == ["lost", "and the next"]


async def test_nobody_gets_again_what_was_not_for_them(
    friends: Friends, open_client: Open, relay: Relay, clock: SteppingClock
) -> None:
    """Erin, who came later, asks for a message from before, by a place that she has heard of."""
    from messenger_client.client.doctor import Doctor
    from messenger_client.protocol.group_message import NO_RATCHET_KEY
    from messenger_client.store import settings
    from messenger_client.store.records import Unreadable

    alice, _, _ = friends
    await alice.send("#Friends", "before erin")
    erin = await registered(open_client, "erin")
    await alice.add_to_group("Friends", "erin")
    await settle(erin)
    me = await alice._context.write(settings.me)
    chain = await chain_of(alice)
    assert me is not None

    def ask(tx: Transaction) -> None:
        mine = settings.me(tx)
        assert mine is not None
        [group] = groups.known(tx)
        failed = Unreadable(
            bytes(16), bytes(16), me.account, me.device, group.id, clock.now(), "undecryptable", chain, NO_RATCHET_KEY
        )
        assert Doctor(tx, mine, now=clock.now(), entropy=erin._context.entropy).ask(failed)

    await erin._context.write(ask)
    await erin.sync()
    assert [row["sender"]["device"] for row in relay.queue[relay.device_of("alice")]] == [relay.device_of("erin")]
    await alice.sync()
    assert relay.queue[relay.device_of("alice")] == []
    assert not [row for row in relay.queue[relay.device_of("erin")] if row["kind"] == "control"]
    await erin.sync()
    assert await lines(erin) == []


async def test_a_lost_answer_is_followed_by_the_same_bytes(friends: Friends, relay: Relay) -> None:
    alice, bob, _ = friends
    (group,) = relay.groups.of
    relay.faults[f"POST groups/{group}/messages"].append(lambda answer: None)
    assert (await alice.send("#Friends", "once")).state == "queued"
    await alice.sync()
    one, two = relay.bodies(f"groups/{group}/messages")
    assert one == two
    await bob.sync()
    assert await lines(bob) == ["once"]
    [message] = [event for event in await alice.history("#Friends") if isinstance(event, Message)]
    assert message.state == "accepted"


async def test_what_was_encrypted_before_a_removal_does_not_leave_after_it(friends: Friends, relay: Relay) -> None:
    """Nor if the server would take it."""
    alice, bob, dora = friends
    (group,) = relay.groups.of
    path = f"groups/{group}/messages"
    relay.refusals[f"POST {path}"] += [problem(503, "unavailable")]
    assert (await dora.send("#Friends", "not for bob")).state == "queued"
    await alice.remove_from_group("Friends", "bob")
    await dora._follower.follow(UUID(group).bytes)
    await dora.sync()
    first, second = relay.bodies(path)
    assert first["message_id"] == second["message_id"]
    assert second["gsh"] == b64(relay.groups.only.state.hash) != first["gsh"]
    await settle(alice, bob)
    assert await lines(alice) == ["not for bob"]
    assert await lines(bob) == []


async def test_a_message_written_while_the_group_chat_changed_is_encrypted_anew(friends: Friends, relay: Relay) -> None:
    alice, bob, dora = friends
    await dora.send("#Friends", "first")
    await alice.remove_from_group("Friends", "bob")
    await dora.send("#Friends", "after")
    (group,) = relay.groups.of
    sent = [body for body in relay.bodies(f"groups/{group}/messages") if body["message_id"] in relay.answers]
    ids = [body["message_id"] for body in sent]
    assert len(ids) == 3
    assert ids[1] == ids[2]
    await settle(alice, bob)
    assert await lines(alice) == ["first", "after"]
    assert await lines(bob) == ["first"]


async def test_nothing_is_sent_while_a_members_identity_has_changed(friends: Friends) -> None:
    alice, bob, dora = friends
    await alice.send("#Friends", "before")
    await settle(*friends)
    await bob.reset_identity()
    with pytest.raises(IdentityHasChanged, match="bob's identity has changed"):
        await alice.send("#Friends", "after")
    assert await lines(bob) == ["before"]
    await alice.acknowledge("bob")
    await settle(alice, bob, dora)
    assert await lines(bob) == await lines(dora) == ["before", "after"]


async def test_a_device_without_keys_is_left_out_and_told_later(
    alice: Client, bob: Client, dora: Client, relay: Relay, clock: SteppingClock
) -> None:
    device = relay.device_of("dora")
    kept = relay.prekeys.pop(device)
    await alice.create_group("Friends", ["bob", "dora"])
    sent = await alice.send("#Friends", "without keys")
    assert (sent.state, sent.skipped) == ("accepted", (device,))
    await settle(bob, dora)
    assert await lines(bob) == ["without keys"]
    [group] = await dora.groups()
    assert await lines(dora, f"#{group.id}") == []
    relay.prekeys[device] = kept
    clock.ahead += 2 * MINUTE
    await settle(alice, dora)
    assert await lines(dora) == ["without keys"]
