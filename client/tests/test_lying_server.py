"""A server that lies about keys: nothing is encrypted to what it makes up, and the person reads why."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from parties import Open, befriend, registered, second_device, texts, told
from relay import Relay, b64, decode
from test_sending import add_device, changed, publish, show_another_identity

from messenger_client import Client
from messenger_client.errors import IdentityHasChanged, KeysRefused
from messenger_client.protocol import cbor, form, keys
from messenger_client.protocol.device_list import NO_PREVIOUS, listed, open_list, sign_list
from messenger_client.protocol.ids import AccountId, DeviceId
from messenger_client.protocol.keys import OwnDevice
from messenger_client.protocol.primitives import SigningKey

GHOST = DeviceId(b"\xee" * 16)


def account_of(relay: Relay, username: str) -> str:
    return str(relay.accounts[username]["id"])


def rows_of(relay: Relay, username: str) -> list[Any]:
    """The newest list of somebody, as values that a test may change."""
    payload = decode(relay.lists[account_of(relay, username)][-1]["payload"])
    return form.array(cbor.decode(payload))


def show(relay: Relay, username: str, payload: list[Any], signature: str) -> None:
    relay.lists[account_of(relay, username)].append({"payload": b64(cbor.encode(payload)), "signature": signature})


def signed(relay: Relay, username: str) -> bytes:
    newest = relay.lists[account_of(relay, username)][-1]
    return cbor.encode([decode(newest["payload"]), decode(newest["signature"])])


def id_of(relay: Relay, username: str) -> AccountId:
    return AccountId(UUID(account_of(relay, username)).bytes)


async def account_key_of(client: Client) -> SigningKey:
    return SigningKey.from_seed((await client._context.me()).account_key_seed)


async def refused(client: Client, relay: Relay) -> None:
    """Nothing leaves for bob, and the person reads why."""
    sent = len(relay.bodies("messages"))
    relay.refusals["POST messages"].append(changed(relay, "bob"))
    with pytest.raises(KeysRefused, match="a device list of bob that is not signed as it must be or contradicts"):
        await client.send("bob", "hi")
    assert len(relay.bodies("messages")) <= sent + 1  # the one that was told of other devices, for the true ones


async def test_a_ghost_device_in_the_list_gets_nothing(alice: Client, bob: Client, relay: Relay) -> None:
    await befriend(alice, bob)
    ghost = OwnDevice.generate(id_of(relay, "bob"), GHOST, bytes(32))
    entry = listed(ghost, added=1)
    payload = rows_of(relay, "bob")
    payload[6].append([entry.device, entry.signing_key, entry.identity_key, entry.added, 0, entry.bind])
    show(relay, "bob", payload, relay.lists[account_of(relay, "bob")][-1]["signature"])
    await refused(alice, relay)


async def test_a_list_that_the_server_signed_with_a_key_of_its_own_under_the_pinned_name_is_refused(
    alice: Client, bob: Client, relay: Relay
) -> None:
    await befriend(alice, bob)
    payload = rows_of(relay, "bob")
    payload[3] += 1
    foreign = keys.generate_account_key()
    show(relay, "bob", payload, b64(foreign.sign("devlist", cbor.encode(payload))))
    await refused(alice, relay)


async def test_a_list_under_another_account_key_stops_everything_until_the_person_has_seen_it(
    alice: Client, bob: Client, relay: Relay
) -> None:
    await befriend(alice, bob)
    show_another_identity(bob, relay)
    relay.refusals["POST messages"].append(changed(relay, "bob"))
    with pytest.raises(IdentityHasChanged, match="compare the new safety number"):
        await alice.send("bob", "hi")
    assert relay.queue[relay.device_of("bob")] == []


async def test_a_swapped_identity_key_is_refused(alice: Client, bob: Client, relay: Relay) -> None:
    await befriend(alice, bob)
    payload = rows_of(relay, "bob")
    payload[6][0][2] = OwnDevice.generate(AccountId(bytes(16)), GHOST, bytes(32)).identity.public
    relay.lists[account_of(relay, "bob")][-1]["payload"] = b64(cbor.encode(payload))
    await refused(alice, relay)


async def test_a_device_whose_identity_key_was_swapped_is_unknown_at_first_contact_too(
    alice: Client, bob: Client, relay: Relay
) -> None:
    payload = rows_of(relay, "bob")
    payload[6][0][2] = OwnDevice.generate(AccountId(bytes(16)), GHOST, bytes(32)).identity.public
    relay.lists[account_of(relay, "bob")][-1]["payload"] = b64(cbor.encode(payload))
    with pytest.raises(KeysRefused, match="a device list of bob"):
        await alice.send("bob", "hi")
    assert relay.bodies("messages") == []


async def test_an_old_list_is_refused_once_a_newer_one_was_seen(alice: Client, bob: Client, relay: Relay) -> None:
    await befriend(alice, bob)
    add_device(bob, relay)
    await alice._directory.refresh((await alice._directory.resolve("bob")).account)
    relay.lists[account_of(relay, "bob")].pop()
    await refused(alice, relay)


async def test_two_lists_of_one_number_are_refused(alice: Client, bob: Client, relay: Relay) -> None:
    await befriend(alice, bob)
    add_device(bob, relay)
    await alice._directory.refresh((await alice._directory.resolve("bob")).account)
    lists = relay.lists[account_of(relay, "bob")]
    lists.pop()
    first = open_list(signed(relay, "bob"))
    fork = sign_list(await account_key_of(bob), first.account, first.devices, previous=first, now=99)
    publish(relay, fork.account, fork.signed)
    await refused(alice, relay)


async def test_a_list_out_of_the_middle_of_nowhere_is_refused(alice: Client, bob: Client, relay: Relay) -> None:
    await befriend(alice, bob)
    payload = rows_of(relay, "bob")
    payload[3], payload[4] = payload[3] + 5, bytes([7]) * 32
    signature = b64((await account_key_of(bob)).sign("devlist", cbor.encode(payload)))
    relay.lists[account_of(relay, "bob")][:] = [{"payload": b64(cbor.encode(payload)), "signature": signature}]
    await refused(alice, relay)
    assert open_list(signed(relay, "bob")).previous != NO_PREVIOUS


async def test_a_withheld_list_shows_in_what_its_owner_writes(alice: Client, bob: Client, relay: Relay) -> None:
    await befriend(alice, bob)
    account = account_of(relay, "bob")
    add_device(bob, relay)
    await bob._directory.refresh((await bob._context.me()).account)
    await bob.send("alice", "I have two devices")
    relay.lists[account].pop()  # alice is never shown the new list
    await alice.sync()
    heard = told(alice)
    assert [sentence for sentence in heard if "a device list of bob that the server does not show" in sentence]


async def test_prekeys_of_one_device_are_not_taken_for_another(
    alice: Client, bob: Client, relay: Relay, open_client: Open
) -> None:
    relay.checks_lists = True
    laptop = await second_device(open_client, bob, "laptop")
    phone, other = relay.listed(account_of(relay, "bob"))
    names = {key: row["name"] for key, row in relay.devices.items()}
    if names[phone] == "laptop":
        phone, other = other, phone
    relay.prekeys[other] = relay.prekeys[phone]
    sent = await alice.send("bob", "for whom it is meant")
    assert (sent.state, sent.skipped) == ("accepted", (other,))
    heard = told(alice)
    assert [sentence for sentence in heard if "keys of one of bob's devices that are not that device's" in sentence]
    assert await texts(bob, 1) == ["for whom it is meant"]
    assert relay.queue[other] == []
    await laptop.sync()


async def test_keys_of_somebody_else_leave_nobody_to_write_to_and_the_message_waits(
    alice: Client, bob: Client, relay: Relay, open_client: Open
) -> None:
    await registered(open_client, "mallory")
    true, false = relay.device_of("bob"), relay.device_of("mallory")
    kept, relay.prekeys[true] = relay.prekeys[true], relay.prekeys[false]
    sent = await alice.send("bob", "for bob alone")
    assert sent.state == "queued"
    heard = told(alice)
    assert [sentence for sentence in heard if "nothing is encrypted to them" in sentence]
    assert relay.bodies("messages") == []
    relay.prekeys[true] = kept
    await alice.sync()
    assert await texts(bob, 1) == ["for bob alone"]


async def test_a_device_of_one_s_own_that_the_server_made_up_is_signed_by_nobody(
    alice: Client, bob: Client, relay: Relay
) -> None:
    await befriend(alice, bob)
    payload = rows_of(relay, "alice")
    ghost = listed(OwnDevice.generate(id_of(relay, "alice"), GHOST, bytes(32)), added=1)
    payload[6].append([ghost.device, ghost.signing_key, ghost.identity_key, ghost.added, 0, ghost.bind])
    show(relay, "alice", payload, relay.lists[account_of(relay, "alice")][-1]["signature"])
    relay.refusals["POST messages"].append(changed(relay, "alice"))
    with pytest.raises(KeysRefused, match="a device list of alice"):
        await alice.send("bob", "hi")
    assert relay.queue[relay.device_of("bob")] == []
