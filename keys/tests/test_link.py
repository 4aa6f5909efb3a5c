"""The relay slot of a device that is to be linked: who may leave, read, answer and end it, and when it is gone."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from accounts.services import suspend_device
from keys import services
from keys.errors import NotListed
from keys.models import LinkSlot
from keys.services.links import SLOT_LIFETIME
from keys.tests.asking import As, problem
from keys.tests.cast import NOW, Handset, Person
from messenger.lib import base64url
from messenger.lib.errors import NotFound, WrongToken
from messenger.lib.ids import new_id
from tests.together import at_once

OFFER, ANSWER = b"a sealed offer", b"a sealed answer"


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    _at(monkeypatch, NOW)


def _at(monkeypatch: pytest.MonkeyPatch, now: int) -> None:
    monkeypatch.setattr("keys.api.KeysView.clock", staticmethod(lambda: now))


@pytest.fixture
def laptop(alice: Person) -> Handset:
    """A device of alice's that is signed in, and on no list yet."""
    return alice.add_handset()


def offer(by: Handset, laptop: Handset, offered: bytes = OFFER) -> Any:
    return As(by).put(f"links/{laptop.row.pk}/offer", {"offer": base64url.encode(offered)})


def answer(by: Handset, laptop: Handset) -> Any:
    return As(by).put(f"links/{laptop.row.pk}/answer", {"answer": base64url.encode(ANSWER)})


def read(by: Handset, laptop: Handset) -> Any:
    return As(by).get(f"links/{laptop.row.pk}")


def test_an_offer_is_left_and_read_and_answered(alice: Person, laptop: Handset) -> None:
    assert offer(alice.phone, laptop).status_code == 204
    shown = {"offer": base64url.encode(OFFER), "answer": None, "expires_at": NOW + SLOT_LIFETIME}
    for device in (laptop, *alice.handsets[:2]):
        assert (read(device, laptop).status_code, read(device, laptop).json()) == (200, shown)
    assert answer(laptop, laptop).status_code == 204
    shown["answer"] = base64url.encode(ANSWER)
    for device in (laptop, *alice.handsets[:2]):
        assert read(device, laptop).json() == shown


def test_strangers_find_no_slot(alice: Person, laptop: Handset, charlie: Person) -> None:
    assert problem(offer(charlie.phone, laptop)) == (404, "not_found")
    offer(alice.phone, laptop)
    answer(laptop, laptop)
    before = list(LinkSlot.objects.values())
    for asked in (
        offer(charlie.phone, laptop, b"another"),
        answer(charlie.phone, laptop),
        read(charlie.phone, laptop),
        As(charlie.phone).delete(f"links/{laptop.row.pk}"),
    ):
        assert problem(asked) == (404, "not_found")
    assert list(LinkSlot.objects.values()) == before


def test_who_has_proved_no_device_finds_no_slot(alice: Person, laptop: Handset) -> None:
    offer(alice.phone, laptop)
    for asking, refusal in ((As(), (401, "not_signed_in")), (As(user=alice.user), (403, "wrong_token"))):
        path = f"links/{laptop.row.pk}"
        assert problem(asking.get(path)) == refusal
        assert problem(asking.delete(path)) == refusal
        assert problem(asking.put(f"{path}/offer", {"offer": "AA"})) == refusal
        assert problem(asking.put(f"{path}/answer", {"answer": "AA"})) == refusal


def test_a_device_that_is_not_listed_offers_nothing_and_reads_its_own_slot_alone(
    alice: Person, laptop: Handset
) -> None:
    other = alice.add_handset()
    assert problem(offer(other, laptop)) == (409, "not_listed")
    assert problem(offer(laptop, laptop)) == (409, "not_listed")
    offer(alice.phone, laptop)
    for asked in (read(other, laptop), answer(other, laptop), As(other).delete(f"links/{laptop.row.pk}")):
        assert problem(asked) == (404, "not_found")


def test_only_devices_that_can_be_linked_are_offered_anything(alice: Person, laptop: Handset, bob: Person) -> None:
    suspend_device(device=laptop.row)
    unknown = alice.add_handset(registered=False)
    for device in (alice.handsets[1], alice.phone, laptop, unknown, bob.phone):
        assert problem(offer(alice.phone, device)) == (404, "not_found")
    assert not LinkSlot.objects.exists()


def test_only_the_device_itself_answers_and_only_an_offer(alice: Person, laptop: Handset) -> None:
    assert problem(answer(laptop, laptop)) == (404, "not_found")
    offer(alice.phone, laptop)
    assert problem(answer(alice.phone, laptop)) == (404, "not_found")
    assert read(laptop, laptop).json()["answer"] is None


def test_a_new_offer_takes_the_place_of_the_old_one_and_of_its_answer(
    alice: Person, laptop: Handset, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(alice.phone, laptop)
    answer(laptop, laptop)
    _at(monkeypatch, NOW + 1_000)
    assert offer(alice.handsets[1], laptop, b"another").status_code == 204
    assert read(laptop, laptop).json() == {
        "offer": base64url.encode(b"another"),
        "answer": None,
        "expires_at": NOW + 1_000 + SLOT_LIFETIME,
    }


def test_the_same_offer_again_changes_nothing(alice: Person, laptop: Handset, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(alice.phone, laptop)
    answer(laptop, laptop)
    before = read(laptop, laptop).json()
    _at(monkeypatch, NOW + 1_000)
    assert offer(alice.phone, laptop).status_code == 204
    assert answer(laptop, laptop).status_code == 204
    assert read(laptop, laptop).json() == before


def test_either_side_gives_it_up(alice: Person, laptop: Handset) -> None:
    for device in (alice.handsets[1], laptop):
        offer(alice.phone, laptop)
        assert As(device).delete(f"links/{laptop.row.pk}").status_code == 204
        assert problem(read(alice.phone, laptop)) == (404, "not_found")
        assert problem(As(device).delete(f"links/{laptop.row.pk}")) == (404, "not_found")


def test_a_slot_ends_after_ten_minutes(alice: Person, laptop: Handset, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(alice.phone, laptop)
    _at(monkeypatch, NOW + SLOT_LIFETIME - 1)
    assert read(laptop, laptop).status_code == 200
    _at(monkeypatch, NOW + SLOT_LIFETIME)
    assert problem(read(laptop, laptop)) == (404, "not_found")
    assert problem(answer(laptop, laptop)) == (404, "not_found")
    assert services.purge_links(now=NOW + SLOT_LIFETIME - 1) == 0
    assert services.purge_links(now=NOW + SLOT_LIFETIME) == 1
    assert not LinkSlot.objects.exists()


def test_a_slot_ends_when_its_device_is_listed(alice: Person, laptop: Handset) -> None:
    tablet = alice.add_handset()
    for device in (laptop, tablet):
        offer(alice.phone, device)
    alice.publish_list([*alice.handsets[:2], laptop])
    assert problem(read(laptop, laptop)) == (404, "not_found")
    assert problem(offer(alice.phone, laptop)) == (404, "not_found")
    assert read(tablet, tablet).status_code == 200


def test_a_slot_of_a_suspended_device_is_gone(alice: Person, laptop: Handset) -> None:
    offer(alice.phone, laptop)
    suspend_device(device=laptop.row)
    assert problem(read(alice.phone, laptop)) == (404, "not_found")


def test_a_suspended_device_offers_nothing(alice: Person, laptop: Handset) -> None:
    suspend_device(device=alice.phone.row)
    with pytest.raises(WrongToken):
        services.offer_link(by=alice.phone.row, device_id=laptop.row.pk, offer=OFFER, now=NOW)
    assert not LinkSlot.objects.exists()


def test_an_account_offers_sixty_times_an_hour(alice: Person, laptop: Handset, bob: Person) -> None:
    for _ in range(60):
        assert offer(alice.phone, laptop).status_code == 204
    # The window slides in steps: where one ends in the middle of this test, one or two more pass.
    answers = (offer(alice.handsets[1], laptop) for _ in range(5))
    refused = next(one for one in answers if one.status_code != 204)
    assert problem(refused) == (429, "too_many_requests")
    assert offer(bob.phone, bob.add_handset()).status_code == 204


@pytest.mark.parametrize(
    "body", [None, [], {}, {"offer": ""}, {"offer": 5}, {"offer": "AA=="}, {"offer": "AA", "x": 1}]
)
def test_malformed_offers_and_answers_are_refused(alice: Person, laptop: Handset, body: Any) -> None:
    offer(alice.phone, laptop)
    path = f"links/{laptop.row.pk}"
    assert problem(As(alice.phone).put(f"{path}/offer", body)) == (400, "malformed")
    if isinstance(body, dict):
        body = {name.replace("offer", "answer"): value for name, value in body.items()}
    assert problem(As(laptop).put(f"{path}/answer", body)) == (400, "malformed")
    assert read(laptop, laptop).json()["answer"] is None


def test_offers_and_answers_are_bounded(alice: Person, laptop: Handset) -> None:
    path = f"links/{laptop.row.pk}"
    for size, status in ((16 * 1024, 204), (16 * 1024 + 1, 400)):
        assert offer(alice.phone, laptop, bytes(size)).status_code == status
    for size, status in ((1024, 204), (1025, 400)):
        body = {"answer": base64url.encode(bytes(size))}
        assert As(laptop).put(f"{path}/answer", body).status_code == status


def test_ids_in_another_spelling_are_no_devices(alice: Person, laptop: Handset) -> None:
    offer(alice.phone, laptop)
    for spelling in (str(laptop.row.pk).upper(), laptop.row.pk.hex, "me", str(new_id())):
        assert As(alice.phone).get(f"links/{spelling}").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_of_two_approvals_at_once_the_later_one_stands() -> None:
    alice = Person.make("alice", devices=2)
    alice.publish_list()
    laptop = alice.add_handset()
    offers = [bytes([number]) for number in range(8)]
    refusals = at_once(
        [
            partial(
                services.offer_link, by=alice.handsets[made[0] % 2].row, device_id=laptop.row.pk, offer=made, now=NOW
            )
            for made in offers
        ]
    )
    assert refusals == [None] * 8
    slot = LinkSlot.objects.get()
    assert bytes(slot.offer) in offers
    assert bytes(slot.answer) == b""


@pytest.mark.django_db(transaction=True)
def test_no_slot_is_left_behind_by_an_offer_during_the_listing() -> None:
    alice = Person.make("alice")
    alice.publish_list()
    laptop = alice.add_handset()
    refusals = at_once(
        [
            alice.publish_list,
            *(
                lambda made=bytes([number]): services.offer_link(
                    by=alice.phone.row, device_id=laptop.row.pk, offer=made, now=NOW
                )
                for number in range(6)
            ),
        ]
    )
    assert {type(error) for error in refusals if error} <= {NotFound}
    assert not LinkSlot.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_device_that_is_taken_off_the_list_meanwhile_leaves_no_offer_after() -> None:
    alice = Person.make("alice", devices=2)
    alice.publish_list()
    laptop = alice.add_handset()
    tablet = alice.handsets[1]
    refusals = at_once(
        [
            lambda: alice.publish_list([alice.phone]),
            lambda: services.offer_link(by=tablet.row, device_id=laptop.row.pk, offer=OFFER, now=NOW),
        ]
    )
    assert {type(error) for error in refusals if error} <= {NotListed}
    with pytest.raises(NotListed):
        services.offer_link(by=tablet.row, device_id=laptop.row.pk, offer=OFFER, now=NOW)
