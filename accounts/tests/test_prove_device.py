"""A device token is given for the device's own signature, once a nonce, and for nothing else."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from nacl.signing import SigningKey

from accounts import services
from accounts.errors import WrongProof
from accounts.models import DeviceChallenge, Session
from accounts.tests.people import ORIGIN, Person, Terminal, get, is_signed_in, post, session_proof
from messenger.lib import base64url


def test_a_device_that_signs_the_nonce_speaks_for_itself(alice: Person, laptop: Terminal) -> None:
    assert laptop.tokens["device"] == laptop.id
    assert laptop.tokens["account"] == {"id": alice.id, "username": "alice"}
    assert 890 < laptop.tokens["expires_in"] <= 900
    assert get("accounts/me", laptop.access).json()["email"] == "alice@example.org"
    assert is_signed_in(laptop.access)


def assert_no_proof(answer: Any) -> None:
    assert answer.status_code == 401
    assert answer.json()["code"] == "wrong_proof"


def test_another_key_proves_nothing(alice: Person, laptop: Terminal) -> None:
    nonce = laptop.nonce()
    forged = session_proof(SigningKey.generate(), alice.id, laptop.id, nonce)

    assert_no_proof(laptop.prove(access=alice.access, nonce=nonce, signature=forged))


@pytest.mark.parametrize("origin", ["https://testserver", "http://testserver:8000", "http://evil.example", ""])
def test_a_proof_for_another_origin_proves_nothing(alice: Person, laptop: Terminal, origin: str) -> None:
    assert_no_proof(post("auth/device/token", laptop.proof(origin=origin), alice.access))


def test_a_nonce_is_answered_once(alice: Person, laptop: Terminal) -> None:
    proof = laptop.proof()
    assert post("auth/device/token", proof, alice.access).status_code == 200

    assert_no_proof(post("auth/device/token", proof, alice.access))


def test_a_wrong_answer_spends_the_nonce_too(alice: Person, laptop: Terminal) -> None:
    proof = laptop.proof()
    wrong = {**proof, "signature": base64url.encode(bytes(64))}
    assert_no_proof(post("auth/device/token", wrong, alice.access))

    assert_no_proof(post("auth/device/token", proof, alice.access))


def test_an_expired_nonce_proves_nothing(alice: Person, laptop: Terminal) -> None:
    proof = laptop.proof()
    DeviceChallenge.objects.update(expires_at=timezone.now() - timedelta(milliseconds=1))

    assert_no_proof(post("auth/device/token", proof, alice.access))


def test_a_nonce_is_for_one_device(alice: Person, laptop: Terminal, phone: Terminal) -> None:
    assert_no_proof(post("auth/device/token", laptop.proof(nonce=phone.nonce()), alice.access))


def test_a_nonce_of_ones_own_making_proves_nothing(alice: Person, laptop: Terminal) -> None:
    assert_no_proof(post("auth/device/token", laptop.proof(nonce=base64url.encode(bytes(32))), alice.access))


def test_a_stranger_with_the_password_gets_no_token_of_a_device(alice: Person, laptop: Terminal) -> None:
    stranger = alice.sign_in().json()["access"]
    own_key = SigningKey.generate()
    nonce = laptop.nonce()
    forged = session_proof(own_key, alice.id, laptop.id, nonce)

    assert_no_proof(laptop.prove(access=stranger, nonce=nonce, signature=forged))
    assert get("accounts/me", stranger).status_code == 403
    assert get("accounts?prefix=al", stranger).json()["code"] == "wrong_token"


def test_another_account_cannot_use_the_device(charlie: Person, laptop: Terminal) -> None:
    assert laptop.prove(access=charlie.access).status_code == 404


def test_a_device_token_cannot_prove_a_device(laptop: Terminal) -> None:
    assert laptop.prove(access=laptop.access).status_code == 401


def test_nobody_gets_a_device_token(laptop: Terminal) -> None:
    assert laptop.prove().status_code == 401


def test_a_challenge_says_nothing_about_which_devices_exist(db: None) -> None:
    answer = post("auth/device/challenge", {"device": str(uuid.uuid4())})

    assert answer.status_code == 200
    assert len(base64url.decode(answer.json()["nonce"])) == 32
    assert answer.json()["expires_in"] == 60
    assert not DeviceChallenge.objects.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"device": "x"},
        {"nonce": "AA"},
        {"nonce": "A" * 43 + "="},
        {"signature": "!"},
        {"signature": 5},
        {"extra": 1},
        {"device": None},
    ],
)
def test_a_malformed_proof_is_refused(alice: Person, laptop: Terminal, change: dict[str, Any]) -> None:
    answer = laptop.prove(access=alice.access, **change)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == next(iter(change))


def test_a_lost_refresh_is_made_good_by_a_proof(laptop: Terminal) -> None:
    post("auth/token/refresh", {"refresh": laptop.refresh})  # whose answer is lost
    Session.objects.filter(device=laptop.uuid).update(rotated_at=timezone.now() - timedelta(minutes=1))
    assert post("auth/token/refresh", {"refresh": laptop.refresh}).status_code == 401

    answer = laptop.prove(refresh=laptop.refresh)

    assert answer.status_code == 200
    assert is_signed_in(answer.json()["access"])


def test_a_live_refresh_token_and_a_proof_start_a_family_too(laptop: Terminal) -> None:
    assert laptop.prove(refresh=laptop.refresh).status_code == 200


def test_a_refresh_token_alone_does_not_make_a_proof(alice: Person, laptop: Terminal) -> None:
    forged = base64url.encode(bytes(64))

    assert_no_proof(laptop.prove(refresh=laptop.refresh, signature=forged))


def test_a_refresh_token_is_for_its_own_device(alice: Person, laptop: Terminal, phone: Terminal) -> None:
    assert phone.prove(refresh=laptop.refresh).status_code == 401
    assert phone.prove(refresh=alice.tokens["refresh"]).status_code == 401
    assert phone.prove(refresh=phone.access).status_code == 401


@pytest.mark.django_db(transaction=True)
def test_of_two_answers_at_the_same_time_one_counts(alice: Person, laptop: Terminal) -> None:
    proof = laptop.proof()
    authority = services.authenticate(alice.access)[1]

    def answer(_: int) -> bool:
        try:
            services.prove_device(
                device_id=uuid.UUID(laptop.id),
                nonce=base64url.decode(proof["nonce"]),
                signature=base64url.decode(proof["signature"]),
                origin=ORIGIN,
                authority=authority,
                now=timezone.now(),
            )
        except WrongProof:
            return False
        else:
            return True
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(answer, range(8))) == 1


def test_a_device_keeps_a_bounded_number_of_families(laptop: Terminal) -> None:
    for _ in range(21):
        laptop.prove(refresh=laptop.prove(access=laptop.owner.access).json()["refresh"])

    assert Session.objects.filter(device=laptop.uuid).live(timezone.now()).count() == 20
