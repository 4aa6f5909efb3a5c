"""A device is registered with an account token, by a key that can be trusted to be one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from nacl.signing import SigningKey

from accounts import services
from accounts.errors import TooManyDevices
from accounts.models import Device, User
from accounts.tests.people import Person, Terminal, get, post
from messenger.lib import base64url


def fresh_key() -> bytes:
    return bytes(SigningKey.generate().verify_key)


def register(access: str | None, key: bytes | None = None, **changes: Any) -> Any:
    body = {"name": "laptop", "platform": "linux", "signing_key": base64url.encode(key or fresh_key())}
    return post("devices", {**body, **changes}, access)


def test_a_device_is_registered_and_listed(alice: Person) -> None:
    answer = register(alice.access)
    assert answer.status_code == 201
    assert set(answer.json()) == {"id", "name", "platform", "created_at", "last_seen_at", "suspended"}

    laptop = alice.add_device("phone")
    listed = get("devices", laptop.access).json()["devices"]
    assert [device["name"] for device in listed] == ["laptop", "phone"]
    assert set(listed[0]) == {"id", "name", "platform", "created_at", "last_seen_at", "suspended", "listed"}
    assert [device["listed"] for device in listed] == [False, False]
    assert get("devices", alice.access).json()["devices"] == listed, "to who knows the password, too"
    assert listed[0]["last_seen_at"] > 1_700_000_000_000


def test_the_same_key_again_gives_the_same_device(alice: Person, charlie: Person) -> None:
    key = fresh_key()
    first, again = register(alice.access, key), register(alice.access, key, name="renamed")

    assert first.json() == again.json()
    assert register(charlie.access, key).json()["id"] != first.json()["id"]


def test_a_stranger_sees_and_registers_nothing(alice: Person, laptop: Terminal, charlie: Person) -> None:
    tablet = charlie.add_device("tablet")

    assert [device["name"] for device in get("devices", tablet.access).json()["devices"]] == ["tablet"]
    assert register(None).status_code == 401
    assert register(laptop.access).json()["code"] == "wrong_token"
    assert [device["name"] for device in get("devices", charlie.access).json()["devices"]] == ["tablet"]
    assert get("devices").status_code == 401


P = 2**255 - 19
LOW_ORDER = [
    (1).to_bytes(32, "little"),
    bytes(32),
    bytes(31) + b"\x80",
    (P - 1).to_bytes(32, "little"),
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
]
NOT_CANONICAL = [P.to_bytes(32, "little"), (P + 1).to_bytes(32, "little"), b"\xff" * 32]


@pytest.mark.parametrize("key", LOW_ORDER + NOT_CANONICAL)
def test_keys_of_low_order_and_other_spellings_of_a_key_are_refused(alice: Person, key: bytes) -> None:
    answer = register(alice.access, key)

    assert answer.status_code == 400
    assert answer.json()["code"] == "bad_key"
    assert not Device.objects.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"signing_key": "AA"},
        {"signing_key": "A" * 44},
        {"signing_key": None},
        {"name": "x" * 65},
        {"name": ""},
        {"name": 3},
        {"platform": "x" * 33},
        {"suspended": False},
    ],
)
def test_a_malformed_device_is_refused(alice: Person, change: dict[str, Any]) -> None:
    answer = register(alice.access, **change)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == next(iter(change))


def test_an_account_has_at_most_twenty_devices_that_are_not_suspended(alice: Person) -> None:
    user = User.objects.get()
    devices = [services.register_device(user=user, name="x", platform="y", signing_key=fresh_key()) for _ in range(20)]
    assert register(alice.access).json()["code"] == "too_many_devices"
    assert register(alice.access, bytes(devices[0].signing_key)).status_code == 201, "a known one"

    services.suspend_device(device=devices[0])
    assert register(alice.access).status_code == 201


@pytest.mark.django_db(transaction=True)
def test_registrations_at_the_same_time_stay_within_the_bound(alice: Person) -> None:
    user = User.objects.get()
    for _ in range(17):
        services.register_device(user=user, name="x", platform="y", signing_key=fresh_key())

    def one(_: int) -> bool:
        try:
            services.register_device(user=user, name="x", platform="y", signing_key=fresh_key())
        except TooManyDevices:
            return False
        else:
            return True
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(one, range(8))) == 3
