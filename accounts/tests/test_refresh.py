"""A refresh token is good once, may be repeated for ten seconds, and betrays a thief after that."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts import services, tokens
from accounts.errors import SessionEnded
from accounts.models import Session
from accounts.tests.people import Person, Terminal, is_signed_in, post


def refresh(token: str) -> Any:
    return post("auth/token/refresh", {"refresh": token})


def rotated_ago(terminal: Terminal, seconds: float) -> None:
    """Let the device's last refresh have been this long ago."""
    moment = timezone.now() - timedelta(seconds=seconds)
    Session.objects.filter(device=terminal.uuid).update(rotated_at=moment)


def test_a_refresh_gives_a_working_pair_of_the_same_kind(laptop: Terminal) -> None:
    answer = refresh(laptop.refresh)

    assert answer.status_code == 200
    assert answer.json()["device"] == laptop.id
    assert answer.json()["refresh"] != laptop.refresh
    assert is_signed_in(answer.json()["access"])
    assert is_signed_in(refresh(answer.json()["refresh"]).json()["access"])
    assert answer["Cache-Control"] == "no-store"


def test_an_account_refreshes_to_an_account_token(alice: Person) -> None:
    answer = refresh(alice.tokens["refresh"]).json()

    assert answer["device"] is None
    assert tokens.read_access(answer["access"]).kind == tokens.Kind.ACCOUNT


def test_a_repeated_refresh_gets_the_very_same_answer_within_the_grace(laptop: Terminal) -> None:
    first = refresh(laptop.refresh).json()
    again = refresh(laptop.refresh).json()

    assert again["refresh"] == first["refresh"]
    assert again["access"] == first["access"]


def test_a_refresh_repeated_after_the_grace_ends_the_family(laptop: Terminal) -> None:
    successor = refresh(laptop.refresh).json()
    rotated_ago(laptop, 11)

    answer = refresh(laptop.refresh)

    assert answer.status_code == 401
    assert answer.json()["code"] == "session_ended"
    assert Session.objects.get(device=laptop.uuid).ended == Session.Ended.REUSE
    assert refresh(successor["refresh"]).status_code == 401
    assert not is_signed_in(successor["access"])


def test_the_grace_is_for_the_last_generation_alone(laptop: Terminal) -> None:
    second = refresh(laptop.refresh).json()
    refresh(second["refresh"])

    assert refresh(laptop.refresh).status_code == 401
    assert refresh(second["refresh"]).status_code == 401, "the family has ended"


def test_the_end_of_one_family_leaves_the_others(laptop: Terminal, phone: Terminal) -> None:
    refresh(laptop.refresh)
    rotated_ago(laptop, 11)
    refresh(laptop.refresh)

    assert not is_signed_in(laptop.access)
    assert is_signed_in(phone.access)


def test_a_family_that_nobody_refreshes_expires(laptop: Terminal) -> None:
    Session.objects.filter(device=laptop.uuid).update(expires_at=timezone.now())

    assert refresh(laptop.refresh).status_code == 401
    assert not is_signed_in(laptop.access)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é" * 9, "x" * 4096])
def test_text_that_is_no_token_refreshes_nothing(db: None, token: str) -> None:
    assert refresh(token).status_code in (400, 401)


@pytest.mark.parametrize("body", [{}, {"refresh": 1}, {"refresh": None}, {"refresh": "x" * 5000}, [], "x", None])
def test_a_malformed_refresh_is_refused(db: None, body: Any) -> None:
    answer = post("auth/token/refresh", body)

    assert answer.status_code == 400
    assert answer.json()["code"] == "malformed"


@pytest.mark.django_db(transaction=True)
def test_refreshes_at_the_same_time_get_one_successor(laptop: Terminal) -> None:
    now = timezone.now()

    def one(_: int) -> str:
        try:
            return services.refresh_session(refresh=laptop.refresh, now=now).refresh
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        successors = set(pool.map(one, range(8)))

    assert len(successors) == 1
    assert Session.objects.get(device=laptop.uuid).generation == 1


def test_expired_rows_are_purged(laptop: Terminal) -> None:
    laptop.nonce()
    later: datetime = timezone.now() + timedelta(days=91)

    assert services.purge_expired(now=later) >= 2
    assert not Session.objects.exists()
    with pytest.raises(SessionEnded):
        services.refresh_session(refresh=laptop.refresh, now=timezone.now())
