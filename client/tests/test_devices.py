"""Own devices: ended, signed out of the list, removed; a new identity; and a device that learns it is out."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from parties import PASSWORD, Open, befriend, link, second_device, shown, told
from relay import Relay, problem

from messenger_client import Client, Notice
from messenger_client.errors import IdentityHasChanged, LinkingNeeded, Refused, SignInNeeded, Unreachable, WrongUse
from messenger_client.store import peers, settings
from messenger_client.store.records import Me


@pytest.fixture(autouse=True)
def checking(relay: Relay) -> None:
    relay.checks_lists = True


@pytest.fixture
async def laptop(alice: Client, open_client: Open) -> Client:
    return await second_device(open_client, alice, "laptop")


def listed(relay: Relay, username: str = "alice") -> list[str]:
    return relay.listed(relay.accounts[username]["id"])


def ids(relay: Relay) -> dict[str, str]:
    """Ids of alice's devices by name."""
    account = relay.accounts["alice"]["id"]
    return {row["name"]: key for key, row in relay.devices.items() if row["account"] == account}


async def test_a_device_that_is_ended_is_signed_out_of_the_list_and_nothing_is_encrypted_for_it(
    alice: Client, bob: Client, laptop: Client, relay: Relay
) -> None:
    await befriend(alice, bob)
    ended = await alice.suspend_device("laptop")
    assert ended.name == "laptop"
    assert listed(relay) == [ids(relay)["Terminal"]]
    await bob.send("alice", "not to the laptop")
    assert [one["device"] for one in relay.bodies("messages")[-1]["envelopes"]] == [ids(relay)["Terminal"]]
    with pytest.raises(SignInNeeded):
        await laptop.sync()
    assert [one.suspended for one in await alice.devices()] == [False, True]


async def test_a_device_that_does_not_manage_ends_another_and_the_next_managing_one_signs_it_out(
    alice: Client, laptop: Client, relay: Relay, open_client: Open
) -> None:
    await second_device(open_client, alice, "tablet")
    await laptop.sync()
    await laptop.suspend_device("tablet")
    assert len(listed(relay)) == 3
    with pytest.raises(Refused, match="does not hold the account key"):
        await laptop.remove_device("Terminal")
    async with alice.connected():
        await asyncio.to_thread(relay.wait_for, lambda: len(listed(relay)) == 2)
    assert ids(relay)["tablet"] not in listed(relay)


async def test_one_that_held_the_account_key_is_not_signed_out_silently(
    alice: Client, relay: Relay, open_client: Open
) -> None:
    laptop = await second_device(open_client, alice, "laptop", managing=True)
    await laptop.suspend_device("Terminal")
    assert len(listed(relay)) == 2
    heard = told(laptop)
    assert [sentence for sentence in heard if "--new-identity" in sentence]
    # Once: not at every look.
    before = len(heard)
    await laptop._own.tend()
    assert len(heard) == before


async def test_removing_one_that_held_the_account_key_says_what_it_means_and_makes_a_new_identity(
    alice: Client, bob: Client, relay: Relay, open_client: Open
) -> None:
    await befriend(alice, bob)
    laptop = await second_device(open_client, alice, "laptop", managing=True)
    tablet = await second_device(open_client, alice, "tablet")
    with pytest.raises(Refused, match="your other devices have to be linked again") as caught:
        await laptop.remove_device("Terminal")
    assert caught.value.code == "new_identity_needed"
    assert len(listed(relay)) == 3
    await tablet.sync()
    await tablet.send("bob", "first contact")
    await bob.sync()
    await tablet.write_down("bob", "sealed before all that")
    await laptop.remove_device("Terminal", new_identity=True)
    assert listed(relay) == [ids(relay)["laptop"]]
    # The other one learns it, keeps what it has, and is linked again.
    with pytest.raises(LinkingNeeded, match="has a new identity"):
        await tablet._own.tend()
    assert "hello yourself" in [event.text for event in await tablet.history("bob")]
    code = await tablet.link_code()
    await link(tablet, laptop, code)
    # Bob is told, and writes on once he has seen it.
    with pytest.raises(IdentityHasChanged):
        await bob.send("alice", "who are you")
    await bob.acknowledge("alice")
    await bob.sync()
    for client in (laptop, tablet):
        await client.sync()
        assert (await client.history("bob"))[-1].text == "who are you"
    await tablet.send("bob", "it is me")
    await bob.sync()
    assert [event.text for event in await bob.history("alice")][-2:] == ["sealed before all that", "it is me"]
    assert not [one for one in told(bob) if "withholding" in one]


async def test_removing_a_device_signs_the_next_list(alice: Client, laptop: Client, relay: Relay) -> None:
    await alice.remove_device("laptop")
    assert listed(relay) == [ids(relay)["Terminal"]]
    assert len(relay.lists[relay.accounts["alice"]["id"]]) == 3
    with pytest.raises(WrongUse, match="no device called phone"):
        await alice.remove_device("phone")
    with pytest.raises(WrongUse, match="That is this device"):
        await alice.suspend_device("Terminal")


async def test_what_a_device_wrote_before_it_was_removed_is_read(
    alice: Client, bob: Client, laptop: Client, relay: Relay
) -> None:
    await befriend(alice, bob)
    await laptop.sync()
    await laptop.send("bob", "first contact")
    await bob.sync()
    await laptop.send("bob", "from the laptop")
    await alice.remove_device("laptop")
    assert (await alice.history("bob"))[-1].text == "from the laptop"
    await bob.send("alice", "which shows bob the new list")
    await bob.sync()
    assert "from the laptop" in [event.text for event in await bob.history("alice")]
    assert not [event for event in await bob.history("alice") if isinstance(event, Notice)]


async def test_what_comes_with_a_newer_list_does_not_take_away_what_came_before(
    alice: Client, bob: Client, laptop: Client, open_client: Open
) -> None:
    await befriend(alice, bob)
    await laptop.sync()
    await laptop.send("bob", "first contact")
    await bob.sync()
    tablet = await second_device(open_client, alice, "tablet")
    await laptop.send("bob", "from the laptop")
    await alice.remove_device("laptop")
    await tablet.send("bob", "from the tablet")
    await bob.sync()
    found = await bob.history("alice")
    assert [event.text for event in found][-2:] == ["from the laptop", "from the tablet"]


async def test_a_device_that_was_taken_off_the_list_learns_it_and_can_be_linked_again(
    alice: Client, bob: Client, laptop: Client, relay: Relay
) -> None:
    await befriend(alice, bob)
    await laptop.sync()
    device = uuid.UUID(ids(relay)["laptop"]).bytes
    await alice._own.publish(lambda newest: [one for one in newest.devices if one.device != device])
    with pytest.raises(LinkingNeeded, match="taken off alice's list"):
        async for _ in laptop.events():
            pass
    for call in (laptop.sync(), laptop.send("bob", "hi")):
        with pytest.raises(LinkingNeeded, match="messenger link"):
            await call
    assert [event.text for event in await laptop.history("bob")] == ["hello", "hello yourself"]
    code = await laptop.link_code()
    await link(laptop, alice, code)
    await laptop.send("bob", "back again")
    await bob.sync()
    assert (await bob.history("alice"))[-1].text == "back again"


async def test_a_device_whose_removal_the_server_takes_back_is_linked_still(
    alice: Client, laptop: Client, relay: Relay
) -> None:
    device = uuid.UUID(ids(relay)["laptop"]).bytes
    with alice._context.store.transaction() as tx:
        pin = peers.pin_of(peers.by_account(tx, (settings.me(tx) or Me("", b"", b"")).account))
    assert pin is not None
    before = pin.newest.devices
    await alice._own.publish(lambda newest: [one for one in newest.devices if one.device != device])
    with pytest.raises(LinkingNeeded):
        await laptop._own.tend()
    with pytest.raises(LinkingNeeded):
        await laptop.login("alice", PASSWORD)
    await alice._own.publish(lambda newest: before)
    await laptop.login("alice", PASSWORD)
    with pytest.raises(WrongUse, match="linked to alice already"):
        await laptop.link_code()


async def test_a_device_that_was_ended_signs_in_with_new_keys_and_keeps_its_conversations(
    alice: Client, bob: Client, laptop: Client, relay: Relay
) -> None:
    await befriend(alice, bob)
    await laptop.sync()
    await alice.suspend_device("laptop")
    with pytest.raises(LinkingNeeded):
        await laptop.login("alice", PASSWORD, device="laptop again")
    code = await laptop.link_code()
    await link(laptop, alice, code)
    assert [event.text for event in await laptop.history("bob")] == ["hello", "hello yourself"]
    await laptop.send("bob", "back again")
    await bob.sync()
    assert (await bob.history("alice"))[-1].text == "back again"


async def test_a_managing_device_that_was_ended_keeps_the_account_key(alice: Client, relay: Relay) -> None:
    relay.suspend(ids(relay)["Terminal"])
    with pytest.raises(SignInNeeded, match="it holds the account key"):
        await alice.login("alice", PASSWORD)
    with alice._context.store.transaction() as tx:
        me = settings.me(tx)
    assert me is not None
    assert me.account_key_seed


async def test_a_device_that_nobody_can_approve_starts_a_new_identity(
    alice: Client, bob: Client, relay: Relay, open_client: Open
) -> None:
    await befriend(alice, bob)
    found = await open_client("found")
    with pytest.raises(LinkingNeeded, match="messenger reset-identity"):
        await found.login("alice", PASSWORD, device="found")
    await found.reset_identity()
    assert listed(relay) == [ids(relay)["found"]]
    await found.send("bob", "I lost my phone")
    await bob.sync()
    [notice] = [event for event in await shown(bob, 1) if isinstance(event, Notice)]
    assert notice.kind == "identity_changed"
    await bob.acknowledge("alice")
    assert (await bob.history("alice"))[-1].text == "I lost my phone"
    with pytest.raises(LinkingNeeded, match="If that was not you"):
        await alice._own.tend()


async def test_a_reset_whose_answer_was_lost_is_finished_by_the_next_one(
    alice: Client, relay: Relay, open_client: Open
) -> None:
    found = await open_client("found")
    with pytest.raises(LinkingNeeded):
        await found.login("alice", PASSWORD, device="found")
    relay.faults["PUT keys/device-list"].append(lambda answer: None)
    with pytest.raises(Unreachable):
        await found.reset_identity()
    published = list(relay.lists[relay.accounts["alice"]["id"]])
    await found.reset_identity()
    assert relay.lists[relay.accounts["alice"]["id"]] == published
    assert await found.requests() == []


async def test_a_device_with_new_keys_of_its_own_begins_no_identity_of_its_old_ones(
    alice: Client, relay: Relay, open_client: Open
) -> None:
    found = await open_client("found")
    with pytest.raises(LinkingNeeded):
        await found.login("alice", PASSWORD, device="found")
    relay.refusals["PUT keys/device-list"].append(problem(503, "unavailable"))
    with pytest.raises(Unreachable):
        await found.reset_identity()
    await alice.suspend_device("found")
    with pytest.raises(LinkingNeeded):
        await found.login("alice", PASSWORD, device="found again")
    await found.reset_identity()
    assert listed(relay) == [ids(relay)["found again"]]
    assert await found.requests() == []


async def test_two_managing_devices_that_sign_at_once_both_come_through(
    alice: Client, relay: Relay, open_client: Open
) -> None:
    laptop = await second_device(open_client, alice, "laptop", managing=True)
    relay.refusals["PUT keys/device-list"].append(problem(409, "list_conflict"))
    tablet = await second_device(open_client, laptop, "tablet")
    assert len(listed(relay)) == 3
    await alice.sync()
    await alice._own.tend()
    with alice._context.store.transaction() as tx:
        me = settings.me(tx)
        assert me is not None
        pin = peers.pin_of(peers.by_account(tx, me.account))
    assert pin is not None
    assert len(pin.newest.devices) == 3
    await tablet.sync()
