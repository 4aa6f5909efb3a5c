"""Publishing device lists: the chain, the devices on it, and what is told to others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries
from pytest_django import DjangoCaptureOnCommitCallbacks as Committing

from keys import services
from keys.errors import BadKey, BadSignature, ListConflict
from keys.models import DeviceList
from keys.tests.cast import NOW, Person, in_json, travelling
from keys.verify import SignedObject
from messenger.lib.errors import DomainError, Malformed, WrongToken
from messenger.lib.events import DevicesChanged, Event
from messenger_client.protocol import cbor
from messenger_client.protocol.device_list import DeviceList as ClientList


def publish(person: Person, signed: SignedObject) -> DeviceList:
    return services.publish_device_list(by=person.phone.row, signed=signed, now=NOW)


def refused(person: Person, signed: SignedObject, error: type[DomainError]) -> DomainError:
    """Publishing fails so, and changes nothing."""
    before = list(DeviceList.objects.order_by("pk").values())
    version = services.recipients([person.user.pk])
    with pytest.raises(error) as raised:
        publish(person, signed)
    assert list(DeviceList.objects.order_by("pk").values()) == before
    assert services.recipients([person.user.pk]) == version
    return raised.value


def first_of(person: Person) -> ClientList:
    assert person.newest is not None
    return person.newest


def test_lists_of_the_client_follow_each_other_and_all_are_kept(
    alice: Person, heard: list[Event], django_capture_on_commit_callbacks: Committing
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        second = alice.publish_list([alice.phone])
    assert [row.seq for row in DeviceList.objects.filter(account=alice.user).order_by("seq")] == [1, 2]
    newest = DeviceList.objects.newest([alice.user.pk]).get()
    assert bytes(newest.hash) == second.hash
    assert bytes(newest.account_key) == alice.account_key.public
    assert newest.signed == travelling(second)
    assert heard == [DevicesChanged(account_id=alice.user.pk)]


def test_each_list_raises_the_version_of_the_device_set(alice: Person) -> None:
    before = services.recipients([alice.user.pk])[alice.user.pk]
    alice.publish_list([alice.phone])
    after = services.recipients([alice.user.pk])[alice.user.pk]
    assert after.version == before.version + 1
    assert after.devices == {alice.phone.row.pk}


def test_the_newest_list_again_is_no_error_and_no_event(
    alice: Person, heard: list[Event], django_capture_on_commit_callbacks: Committing
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        assert publish(alice, travelling(first_of(alice))).seq == 1
    assert DeviceList.objects.filter(account=alice.user).count() == 1
    assert heard == []


def test_an_older_list_replayed_is_answered_with_the_newest(alice: Person) -> None:
    first = first_of(alice)
    second = alice.publish_list([alice.phone])
    error = refused(alice, travelling(first), ListConflict)
    assert error.extra["list"] == in_json(travelling(second))


def test_a_fork_is_refused(alice: Person) -> None:
    first = first_of(alice)
    alice.publish_list([alice.phone])
    refused(alice, travelling(alice.next_list(previous=first, now=NOW + 1)), ListConflict)


def test_a_gap_is_refused(alice: Person) -> None:
    skipped = alice.next_list()
    refused(alice, travelling(alice.next_list(previous=skipped)), ListConflict)


def test_a_list_after_another_previous_one_is_refused(alice: Person) -> None:
    refused(alice, alice.sign(alice.fields(previous=b"\x01" * 32)), ListConflict)


def test_the_first_list_counts_from_one(db: None) -> None:
    dora = Person.make("dora")
    error = refused(dora, travelling(dora.next_list(previous=dora.next_list())), ListConflict)
    assert error.extra["list"] is None


@pytest.mark.parametrize("changed", [{"previous": bytes(32)}, {"seq": 1}])
def test_only_the_first_list_has_no_previous_one(alice: Person, changed: dict[str, object]) -> None:
    refused(alice, alice.sign(alice.fields(**changed)), Malformed)


def test_a_new_account_key_is_refused_unless_the_old_one_is_said_to_end(alice: Person) -> None:
    newest = alice.newest
    alice.forget_account_key()
    refused(alice, travelling(alice.next_list()), ListConflict)
    refused(alice, travelling(alice.next_list(previous=newest)), ListConflict)


def test_another_accounts_list_is_refused(alice: Person, bob: Person) -> None:
    refused(alice, travelling(bob.next_list()), Malformed)


def test_a_list_in_somebodys_name_without_their_key_is_refused(alice: Person, bob: Person) -> None:
    fields = alice.fields()
    refused(alice, bob.sign(fields), BadSignature)


def test_a_list_signed_as_something_else_is_refused(alice: Person) -> None:
    refused(alice, alice.sign(alice.fields(), label="spk"), BadSignature)


def test_a_ghost_device_is_refused(alice: Person) -> None:
    alice.add_handset(registered=False)
    refused(alice, travelling(alice.next_list()), Malformed)


def test_somebody_elses_device_is_refused(alice: Person, bob: Person) -> None:
    ghost = alice.add_handset(registered=False)
    ghost.own = replace(ghost.own, device=bob.phone.own.device, signing=bob.phone.own.signing)
    refused(alice, travelling(alice.next_list()), Malformed)


def test_a_registered_device_under_another_signing_key_is_refused(alice: Person) -> None:
    ghost = alice.add_handset(registered=False)
    ghost.own = replace(ghost.own, device=alice.phone.own.device)
    refused(alice, travelling(alice.next_list([ghost])), Malformed)


def test_a_device_publishes_no_list_that_it_is_not_on(alice: Person) -> None:
    refused(alice, travelling(alice.next_list([alice.handsets[1]])), Malformed)


def test_a_suspended_device_is_not_added(alice: Person) -> None:
    tablet = alice.add_handset()
    tablet.row.suspended = True
    tablet.row.save(update_fields=["suspended"])
    refused(alice, travelling(alice.next_list()), Malformed)


def test_a_suspended_device_stays_on_the_list_until_it_is_signed_out(alice: Person) -> None:
    alice.handsets[1].row.suspended = True
    alice.handsets[1].row.save(update_fields=["suspended"])
    alice.add_handset()
    alice.publish_list()
    assert services.recipients([alice.user.pk])[alice.user.pk].suspended == {alice.handsets[1].row.pk}


def test_a_suspended_device_publishes_nothing(alice: Person) -> None:
    alice.phone.row.suspended = True
    alice.phone.row.save(update_fields=["suspended"])
    refused(alice, travelling(alice.next_list()), WrongToken)


def test_a_device_that_did_not_agree_is_refused(alice: Person) -> None:
    fields = alice.fields()
    fields[6][0][5] = fields[6][1][5]
    refused(alice, alice.sign(fields), BadSignature)


def test_the_agreement_covers_the_identity_key(alice: Person) -> None:
    fields = alice.fields()
    fields[6][0][2] = fields[6][1][2]
    refused(alice, alice.sign(fields), BadSignature)


@pytest.mark.parametrize("u", [0, 1, 2**255 - 20, 2**255 - 19, 2**255 - 18, 2**255 + 9])
def test_an_identity_key_that_is_weak_or_not_canonical_is_refused(alice: Person, u: int) -> None:
    own = alice.phone.own
    fields = alice.fields()
    weak = u.to_bytes(32, "little")
    bind = own.signing.sign("devbind", cbor.encode([own.account_key, own.account, own.device, weak]))
    row = next(row for row in fields[6] if row[0] == own.device)
    row[2], row[5] = weak, bind
    refused(alice, alice.sign(fields), BadKey)


def test_a_list_without_agreements_is_refused(alice: Person) -> None:
    fields = alice.fields()
    del fields[6][0][5]
    refused(alice, alice.sign(fields), Malformed)


def test_a_list_dated_far_ahead_is_refused(alice: Person) -> None:
    refused(alice, travelling(alice.next_list(now=NOW + 24 * 3600 * 1000 + 1)), Malformed)
    alice.newest = alice.next_list(now=NOW + 24 * 3600 * 1000)
    assert publish(alice, travelling(first_of(alice))).seq == 2


def test_ten_devices_are_listed_and_eleven_are_not(alice: Person) -> None:
    while len(alice.handsets) < 10:
        alice.add_handset()
    alice.publish_list()
    eleven = [*alice.fields()[6], alice.fields()[6][-1]]
    refused(alice, alice.sign(alice.fields(devices=eleven)), Malformed)
    refused(alice, alice.sign(alice.fields(devices=[])), Malformed)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda rows: rows.reverse(),
        lambda rows: rows.append(rows[-1]),
        lambda rows: rows[0].__setitem__(4, 1),
        lambda rows: rows[0].__setitem__(4, False),
        lambda rows: rows[0].__setitem__(3, "yesterday"),
        lambda rows: rows[0].append(0),
        lambda rows: rows[0].__setitem__(0, rows[0][0][:15]),
        lambda rows: rows[0].__setitem__(2, rows[0][2] + b"\x00"),
        lambda rows: rows.__setitem__(0, rows[0][0]),
    ],
    ids=["order", "twice", "caps", "caps false", "added", "long row", "short id", "long key", "no row"],
)
def test_rows_of_another_shape_are_refused(alice: Person, spoil: Callable[[list[Any]], None]) -> None:
    fields = alice.fields()
    spoil(fields[6])
    refused(alice, alice.sign(fields), Malformed)


@pytest.mark.parametrize(
    "changed",
    [
        {"kind": "devicelist"},
        {"kind": b"devlist"},
        {"account": b"short"},
        {"account_key": bytes(31)},
        {"seq": 0},
        {"seq": True},
        {"seq": "2"},
        {"previous": None},
        {"time": None},
        {"devices": {}},
    ],
    ids=str,
)
def test_fields_of_another_shape_are_refused(alice: Person, changed: dict[str, object]) -> None:
    refused(alice, alice.sign(alice.fields(**changed)), Malformed)


def test_an_oversized_list_is_refused(alice: Person) -> None:
    refused(alice, alice.sign(None, raw=bytes(2_049)), Malformed)


def test_recipients_are_read_in_one_query(
    alice: Person,
    bob: Person,
    charlie: Person,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    nobody = Person.make("nobody")
    with django_assert_num_queries(1):
        sets = services.recipients([alice.user.pk, bob.user.pk, nobody.user.pk])
    assert set(sets) == {alice.user.pk, bob.user.pk}
    assert sets[alice.user.pk].active == {one.row.pk for one in alice.handsets}
    assert sets[alice.user.pk].list_hash == first_of(alice).hash


def test_all_devices_of_a_suspended_account_are_suspended(alice: Person) -> None:
    alice.user.is_active = False
    alice.user.save(update_fields=["is_active"])
    devices = services.recipients([alice.user.pk])[alice.user.pk]
    assert devices.suspended == devices.devices
    assert devices.active == frozenset()
