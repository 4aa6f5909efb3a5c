"""The key directory over HTTP: the documented answers, and the documented errors for everything else."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.services import suspend_device
from accounts.services.sessions import open_session
from keys import services
from keys.models import DeviceList, OneTimePrekey
from keys.tests.asking import As, problem
from keys.tests.cast import Person, in_json, travelling
from keys.verify import SignedObject
from messenger.lib import base64url
from messenger.lib.clock import now_ms
from messenger.lib.ids import new_id


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keys.api.KeysView.clock", staticmethod(lambda: 1_790_000_000_000))


def test_a_list_is_published_and_again(alice: Person) -> None:
    made = alice.next_list()
    for _ in range(2):
        answer = As(alice.phone).put("device-list", in_json(travelling(made)))
        assert (answer.status_code, answer.json()) == (200, {"seq": 2, "hash": base64url.encode(made.hash)})


def test_a_conflict_shows_the_newest_list(alice: Person) -> None:
    assert alice.newest is not None
    newest = in_json(travelling(alice.newest))
    alice.newest = None
    answer = As(alice.phone).put("device-list", in_json(travelling(alice.next_list(now=1_790_000_000_001))))
    assert problem(answer) == (409, "list_conflict")
    assert answer.json()["list"] == newest


def test_prekeys_are_published_and_counted(alice: Person) -> None:
    body = {
        "signed_prekey": in_json(alice.phone.prekey("spk", 3)),
        "last_resort": in_json(alice.phone.prekey("klr", 4)),
        "one_time": [in_json(one) for one in alice.phone.prekeys("opk", 1, 2)],
        "one_time_kem": [in_json(one) for one in alice.phone.prekeys("okpk", 1)],
    }
    answer = As(alice.phone).post("prekeys", body)
    assert (answer.status_code, answer.json()) == (200, {"one_time": 2, "one_time_kem": 1})
    assert As(alice.phone).get("prekeys").json() == {
        "one_time": 2,
        "one_time_kem": 1,
        "signed_prekey": 3,
        "last_resort": 4,
    }
    other = As(alice.handsets[1]).get("prekeys").json()
    assert other == {"one_time": 0, "one_time_kem": 0, "signed_prekey": None, "last_resort": None}


def test_a_bundle_is_claimed_as_it_was_published(alice: Person, bob: Person) -> None:
    spk, klr = bob.phone.prekey("spk"), bob.phone.prekey("klr")
    one_time, one_time_kem = bob.phone.prekey("opk"), bob.phone.prekey("okpk")
    services.publish_prekeys(
        by=bob.phone.row,
        now=1_790_000_000_000,
        signed_prekey=spk,
        last_resort=klr,
        one_time=[one_time],
        one_time_kem=[one_time_kem],
    )
    target = {"account": str(bob.user.pk), "device": str(bob.phone.row.pk)}
    nobody = {"account": str(bob.user.pk), "device": str(new_id())}
    first = As(alice.phone).post("claim", {"devices": [nobody, target]})
    assert first.status_code == 200
    assert first.json() == {
        "bundles": [
            {
                **target,
                "signed_prekey": in_json(spk),
                "one_time": in_json(one_time),
                "kem": {"label": "okpk", **in_json(one_time_kem)},
            }
        ],
        "skipped": [{**nobody, "reason": "not_listed"}],
    }
    (second,) = As(alice.phone).post("claim", {"devices": [target]}).json()["bundles"]
    assert second["one_time"] is None
    assert second["kem"] == {"label": "klr", **in_json(klr)}
    for _ in range(4):
        assert As(alice.phone).post("claim", {"devices": [target]}).json()["skipped"] == []
    assert As(alice.phone).post("claim", {"devices": [target]}).json() == {
        "bundles": [],
        "skipped": [{**target, "reason": "rate_limited", "retry_after": 600}],
    }


def test_the_owner_sees_which_devices_are_listed_and_which_are_suspended(alice: Person, bob: Person) -> None:
    laptop = alice.add_handset()
    suspend_device(device=alice.handsets[1].row)
    for asking in (As(alice.phone), As(laptop), As(user=alice.user)):
        shown = asking.client.get("/api/v1/devices").json()["devices"]
        assert [(one["id"], one["listed"], one["suspended"]) for one in shown] == [
            (str(alice.phone.row.pk), True, False),
            (str(alice.handsets[1].row.pk), True, True),
            (str(laptop.row.pk), False, False),
        ]
    alice.publish_list([alice.phone])
    shown = As(alice.phone).client.get("/api/v1/devices").json()["devices"]
    assert [one["listed"] for one in shown] == [True, False, False]
    (one,) = As(bob.phone).client.get("/api/v1/devices").json()["devices"]
    assert (one["id"], one["listed"]) == (str(bob.phone.row.pk), True)


def test_devices_come_a_page_at_a_time_and_one_that_is_new_meanwhile_hides_none(alice: Person, bob: Person) -> None:
    others = [alice.add_handset() for _ in range(2)]
    for handset in others:
        suspend_device(device=handset.row)  # those stay, however many there are
    client, before = As(user=alice.user).client, list(alice.user.devices.order_by("id"))
    shown, path = [], "/api/v1/devices?limit=2"
    for size in (2, 2, 1):
        answer = client.get(path)
        page = answer.json()
        assert len(page["devices"]) == size
        shown += [one["id"] for one in page["devices"]]
        path = f"/api/v1/devices?limit=2&cursor={page['next']}"
        if size == 2:
            assert answer["Link"] == f'<{path}>; rel="next"'
        if len(shown) == 2:
            new = alice.add_handset()
    assert page["next"] is None
    assert shown == [str(device.pk) for device in [*before, new.row]]
    for query in ("cursor=", "cursor=AAAA", "cursor=!", "limit=0", "limit=501", "limit=x", "since=1"):
        assert problem(client.get(f"/api/v1/devices?{query}")) == (400, "malformed")


def test_the_devices_of_an_account_are_read_in_the_order_of_an_index(alice: Person) -> None:
    page = alice.user.devices.filter(id__gt=alice.phone.row.pk).order_by("id")[:3]
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":  # there are too few here for an index to be worth while
            cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        plan = page.explain()
    assert "devices_of_an_account" in plan, plan
    assert "Sort" not in plan, plan
    assert "TEMP B-TREE" not in plan, plan


def test_strangers_and_account_tokens_do_nothing(alice: Person) -> None:
    listed = in_json(travelling(alice.next_list()))
    for asking, refusal in ((As(), (401, "not_signed_in")), (As(user=alice.user), (403, "wrong_token"))):
        assert problem(asking.put("device-list", listed)) == refusal
        assert problem(asking.post("prekeys", {"signed_prekey": in_json(alice.phone.prekey("spk"))})) == refusal
        assert problem(asking.get("prekeys")) == refusal
        assert problem(asking.post("claim", {"devices": [one_of(alice)]})) == refusal
    assert DeviceList.objects.count() == 1


def test_a_real_token_speaks_for_its_device_until_it_is_suspended(alice: Person) -> None:
    alice.phone.publish(one_time=3)
    tokens = open_session(user=alice.user, device=alice.phone.row, now=timezone.now())
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {tokens.access}")
    assert client.get("/api/v1/keys/prekeys").json()["one_time"] == 3
    suspend_device(device=alice.phone.row)
    assert problem(client.get("/api/v1/keys/prekeys")) == (401, "not_signed_in")
    assert services.recipients([alice.user.pk])[alice.user.pk].suspended == {alice.phone.row.pk}


def test_another_account_publishes_nothing_in_ones_name(alice: Person, charlie: Person) -> None:
    assert problem(As(charlie.phone).put("device-list", in_json(travelling(alice.next_list())))) == (400, "malformed")
    body = {"signed_prekey": in_json(alice.phone.prekey("spk"))}
    assert problem(As(charlie.phone).post("prekeys", body)) == (400, "malformed")


def one_of(person: Person) -> dict[str, str]:
    return {"account": str(person.user.pk), "device": str(person.phone.row.pk)}


GOOD = {"payload": base64url.encode(b"\x80"), "signature": base64url.encode(bytes(64))}
LONG = "A" * 10_000
NOT_SIGNED: list[Any] = [
    None,
    [],
    "text",
    1,
    {},
    {"payload": GOOD["payload"]},
    {"signature": GOOD["signature"]},
    {**GOOD, "extra": 1},
    {**GOOD, "payload": ""},
    {**GOOD, "payload": None},
    {**GOOD, "payload": 5},
    {**GOOD, "payload": True},
    {**GOOD, "payload": ["gA"]},
    {**GOOD, "payload": "gA=="},
    {**GOOD, "payload": "gB"},
    {**GOOD, "payload": "g A"},
    {**GOOD, "payload": "gA\n"},
    {**GOOD, "payload": "+/+/"},
    {**GOOD, "payload": "é"},
    {**GOOD, "payload": LONG},
    {**GOOD, "signature": base64url.encode(bytes(63))},
    {**GOOD, "signature": base64url.encode(bytes(65))},
    GOOD,
]


@pytest.mark.parametrize("signed", NOT_SIGNED, ids=lambda value: str(value)[:60])
def test_what_is_no_signed_object_is_malformed(alice: Person, signed: Any) -> None:
    assert problem(As(alice.phone).put("device-list", signed)) == (400, "malformed")
    for body in (
        {"signed_prekey": signed},
        {"last_resort": signed},
        {"one_time": [signed]},
        {"one_time_kem": [signed]},
    ):
        assert problem(As(alice.phone).post("prekeys", body)) == (400, "malformed")
    assert DeviceList.objects.count() == 1
    assert OneTimePrekey.objects.count() == 0


@pytest.mark.parametrize(
    "body",
    [
        [],
        "text",
        {"one_time": {}},
        {"one_time": None},
        {"one_time": [GOOD] * 101},
        {"one_time_kem": [GOOD] * 101},
        {"spk": GOOD},
    ],
    ids=lambda value: str(value)[:40],
)
def test_malformed_uploads_are_refused(alice: Person, body: Any) -> None:
    assert problem(As(alice.phone).post("prekeys", body)) == (400, "malformed")


def test_malformed_claims_take_nothing(alice: Person, bob: Person) -> None:
    bob.phone.publish()
    good = one_of(bob)
    bodies: list[Any] = [
        None,
        [],
        {},
        {"devices": []},
        {"devices": {}},
        {"devices": good},
        {"devices": [good, good]},
        {"devices": [good, good["device"]]},
        {"devices": [good, {"device": good["device"]}]},
        {"devices": [good, {**good, "extra": 1}]},
        {"devices": [good, {**good, "device": good["device"].upper()}]},
        {"devices": [good, {**good, "device": good["device"].replace("-", "")}]},
        {"devices": [good, {**good, "device": 5}]},
        {"devices": [good, {**good, "device": good["device"] + "\n"}]},
        {"devices": [good], "extra": 1},
        {"devices": [{"account": str(new_id()), "device": str(new_id())} for _ in range(20)] + [good]},
    ]
    for body in bodies:
        assert problem(As(alice.phone).post("claim", body)) == (400, "malformed"), body
    assert OneTimePrekey.objects.count() == 10
    # And the next good one works.
    assert len(As(alice.phone).post("claim", {"devices": [good]}).json()["bundles"]) == 1


def test_a_bad_signature_is_named(alice: Person) -> None:
    made = travelling(alice.next_list())
    flipped = SignedObject(made.payload, made.signature[:-1] + bytes([made.signature[-1] ^ 1]))
    assert problem(As(alice.phone).put("device-list", in_json(flipped))) == (400, "bad_signature")
    body = {"one_time": [in_json(alice.phone.prekey("spk"))]}
    assert problem(As(alice.phone).post("prekeys", body)) == (400, "bad_signature")


def test_other_refusals_are_named(alice: Person) -> None:
    unlisted = alice.add_handset()
    body = {"signed_prekey": in_json(unlisted.prekey("spk"))}
    assert problem(As(unlisted).post("prekeys", body)) == (409, "not_listed")
    old = {"signed_prekey": in_json(alice.phone.prekey("spk", created=1))}
    assert problem(As(alice.phone).post("prekeys", old)) == (400, "bad_key")
    for status in (200, 409):
        body = {"signed_prekey": in_json(alice.phone.prekey("spk"))}
        answer = As(alice.phone).post("prekeys", body)
        assert answer.status_code == status
    assert problem(answer) == (409, "conflict")


def test_other_methods_are_refused(alice: Person) -> None:
    assert As(alice.phone).post("device-list", {}).status_code == 405
    assert As(alice.phone).get("claim").status_code == 405


def test_the_clock_is_the_servers(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keys.api.KeysView.clock", staticmethod(now_ms))
    body = {"signed_prekey": in_json(alice.phone.prekey("spk", created=now_ms()))}
    assert As(alice.phone).post("prekeys", body).status_code == 200
