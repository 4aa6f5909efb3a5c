"""An owner ends a device: with any token of the account, at once, and nobody else's."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from accounts import services
from accounts.models import Device, Session, User
from accounts.services.sessions import open_session
from accounts.tests.people import Person, Terminal, is_signed_in, post
from messenger.lib import base64url
from messenger.lib.errors import NotFound, NotSignedIn
from tests.together import at_once


def suspend(device: str, access: str | None, body: Any = None) -> Any:
    return post(f"devices/{device}/suspend", {} if body is None else body, access)


def is_suspended(terminal: Terminal) -> bool:
    return Device.objects.get(id=terminal.uuid).suspended


def version() -> int:
    user: User = User.objects.get(username="alice")
    return user.devices_version


def test_another_device_ends_it(laptop: Terminal, phone: Terminal) -> None:
    before = version()
    assert suspend(phone.id, laptop.access).status_code == 204

    assert is_suspended(phone)
    assert not is_signed_in(phone.access)
    assert post("auth/token/refresh", {"refresh": phone.refresh}).status_code == 401
    assert phone.prove(refresh=phone.refresh).status_code == 401
    assert is_signed_in(laptop.access)
    assert version() == before + 1


def test_the_password_alone_ends_it(alice: Person, laptop: Terminal) -> None:
    assert suspend(laptop.id, alice.access).status_code == 204

    assert not is_signed_in(laptop.access)
    assert laptop.prove(access=alice.access).status_code == 404


def test_a_device_ends_itself(laptop: Terminal) -> None:
    assert suspend(laptop.id, laptop.access).status_code == 204
    assert suspend(laptop.id, laptop.access).status_code == 401


def test_again_changes_nothing(laptop: Terminal, phone: Terminal) -> None:
    suspend(phone.id, laptop.access)
    before = version()
    assert suspend(phone.id, laptop.access).status_code == 204
    assert version() == before


def test_a_stranger_ends_nothing(laptop: Terminal, charlie: Person) -> None:
    tablet = charlie.add_device()
    for access in (charlie.access, tablet.access):
        answer = suspend(laptop.id, access)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert suspend(str(uuid.uuid4()), laptop.access).status_code == 404
    assert suspend(laptop.id, None).status_code == 401
    assert is_signed_in(laptop.access)
    assert version() == 0


def test_a_suspended_device_ends_nothing(laptop: Terminal, phone: Terminal) -> None:
    suspend(phone.id, laptop.access)
    assert suspend(laptop.id, phone.access).status_code == 401
    assert is_signed_in(laptop.access)


@pytest.mark.parametrize("body", [[], "text", {"device": "x"}])
def test_a_malformed_body_is_refused(laptop: Terminal, phone: Terminal, body: Any) -> None:
    assert suspend(phone.id, laptop.access, body).status_code == 400
    assert suspend("everything", laptop.access).status_code == 404
    assert is_signed_in(phone.access)


def test_an_account_does_so_sixty_times_an_hour(laptop: Terminal, phone: Terminal, charlie: Person) -> None:
    # The window slides in steps: where one ends in the middle of this test, one or two more pass.
    answers = [suspend(phone.id, laptop.access).status_code for _ in range(65)]
    assert set(answers[:60]) == {204}
    assert answers[-1] == 429
    tablet = charlie.add_device()
    assert suspend(tablet.id, charlie.access).status_code == 204


@pytest.mark.django_db(transaction=True)
def test_no_session_is_left_of_a_device_that_proves_itself_meanwhile(alice: Person, laptop: Terminal) -> None:
    user, credentials = services.authenticate(alice.access)
    proofs = [laptop.proof() for _ in range(4)]

    def prove(proof: dict[str, Any]) -> None:
        services.prove_device(
            device_id=laptop.uuid,
            nonce=base64url.decode(proof["nonce"]),
            signature=base64url.decode(proof["signature"]),
            origin="http://testserver",
            authority=credentials,
            now=timezone.now(),
        )

    refusals = at_once(
        [
            *[partial(prove, proof) for proof in proofs],
            lambda: services.suspend_own_device(user=user, device_id=laptop.uuid),
            lambda: services.refresh_session(refresh=laptop.refresh, now=timezone.now()),
        ]
    )

    assert {type(error) for error in refusals[:4] if error} <= {NotFound, NotSignedIn}
    assert refusals[4] is None
    assert not Session.objects.filter(device=laptop.uuid).live(timezone.now()).exists()
    assert not Session.objects.filter(device=laptop.uuid, ended=Session.Ended.LIVE).exists()


@pytest.mark.django_db(transaction=True)
def test_two_who_end_it_at_once_change_the_devices_once(laptop: Terminal, phone: Terminal) -> None:
    user = User.objects.get()
    open_session(user=user, device=Device.objects.get(id=phone.uuid), now=timezone.now())

    refusals = at_once([lambda: services.suspend_own_device(user=user, device_id=phone.uuid)] * 6)

    assert refusals == [None] * 6
    assert version() == 1
