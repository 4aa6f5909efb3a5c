"""Reading the directory: public to whoever is signed in, and nothing is used up by it."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from keys.models import OneTimePrekey
from keys.tests.asking import As, problem
from keys.tests.cast import Person, in_json, travelling
from messenger.lib import base64url
from messenger.lib.ids import new_id


def read(by: Person, *accounts: str) -> list[dict[str, Any]]:
    answer = As(by.phone).get("directory?" + "&".join(f"account={one}" for one in accounts))
    assert answer.status_code == 200, answer.content
    entries: list[dict[str, Any]] = answer.json()["accounts"]
    return entries


def lists_of(by: Person, account: str) -> list[dict[str, str]]:
    (entry,) = read(by, account)
    lists: list[dict[str, str]] = entry["lists"]
    return lists


def test_a_stranger_reads_the_newest_list_and_the_current_prekeys(alice: Person, charlie: Person) -> None:
    prekeys = [alice.phone.prekey("spk", 9), alice.phone.prekey("klr", 9)]
    alice.phone.publish()
    As(alice.phone).post("prekeys", {"signed_prekey": in_json(prekeys[0]), "last_resort": in_json(prekeys[1])})
    newest = alice.publish_list()
    assert read(charlie, str(alice.user.pk)) == [
        {
            "account": str(alice.user.pk),
            "lists": [in_json(travelling(newest))],
            "suspended": [],
            "devices": [
                {
                    "device": str(alice.phone.row.pk),
                    "signed_prekey": in_json(prekeys[0]),
                    "last_resort": in_json(prekeys[1]),
                },
                {"device": str(alice.handsets[1].row.pk), "signed_prekey": None, "last_resort": None},
            ],
        }
    ]


def test_reading_consumes_nothing(alice: Person, charlie: Person) -> None:
    alice.phone.publish()
    before = list(OneTimePrekey.objects.order_by("pk").values())
    shown = str(read(charlie, str(alice.user.pk)))
    assert not any(base64url.encode(bytes(row["payload"])) in shown for row in before)
    assert list(OneTimePrekey.objects.order_by("pk").values()) == before


def test_lists_after_a_seq_come_in_order(alice: Person, charlie: Person) -> None:
    made = [alice.newest, alice.publish_list([alice.phone]), alice.publish_list(), alice.publish_list([alice.phone])]
    shown = [in_json(travelling(one)) for one in made if one]
    account = alice.user.pk
    assert lists_of(charlie, f"{account}") == shown[3:]
    assert lists_of(charlie, f"{account}:0") == shown
    assert lists_of(charlie, f"{account}:2") == shown[2:]
    assert lists_of(charlie, f"{account}:4") == []
    assert lists_of(charlie, f"{account}:9007199254740991") == []


def test_lists_are_those_of_the_newest_chain(alice: Person, charlie: Person) -> None:
    old = base64url.encode(alice.account_key.public)
    ended = [alice.newest, alice.publish_list(), alice.publish_list()]
    account = alice.user.pk
    known = [in_json(travelling(one)) for one in ended if one]
    assert lists_of(charlie, f"{account}:1:{old}") == known[1:]
    made = [alice.publish_new_identity(), alice.publish_list(), alice.publish_list()]
    shown = [in_json(travelling(one)) for one in made]
    key = base64url.encode(alice.account_key.public)
    assert lists_of(charlie, f"{account}") == shown[2:]
    assert lists_of(charlie, f"{account}:0") == shown
    assert lists_of(charlie, f"{account}:2") == shown[2:]
    assert lists_of(charlie, f"{account}:3") == []
    assert lists_of(charlie, f"{account}:2:{key}") == shown[2:]
    assert lists_of(charlie, f"{account}:3:{key}") == []
    # Whoever knows another key knows nothing of this chain, however many lists that one had.
    for seq in (0, 1, 3, 100):
        assert lists_of(charlie, f"{account}:{seq}:{old}") == shown


def test_an_answer_holds_a_bounded_number_of_lists(
    alice: Person, charlie: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keys.directory.MOST_LISTS", 2)
    made = [alice.newest, alice.publish_list(), alice.publish_list(), alice.publish_list()]
    shown = [in_json(travelling(one)) for one in made if one]
    assert lists_of(charlie, f"{alice.user.pk}:0") == shown[:2]
    assert lists_of(charlie, f"{alice.user.pk}:2") == shown[2:]


def test_accounts_come_in_the_order_of_the_question(alice: Person, bob: Person, charlie: Person) -> None:
    asked = [str(one.user.pk) for one in (bob, charlie, alice)]
    assert [entry["account"] for entry in read(charlie, *asked)] == asked
    mixed = read(charlie, asked[0], f"{asked[2]}:0")
    assert [len(entry["lists"]) for entry in mixed] == [1, 1]


def test_an_account_without_a_list_says_so_and_an_unknown_one_is_left_out(charlie: Person) -> None:
    dora = Person.make("dora")
    assert read(charlie, str(dora.user.pk), str(new_id())) == [
        {"account": str(dora.user.pk), "lists": [], "suspended": [], "devices": []}
    ]


def test_a_suspended_device_is_named_and_its_prekeys_are_not_shown(alice: Person, charlie: Person) -> None:
    first, second = alice.handsets
    second.publish()
    second.row.suspended = True
    second.row.save(update_fields=["suspended"])
    (entry,) = read(charlie, str(alice.user.pk))
    assert entry["suspended"] == [str(second.row.pk)]
    assert [one["device"] for one in entry["devices"]] == [str(first.row.pk)]


def test_all_devices_of_a_suspended_account_are_named(alice: Person, charlie: Person) -> None:
    alice.user.is_active = False
    alice.user.save(update_fields=["is_active"])
    (entry,) = read(charlie, str(alice.user.pk))
    assert entry["suspended"] == [str(one.row.pk) for one in alice.handsets]
    assert entry["devices"] == []


def test_the_number_of_queries_does_not_grow_with_the_accounts(
    alice: Person, bob: Person, charlie: Person, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    alice.phone.publish()
    for asked in ([alice], [alice, bob, charlie]):
        with django_assert_num_queries(4):
            read(charlie, *(str(one.user.pk) for one in asked))
        with django_assert_num_queries(4):
            read(charlie, *(f"{one.user.pk}:0:{base64url.encode(one.account_key.public)}" for one in asked))


def test_an_account_reads_twenty_times_a_minute(alice: Person, bob: Person, charlie: Person) -> None:
    for _ in range(20):
        read(charlie, str(alice.user.pk))
    # The window slides in steps: where one ends in the middle of this test, one or two more pass.
    answers = (As(charlie.phone).get(f"directory?account={alice.user.pk}") for _ in range(5))
    answer = next(one for one in answers if one.status_code != 200)
    assert problem(answer) == (429, "too_many_requests")
    assert 1 <= int(answer["Retry-After"]) <= 60
    # Nobody else waits for it.
    read(bob, str(alice.user.pk))


def test_who_is_not_signed_in_reads_nothing(alice: Person) -> None:
    assert problem(As().get(f"directory?account={alice.user.pk}")) == (401, "not_signed_in")


def test_who_has_proved_no_device_reads_nothing(alice: Person) -> None:
    assert problem(As(user=alice.user).get(f"directory?account={alice.user.pk}")) == (403, "wrong_token")


@pytest.mark.parametrize(
    "query",
    [
        "",
        "account=",
        "account=alice",
        "account={id}&account={id}",
        "account={id}&account={id}:1",
        "account={id}&extra=1",
        "account={id}:",
        "account={id}:-1",
        "account={id}:%2B1",
        "account={id}:1_0",
        "account={id}: 1",
        "account={id}:1.0",
        "account={id}:٣",
        "account={id}:9007199254740992",
        "account={id}:99999999999999999999",
        "account={id}:1:2",
        "account={id}:1:",
        "account={id}::{key}",
        "account={id}:1:{key}=",
        "account={id}:1:{key}A",
        "account={id}:1:{key}:1",
        "account={id}:1:A{key}",
        "account={id}:1:B",
        "account={hex}",
        "account={{{id}}}",
        "account=urn:uuid:{id}",
        "account={upper}",
        "account=%00",
    ],
)
def test_malformed_questions_are_refused(charlie: Person, query: str) -> None:
    account = charlie.user.pk
    key = base64url.encode(charlie.account_key.public)
    text = query.format(id=account, hex=account.hex, upper=str(account).upper(), key=key)
    assert problem(As(charlie.phone).get(f"directory?{text}")) == (400, "malformed")


def test_at_most_a_hundred_accounts_are_read_at_once(charlie: Person) -> None:
    asked = [f"account={new_id()}" for _ in range(101)]
    assert As(charlie.phone).get("directory?" + "&".join(asked[:100])).json() == {"accounts": []}
    assert problem(As(charlie.phone).get("directory?" + "&".join(asked))) == (400, "malformed")
