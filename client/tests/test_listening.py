"""The connection: kept up with jitter, ended by a newer one, fed from the outbox."""

from __future__ import annotations

import asyncio
import uuid
from functools import partial

import pytest
from clocks import SteppingClock
from parties import befriend, shown, states, texts, told
from relay import Relay, problem

from messenger_client import Client
from messenger_client.errors import SignInNeeded, TakenOver
from messenger_client.stream.backoff import FIRST, LONGEST, Backoff


def test_the_wait_grows_to_a_ceiling_and_is_random_all_the_way_down() -> None:
    asked: list[tuple[float, float]] = []

    def uniform(low: float, high: float) -> float:
        asked.append((low, high))
        return high

    backoff = Backoff(uniform)
    waits = [backoff.delay() for _ in range(9)]
    assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert {low for low, _ in asked} == {0.0}
    backoff.worked()
    assert backoff.delay() == FIRST
    assert max(waits) == LONGEST


async def test_a_message_arrives_while_listening(alice: Client, bob: Client, relay: Relay) -> None:
    await befriend(alice, bob)
    listening = asyncio.create_task(texts(bob, 2))
    device = relay.device_of("bob")
    await asyncio.to_thread(relay.wait_for, lambda: device in relay.sockets)
    await alice.send("bob", "one")
    await alice.send("bob", "two")
    assert await listening == ["one", "two"]


async def test_a_lost_connection_is_made_again_and_nothing_is_lost(alice: Client, bob: Client, relay: Relay) -> None:
    await befriend(alice, bob)
    listening = asyncio.create_task(texts(bob, 3))
    device = relay.device_of("bob")

    def is_over(line: object) -> bool:
        return relay.sockets.get(device) is not line

    for number in range(3):
        await asyncio.to_thread(relay.wait_for, lambda: device in relay.sockets)
        line = relay.sockets[device]
        await alice.send("bob", str(number))
        relay.push(device, 1012)
        # Not until there is none: the next one may be there before anybody looks.
        await asyncio.to_thread(relay.wait_for, partial(is_over, line))
    assert await listening == ["0", "1", "2"]
    assert told(bob).count("Not connected; trying again. What you write meanwhile waits here.") <= 3


async def test_a_draining_server_says_when_to_come_back(bob: Client, relay: Relay, clock: SteppingClock) -> None:
    async with bob.connected():
        device = relay.device_of("bob")
        await asyncio.to_thread(relay.wait_for, lambda: device in relay.sockets)
        relay.push(device, {"type": "server.draining", "reconnect_after_ms": [7_000, 8_000]})
        await asyncio.to_thread(relay.wait_for, lambda: any(7 <= slept <= 8 for slept in clock.slept))


async def test_no_server_keeps_a_client_away_for_longer_than_five_minutes(
    bob: Client, relay: Relay, clock: SteppingClock
) -> None:
    async with bob.connected():
        device = relay.device_of("bob")
        await asyncio.to_thread(relay.wait_for, lambda: device in relay.sockets)
        relay.push(device, {"type": "server.draining", "reconnect_after_ms": [10**14, 10**400]})
        await asyncio.to_thread(relay.wait_for, lambda: 300 in clock.slept)


async def test_a_newer_connection_of_the_device_ends_this_one(alice: Client, bob: Client, relay: Relay) -> None:
    listening = asyncio.create_task(shown(bob, 1))
    device = relay.device_of("bob")
    await asyncio.to_thread(relay.wait_for, lambda: device in relay.sockets)
    relay.push(device, 4409)
    with pytest.raises(TakenOver):
        await listening


async def test_an_ended_session_ends_listening(bob: Client, relay: Relay) -> None:
    listening = asyncio.create_task(shown(bob, 1))
    device = relay.device_of("bob")
    await asyncio.to_thread(relay.wait_for, lambda: device in relay.sockets)
    relay.push(device, 4403)
    with pytest.raises(SignInNeeded):
        await listening


async def test_a_token_that_ended_is_renewed_and_the_connection_made_again(
    alice: Client, bob: Client, relay: Relay
) -> None:
    listening = asyncio.create_task(texts(bob, 1))
    device = relay.device_of("bob")
    await asyncio.to_thread(relay.wait_for, lambda: device in relay.sockets)
    relay.push(device, 4401)
    await asyncio.to_thread(relay.wait_for, lambda: relay.times("POST", "auth/token/refresh") == 1)
    await alice.send("bob", "still there")
    assert await listening == ["still there"]


async def test_what_is_written_while_connected_goes_over_the_socket(alice: Client, bob: Client, relay: Relay) -> None:
    await befriend(alice, bob)
    async with alice.connected():
        await asyncio.to_thread(relay.wait_for, lambda: bool(relay.sockets))
        await alice.write_down("bob", "by wire")
        await asyncio.to_thread(relay.wait_for, lambda: relay.times("FRAME", "message.send") == 1)
    assert await texts(bob, 1) == ["by wire"]


async def test_the_outbox_is_sent_after_connecting(alice: Client, bob: Client, relay: Relay) -> None:
    await befriend(alice, bob)
    await alice.write_down("bob", "waiting")
    async with alice.connected():
        await asyncio.to_thread(relay.wait_for, lambda: relay.times("FRAME", "message.send") == 1)
    assert await texts(bob, 1) == ["waiting"]


async def test_delivery_states_follow_what_the_server_tells(alice: Client, bob: Client, relay: Relay) -> None:
    await befriend(alice, bob)
    sent = await alice.send("bob", "seen?")
    about = {
        "chat": str(uuid.uuid4()),
        "messages": [sent.id],
        "account": relay.accounts["bob"]["id"],
        "device": relay.device_of("bob"),
        "at": 1,
    }
    async with alice.connected():
        device = relay.device_of("alice")
        await asyncio.to_thread(relay.wait_for, lambda: device in relay.sockets)
        for kind, state in (("delivered", "delivered"), ("read", "read"), ("delivered", "read")):
            relay.push(device, {"type": f"message.{kind}", **about})
            async with asyncio.timeout(5):
                while (await states(alice, "bob"))["seen?"] != state:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)


async def test_frames_that_make_no_sense_are_passed_over(alice: Client, bob: Client, relay: Relay) -> None:
    listening = asyncio.create_task(texts(bob, 1))
    device = relay.device_of("bob")
    await asyncio.to_thread(relay.wait_for, lambda: device in relay.sockets)
    for frame in (
        {"type": "of the future"},
        {"type": "envelope"},
        {"type": "envelope", "envelope": 99, "sender": 3},
        {"type": "message.delivered", "messages": 1},
        {"type": "devices.changed", "account": "nobody"},
        {"type": "rejected", "id": None, "code": "malformed", "detail": ""},
    ):
        relay.push(device, frame)
    await alice.send("bob", "after all that")
    assert await listening == ["after all that"]


async def test_hundreds_of_messages_that_waited_come_in_order(alice: Client, bob: Client) -> None:
    await befriend(alice, bob)
    sent = [str(number) for number in range(300)]
    async with alice.connected():
        for text in sent:
            await alice.write_down("bob", text)
        while await alice.waiting():  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert [event.text for event in await shown(bob, 300, seconds=30)] == sent


async def test_a_message_whose_answer_was_lost_gets_the_status_it_has_had_since(
    alice: Client, bob: Client, relay: Relay
) -> None:
    await befriend(alice, bob)
    relay.faults["POST messages"].append(lambda answer: None)
    lost = await alice.send("bob", "you have this")  # the server has it, and nobody here knows
    assert lost.state == "queued"

    def delivered(answer: tuple[int, dict[str, object]]) -> tuple[int, dict[str, object]]:
        about = {"account": relay.accounts["bob"]["id"], "device": relay.device_of("bob"), "at": 1}
        return 200, {"statuses": [{"message": lost.id, "status": "delivered", **about}]}

    relay.requests.clear()
    relay.faults["POST messages/statuses"] = [delivered]
    async with alice.connected():
        async with asyncio.timeout(5):
            while (await states(alice, "bob"))["you have this"] != "delivered":  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    assert lost.id in relay.bodies("messages/statuses")[0]["messages"]


async def test_a_server_that_opens_connections_and_closes_them_at_once_is_not_asked_without_end(
    bob: Client, relay: Relay, clock: SteppingClock
) -> None:
    device = relay.device_of("bob")
    bob._context.uniform = lambda least, most: most
    async with bob.connected():
        for _ in range(4):
            await asyncio.to_thread(relay.wait_for, lambda: device in relay.sockets)
            relay.push(device, 4401)
            await asyncio.to_thread(relay.wait_for, lambda: device not in relay.sockets)
        waits = [0.5, 1, 2, 4]
        await asyncio.to_thread(relay.wait_for, lambda: [slept for slept in clock.slept if slept <= 4][:4] == waits)


async def test_devices_that_change_faster_than_the_directory_may_be_asked_do_not_end_the_connection(
    alice: Client, bob: Client, relay: Relay
) -> None:
    await befriend(alice, bob)
    device = relay.device_of("bob")
    async with bob.connected():
        await asyncio.to_thread(relay.wait_for, lambda: device in relay.sockets)
        socket = relay.sockets[device]
        relay.refusals["GET keys/directory"].append(problem(429, "too_many_requests"))
        relay.push(device, {"type": "devices.changed", "account": relay.accounts["alice"]["id"]})
        await asyncio.to_thread(relay.wait_for, lambda: not relay.refusals["GET keys/directory"])
        await alice.send("bob", "still here")
        await asyncio.to_thread(relay.wait_for, lambda: not relay.queue[device])
        assert relay.sockets[device] is socket


async def test_a_status_of_somebody_else_s_says_nothing_about_a_message(
    alice: Client, bob: Client, relay: Relay
) -> None:
    await befriend(alice, bob)
    sent = await alice.send("bob", "for bob")
    device = relay.device_of("alice")
    about = {"chat": str(uuid.uuid4()), "messages": [sent.id], "device": relay.device_of("bob"), "at": 1}
    async with alice.connected():
        await asyncio.to_thread(relay.wait_for, lambda: device in relay.sockets)
        stranger = str(uuid.uuid4())
        relay.push(device, {"type": "message.read", "account": stranger, **about})
        relay.push(device, {"type": "message.delivered", "account": relay.accounts["bob"]["id"], **about})
        async with asyncio.timeout(5):
            while (await states(alice, "bob"))["for bob"] == "accepted":  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    assert (await states(alice, "bob"))["for bob"] == "delivered"
