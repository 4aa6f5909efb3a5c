"""Signing out, a new password and a suspension end sessions at once, for HTTP, refresh, recovery and sockets."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from accounts import services
from accounts.errors import WrongCredentials
from accounts.models import Device, Session, User
from accounts.tests.people import PASSWORD, Person, Terminal, is_signed_in, post
from messenger.lib import events
from messenger.lib.errors import NotSignedIn, WrongToken
from messenger.lib.events import DevicesChanged, SessionsEnded


@pytest.fixture
def told() -> Iterator[list[events.Event]]:
    """The events that were published."""
    heard: list[events.Event] = []
    events.subscribe(heard.append)
    yield heard
    events.unsubscribe(heard.append)


def session_of(terminal: Terminal) -> Session:
    return Session.objects.get(device=terminal.uuid)


def assert_silent(terminal: Terminal) -> None:
    """Nothing that this device holds works any more, and no proof makes it work."""
    assert not is_signed_in(terminal.access)
    assert post("auth/token/refresh", {"refresh": terminal.refresh}).status_code == 401
    assert terminal.prove(refresh=terminal.refresh).status_code == 401
    with pytest.raises(NotSignedIn):
        services.authenticate_device(terminal.access)
    ids = set(Session.objects.filter(device=terminal.uuid).values_list("id", flat=True))
    assert services.ended_sessions(ids) == ids


def test_a_live_device_is_known_to_the_socket(laptop: Terminal) -> None:
    credentials = services.authenticate_device(laptop.access)

    assert str(credentials.device_id) == laptop.id
    assert str(credentials.account_id) == laptop.owner.id
    assert services.ended_sessions([credentials.session_id]) == set()
    unknown = uuid.uuid4()
    assert services.ended_sessions([credentials.session_id, unknown]) == {unknown}


def test_an_account_token_opens_no_socket(alice: Person) -> None:
    with pytest.raises(WrongToken):
        services.authenticate_device(alice.access)


def test_authentication_and_the_sweep_ask_one_question_each(laptop: Terminal, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        credentials = services.authenticate_device(laptop.access)
    with django_assert_num_queries(1):
        services.ended_sessions([credentials.session_id])


@pytest.mark.django_db(transaction=True)
def test_signing_out_ends_the_device_and_no_other(laptop: Terminal, phone: Terminal, told: list[events.Event]) -> None:
    assert post("auth/logout", {}, laptop.access).status_code == 204

    assert_silent(laptop)
    assert is_signed_in(phone.access)
    assert told == [SessionsEnded((session_of(laptop).id,))]


def test_signing_out_ends_a_family_that_could_have_been_recovered(laptop: Terminal) -> None:
    second = laptop.prove(refresh=laptop.refresh).json()
    post("auth/logout", {}, second["access"])

    assert_silent(laptop)


@pytest.mark.django_db(transaction=True)
def test_signing_out_everywhere_ends_every_session_of_the_account_alone(
    alice: Person, laptop: Terminal, phone: Terminal, charlie: Person, told: list[events.Event]
) -> None:
    tablet = charlie.add_device()

    assert post("auth/logout-everywhere", {}, laptop.access).status_code == 204

    assert_silent(laptop)
    assert_silent(phone)
    assert post("auth/logout", {}, alice.access).status_code == 401
    assert is_signed_in(tablet.access)
    (event,) = told
    assert isinstance(event, SessionsEnded)
    assert set(event.session_ids) == set(Session.objects.filter(user__username="alice").values_list("id", flat=True))


def test_signing_out_everywhere_ends_browsers(alice: Person, laptop: Terminal, client: Any) -> None:
    client.force_login(User.objects.get(), backend="allauth.account.auth_backends.AuthenticationBackend")
    assert client.get("/accounts/email/").status_code == 200

    post("auth/logout-everywhere", {}, laptop.access)

    assert client.get("/accounts/email/").status_code == 302


@pytest.mark.parametrize("path", ["auth/logout", "auth/logout-everywhere"])
def test_strangers_sign_nobody_out(laptop: Terminal, path: str) -> None:
    assert post(path, {}).status_code == 401
    assert post(path, {}, "x.y.z").status_code == 401
    assert post(path, {"device": laptop.id}, laptop.access).status_code == 400
    assert is_signed_in(laptop.access)


def test_a_new_password_ends_every_session(alice: Person, laptop: Terminal) -> None:
    services.change_password(user=User.objects.get(), password="another river bends thrice")

    assert_silent(laptop)
    assert alice.sign_in().status_code == 401
    alice.password = "another river bends thrice"
    assert alice.sign_in().status_code == 200


def test_a_password_that_changes_during_a_sign_in_wins(alice: Person) -> None:
    checked = User.objects.get()
    services.change_password(user=User.objects.get(), password="another river bends thrice")

    with pytest.raises(WrongCredentials):
        services.sign_in(user=checked, password=PASSWORD, now=timezone.now())


def test_a_new_password_ends_a_family_that_reuse_has_ended(laptop: Terminal) -> None:
    Session.objects.filter(device=laptop.uuid).update(ended=Session.Ended.REUSE)
    services.change_password(user=User.objects.get(), password="another river bends thrice")

    assert_silent(laptop)


@pytest.mark.django_db(transaction=True)
def test_a_suspended_device_is_silent_until_it_proves_itself_anew(
    alice: Person, laptop: Terminal, phone: Terminal, told: list[events.Event]
) -> None:
    device = Device.objects.get(id=laptop.id)
    before = User.objects.get().devices_version

    services.suspend_device(device=device)

    assert_silent(laptop)
    assert laptop.prove(access=alice.access).status_code == 404
    assert is_signed_in(phone.access)
    assert User.objects.get().devices_version == before + 1
    assert told == [SessionsEnded((session_of(laptop).id,)), DevicesChanged(uuid.UUID(alice.id))]

    services.suspend_device(device=device)
    assert User.objects.get().devices_version == before + 1, "nothing has changed"

    services.restore_device(device=device)
    assert not is_signed_in(laptop.access)
    assert laptop.prove(access=alice.access).status_code == 200


def test_a_suspended_account_is_silent_until_it_is_restored(alice: Person, laptop: Terminal) -> None:
    user = User.objects.get()
    services.suspend_user(user=user)

    assert_silent(laptop)
    assert alice.sign_in().status_code == 401
    assert post("devices", {}, alice.access).status_code == 401

    services.restore_user(user=user)
    assert alice.sign_in().status_code == 200
    assert_silent(laptop)


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_is_not_told(laptop: Terminal, told: list[events.Event]) -> None:

    with transaction.atomic():
        services.suspend_device(device=Device.objects.get(id=laptop.id))
        transaction.set_rollback(True)

    assert told == []
    assert is_signed_in(laptop.access)


def test_tokens_do_not_print_themselves(laptop: Terminal) -> None:

    tokens = services.refresh_session(refresh=laptop.refresh, now=timezone.now())

    assert tokens.access not in repr(tokens)
    assert tokens.refresh not in f"{tokens}"
    assert "<secret>" in repr(tokens)
