"""Searching open chats: words in one's own, newest first, read no further than what is shown."""

from __future__ import annotations

import uuid
from importlib import import_module
from typing import Any
from urllib.parse import quote

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.test import Client

from chats.models import OpenMessage
from chats.services import create_open_private
from chats.services.open_chats import search
from chats.services.open_chats.reading import cursor
from chats.services.open_chats.search import snippet
from chats.tests.asking import Rest, rest
from chats.tests.open_chats import group_of, private_of, write
from chats.tests.people import Phone

MANY = 3_000


@pytest.fixture
def ask(client: Client) -> Rest:
    return rest(client)


@pytest.fixture
def chat(ask: Rest, alice: Phone, bob: Phone, friends: None) -> str:
    return private_of(ask, alice, bob)


def found(ask: Rest, phone: Phone, words: str, more: str = "") -> list[int]:
    status, page = ask(phone, "get", f"open-chats/search?q={quote(words)}{more}")
    assert status == 200, page
    return [one["position"] for one in page["messages"]]


def test_words_are_found_in_ones_own_chats(ask: Rest, alice: Phone, bob: Phone, charlie: Phone, chat: str) -> None:
    group = group_of(ask, alice, charlie)
    first = write(ask, alice, chat, "Rehearsal on Tuesday, in the old hall")
    second = write(ask, bob, chat, "TUESDAY is fine")
    third = write(ask, charlie, group, "No rehearsal on Tuesday")
    assert found(ask, alice, "tuesday") == [third, second, first]
    assert found(ask, alice, "tuesday rehearsal") == [third, first]
    assert found(ask, alice, "tuesday", f"&chat={chat}") == [second, first]
    assert (found(ask, bob, "tuesday"), found(ask, charlie, "tuesday")) == ([second, first], [third])
    assert found(ask, alice, "wednesday") == []
    _, page = ask(alice, "get", f"open-chats/search?q=hall&chat={chat}")
    assert page == {
        "messages": [
            {
                "open_chat": chat,
                "position": first,
                "message_id": page["messages"][0]["message_id"],
                "sender": alice.account,
                "accepted_at": page["messages"][0]["accepted_at"],
                "snippet": "Rehearsal on Tuesday, in the old hall",
            }
        ],
        "next": None,
    }


def test_a_stranger_finds_nothing(ask: Rest, alice: Phone, charlie: Phone, chat: str) -> None:
    write(ask, alice, chat)
    assert found(ask, charlie, "hello") == []
    for where in (chat, str(uuid.uuid4())):
        status, problem = ask(charlie, "get", f"open-chats/search?q=hello&chat={where}")
        assert (status, problem["code"]) == (404, "not_found")
    assert ask(None, "get", "open-chats/search?q=hello")[0] == 401


def test_who_left_finds_nothing(ask: Rest, alice: Phone, bob: Phone) -> None:
    group = group_of(ask, alice, bob)
    position = write(ask, alice, group)
    assert found(ask, bob, "hello") == [position]
    assert ask(bob, "delete", f"open-chats/{group}/members/{bob.account}")[0] == 204
    assert found(ask, bob, "hello") == []


def test_what_was_edited_deleted_or_hidden_is_not_found(ask: Rest, alice: Phone, bob: Phone, chat: str) -> None:
    positions = [write(ask, alice, chat, f"apple {number}") for number in range(3)]
    path = f"open-chats/{chat}/messages"
    assert ask(alice, "patch", f"{path}/{positions[0]}", {"body": "pear"})[0] == 200
    assert ask(alice, "delete", f"{path}/{positions[1]}")[0] == 204
    assert found(ask, bob, "apple") == [positions[2]]
    assert found(ask, bob, "pear") == [positions[0]]
    assert ask(bob, "post", f"contacts/{alice.account}/block", {})[0] == 200
    hidden = write(ask, alice, chat, "apple")
    assert found(ask, alice, "apple") == [hidden, positions[2]]
    assert found(ask, bob, "apple") == [positions[2]]


def test_findings_come_in_pages(ask: Rest, alice: Phone, bob: Phone, chat: str) -> None:
    expected = [write(ask, alice, chat, f"apple {number}") for number in range(5)][::-1]
    path: str | None = "open-chats/search?q=apple&limit=2"
    positions: list[int] = []
    while path is not None:
        _, page = ask(bob, "get", path)
        positions += [one["position"] for one in page["messages"]]
        path = page["next"] and f"open-chats/search?q=apple&limit=2&cursor={page['next']}"
    assert positions == expected


def test_a_search_in_all_is_in_the_liveliest_and_holds_no_more_than_it_shows(
    ask: Rest, alice: Phone, bob: Phone, chat: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "SEARCH_CHATS", 2)
    monkeypatch.setattr(search, "CHATS_AT_ONCE", 1)
    chats = [chat, *(group_of(ask, alice, bob, title=f"Choir {number}") for number in range(2))]
    positions = [write(ask, alice, one, "apple") for one in chats]
    assert found(ask, bob, "apple") == [positions[2], positions[1]]
    latest = write(ask, alice, chat, "apple")
    assert found(ask, bob, "apple") == [latest, positions[2], positions[0]]
    assert found(ask, bob, "apple", "&limit=1") == [latest]


@pytest.mark.parametrize(
    "words",
    [
        '"',
        "'",
        "apple'",
        'apple" OR "pear',
        "apple)",
        "body:apple",
        "apple*",
        "-apple",
        "NOT",
        "apple & !pear",
        "'':*",
        "²",
        "ⅷ",
    ],
)
def test_what_a_database_would_read_as_a_language_is_text(ask: Rest, alice: Phone, chat: str, words: str) -> None:
    write(ask, alice, chat, "pear")
    status, page = ask(alice, "get", f"open-chats/search?q={quote(words)}")
    assert status == 400 or page == {"messages": [], "next": None}


@pytest.mark.parametrize(
    "query",
    ["", "q=", "q=%20", "q=...", "q=" + "a" * 201, "q=" + "a+" * 17, "q=a%00b", "q=a&q=b", "q=a&chat=x", "q=a&x=1"],
)
def test_a_search_that_is_none_is_refused(ask: Rest, alice: Phone, chat: str, query: str) -> None:
    status, problem = ask(alice, "get", f"open-chats/search?{query}")
    assert (status, problem["code"]) == (400, "malformed")


def test_the_id_of_a_chat_is_no_word_of_it(ask: Rest, alice: Phone, chat: str) -> None:
    write(ask, alice, chat)
    for words in (chat, chat.replace("-", ""), f"#{chat}"):
        assert found(ask, alice, words) == []


def test_a_snippet_is_around_what_was_found() -> None:
    body = "x " * 100 + "the <b>Needle</b> is\nhere " + "y " * 100
    shown = snippet(body, ["needle"])
    assert "the <b>Needle</b> is here" in shown
    assert (shown[:2], shown[-2:]) == ("… ", " …")
    assert len(shown) < 200
    assert snippet("short", ["else"]) == "short"


def plan_of(statement: str, parameters: list[Any]) -> str:
    with connection.cursor() as asking:
        asking.execute(f"EXPLAIN {'' if connection.vendor == 'postgresql' else 'QUERY PLAN '}{statement}", parameters)
        return "\n".join(str(row) for row in asking.fetchall())


@pytest.fixture
def many(alice: Phone, bob: Phone, charlie: Phone) -> uuid.UUID:
    """A chat of thousands of messages beside one as large, with a word in each and one in ten of them."""
    chats = [
        create_open_private(account=alice.member.id, device=alice.id, other=other.member.id).pk
        for other in (bob, charlie)
    ]
    OpenMessage.objects.bulk_create(
        OpenMessage(
            chat_id=chats[number % 2],
            sender_id=alice.member.id,
            client_message_id=uuid.uuid4(),
            body=f"common word {number}"
            + (" rare" if number % (MANY // 10) == 0 else "")
            + (" elsewhere" if number % 2 else ""),
            accepted_at=number,
        )
        for number in range(2 * MANY)
    )
    with connection.cursor() as asking:
        asking.execute("ANALYZE chats_openmessage")
    return chats[0]


def test_a_page_reads_what_it_shows(many: uuid.UUID, alice: Phone) -> None:
    for before in (2**63 - 1, MANY, 1):
        query = OpenMessage.objects.page_of(many, alice.member.id, before)[:51].query.sql_with_params()
        plan = plan_of(query[0], list(query[1]))
        assert "messages_of_an_open_chat" in plan, plan
        assert "Sort" not in plan, plan
        assert "TEMP B-TREE" not in plan, plan


def test_a_search_reads_an_index_and_no_table(many: uuid.UUID, alice: Phone) -> None:
    own = alice.member.id
    if connection.vendor != "postgresql":
        plan = plan_of(search.SQLITE, [search.match([many], ["common"]), 2**63 - 1, own.hex, 51])
        assert "SCAN words VIRTUAL TABLE" in plan, plan
        assert "SEARCH message USING INTEGER PRIMARY KEY" in plan, plan
        assert "TEMP B-TREE" not in plan, plan  # the words' table gives its rows in this order
        return
    with transaction.atomic(), connection.cursor() as asking:
        asking.execute("SET LOCAL enable_seqscan = off")
        for word in ("rare", "common", "elsewhere", "nowhere"):
            plan = plan_of(*search.look_up([many], [word], account=own))
            assert "words_of_open_messages" in plan, plan
            assert "Seq Scan" not in plan, plan
        plan = plan_of(*search.walk([many], ["common"], account=own, before=2**63 - 1, limit=51))
        assert "messages_of_an_open_chat" in plan, plan
        assert "Sort" not in plan, plan


def test_what_is_common_is_found_newest_first_page_by_page(many: uuid.UUID, ask: Rest, alice: Phone) -> None:
    expected = list(OpenMessage.objects.filter(chat=many).order_by("-position").values_list("position", flat=True))
    assert found(ask, alice, "common", f"&chat={many}&limit=100") == expected[:100]
    later = f"&chat={many}&limit=100&cursor={cursor(expected[-50])}"
    assert found(ask, alice, "word common", later) == expected[-49:]
    everywhere = list(OpenMessage.objects.order_by("-position").values_list("position", flat=True))
    assert found(ask, alice, "common", "&limit=100") == everywhere[:100]
    assert found(ask, alice, "elsewhere", f"&chat={many}") == []


def test_the_migration_can_be_taken_back(many: uuid.UUID, ask: Rest, alice: Phone) -> None:
    migration = import_module("chats.migrations.0007_open_search")
    before = found(ask, alice, "rare")
    assert len(before) == 20
    for step in (migration.forget, migration.keep):
        with connection.schema_editor() as editor:
            step(apps, editor)
    assert found(ask, alice, "rare") == before
