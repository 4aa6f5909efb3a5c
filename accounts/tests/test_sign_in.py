"""A password opens an account token; wrong ones are counted, and a stranger locks nobody out."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import hashers

from accounts.hashers import CappedArgon2Hasher
from accounts.models import User
from accounts.tests.people import PASSWORD, Person, api, get, post


def sign_in(name: str, password: str = PASSWORD, address: str = "192.0.2.1") -> Any:
    return api().post(
        "/api/v1/auth/token", {"username": name, "password": password}, format="json", REMOTE_ADDR=address
    )


@pytest.mark.parametrize("name", ["alice", "Alice", " alice ", "alice@example.org", "ALICE@example.ORG"])
def test_either_name_and_the_password_sign_in(alice: Person, name: str) -> None:
    answer = sign_in(name)

    assert answer.status_code == 200
    assert answer.json()["account"] == {"id": alice.id, "username": "alice"}


@pytest.mark.parametrize("name", ["alice", "nobody", "nobody@example.org", "x", "é" * 50])
def test_a_wrong_password_and_an_unknown_name_get_one_answer(alice: Person, name: str) -> None:
    answer = sign_in(name, "not the password")

    assert answer.status_code == 401
    assert answer.json() == sign_in("alice", "not it either").json()
    assert answer.json()["code"] == "wrong_credentials"


def test_an_unknown_name_costs_the_work_of_a_known_one(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    work: list[str] = []

    def counted(verb: str) -> Any:
        original = getattr(CappedArgon2Hasher, verb)

        def count(*args: Any) -> Any:
            work.append(verb)
            return original(*args)

        return count

    monkeypatch.setattr(CappedArgon2Hasher, "encode", counted("encode"))
    monkeypatch.setattr(CappedArgon2Hasher, "verify", counted("verify"))
    sign_in("alice", "not the password")
    known = len(work)
    sign_in("nobody", "not the password")

    assert (known, len(work)) == (1, 2)


def test_passwords_are_hashed_with_argon2id_in_19_mib(dear_hashes: None, alice: Person) -> None:
    assert "argon2id$v=19$m=19456,t=2,p=1$" in User.objects.get().password
    assert hashers.check_password(PASSWORD, User.objects.get().password)


def test_an_address_waits_after_ten_wrong_passwords(alice: Person) -> None:
    answers = [sign_in("alice", "wrong").status_code for _ in range(11)]

    assert answers == [401] * 10 + [429]
    refused = sign_in("alice@example.org")
    assert refused.status_code == 429, "the right one too, and by the other name"
    assert refused.json()["code"] == "too_many_requests"
    assert int(refused["Retry-After"]) > 0
    assert refused["RateLimit-Policy"] == '"wrong_credentials";q=10;w=3600'
    assert sign_in("alice", address="192.0.2.2").status_code == 200, "the owner elsewhere"


def test_right_passwords_do_not_count(alice: Person) -> None:
    assert {sign_in("alice").status_code for _ in range(12)} == {200}


def test_an_account_under_attack_from_everywhere_slows_down_and_does_not_lock(alice: Person, settings: Any) -> None:
    settings.LIMITS = {**settings.LIMITS, "wrong_credentials_account": "3/hour"}
    for number in range(3):
        sign_in("alice", "wrong", f"192.0.2.{number}")

    assert sign_in("alice", "wrong", "192.0.2.9").status_code == 401
    slowed = sign_in("alice", "wrong", "192.0.2.9")
    assert slowed.status_code == 429
    assert int(slowed["Retry-After"]) <= 60
    assert sign_in("alice", address="192.0.2.77").status_code == 200, "the owner"


def test_a_suspended_account_cannot_sign_in(alice: Person) -> None:
    User.objects.update(is_active=False)

    assert sign_in("alice").json()["code"] == "wrong_credentials"


def test_requests_of_an_address_and_of_a_user_are_counted(alice: Person, settings: Any) -> None:
    laptop = alice.add_device()
    settings.LIMITS = {**settings.LIMITS, "user": "2/minute"}
    assert [get("accounts/me", laptop.access).status_code for _ in range(3)] == [200, 200, 429]
    refused = get("accounts/me", laptop.access)
    assert refused["RateLimit-Policy"] == '"user";q=2;w=60'
    assert refused["RateLimit"].startswith('"user";r=0;t=')

    settings.LIMITS = {**settings.LIMITS, "address": "1/hour"}
    assert sign_in("alice", address="198.51.100.1").status_code == 200
    assert sign_in("alice", address="198.51.100.1").status_code == 429


@pytest.mark.parametrize("body", [{}, {"username": "alice"}, {"username": "alice", "password": 1}, [1], "x"])
def test_a_malformed_sign_in_is_refused(alice: Person, body: Any) -> None:
    assert post("auth/token", body).status_code == 400


def test_a_body_over_the_bound_is_refused_before_it_is_parsed(alice: Person, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    answer = post("auth/token", {"username": "alice", "password": "x" * 1000})

    assert answer.status_code == 413
    assert answer.json()["code"] == "malformed"


@pytest.mark.parametrize(
    "text",
    [b'{"username":"a","username":"alice","password":"b"}', b'{"username":"a","password":"\\ud800"}', b"{", b"NaN"],
)
def test_a_body_that_is_not_strict_json_is_refused(db: None, text: bytes) -> None:
    answer = api().post("/api/v1/auth/token", text, content_type="application/json")

    assert answer.status_code == 400
    assert answer.json()["code"] == "malformed"
