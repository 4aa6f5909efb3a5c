"""Claiming bundles: who gets what, and each one-time key once."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier, Event

import pytest
from django.conf import settings
from django.db import connection, transaction
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks

from keys import services
from keys.models import OneTimePrekey, SignedPrekey
from keys.tests.cast import DAY, NOW, Handset, Person
from keys.values import Bundle, Claimed, Skipped, Target
from keys.verify import SignedObject
from messenger.lib.events import Event as Told
from messenger.lib.events import PrekeysLow
from messenger.lib.ids import new_id
from messenger_client.protocol import cbor, prekeys
from messenger_client.protocol.ids import AccountId, DeviceId
from messenger_client.protocol.prekeys import SeenPrekeys


def claim(by: Person, *targets: Target, now: int = NOW) -> Claimed:
    return services.claim(by=by.phone.row, targets=targets, now=now)


def skipped(claimed: Claimed) -> dict[Target, str]:
    assert not claimed.bundles
    return {one.target: one.reason for one in claimed.skipped}


def key_ids(bundle: Bundle) -> tuple[int | None, str, int]:
    """The ids of the one-time key and of the KEM key."""
    read = as_client(bundle)
    return (read.opk.key_id if read.opk else None, read.kem_label, read.kem_key.key_id)


def as_client(bundle: Bundle) -> prekeys.Bundle:
    def read(label: prekeys.PrekeyLabel, signed: SignedObject) -> prekeys.SignedPrekey:
        return prekeys.SignedPrekey.from_bytes(label, cbor.encode([signed.payload, signed.signature]))

    label = prekeys.read_kem_label(bundle.kem_label)
    return prekeys.Bundle(
        AccountId(bundle.target.account.bytes),
        DeviceId(bundle.target.device.bytes),
        read("spk", bundle.signed_prekey),
        read("opk", bundle.one_time) if bundle.one_time else None,
        label,
        read(label, bundle.kem),
    )


def test_a_claimed_bundle_satisfies_the_client(alice: Person, bob: Person) -> None:
    bob.phone.publish()
    (bundle,) = claim(alice, bob.phone.target).bundles
    newest = bob.newest
    assert newest is not None
    verified = prekeys.verify_bundle(
        as_client(bundle), newest, DeviceId(bob.phone.row.pk.bytes), SeenPrekeys(), now=NOW
    )
    assert (verified.opk_id, verified.kem_label, verified.kem_id) == (1, "okpk", 1)


def test_one_time_keys_are_given_out_in_order_and_then_the_last_resort(alice: Person, bob: Person) -> None:
    bob.phone.publish(one_time=2, one_time_kem=1)
    given = [key_ids(claim(alice, bob.phone.target).bundles[0]) for _ in range(3)]
    assert given == [(1, "okpk", 1), (2, "klr", 1), (None, "klr", 1)]
    assert services.prekey_counts(device_id=bob.phone.row.pk).last_resort == 1


def test_all_devices_of_two_accounts_are_claimed_at_once(alice: Person, bob: Person) -> None:
    for handset in (*alice.handsets, bob.phone):
        handset.publish(one_time=1)
    claimed = claim(bob, *(one.target for one in alice.handsets), bob.phone.target)
    assert [bundle.target for bundle in claimed.bundles] == [
        *(one.target for one in alice.handsets),
        bob.phone.target,
    ]
    assert claimed.skipped == ()


def test_a_claim_takes_a_bounded_number_of_queries(
    alice: Person, bob: Person, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    bob.phone.publish()
    for handset in alice.handsets:
        handset.publish()
    # Recipients, savepoint, what is taken (SQLite reads and deletes), savepoint; for any number of devices.
    with django_assert_num_queries(4 if connection.vendor == "postgresql" else 5):
        claim(bob, *(one.target for one in alice.handsets), bob.phone.target)


def test_a_target_named_twice_is_served_once(alice: Person, bob: Person) -> None:
    bob.phone.publish()
    assert len(claim(alice, bob.phone.target, bob.phone.target).bundles) == 1
    assert services.prekey_counts(device_id=bob.phone.row.pk).one_time == 4


@pytest.mark.parametrize("missing", ["spk", "kem"])
def test_a_device_without_a_usable_bundle_is_skipped_and_keeps_its_keys(
    alice: Person, bob: Person, missing: str
) -> None:
    bob.phone.publish(one_time_kem=0 if missing == "kem" else 1)
    SignedPrekey.objects.filter(label="spk" if missing == "spk" else "klr").delete()
    left = OneTimePrekey.objects.count()
    assert skipped(claim(alice, bob.phone.target)) == {bob.phone.target: "no_prekeys"}
    assert OneTimePrekey.objects.count() == left


def test_a_signed_prekey_that_clients_would_refuse_is_not_given_out(alice: Person, bob: Person) -> None:
    bob.phone.publish()
    assert skipped(claim(alice, bob.phone.target, now=NOW + 90 * DAY + 1)) == {bob.phone.target: "no_prekeys"}


def test_suspended_devices_are_skipped_and_others_served(alice: Person, bob: Person) -> None:
    first, second = alice.handsets
    for handset in alice.handsets:
        handset.publish()
    second.row.suspended = True
    second.row.save(update_fields=["suspended"])
    claimed = claim(bob, first.target, second.target)
    assert [bundle.target for bundle in claimed.bundles] == [first.target]
    assert claimed.skipped == (Skipped(second.target, "suspended"),)


def test_devices_of_a_suspended_account_are_skipped(alice: Person, bob: Person) -> None:
    bob.phone.publish()
    bob.user.is_active = False
    bob.user.save(update_fields=["is_active"])
    assert skipped(claim(alice, bob.phone.target)) == {bob.phone.target: "suspended"}


def test_devices_that_are_on_no_list_are_skipped(alice: Person, bob: Person) -> None:
    dora = Person.make("dora")
    unlisted, removed = bob.add_handset(), alice.handsets[1]
    removed.publish()
    alice.publish_list([alice.phone])
    targets = [
        dora.phone.target,
        unlisted.target,
        removed.target,
        Target(new_id(), new_id()),
        Target(alice.user.pk, bob.phone.row.pk),
    ]
    assert skipped(claim(alice, *targets)) == dict.fromkeys(targets, "not_listed")


def test_a_pair_of_devices_gets_six_and_then_one_in_ten_minutes(alice: Person, bob: Person, charlie: Person) -> None:
    bob.phone.publish(one_time=20)
    for _ in range(settings.CLAIM_BURST):
        assert claim(alice, bob.phone.target).bundles
    (refused,) = claim(alice, bob.phone.target, now=NOW + 1_000).skipped
    assert refused.reason == "rate_limited"
    assert refused.retry_after is not None
    assert math.ceil(refused.retry_after) == settings.CLAIM_SECONDS - 1
    # Nobody else waits for it, and neither does the same device for another one.
    assert claim(charlie, bob.phone.target).bundles
    alice.phone.publish()
    assert claim(bob, alice.phone.target).bundles
    later = NOW + settings.CLAIM_SECONDS * 1000
    assert claim(alice, bob.phone.target, now=later).bundles
    assert skipped(claim(alice, bob.phone.target, now=later)) == {bob.phone.target: "rate_limited"}


def test_claims_for_nothing_are_not_charged(alice: Person, bob: Person) -> None:
    for _ in range(2 * settings.CLAIM_BURST):
        assert skipped(claim(alice, Target(bob.user.pk, new_id()))) != {}
    bob.phone.publish()
    assert claim(alice, bob.phone.target).bundles


def test_the_owner_hears_when_few_are_left(
    alice: Person,
    bob: Person,
    heard: list[Told],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    bob.phone.publish(one_time=26, one_time_kem=26)
    with django_capture_on_commit_callbacks(execute=True):
        claim(alice, bob.phone.target)
    assert heard == []
    with django_capture_on_commit_callbacks(execute=True):
        claim(alice, bob.phone.target)
    assert heard == [PrekeysLow(device_id=bob.phone.row.pk, one_time=24, one_time_kem=24)]


def test_the_owner_hears_when_there_was_nothing_to_give(
    alice: Person,
    bob: Person,
    heard: list[Told],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        claim(alice, bob.phone.target)
    assert heard == [PrekeysLow(device_id=bob.phone.row.pk, one_time=0, one_time_kem=0)]


def claim_in_threads(claimers: list[Handset], target: Target, rounds: int) -> list[Bundle]:
    """Everybody claims `rounds` times, all starting at once."""
    together = Barrier(len(claimers))

    def one_after_the_other(handset: Handset) -> list[Bundle]:
        try:
            together.wait()
            claimed = [services.claim(by=handset.row, targets=[target], now=NOW) for _ in range(rounds)]
            return [bundle for one in claimed for bundle in one.bundles]
        finally:
            connection.close()

    with ThreadPoolExecutor(len(claimers)) as threads:
        return [bundle for some in threads.map(one_after_the_other, claimers) for bundle in some]


@pytest.mark.django_db(transaction=True)
def test_twenty_threads_never_get_the_same_one_time_key() -> None:
    crowd, dora = Person.make("crowd"), Person.make("dora")
    dora.publish_list()
    dora.phone.publish(one_time=50, one_time_kem=50)
    # Twenty devices, so that no limit of a pair stops them.
    bundles = claim_in_threads([crowd.add_handset() for _ in range(20)], dora.phone.target, rounds=3)
    assert len(bundles) == 60
    one_time = Counter(key_ids(bundle)[0] for bundle in bundles)
    kem = Counter(key_ids(bundle)[1:] for bundle in bundles)
    assert one_time.pop(None, 0) == 10
    assert kem.pop(("klr", 1), 0) == 10
    assert one_time == Counter(range(1, 51))
    assert kem == Counter(("okpk", key_id) for key_id in range(1, 51))
    assert OneTimePrekey.objects.count() == 0


@contextmanager
def being_claimed(target: Target, times: int) -> Iterator[None]:
    """Claims in a transaction of somebody else's that is not over yet, and then comes to nothing."""
    taken, over = Event(), Event()
    somebody = Person.make("somebody")

    def hold() -> None:
        try:
            with transaction.atomic():
                for _ in range(times):
                    assert claim(somebody, target).bundles
                taken.set()
                over.wait()
                transaction.set_rollback(True)
        finally:
            taken.set()
            connection.close()

    with ThreadPoolExecutor(1) as threads:
        held = threads.submit(hold)
        taken.wait()
        try:
            yield
        finally:
            over.set()
            held.result()


on_postgres = pytest.mark.skipif(connection.vendor != "postgresql", reason="on SQLite claims wait for each other")


@on_postgres
@pytest.mark.django_db(transaction=True)
def test_keys_that_somebody_is_claiming_are_passed_over_and_stay_where_the_claim_fails() -> None:
    dora, erin = Person.make("dora"), Person.make("erin")
    dora.publish_list()
    dora.phone.publish(one_time=2, one_time_kem=2)
    with being_claimed(dora.phone.target, 1):
        assert key_ids(claim(erin, dora.phone.target).bundles[0]) == (2, "okpk", 2)
        assert key_ids(claim(erin, dora.phone.target).bundles[0]) == (None, "klr", 1)
    assert key_ids(claim(erin, dora.phone.target).bundles[0]) == (1, "okpk", 1)
    assert OneTimePrekey.objects.count() == 0


@on_postgres
@pytest.mark.django_db(transaction=True)
def test_without_a_free_kem_key_the_other_one_time_key_is_kept() -> None:
    dora, erin = Person.make("dora"), Person.make("erin")
    dora.publish_list()
    dora.phone.publish(one_time=2, one_time_kem=1)
    SignedPrekey.objects.filter(label="klr").delete()
    with being_claimed(dora.phone.target, 1):
        assert skipped(claim(erin, dora.phone.target)) == {dora.phone.target: "no_prekeys"}
    assert OneTimePrekey.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_a_claim_that_fails_gives_nothing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    dora = Person.make("dora")
    dora.publish_list()
    dora.phone.publish(one_time=2, one_time_kem=2)

    def stumble(*taken: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr("keys.services.prekeys.Bundle", stumble)
        with pytest.raises(RuntimeError):
            claim(dora, dora.phone.target)
    assert key_ids(claim(dora, dora.phone.target).bundles[0]) == (1, "okpk", 1)


@pytest.mark.django_db(transaction=True)
def test_of_a_claim_that_is_taken_back_nobody_hears(heard: list[Told]) -> None:
    dora = Person.make("dora")
    dora.publish_list()
    dora.phone.publish(one_time=2, one_time_kem=2)
    heard.clear()
    with transaction.atomic():
        assert claim(dora, dora.phone.target).bundles
        transaction.set_rollback(True)
    assert heard == []
    assert key_ids(claim(dora, dora.phone.target).bundles[0]) == (1, "okpk", 1)
    assert heard == [PrekeysLow(device_id=dora.phone.row.pk, one_time=1, one_time_kem=1)]
