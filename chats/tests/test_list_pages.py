"""Chats and contacts a page at a time: what comes or changes meanwhile hides none, and shows none twice."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Contact, User
from chats import services
from chats.ids import conversation_id
from chats.models import PrivateChat
from chats.tests.asking import Rest, rest
from chats.tests.people import Phone
from messenger.lib import base64url, paging

LISTS = ("chats", "contacts")
HIGHEST = 2**128 - 1
Meet = Callable[..., list[User]]


@pytest.fixture
def ask(client: Client) -> Rest:
    return rest(client)


def made(*ids: int) -> list[User]:
    users = [User(id=uuid.UUID(int=one), username=f"peer{one % 10**6}", email=f"{one}@example.org") for one in ids]
    User.objects.bulk_create(users)
    return users


def writes_to(phone: Phone, peers: list[User]) -> None:
    for peer in peers:
        services.open_chat(sender=peer.id, recipient=phone.member.id)


@pytest.fixture
def peers(alice: Phone) -> list[User]:
    """Seven who wrote to alice, with ids on both sides of hers: her chats are found by either."""
    found = made(1, 2, 3, HIGHEST - 3, HIGHEST - 2, HIGHEST - 1, HIGHEST)
    writes_to(alice, found)
    return found


def pages(ask: Rest, phone: Phone, path: str, limit: int) -> Iterator[list[Any]]:
    """Each page as it comes, so that something can happen before the next one is asked for."""
    query = f"?limit={limit}"
    while True:
        status, page = ask(phone, "get", path + query)
        assert status == 200, page
        yield page[path]
        if page["next"] is None:
            return
        query = f"?limit={limit}&cursor={page['next']}"


def accounts(entries: list[Any]) -> list[uuid.UUID]:
    return [uuid.UUID(one["account"]["id"]) for one in entries]


def test_chats_come_newest_first_a_page_at_a_time(ask: Rest, alice: Phone, peers: list[User]) -> None:
    moments = dict(zip((peer.id for peer in peers), (10, 20, 20, 20, 20, 15, 30), strict=True))
    for peer, moment in moments.items():
        PrivateChat.objects.filter(pk=conversation_id(alice.member.id, peer)).update(created_at=moment)
    found = list(pages(ask, alice, "chats", 2))
    assert [len(page) for page in found] == [2, 2, 2, 1]
    shown = [(one["created_at"], uuid.UUID(one["id"])) for page in found for one in page]
    expected = [(moment, conversation_id(alice.member.id, peer)) for peer, moment in moments.items()]
    assert shown == sorted(expected, key=lambda one: (-one[0], one[1]))
    assert list(pages(ask, alice, "chats", 500)) == [[one for page in found for one in page]]


def test_contacts_come_a_page_at_a_time(ask: Rest, alice: Phone, peers: list[User]) -> None:
    found = list(pages(ask, alice, "contacts", 3))
    assert [len(page) for page in found] == [3, 3, 1]
    assert [one for page in found for one in accounts(page)] == sorted(peer.id for peer in peers)
    assert {one["state"] for page in found for one in page} == {"requested"}


@pytest.mark.parametrize("path", LISTS)
def test_who_writes_meanwhile_hides_none_and_shows_none_twice(
    ask: Rest, alice: Phone, peers: list[User], path: str
) -> None:
    seen: list[uuid.UUID] = []
    # Below, between and above those who were there; and everybody who was is answered anew.
    for number, page in enumerate(pages(ask, alice, path, 2)):
        seen += accounts(page)
        if number < 3:
            writes_to(alice, made(10 + number, HIGHEST // 2 + number, HIGHEST - 10 - number))
            services.accept_contact(owner=alice.member.id, other=peers[-1 - number].id)
            services.accept_contact(owner=alice.member.id, other=peers[number].id)
    before = {peer.id for peer in peers}
    assert sorted(one for one in seen if one in before) == sorted(before)
    assert len(set(seen)) == len(seen)


def test_whoever_is_blocked_is_left_out_of_the_chats_and_none_after_them_is(
    ask: Rest, alice: Phone, peers: list[User]
) -> None:
    order = [one for page in pages(ask, alice, "chats", 500) for one in accounts(page)]
    for blocked in order[:3]:
        services.block_contact(owner=alice.member.id, other=blocked)
    found = list(pages(ask, alice, "chats", 2))
    assert [accounts(page) for page in found] == [[], [order[3]], order[4:6], order[6:]]
    assert {one["state"] for page in pages(ask, alice, "contacts", 2) for one in page} == {"requested", "blocked"}


@pytest.mark.parametrize("path", LISTS)
def test_a_page_is_of_a_size_whoever_asks(
    client: Client, alice: Phone, peers: list[User], path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "PAGE", 3)
    answer = client.get(f"/api/v1/{path}", headers={"authorization": f"Bearer {alice.access}"})
    page = answer.json()
    assert len(page[path]) == 3
    assert answer["Link"] == f'</api/v1/{path}?cursor={page["next"]}>; rel="next"'
    last = client.get(f"/api/v1/{path}?limit=3", headers={"authorization": f"Bearer {alice.access}"})
    assert last.json() == page
    assert last["Link"] == f'</api/v1/{path}?limit=3&cursor={page["next"]}>; rel="next"'


@pytest.mark.parametrize("path", LISTS)
def test_a_page_that_is_none_is_refused(ask: Rest, alice: Phone, peers: list[User], path: str) -> None:
    beyond = base64url.encode(b"\xff" * 24)
    cursors = ("", "AAAA", "!", "é", beyond)
    limits = ("0", "501", "-1", "x", "", "1.5", "1000", "٣")
    queries = [f"cursor={one}" for one in cursors] + [f"limit={one}" for one in limits]
    for query in [*queries, "limit=1&limit=2", "since=1"]:
        status, problem = ask(alice, "get", f"{path}?{query}")
        assert (status, problem["code"]) == (400, "malformed"), query
    _, other = ask(alice, "get", f"{'chats' if path == 'contacts' else 'contacts'}?limit=1")
    assert ask(alice, "get", f"{path}?cursor={other['next']}")[0] == 400


@pytest.mark.parametrize("path", LISTS)
def test_a_page_asks_the_database_as_often_however_long_it_is(
    ask: Rest, alice: Phone, peers: list[User], path: str
) -> None:
    asked = []
    for limit in (1, 6):
        with CaptureQueriesContext(connection) as captured:
            assert len(ask(alice, "get", f"{path}?limit={limit}")[1][path]) == limit
        asked.append(len(captured))
    assert asked[0] == asked[1]


def plans_of(work: Callable[[], object], table: str) -> list[tuple[str, str]]:
    """What is read from a table in an order, and how the database finds it."""
    statements: list[tuple[str, Any]] = []

    def noting(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if f'FROM "{table}"' in sql and "ORDER BY" in sql:
            statements.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(noting):
        work()
    explain = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
    plans = []
    for sql, params in statements:
        with connection.cursor() as cursor:
            cursor.execute(f"{explain} {sql}", params)
            plans.append((sql, "\n".join(str(row) for row in cursor.fetchall())))
    return plans


def befriended(phone: Phone, peers: list[User]) -> None:
    """A chat, newest last, and a contact with each, both ways; all at once."""
    own = phone.member.id
    pairs = [sorted((own, peer.id)) for peer in peers]
    PrivateChat.objects.bulk_create(
        PrivateChat(id=conversation_id(lower, higher), lower_id=lower, higher_id=higher, created_at=moment)
        for moment, (lower, higher) in enumerate(pairs)
    )
    both = [(owner, other) for pair in pairs for owner, other in (pair, pair[::-1])]
    Contact.objects.bulk_create(
        Contact(owner_id=owner, other_id=other, state=Contact.State.ACCEPTED) for owner, other in both
    )


# What an index is looked up by, for any page but the first.
PLACES = {
    "chats": ("lower_id=.*created_at<", "higher_id=.*created_at<"),
    "contacts": ("owner_id=.*other_id>",),
}


@pytest.mark.parametrize(("path", "table"), [("chats", "chats_privatechat"), ("contacts", "accounts_contact")])
def test_a_page_reads_what_it_shows(ask: Rest, alice: Phone, bob: Phone, charlie: Phone, path: str, table: str) -> None:
    many = made(*range(1, 400), *range(HIGHEST - 400, HIGHEST))
    for phone in (bob, alice, charlie):
        befriended(phone, many)
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {table}")
    _, page = ask(alice, "get", f"{path}?limit=10")
    plans = plans_of(lambda: ask(alice, "get", f"{path}?limit=10&cursor={page['next']}"), table)
    assert len(plans) == len(PLACES[path])
    for (statement, plan), place in zip(plans, PLACES[path], strict=True):
        assert statement.endswith(" LIMIT 11"), statement
        assert re.search(place, plan.replace(" ", "")), plan
        assert "Sort" not in plan, plan
        assert "TEMP B-TREE" not in plan, plan
