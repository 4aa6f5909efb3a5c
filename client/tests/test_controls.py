"""Control contents, such as sender keys: many devices in one frame, and nobody waits for one that cannot be served."""

from __future__ import annotations

import asyncio

import pytest
from clocks import SteppingClock
from group_parties import account, lines, settle
from parties import Open, registered, second_device, texts, told
from relay import Json, Relay, problem

from messenger_client import Client
from messenger_client.errors import IdentityHasChanged
from messenger_client.store import controls

NAMES = ("bob", "carl", "dora", "erin", "fay")
MINUTE = 60_000  # ms

People = dict[str, Client]


@pytest.fixture
async def people(alice: Client, open_client: Open) -> People:
    return {name: await registered(open_client, name) for name in NAMES}


def frames(relay: Relay) -> list[Json]:
    """What alice's sender keys went in, on whichever way."""
    return [*relay.bodies("device-messages"), *relay.bodies("device.send")]


def sizes(relay: Relay) -> list[int]:
    return [len(one["envelopes"]) for one in frames(relay)]


async def read_by(people: People, text: str) -> list[str]:
    """Who can read a message of alice's."""
    await settle(*people.values())
    found = []
    for name, client in people.items():
        [group] = await client.groups()
        if text in await lines(client, f"#{group.id}"):
            found.append(name)
    return found


async def test_one_content_goes_to_many_devices_in_one_frame(alice: Client, people: People, relay: Relay) -> None:
    await alice.create_group("Friends", NAMES)
    [frame] = frames(relay)
    assert len(frame["envelopes"]) == len(NAMES)
    assert len({one["body"] for one in frame["envelopes"]}) == len(NAMES)
    assert relay.times("POST", "keys/claim") == 1
    await alice.send("#Friends", "hello")
    assert sizes(relay) == [len(NAMES)]
    assert await read_by(people, "hello") == list(NAMES)


async def test_a_frame_takes_as_many_as_the_server_says(alice: Client, people: People, relay: Relay) -> None:
    relay.limits = {"envelopes_per_send": 2, "frame_bytes": 2_000_000}
    async with alice.connected():
        await asyncio.to_thread(relay.wait_for, lambda: relay.device_of("alice") in relay.sockets)
        await alice.create_group("Friends", NAMES)
        assert sizes(relay) == [2, 2, 1]
    relay.limits = {"envelopes_per_send": 100, "frame_bytes": 15_000}
    async with alice.connected():
        await asyncio.to_thread(relay.wait_for, lambda: relay.device_of("alice") in relay.sockets)
        await alice.create_group("Others", NAMES)
        assert sizes(relay) == [2, 2, 1] * 2
    await alice.send("#Friends", "hello")
    await settle(*people.values())
    assert {len(await one.groups()) for one in people.values()} == {2}


async def test_somebody_whom_one_blocked_keeps_nobody_else_from_being_told(
    alice: Client, people: People, relay: Relay
) -> None:
    relay.contacts[account(relay, "alice")][account(relay, "carl")] = "blocked"
    await alice.create_group("Friends", NAMES)
    assert len(frames(relay)) < 2 * len(NAMES)
    await alice.send("#Friends", "hello")
    assert await read_by(people, "hello") == [name for name in NAMES if name != "carl"]


async def test_a_device_that_was_ended_meanwhile_keeps_nobody_else_from_being_told(
    alice: Client, people: People, relay: Relay
) -> None:
    for name in NAMES:
        await alice._directory.pinned(name)
    relay.suspend(relay.device_of("carl"))
    await alice.create_group("Friends", NAMES)
    assert sizes(relay) in ([4], [5, 4])
    await alice.send("#Friends", "hello")
    left = {name: one for name, one in people.items() if name != "carl"}
    assert await read_by(left, "hello") == list(left)
    assert relay.queue[relay.device_of("carl")] == []


async def test_a_device_without_keys_waits_alone(
    alice: Client, people: People, relay: Relay, clock: SteppingClock
) -> None:
    device = relay.device_of("carl")
    kept = relay.prekeys.pop(device)
    await alice.create_group("Friends", NAMES)
    assert sizes(relay) == [4]
    relay.prekeys[device] = kept
    clock.ahead += 2 * MINUTE
    await alice.sync()
    assert sizes(relay) == [4, 1]
    await alice.send("#Friends", "hello")
    assert await read_by(people, "hello") == list(NAMES)


async def test_a_frame_that_is_refused_is_halved_without_who_has_to_wait(
    alice: Client, people: People, relay: Relay
) -> None:
    relay.prekeys.pop(relay.device_of("carl"))
    relay.refusals["POST device-messages"] += [problem(400, "malformed")]
    await alice.create_group("Friends", NAMES)
    assert sizes(relay) == [4, 2, 2]
    assert relay.times("POST", "keys/claim") == 1
    await alice.send("#Friends", "hello")
    assert await read_by(people, "hello") == [name for name in NAMES if name != "carl"]


async def test_a_process_that_died_before_the_answer_sends_the_same_bytes(
    alice: Client, people: People, relay: Relay, open_client: Open
) -> None:
    relay.faults["POST device-messages"].append(lambda answer: None)
    await alice.create_group("Friends", NAMES)
    [first] = frames(relay)
    again = await open_client("alice")
    await again.sync()
    assert frames(relay) == [first, first]
    await again.send("#Friends", "hello")
    assert sizes(relay) == [5, 5]
    assert await read_by(people, "hello") == list(NAMES)
    assert {len(await lines(one)) for one in people.values()} == {1}


async def test_a_server_that_asks_to_go_slowly_loses_nothing(
    alice: Client, people: People, relay: Relay, clock: SteppingClock, open_client: Open
) -> None:
    slowly = problem(429, "too_many_requests")
    relay.refusals["POST device-messages"] += [slowly]
    await alice.create_group("Friends", NAMES)
    assert sizes(relay) == [5, 5]
    assert clock.slept
    relay.refusals["POST device-messages"] += [slowly] * 9
    gus = await registered(open_client, "gus")
    await alice.add_to_group("Friends", "gus")
    assert "asks to go more slowly" in told(alice)[-1]
    assert len(relay.refusals["POST device-messages"]) == 6
    relay.refusals.clear()
    await alice.send("#Friends", "hello")
    assert await read_by(people | {"gus": gus}, "hello") == [*NAMES, "gus"]


async def test_what_is_for_a_changed_identity_waits_for_the_persons_word(
    alice: Client, bob: Client, relay: Relay, clock: SteppingClock
) -> None:
    relay.prekeys.pop(relay.device_of("bob"))
    await alice.create_group("Friends", ["bob"])
    assert frames(relay) == []
    # The device is the same under the new identity, and is owed what it was owed.
    await bob.reset_identity()
    with pytest.raises(IdentityHasChanged):
        await alice.send("#Friends", "hello")
    clock.ahead += 2 * MINUTE
    await alice.sync()
    assert frames(relay) == []
    assert await alice._context.write(controls.pending) != []
    await alice.acknowledge("bob")
    await settle(alice, bob)
    assert sizes(relay)[:1] == [1]
    assert await lines(bob) == ["hello"]
    assert await alice._context.write(controls.pending) == []


async def test_history_for_a_linked_device_still_comes_in_order(
    alice: Client, bob: Client, relay: Relay, open_client: Open
) -> None:
    for text in ("one", "two", "three"):
        await alice.send("bob", text)
    assert await texts(bob, 3) == ["one", "two", "three"]
    laptop = await second_device(open_client, alice, "laptop")
    assert [event.text for event in await laptop.history("bob")] == ["one", "two", "three"]
    assert set(sizes(relay)) == {1}  # each content is another
