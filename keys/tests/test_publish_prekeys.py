"""Publishing prekeys: whose they are, what they are signed as, and how their ids count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from keys import services
from keys.errors import BadKey, BadSignature, NotListed
from keys.models import OneTimePrekey, OneTimeSeries, SignedPrekey
from keys.tests.cast import DAY, LABELS, NOW, Person
from keys.values import PrekeyCounts
from keys.verify import SignedObject
from messenger.lib.errors import Conflict, DomainError, Malformed, WrongToken
from messenger_client.protocol import cbor

SLOTS = {"spk": "signed_prekey", "klr": "last_resort", "opk": "one_time", "okpk": "one_time_kem"}


def publish(person: Person, label: str, *signed: SignedObject) -> PrekeyCounts:
    slot: Any = {SLOTS[label]: list(signed) if label in ("opk", "okpk") else signed[0]}
    return services.publish_prekeys(by=person.phone.row, now=NOW, **slot)


def stored() -> list[object]:
    tables = (SignedPrekey.objects, OneTimePrekey.objects, OneTimeSeries.objects)
    return [row for table in tables for row in table.order_by("pk").values()]


def refused(person: Person, label: str, *signed: SignedObject, error: type[DomainError]) -> None:
    """Publishing fails so, and changes nothing."""
    before = stored()
    with pytest.raises(error):
        publish(person, label, *signed)
    assert stored() == before


def test_prekeys_of_all_kinds_are_counted(alice: Person) -> None:
    assert alice.phone.publish(one_time=3, one_time_kem=2) == PrekeyCounts(3, 2, 1, 1)
    assert services.prekey_counts(device_id=alice.handsets[1].row.pk) == PrekeyCounts(0, 0, None, None)


def test_a_refill_adds_to_what_is_there(alice: Person) -> None:
    alice.phone.publish(one_time=3, one_time_kem=2)
    assert publish(alice, "opk", *alice.phone.prekeys("opk", 4, 5)).one_time == 5


def test_a_newer_signed_prekey_takes_the_place_of_the_old_one(alice: Person) -> None:
    alice.phone.publish()
    newer = alice.phone.prekey("spk", 2)
    assert publish(alice, "spk", newer).signed_prekey == 2
    assert SignedPrekey.objects.get(label="spk").signed == newer


@pytest.mark.parametrize("label", LABELS)
def test_the_same_prekey_again_changes_nothing(alice: Person, label: str) -> None:
    prekey = alice.phone.prekey(label)
    counts = publish(alice, label, prekey)
    before = stored()
    assert publish(alice, label, prekey) == counts
    assert stored() == before


def test_a_batch_whose_answer_was_lost_may_come_again_though_keys_of_it_are_gone(alice: Person) -> None:
    batch = alice.phone.prekeys("opk", 1, 2, 3)
    publish(alice, "opk", *batch)
    OneTimePrekey.objects.get(key_id=1).delete()
    assert publish(alice, "opk", *batch).one_time == 2


def test_a_key_that_was_given_out_does_not_come_back_in_another_batch(alice: Person) -> None:
    batch = alice.phone.prekeys("opk", 1, 2, 3)
    publish(alice, "opk", *batch)
    OneTimePrekey.objects.get(key_id=1).delete()
    refused(alice, "opk", *batch[:2], error=Conflict)


@pytest.mark.parametrize("label", LABELS)
def test_an_id_with_another_key_is_a_conflict(alice: Person, label: str) -> None:
    publish(alice, label, alice.phone.prekey(label))
    refused(alice, label, alice.phone.prekey(label), error=Conflict)


@pytest.mark.parametrize("label", LABELS)
def test_ids_do_not_count_backwards(alice: Person, label: str) -> None:
    older, newer = alice.phone.prekeys(label, 1, 2)
    publish(alice, label, newer)
    refused(alice, label, older, error=Conflict)


def test_an_id_twice_in_a_batch_is_a_conflict(alice: Person) -> None:
    refused(alice, "opk", *alice.phone.prekeys("opk", 1, 1), error=Conflict)


def test_a_conflict_in_one_kind_stores_nothing_of_the_others(alice: Person) -> None:
    publish(alice, "okpk", alice.phone.prekey("okpk", 7))
    before = stored()
    with pytest.raises(Conflict):
        services.publish_prekeys(
            by=alice.phone.row,
            now=NOW,
            signed_prekey=alice.phone.prekey("spk"),
            one_time=alice.phone.prekeys("opk", 1),
            one_time_kem=alice.phone.prekeys("okpk", 6),
        )
    assert stored() == before


def test_the_server_stores_a_bounded_number_of_keys(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keys.services.prekeys.MOST_STORED", 3)
    publish(alice, "opk", *alice.phone.prekeys("opk", 1, 2, 3))
    refused(alice, "opk", alice.phone.prekey("opk", 4), error=Conflict)


@pytest.mark.parametrize(
    ("made_as", "shown_as"),
    [("opk", "spk"), ("spk", "opk"), ("klr", "okpk"), ("okpk", "klr")],
)
def test_a_prekey_is_taken_only_as_what_it_was_signed_as(alice: Person, made_as: str, shown_as: str) -> None:
    refused(alice, shown_as, alice.phone.prekey(made_as), error=BadSignature)


@pytest.mark.parametrize(("made_as", "shown_as"), [("opk", "okpk"), ("klr", "spk")])
def test_a_prekey_of_the_other_size_is_malformed(alice: Person, made_as: str, shown_as: str) -> None:
    refused(alice, shown_as, alice.phone.prekey(made_as), error=Malformed)


@pytest.mark.parametrize("label", LABELS)
def test_prekeys_of_another_device_are_refused(alice: Person, bob: Person, label: str) -> None:
    refused(alice, label, alice.handsets[1].prekey(label), error=Malformed)
    refused(alice, label, bob.phone.prekey(label), error=Malformed)


@pytest.mark.parametrize("label", LABELS)
def test_prekeys_that_another_device_signed_in_ones_name_are_refused(alice: Person, label: str) -> None:
    fields = cbor.decode(alice.phone.prekey(label).payload)
    refused(alice, label, alice.handsets[1].sign(label, fields), error=BadSignature)


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("age", [-DAY - 1, 90 * DAY + 1])
def test_prekeys_from_the_future_or_of_last_season_are_refused(alice: Person, label: str, age: int) -> None:
    refused(alice, label, alice.phone.prekey(label, created=NOW - age), error=BadKey)


@pytest.mark.parametrize("age", [-DAY, 90 * DAY])
def test_prekeys_at_the_bounds_of_their_age_are_taken(alice: Person, age: int) -> None:
    assert publish(alice, "spk", alice.phone.prekey("spk", created=NOW - age)).signed_prekey == 1


FIELD_PRIME = 2**255 - 19
LOW_ORDER = [
    0,
    1,
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
    FIELD_PRIME - 1,
]


@pytest.mark.parametrize("label", ["spk", "opk"])
@pytest.mark.parametrize("u", [*LOW_ORDER, FIELD_PRIME, FIELD_PRIME + 1, 2**255 - 1, 2**255 + 9, 2**256 - 1])
def test_points_that_are_weak_or_not_canonical_are_refused(alice: Person, label: str, u: int) -> None:
    fields = [alice.account, alice.phone.own.device, 1, NOW, u.to_bytes(32, "little")]
    refused(alice, label, alice.phone.sign(label, fields), error=BadKey)


@pytest.mark.parametrize("label", ["klr", "okpk"])
@pytest.mark.parametrize("start", [0, 1149])
def test_a_kem_key_that_fails_the_modulus_check_is_refused(alice: Person, label: str, start: int) -> None:
    fields: Any = cbor.decode(alice.phone.prekey(label).payload)
    # Twelve bits each: 0xfff is above the modulus 3329.
    fields[4] = fields[4][:start] + b"\xff\xff\xff" + fields[4][start + 3 :]
    refused(alice, label, alice.phone.sign(label, fields), error=BadKey)


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize(
    "spoil",
    [
        lambda fields: fields.pop(),
        lambda fields: fields.append(0),
        lambda fields: fields.__setitem__(0, fields[0][:15]),
        lambda fields: fields.__setitem__(1, "device"),
        lambda fields: fields.__setitem__(2, 0),
        lambda fields: fields.__setitem__(2, True),
        lambda fields: fields.__setitem__(3, None),
        lambda fields: fields.__setitem__(4, fields[4] + b"\x00"),
        lambda fields: fields.__setitem__(4, fields[4][:-1]),
        lambda fields: fields.__setitem__(4, {}),
    ],
    ids=["short", "long", "account", "device", "id 0", "id true", "created", "long key", "short key", "map"],
)
def test_prekeys_of_another_shape_are_refused(alice: Person, label: str, spoil: Callable[[list[Any]], None]) -> None:
    fields: Any = cbor.decode(alice.phone.prekey(label).payload)
    spoil(fields)
    refused(alice, label, alice.phone.sign(label, fields), error=Malformed)


def test_an_oversized_prekey_is_refused(alice: Person) -> None:
    refused(alice, "klr", alice.phone.sign("klr", None, raw=bytes(1_281)), error=Malformed)


def test_a_device_that_is_not_listed_publishes_no_prekeys(alice: Person) -> None:
    alice.add_handset()
    ghost = Person(alice.user, alice.account_key, [alice.handsets[-1]])
    refused(ghost, "spk", ghost.phone.prekey("spk"), error=NotListed)


def test_a_device_that_was_removed_publishes_no_more_prekeys(alice: Person) -> None:
    removed = Person(alice.user, alice.account_key, [alice.handsets[1]])
    publish(removed, "spk", removed.phone.prekey("spk"))
    alice.publish_list([alice.phone])
    refused(removed, "spk", removed.phone.prekey("spk", 2), error=NotListed)


def test_an_account_without_a_list_publishes_no_prekeys(db: None) -> None:
    dora = Person.make("dora")
    refused(dora, "spk", dora.phone.prekey("spk"), error=NotListed)


def test_a_suspended_device_publishes_no_prekeys(alice: Person) -> None:
    alice.phone.row.suspended = True
    alice.phone.row.save(update_fields=["suspended"])
    refused(alice, "spk", alice.phone.prekey("spk"), error=WrongToken)
