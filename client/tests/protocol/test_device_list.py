"""Device lists: only the account adds a device, and nobody takes a list back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from protocol_cast import NOW, Account, Cast, Dice, Phone, items, make_cast

from messenger_client.protocol import cbor, device_list, errors, ids, keys, primitives
from messenger_client.protocol.device_list import accept_lists, acknowledge_identity, open_list


def chain(account: Account) -> list[bytes]:
    return [one.signed for one in account.lists]


def pinned(account: Account) -> device_list.Pin:
    return accept_lists(account.id, None, chain(account)).pin


def resigned(
    account: Account, change: Callable[[list[Any]], object], *, key: primitives.SigningKey | None = None
) -> bytes:
    """The newest list with a changed payload, signed by whoever holds `key`."""
    payload, _ = items(account.newest.signed)
    fields = items(payload)
    change(fields)
    encoded = cbor.encode(fields)
    return cbor.encode([encoded, (key or account.key).sign("devlist", encoded)])


def a_payload(account: Account, key: bytes, entries: list[device_list.ListedDevice]) -> bytes:
    """What follows the newest list, under any account key."""
    rows = [[d.device, d.signing_key, d.identity_key, d.added, 0, d.bind] for d in entries]
    return cbor.encode(["devlist", account.id, key, 2, account.newest.hash, NOW, rows])


def set_field(index: int, value: object) -> Callable[[list[Any]], object]:
    return lambda fields: fields.__setitem__(index, value)


def set_entry(index: int, value: object) -> Callable[[list[Any]], object]:
    return lambda fields: fields[6][0].__setitem__(index, value)


def test_the_first_list_pins_the_account_key(cast: Cast) -> None:
    alice = cast.alice.account
    accepted = accept_lists(alice.id, None, chain(alice))
    assert accepted.pin.account_key == alice.key.public
    assert set(accepted.added) == {cast.alice.own.device, cast.tablet.own.device}
    assert accepted.removed == ()
    assert device_list.Pin.from_bytes(accepted.pin.to_bytes()) == accepted.pin


def test_a_list_names_its_devices_in_the_order_of_their_ids(cast: Cast) -> None:
    ids = [one.device for one in cast.alice.account.newest.devices]
    assert ids == sorted(ids)


def test_a_removed_device_is_absent_and_named(cast: Cast) -> None:
    alice = cast.alice.account
    pin = pinned(alice)
    alice.publish(cast.alice.own)
    accepted = accept_lists(alice.id, pin, chain(alice))
    assert accepted.removed == (cast.tablet.own.device,)
    assert accepted.pin.newest.find(cast.tablet.own.device) is None
    assert accept_lists(alice.id, pin, chain(alice)[1:]).pin == accepted.pin


def test_a_device_under_new_keys_counts_as_removed_and_added(cast: Cast) -> None:
    alice = cast.alice.account
    pin = pinned(alice)
    changed = replace(cast.tablet.own, signing=primitives.SigningKey.generate(Dice("new")))
    alice.publish(cast.alice.own, changed)
    accepted = accept_lists(alice.id, pin, chain(alice))
    assert accepted.removed == accepted.added == (changed.device,)


def test_the_last_device_may_sign_itself_out(cast: Cast) -> None:
    alice = cast.alice.account
    pin = pinned(alice)
    alice.publish()
    assert len(accept_lists(alice.id, pin, chain(alice)).removed) == 2


def test_the_same_list_again_changes_nothing(cast: Cast) -> None:
    pin = pinned(cast.alice.account)
    accepted = accept_lists(pin.account, pin, [pin.newest.signed])
    assert accepted.pin == pin
    assert accepted.added == accepted.removed == ()


def test_a_ghost_device_signed_by_the_server_is_refused(cast: Cast) -> None:
    """The server lists charlie's device as one of alice's."""
    alice = cast.alice.account
    ghost = replace(cast.charlie.own, account=alice.id, account_key=alice.key.public)
    entries = [*alice.newest.devices, device_list.listed(ghost, added=NOW)]
    server = primitives.SigningKey.generate(Dice("server"))
    payload = a_payload(alice, alice.key.public, sorted(entries, key=lambda one: one.device))
    with pytest.raises(errors.ListRefused):
        open_list(cbor.encode([payload, server.sign("devlist", payload)]))


def test_a_ghost_under_the_servers_own_account_key_is_a_changed_identity(cast: Cast) -> None:
    alice = cast.alice.account
    pin = pinned(alice)
    other = Account("alice", keys.generate_account_key(Dice("server")))
    ghost = Phone(other, "ghost")
    other.publish(ghost.own)
    with pytest.raises(errors.IdentityChanged):
        accept_lists(alice.id, pin, chain(other))


def test_a_device_that_did_not_agree_cannot_be_listed(cast: Cast) -> None:
    """The account itself lists charlie's keys: charlie's device has not signed that."""
    alice = cast.alice.account
    stolen = replace(device_list.listed(cast.charlie.own, added=NOW), device=cast.tablet.own.device)
    with pytest.raises(errors.ListRefused):
        device_list.sign_list(alice.key, alice.id, [stolen], previous=alice.newest, now=NOW)


def test_an_identity_key_of_somebody_else_cannot_be_listed(cast: Cast) -> None:
    alice = cast.alice.account
    entry = device_list.listed(cast.tablet.own, added=NOW)
    stolen = replace(entry, identity_key=cast.charlie.own.identity.public)
    with pytest.raises(errors.ListRefused):
        device_list.sign_list(alice.key, alice.id, [stolen], previous=alice.newest, now=NOW)


def test_a_rolled_back_list_is_refused(cast: Cast) -> None:
    alice = cast.alice.account
    alice.publish(cast.alice.own)
    with pytest.raises(errors.ListRefused):
        accept_lists(alice.id, pinned(alice), chain(alice)[:1])


def test_a_fork_at_the_pinned_place_is_refused(cast: Cast) -> None:
    alice = cast.alice.account
    pin = pinned(alice)
    fork = resigned(alice, set_field(5, NOW + 1))
    with pytest.raises(errors.ListRefused):
        accept_lists(alice.id, pin, [fork])


def test_a_chain_that_leaves_the_pinned_list_out_by_a_fork_is_refused(cast: Cast) -> None:
    alice = cast.alice.account
    alice.publish(cast.alice.own)
    pin = pinned(alice)
    first = alice.lists[0]
    fork = device_list.sign_list(alice.key, alice.id, first.devices, previous=first, now=NOW + 5)
    beyond = device_list.sign_list(alice.key, alice.id, first.devices, previous=fork, now=NOW + 6)
    for objects in ([first.signed, fork.signed, beyond.signed], [beyond.signed]):
        with pytest.raises(errors.ListRefused):
            accept_lists(alice.id, pin, objects)


def test_a_gap_is_refused_until_it_is_filled(cast: Cast) -> None:
    alice = cast.alice.account
    pin = pinned(alice)
    alice.publish(cast.alice.own)
    alice.publish(cast.alice.own, cast.tablet.own)
    with pytest.raises(errors.ListRefused):
        accept_lists(alice.id, pin, chain(alice)[2:])
    with pytest.raises(errors.ListRefused):
        accept_lists(alice.id, pin, [chain(alice)[0], chain(alice)[2]])
    assert accept_lists(alice.id, pin, chain(alice)[1:]).pin.newest.seq == 3


def test_lists_out_of_order_and_no_lists_are_refused(cast: Cast) -> None:
    alice = cast.alice.account
    alice.publish(cast.alice.own)
    for objects in (chain(alice)[::-1], []):
        with pytest.raises(errors.ListRefused):
            accept_lists(alice.id, None, objects)


def test_another_accounts_list_is_refused(cast: Cast) -> None:
    with pytest.raises(errors.ListRefused):
        accept_lists(cast.alice.account.id, None, chain(cast.charlie.account))


def test_a_chain_of_two_account_keys_is_refused(cast: Cast) -> None:
    alice = cast.alice.account
    other = Account("alice", keys.generate_account_key(Dice("renewed")))
    phone = Phone(other, "phone")
    payload = a_payload(alice, other.key.public, [device_list.listed(phone.own, added=NOW)])
    with pytest.raises(errors.ListRefused):
        accept_lists(alice.id, None, [*chain(alice), cbor.encode([payload, other.key.sign("devlist", payload)])])


def test_a_new_account_key_is_pinned_only_once_it_is_acknowledged(cast: Cast) -> None:
    alice = cast.alice.account
    pin = pinned(alice)
    other = Account("alice", keys.generate_account_key(Dice("renewed")))
    phone = Phone(other, "alice's phone")
    other.publish(phone.own)
    with pytest.raises(errors.IdentityChanged):
        accept_lists(alice.id, pin, chain(other))
    with pytest.raises(errors.IdentityChanged):
        acknowledge_identity(pin, Dice("what the person did not see").random(32), chain(other))
    accepted = acknowledge_identity(pin, other.key.public, chain(other))
    assert accepted.pin.account_key == other.key.public
    # All sessions with the old key go, also those of a device that stays.
    assert set(accepted.removed) == {cast.alice.own.device, cast.tablet.own.device}
    with pytest.raises(errors.IdentityChanged):
        accept_lists(alice.id, accepted.pin, chain(alice))


@pytest.mark.parametrize(
    "change",
    [
        set_field(0, "devlisT"),
        set_field(0, b"devlist"),
        set_field(1, bytes(15)),
        set_field(2, bytes(31)),
        set_field(3, 0),
        set_field(3, True),
        set_field(4, None),
        set_field(5, "now"),
        set_field(6, {}),
        set_entry(0, bytes(17)),
        set_entry(1, bytes(33)),
        set_entry(2, None),
        set_entry(3, False),
        set_entry(4, 1),
        set_entry(4, False),
        set_entry(5, bytes(63)),
        lambda fields: fields.append(0),
        lambda fields: fields.pop(),
        lambda fields: fields[6].reverse(),
        lambda fields: fields[6].append(fields[6][1]),
        lambda fields: fields[6].extend(fields[6] * 5),
    ],
)
def test_a_list_of_another_form_is_malformed(cast: Cast, change: Callable[[list[Any]], object]) -> None:
    with pytest.raises(errors.Malformed):
        open_list(resigned(cast.alice.account, change))


@pytest.mark.parametrize("change", [set_field(3, 2), set_field(4, b"p" * 32)])
def test_a_chain_starts_at_one_with_nothing_before_it(cast: Cast, change: Callable[[list[Any]], object]) -> None:
    with pytest.raises(errors.ListRefused):
        open_list(resigned(cast.alice.account, change))


def test_ten_devices_are_the_most() -> None:
    account = Account("many", keys.generate_account_key(Dice("many")))
    owns = [
        keys.OwnDevice.generate(account.id, ids.DeviceId(Dice(f"id {n}").random(16)), account.key.public, Dice(f"{n}"))
        for n in range(11)
    ]
    account.publish(*owns[:10])
    with pytest.raises(errors.Malformed):
        account.publish(*owns)


def test_a_signature_of_another_kind_makes_no_list(cast: Cast) -> None:
    alice = cast.alice.account
    payload, _ = items(alice.newest.signed)
    for label in ("devbind", "spk", "groupop", "devlis"):
        with pytest.raises(errors.ListRefused):
            open_list(cbor.encode([payload, alice.key.sign(label, payload)]))


def test_no_flipped_bit_of_a_list_is_accepted(cast: Cast) -> None:
    signed = cast.bob.account.newest.signed
    for position in range(len(signed)):
        forged = bytearray(signed)
        forged[position] ^= 1 << position % 8
        with pytest.raises((errors.Malformed, errors.ListRefused)):
            open_list(bytes(forged))


def test_another_cast_is_another_account_key() -> None:
    assert make_cast("one").alice.account.key.public != make_cast("two").alice.account.key.public
