"""The sign-up page's question about a username."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.tests.people import Person
from accounts.usernames import MAX_LENGTH

CHECK = "/accounts/signup/check"
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", ["nina", "Nina-2", "józef"])
def test_a_free_name_has_no_errors(client: Client, name: str) -> None:
    answer = client.post(CHECK, {"username": name})
    assert answer.json() == {"errors": []}
    assert "no-store" in answer["Cache-Control"]


def test_a_name_that_is_taken_or_looks_like_one_is_told(client: Client, alice: Person) -> None:
    for name in ("alice", "ALICE", "a1ice"):
        assert client.post(CHECK, {"username": name}).json()["errors"], name


@pytest.mark.parametrize("name", ["", "ab", "admin", "two words", "<b>", "x" * (MAX_LENGTH + 1), "x" * 100_000])
def test_a_name_that_is_no_name_is_told(client: Client, name: str) -> None:
    assert client.post(CHECK, {"username": name}).json()["errors"]


def test_nothing_is_made_and_other_fields_say_nothing(client: Client) -> None:
    from accounts.models import User

    before = User.objects.count()
    assert client.post(CHECK, {"username": "nina", "email": "x", "password1": "x"}).json() == {"errors": []}
    assert User.objects.count() == before


def test_checks_of_an_address_are_counted_and_cost_no_sign_in(client: Client, settings: Any) -> None:
    settings.LIMITS = {**settings.LIMITS, "username_check": "2/hour", "form": "2/minute"}
    answers = [client.post(CHECK, {"username": f"nina{number}"}) for number in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert client.post("/accounts/login/", {}).status_code == 200


def test_it_takes_a_form_of_our_own_page_alone(client: Client) -> None:
    assert client.get(CHECK, {"username": "nina"}).status_code == 405
    assert Client(enforce_csrf_checks=True).post(CHECK, {"username": "nina"}).status_code == 403
