"""An account has a permanent name that nobody can be mistaken for, and an address of its own."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import override_settings

from accounts import mail as outgoing
from accounts.models import User
from accounts.tests.people import PASSWORD, Person, get, post


def register(username: str = "dora", **changes: Any) -> Any:
    body = {"username": username, "email": f"{username}@example.org", "password": PASSWORD}
    return post("auth/register", {**body, **changes})


def test_a_registration_gives_the_tokens_of_an_account(db: None) -> None:
    answer = register()

    assert answer.status_code == 201
    body = answer.json()
    assert set(body) == {"access", "refresh", "expires_in", "account", "device"}
    assert body["account"]["username"] == "dora"
    assert body["device"] is None
    assert answer["Cache-Control"] == "no-store"


def test_a_username_is_stored_in_its_normal_form_and_an_address_in_lower_case(db: None) -> None:
    assert register("Ｄora.X", email="Dora@Example.ORG").status_code == 201

    user = User.objects.get()
    assert user.username == "dora.x"
    assert user.email == "dora@example.org"


@pytest.mark.parametrize("name", ["alice", "ALICE", "аlісе", "al1ce", "álice"])
def test_a_name_that_is_taken_or_looks_like_it_is_refused(alice: Person, name: str) -> None:
    answer = register(name, email="other@example.org")

    # Mixed scripts are refused before anything is compared.
    assert (answer.status_code, answer.json()["code"]) in [(409, "username_taken"), (400, "malformed")]
    assert User.objects.count() == 1


@pytest.mark.parametrize("name", ["admin", "r00t", "Support", "postrnaster", "no_reply"])
def test_reserved_names_and_their_look_alikes_are_refused(db: None, name: str) -> None:
    assert register(name).json()["code"] == "username_taken"


@pytest.mark.parametrize(
    "name", ["ab", "a" * 33, "1abc", "_abc", "a b", "abc!", "alicе", "abq\u0301d", "ab\u202ec", "٣abc", "abc٣"]
)
def test_a_name_of_the_wrong_form_is_refused(db: None, name: str) -> None:
    answer = register(name, email="dora@example.org")

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "username"


@pytest.mark.parametrize("name", ["мария", "дмитрий", "νίκος", "יוסף", "山田たろう", "김철수", "josé-2"])
def test_names_in_the_scripts_of_the_world_are_welcome(db: None, name: str) -> None:
    assert register(name, email="dora@example.org").status_code == 201


def test_an_address_is_used_once(alice: Person) -> None:
    answer = register("dora", email="Alice@Example.org")

    assert answer.status_code == 409
    assert answer.json()["code"] == "email_taken"


@pytest.mark.parametrize("password", ["short", "password1234", "doradoradora"])
def test_a_weak_password_is_refused(db: None, password: str) -> None:
    answer = register("doradora", password=password)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "password"
    assert not User.objects.exists()


def test_a_password_needs_no_composition(db: None) -> None:
    assert register(password="только строчные буквы").status_code == 201


@pytest.mark.parametrize(
    "change",
    [
        {"email": "x"},
        {"email": None},
        {"username": 5},
        {"username": ["dora"]},
        {"username": "x" * 1000},
        {"password": "x" * 257},
        {"password": True},
        {"role": "admin"},
        {"is_staff": True},
    ],
)
def test_a_malformed_registration_names_the_field(db: None, change: dict[str, Any]) -> None:
    answer = register(**change)

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["errors"][0]["field"] == next(iter(change))
    assert not User.objects.exists()


def test_sign_ups_of_an_address_are_counted(db: None, settings: Any) -> None:
    settings.LIMITS = {**settings.LIMITS, "sign_up": "2/hour"}
    assert [register(name).status_code for name in ("dora", "emil", "fritz")] == [201, 201, 429]


def test_a_mail_asks_to_verify_the_address(db: None, mailoutbox: list[Any]) -> None:
    register()
    outgoing.wait()

    assert [message.to for message in mailoutbox] == [["dora@example.org"]]
    assert "/accounts/confirm-email/" in mailoutbox[0].body


@override_settings(ACCOUNT_EMAIL_VERIFICATION="mandatory")
def test_an_operator_can_require_a_verified_address(db: None, client: Any, mailoutbox: list[Any]) -> None:
    answer = register()
    assert (answer.status_code, answer.json()["code"]) == (403, "email_not_verified")
    person = Person("dora")
    assert person.sign_in().json()["code"] == "email_not_verified"

    outgoing.wait()
    link = next(line for line in mailoutbox[0].body.split() if "/accounts/confirm-email/" in line)
    client.post(link)

    assert person.sign_in().status_code == 200


def test_profiles_show_what_everybody_may_know(alice: Person, charlie: Person) -> None:
    laptop = charlie.add_device()

    for who in ("alice", "ALICE", alice.id):
        assert get(f"accounts/{who}", laptop.access).json() == {"id": alice.id, "username": "alice", "display_name": ""}
    assert get("accounts/nobody-here", laptop.access).status_code == 404
    assert get("accounts/alice").status_code == 401
    assert get("accounts/alice", alice.access).status_code == 403
