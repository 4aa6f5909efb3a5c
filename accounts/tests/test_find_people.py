"""Searching for people: by how their usernames begin, a few at a time, for devices alone."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, transaction

from accounts.models import User
from accounts.tests.people import Person, Terminal, get


@pytest.fixture
def people(laptop: Terminal) -> None:
    for letter in "abcdefghjkst":  # no two that look alike
        User.objects.create(username=f"bo{letter}", email=f"bo{letter}@example.org")
    User.objects.create(username="albert", email="albert@example.org")
    User.objects.create(username="al_na", email="al_na@example.org")
    User.objects.create(username="alxna", email="alxna@example.org", is_active=False)


def found(laptop: Terminal, prefix: str) -> list[str]:
    answer = get(f"accounts?prefix={prefix}", laptop.access)
    assert answer.status_code == 200, answer.content
    return [account["username"] for account in answer.json()["accounts"]]


def test_people_are_found_by_how_their_names_begin(people: None, laptop: Terminal) -> None:
    answer = get("accounts?prefix=alb", laptop.access).json()

    albert = User.objects.get(username="albert")
    assert answer == {"accounts": [{"id": str(albert.id), "username": "albert", "display_name": ""}]}
    assert found(laptop, "bert") == [], "not by what is in the middle"


def test_oneself_and_the_suspended_are_left_out(people: None, laptop: Terminal) -> None:
    assert found(laptop, "al") == ["al_na", "albert"]


def test_at_most_ten_are_shown_in_order(people: None, laptop: Terminal) -> None:
    assert found(laptop, "bo") == [f"bo{letter}" for letter in "abcdefghjk"]


@pytest.mark.parametrize("prefix", ["AL", " Al", "%EF%BC%A1l"])
def test_a_prefix_is_read_as_a_username_is(people: None, laptop: Terminal, prefix: str) -> None:
    assert "albert" in found(laptop, prefix)


@pytest.mark.parametrize("prefix", ["al_", "al%25", "a%25", "__", "%5Cal", "%25%25"])
def test_what_a_database_would_read_as_a_pattern_is_text(people: None, laptop: Terminal, prefix: str) -> None:
    assert set(found(laptop, prefix)) <= {"al_na"}


@pytest.mark.parametrize("query", ["", "?prefix=", "?prefix=a", "?prefix=%20a%20", "?prefix=" + "a" * 200])
def test_a_prefix_has_two_characters_at_least(laptop: Terminal, query: str) -> None:
    answer = get(f"accounts{query}", laptop.access)

    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert answer.json()["errors"][0]["field"] == "prefix"


@pytest.mark.skipif(connection.vendor != "postgresql", reason="as PostgreSQL plans it")
def test_a_search_reads_those_that_it_shows_and_no_other(people: None) -> None:
    found = User.objects.visible().beginning_with("bo")[:10]
    with transaction.atomic(), connection.cursor() as cursor:
        # A table of a dozen rows is read whole unless that is forbidden. Sorting would read all that begin so.
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off")
        plan = found.explain()

    assert "Index Cond" in plan, plan
    assert "Sort" not in plan, plan


def test_a_member_that_is_not_documented_is_refused(laptop: Terminal) -> None:
    assert get("accounts?prefix=al&email=x", laptop.access).status_code == 400


def test_strangers_and_passwords_alone_find_nobody(people: None, alice: Person) -> None:
    assert get("accounts?prefix=al").status_code == 401
    answer = get("accounts?prefix=al", alice.access)
    assert (answer.status_code, answer.json()["code"]) == (403, "wrong_token")


def test_searches_of_an_account_are_counted(laptop: Terminal, phone: Terminal, charlie: Person, settings: Any) -> None:
    settings.LIMITS = {**settings.LIMITS, "search": "3/minute"}
    tablet = charlie.add_device()
    answers = [get("accounts?prefix=al", one.access) for one in (laptop, phone, laptop, phone)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert int(answers[3]["Retry-After"]) > 0
    assert get("accounts?prefix=al", tablet.access).status_code == 200
