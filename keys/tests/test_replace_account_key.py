"""A new account key: a chain of its own in place of the old one, on purpose alone, and told to everybody."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.core import mail
from django.db import connection, transaction
from pytest_django import DjangoCaptureOnCommitCallbacks as Committing

from accounts import mail as sending
from accounts.services import suspend_device
from keys import services, sql
from keys.errors import BadSignature, ListConflict, NotListed
from keys.models import DeviceList
from keys.tests.asking import As, problem
from keys.tests.cast import NOW, Handset, Person, in_json, travelling
from keys.verify import SignedObject
from messenger.lib import base64url
from messenger.lib.errors import Conflict, DomainError, Malformed, WrongToken
from messenger.lib.events import DevicesChanged, Event
from tests.together import at_once


@pytest.fixture
def laptop(alice: Person) -> Handset:
    """A device of alice's that no list names."""
    return alice.add_handset()


def hash_of(person: Person) -> bytes:
    return services.recipients([person.user.pk])[person.user.pk].list_hash


def replace(person: Person, signed: SignedObject, *, by: Handset | None = None, replaces: bytes) -> DeviceList:
    return services.replace_account_key(by=(by or person.phone).row, signed=signed, replaces=replaces, now=NOW)


def refused(
    person: Person, signed: SignedObject, error: type[DomainError], *, replaces: bytes, by: Handset | None = None
) -> DomainError:
    """Replacing the key fails so, and changes nothing."""
    before = list(DeviceList.objects.order_by("pk").values())
    version = services.recipients([person.user.pk])
    with pytest.raises(error) as raised:
        replace(person, signed, by=by, replaces=replaces)
    assert list(DeviceList.objects.order_by("pk").values()) == before
    assert services.recipients([person.user.pk]) == version
    return raised.value


def test_a_new_chain_is_the_newest_whatever_the_old_one_counted_to(
    alice: Person, laptop: Handset, heard: list[Event], django_capture_on_commit_callbacks: Committing
) -> None:
    for _ in range(3):
        alice.publish_list(alice.handsets[:2])
    before = services.recipients([alice.user.pk])[alice.user.pk]
    with django_capture_on_commit_callbacks(execute=True):
        first = alice.publish_new_identity(laptop)
    now = services.recipients([alice.user.pk])[alice.user.pk]
    assert (now.list_hash, now.version) == (first.hash, before.version + 1)
    assert now.devices == {laptop.row.pk}
    assert (now.chain, now.account_key) == (2, alice.account_key.public)
    newest = DeviceList.objects.newest([alice.user.pk]).get()
    assert (bytes(newest.hash), newest.seq) == (first.hash, 1)
    assert DeviceList.objects.filter(account=alice.user).count() == 5, "the old ones are kept"
    assert heard == [DevicesChanged(account_id=alice.user.pk)]


def test_the_chain_goes_on_under_the_new_key(alice: Person) -> None:
    alice.publish_new_identity()
    second = alice.publish_list()
    assert (DeviceList.objects.newest([alice.user.pk]).get().seq, hash_of(alice)) == (2, second.hash)
    third = alice.publish_new_identity(alice.handsets[1])
    assert (hash_of(alice), services.recipients([alice.user.pk])[alice.user.pk].chain) == (third.hash, 3)


def test_the_old_chain_has_ended(alice: Person) -> None:
    successor = travelling(alice.next_list())
    first = alice.publish_new_identity()
    with pytest.raises(ListConflict) as conflict:
        services.publish_device_list(by=alice.phone.row, signed=successor, now=NOW)
    assert conflict.value.extra["list"] == in_json(travelling(first))
    refused(alice, successor, ListConflict, replaces=first.hash)


def test_an_account_key_is_not_taken_up_again(alice: Person) -> None:
    newest, alice.newest = hash_of(alice), None
    again = travelling(alice.next_list([alice.phone], now=NOW + 1))
    refused(alice, again, Conflict, replaces=newest)
    first = alice.publish_new_identity()
    refused(alice, again, Conflict, replaces=hash_of(alice))
    assert hash_of(alice) == first.hash


def test_the_same_list_again_changes_nothing(
    alice: Person, heard: list[Event], django_capture_on_commit_callbacks: Committing
) -> None:
    replaces = hash_of(alice)
    first = alice.publish_new_identity()
    with django_capture_on_commit_callbacks(execute=True):
        assert replace(alice, travelling(first), replaces=replaces).chain == 2
    assert DeviceList.objects.filter(account=alice.user).count() == 2
    assert heard == []


def test_what_replaces_an_older_list_is_answered_with_the_newest(alice: Person) -> None:
    older = hash_of(alice)
    newest = alice.publish_list()
    alice.forget_account_key()
    error = refused(alice, travelling(alice.next_list([alice.phone])), ListConflict, replaces=older)
    assert error.extra["list"] == in_json(travelling(newest))


def test_there_has_to_be_something_to_replace(db: None) -> None:
    dora = Person.make("dora")
    error = refused(dora, travelling(dora.next_list()), ListConflict, replaces=bytes(32))
    assert error.extra["list"] is None


def test_a_new_chain_starts_with_its_first_list(alice: Person) -> None:
    replaces = hash_of(alice)
    alice.forget_account_key()
    first = alice.next_list([alice.phone])
    refused(alice, travelling(alice.next_list([alice.phone], previous=first)), ListConflict, replaces=replaces)


def test_a_device_starts_a_chain_that_lists_it(alice: Person, laptop: Handset) -> None:
    replaces = hash_of(alice)
    alice.forget_account_key()
    refused(alice, travelling(alice.next_list([alice.phone])), Malformed, replaces=replaces, by=laptop)


def test_strangers_start_no_chain(alice: Person, charlie: Person) -> None:
    replaces = hash_of(alice)
    alice.forget_account_key()
    signed = travelling(alice.next_list([alice.phone]))
    with pytest.raises(Malformed):
        services.replace_account_key(by=charlie.phone.row, signed=signed, replaces=replaces, now=NOW)
    fields = alice.fields()
    refused(alice, charlie.sign(fields), BadSignature, replaces=replaces)


def test_a_suspended_device_starts_no_chain_and_is_on_none(alice: Person) -> None:
    replaces = hash_of(alice)
    tablet = alice.handsets[1]
    suspend_device(device=tablet.row)
    alice.forget_account_key()
    refused(alice, travelling(alice.next_list([tablet])), WrongToken, replaces=replaces, by=tablet)
    refused(alice, travelling(alice.next_list()), Malformed, replaces=replaces)


def test_devices_of_the_old_chain_publish_and_give_nothing_any_more(alice: Person, bob: Person) -> None:
    tablet = alice.handsets[1]
    tablet.publish()
    alice.publish_new_identity()
    with pytest.raises(NotListed):
        services.publish_prekeys(by=tablet.row, now=NOW, one_time=[tablet.prekey("opk", 9)])
    (skipped,) = services.claim(by=bob.phone.row, targets=[tablet.target], now=NOW).skipped
    assert skipped.reason == "not_listed"


def test_the_owner_gets_a_mail(alice: Person, laptop: Handset, django_capture_on_commit_callbacks: Committing) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        alice.publish_new_identity(laptop)
        with transaction.atomic(), pytest.raises(ListConflict):
            replace(alice, travelling(alice.next_list()), replaces=bytes(32))
    sending.wait()
    (sent,) = mail.outbox
    assert (sent.to, sent.subject) == (["alice@example.org"], "Your account has a new identity")
    assert "Hello alice" in sent.body
    assert laptop.row.name in sent.body


def ask(person: Person, signed: SignedObject, **members: Any) -> Any:
    return As(person.phone).put("device-list", {**in_json(signed), **members})


@pytest.fixture
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keys.api.KeysView.clock", staticmethod(lambda: NOW))


@pytest.mark.usefixtures("_clock")
def test_it_is_asked_for_by_naming_the_list_that_ends(alice: Person) -> None:
    replaces = base64url.encode(hash_of(alice))
    alice.forget_account_key()
    made = alice.next_list([alice.phone])
    assert problem(ask(alice, travelling(made))) == (409, "list_conflict")
    for _ in range(2):
        answer = ask(alice, travelling(made), replaces=replaces)
        assert (answer.status_code, answer.json()) == (200, {"seq": 1, "hash": base64url.encode(made.hash)})


@pytest.mark.usefixtures("_clock")
@pytest.mark.parametrize(
    "replaces", [None, "", "AA", 5, [], base64url.encode(bytes(33)), base64url.encode(bytes(32)) + "="]
)
def test_what_names_no_list_is_malformed(alice: Person, replaces: Any) -> None:
    alice.forget_account_key()
    assert problem(ask(alice, travelling(alice.next_list([alice.phone])), replaces=replaces)) == (400, "malformed")
    assert DeviceList.objects.count() == 1


@pytest.mark.usefixtures("_clock")
def test_an_account_makes_five_a_day(alice: Person, bob: Person) -> None:
    statuses = []
    # The window slides in steps: where one ends in the middle of this test, one more passes.
    for _ in range(7):
        replaces = base64url.encode(hash_of(alice))
        alice.forget_account_key()
        statuses.append(ask(alice, travelling(alice.next_list([alice.phone])), replaces=replaces).status_code)
    assert (set(statuses[:5]), statuses[-1]) == ({200}, 429)
    replaces = base64url.encode(hash_of(bob))
    bob.forget_account_key()
    assert ask(bob, travelling(bob.next_list([bob.phone])), replaces=replaces).status_code == 200
    assert settings.LIMITS["identity"] == "5/day"


@pytest.mark.django_db(transaction=True)
def test_of_many_new_identities_at_once_one_is_made() -> None:
    alice = Person.make("alice", devices=4)
    alice.publish_list()
    replaces = hash_of(alice)
    made = []
    for handset in alice.handsets:
        alice.forget_account_key()
        made.append((handset, travelling(alice.next_list([handset]))))
    refusals = at_once([partial(replace, alice, signed, by=handset, replaces=replaces) for handset, signed in made])
    assert refusals.count(None) == 1
    assert {type(error) for error in refusals if error} == {ListConflict}
    assert DeviceList.objects.newest([alice.user.pk]).get().signed == made[refusals.index(None)][1]
    assert DeviceList.objects.filter(account=alice.user).count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_successor_and_a_new_identity_at_once_leave_one_newest_list() -> None:
    alice = Person.make("alice", devices=2)
    alice.publish_list()
    replaces, successor = hash_of(alice), travelling(alice.next_list())
    alice.forget_account_key()
    first = travelling(alice.next_list([alice.phone]))
    refusals = at_once(
        [
            lambda: services.publish_device_list(by=alice.phone.row, signed=successor, now=NOW),
            lambda: replace(alice, first, replaces=replaces),
        ]
    )
    assert refusals.count(None) == 1
    assert isinstance(next(error for error in refusals if error), ListConflict)
    assert DeviceList.objects.newest([alice.user.pk]).get().signed == (successor if refusals[0] is None else first)


def test_the_newest_list_is_one_step_into_the_index(alice: Person) -> None:
    newest = DeviceList.objects.newest([alice.user.pk])
    asked = sql.NEWEST_SETS % "%s", [alice.user.pk if connection.vendor == "postgresql" else alice.user.pk.hex]
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # A table of a dozen rows is read whole unless that is forbidden. Sorting would read all lists.
            cursor.execute(
                "SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off"
            )
        cursor.execute(f"EXPLAIN {'' if connection.vendor == 'postgresql' else 'QUERY PLAN '}{asked[0]}", asked[1])
        plans = [newest.explain(), "\n".join(str(row) for row in cursor.fetchall())]
    for plan in plans:
        assert "one_device_list_per_account_chain_and_seq" in plan or "account_id=?" in plan, plan
        assert "Sort" not in plan, plan
        assert "TEMP B-TREE" not in plan, plan


def test_backwards_the_chain_that_counts_is_kept(alice: Person, bob: Person) -> None:
    alice.publish_list()
    kept = [alice.publish_new_identity(), alice.publish_list()]
    import_module("keys.migrations.0003_chains").forget_ended_chains(apps, None)
    rows = DeviceList.objects.filter(account=alice.user).order_by("seq")
    assert [bytes(row.hash) for row in rows] == [one.hash for one in kept]
    assert DeviceList.objects.filter(account=bob.user).count() == 1
