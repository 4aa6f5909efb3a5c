"""Messages of open chats: sent once, paged, edited, deleted, read; in the database, and in no log."""

from __future__ import annotations

import logging
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from chats import services
from chats.models import OpenMessage, PrivateMessage
from chats.tests.asking import Rest, rest
from chats.tests.open_chats import bodies, group_of, private_of, text, write
from chats.tests.people import Phone

CANARY = "canary-7f3a in an open body"


@pytest.fixture
def ask(client: Client) -> Rest:
    return rest(client)


@pytest.fixture
def chat(ask: Rest, alice: Phone, bob: Phone, friends: None) -> str:
    return private_of(ask, alice, bob)


def test_the_first_answer_stands(ask: Rest, alice: Phone, tablet: Phone, bob: Phone, chat: str) -> None:
    sent = text("First")
    first = ask(alice, "post", f"open-chats/{chat}/messages", sent)
    assert first[0] == 201
    assert first[1].keys() == {"open_chat", "message_id", "position", "accepted_at"}
    variants: list[dict[str, Any]] = [{}, {"body": "Second"}, {"body": ""}, {"body": 7}, {"surprise": 1}]
    for phone in (alice, tablet):
        for changes in variants:
            assert ask(phone, "post", f"open-chats/{chat}/messages", sent | changes) == first
    other = group_of(ask, alice, bob)
    assert ask(alice, "post", f"open-chats/{other}/messages", sent) == first
    assert ask(bob, "post", f"open-chats/{chat}/messages", sent | {"surprise": 1})[0] == 400  # not bob's message
    assert ask(bob, "post", f"open-chats/{chat}/messages", sent | {"body": "Mine"})[0] == 201
    assert bodies(ask, alice, chat) == ["Mine", "First"]
    assert bodies(ask, alice, other) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"body": ""},
        {"body": " \n"},
        {"body": "a\0b"},
        {"body": "x" * 16_001},
        {"body": None},
        {"message_id": "x"},
        {"a": 1},
    ],
)
def test_a_malformed_message_is_refused(ask: Rest, alice: Phone, chat: str, changes: dict[str, Any]) -> None:
    status, problem = ask(alice, "post", f"open-chats/{chat}/messages", text() | changes)
    assert (status, problem["code"]) == (400, "malformed")
    assert not OpenMessage.objects.exists()


def test_what_looks_like_markup_is_text(ask: Rest, alice: Phone, bob: Phone, chat: str) -> None:
    longest = "<script>alert(1)</script>\n'; DROP TABLE; 🎶 ".ljust(16_000, "é")
    write(ask, alice, chat, longest)
    assert bodies(ask, bob, chat) == [longest]


def test_pages_come_newest_first_and_nothing_new_moves_them(ask: Rest, alice: Phone, bob: Phone, chat: str) -> None:
    expected = [str(number) for number in range(7)]
    for body in expected:
        write(ask, alice, chat, body)
    path: str | None = f"open-chats/{chat}/messages?limit=3"
    found, pages = [], 0
    while path is not None:
        status, page = ask(bob, "get", path)
        assert status == 200
        found += [one["body"] for one in page["messages"]]
        write(ask, alice, chat, "later")
        pages += 1
        path = page["next"] and f"open-chats/{chat}/messages?limit=3&cursor={page['next']}"
    assert (found, pages) == (expected[::-1], 3)


def test_the_next_page_is_linked(client: Client, ask: Rest, alice: Phone, chat: str) -> None:
    for _ in range(3):
        write(ask, alice, chat)
    path = f"/api/v1/open-chats/{chat}/messages"
    headers = {"authorization": f"Bearer {alice.access}"}
    answer = client.get(f"{path}?limit=2", headers=headers)
    assert answer["Link"] == f'<{path}?limit=2&cursor={answer.json()["next"]}>; rel="next"'
    last = client.get(answer["Link"][1 : answer["Link"].index(">")], headers=headers)
    assert (len(last.json()["messages"]), last.json()["next"], "Link" in last) == (1, None, False)


@pytest.mark.parametrize(
    "query",
    [
        *("cursor=x", "cursor=", "cursor=__________8", "cursor=AAA", "limit=0", "limit=101", "limit=x", "offset=1"),
        *(
            "before=x",
            "before=-1",
            "after=",
            "after=12345678901234567",
            "before=1&after=1",
            "cursor=AAAAAAAAAAE&before=1",
        ),
    ],
)
def test_a_page_that_is_none_is_refused(ask: Rest, alice: Phone, chat: str, query: str) -> None:
    assert ask(alice, "get", f"open-chats/{chat}/messages?{query}")[0] == 400


def test_pages_begin_at_a_position(ask: Rest, alice: Phone, bob: Phone, chat: str) -> None:
    places = [write(ask, alice, chat, str(number)) for number in range(5)]
    write(ask, alice, group_of(ask, alice, bob))

    def page(query: str) -> tuple[list[str], bool]:
        status, found = ask(bob, "get", f"open-chats/{chat}/messages?{query}")
        assert status == 200
        return [one["body"] for one in found["messages"]], found["next"] is None

    assert page(f"before={places[3]}&limit=2") == (["2", "1"], False)
    assert page(f"before={places[0]}") == ([], True)
    assert page(f"after={places[1]}&limit=2") == (["2", "3"], True)
    assert page("after=0") == (["0", "1", "2", "3", "4"], True)
    assert page(f"after={places[4]}") == ([], True)


def test_authors_edit_and_delete(ask: Rest, alice: Phone, bob: Phone, chat: str) -> None:
    position = write(ask, alice, chat, "Helo")
    path = f"open-chats/{chat}/messages/{position}"
    for method, body in (("patch", {"body": "Mine"}), ("delete", None)):
        assert ask(bob, method, path, body)[0] == 403
    status, edited = ask(alice, "patch", path, {"body": "Hello"})
    assert (status, edited["body"], edited["edited_at"] >= edited["accepted_at"]) == (200, "Hello", True)
    assert ask(alice, "patch", path, {"body": "Hello"}) == (200, edited)
    assert ask(alice, "patch", path, {"body": ""})[0] == 400
    for _ in range(2):
        assert ask(alice, "delete", path) == (204, None)
    assert ask(alice, "patch", path, {"body": "Back"})[0] == 404
    _, page = ask(bob, "get", f"open-chats/{chat}/messages")
    assert [(one["position"], one["deleted"], one["body"]) for one in page["messages"]] == [(position, True, "")]
    assert OpenMessage.objects.get().body == ""
    assert ask(alice, "patch", f"open-chats/{chat}/messages/{position + 1}", {"body": "x"})[0] == 404


def test_admins_delete_and_do_not_edit(ask: Rest, alice: Phone, bob: Phone, charlie: Phone) -> None:
    chat = group_of(ask, alice, bob, charlie)
    path = f"open-chats/{chat}/messages/{write(ask, bob, chat)}"
    assert ask(charlie, "delete", path)[0] == 403
    assert ask(alice, "patch", path, {"body": "x"})[0] == 403
    assert ask(alice, "delete", path) == (204, None)


def test_a_message_of_another_chat_is_not_there(ask: Rest, alice: Phone, bob: Phone, chat: str) -> None:
    other = group_of(ask, alice, bob)
    position = write(ask, alice, other)
    for method, body in (("patch", {"body": "x"}), ("delete", None)):
        assert ask(alice, method, f"open-chats/{chat}/messages/{position}", body)[0] == 404
    assert ask(alice, "post", f"open-chats/{chat}/read", {"position": position})[0] == 404


def test_how_far_somebody_has_read_never_falls(ask: Rest, alice: Phone, bob: Phone, chat: str) -> None:
    first, second = write(ask, alice, chat), write(ask, alice, chat)

    def seen(phone: Phone, of: Phone) -> Any:
        _, found = ask(phone, "get", f"open-chats/{chat}")
        return {one["account"]["id"]: one["read_position"] for one in found["members"]}[of.account]

    for position in (second, first):
        assert ask(bob, "post", f"open-chats/{chat}/read", {"position": position}) == (204, None)
    assert (seen(alice, bob), seen(bob, bob)) == (second, second)
    for body in ({"position": 0}, {"position": "1"}, {}):
        assert ask(bob, "post", f"open-chats/{chat}/read", body)[0] == 400


def test_who_blocks_shows_no_more_of_what_they_read(ask: Rest, alice: Phone, bob: Phone, chat: str) -> None:
    first, second = write(ask, alice, chat), write(ask, alice, chat)
    assert ask(bob, "post", f"open-chats/{chat}/read", {"position": first}) == (204, None)
    _, before = ask(alice, "get", f"open-chats/{chat}")
    assert ask(bob, "post", f"contacts/{alice.account}/block", {})[0] == 200
    assert ask(bob, "post", f"open-chats/{chat}/read", {"position": second}) == (204, None)
    assert ask(alice, "get", f"open-chats/{chat}") == (200, before)
    hidden = write(ask, alice, chat)
    assert ask(bob, "post", f"open-chats/{chat}/read", {"position": hidden})[0] == 404


def test_an_edit_shows_whoever_blocks_the_author_no_new_words(ask: Rest, alice: Phone, bob: Phone, chat: str) -> None:
    kept, edited = write(ask, alice, chat, "Before"), write(ask, alice, chat, "Before too")
    assert ask(bob, "post", f"contacts/{alice.account}/block", {})[0] == 200
    assert ask(alice, "patch", f"open-chats/{chat}/messages/{edited}", {"body": "New words"})[0] == 200
    assert ask(alice, "patch", f"open-chats/{chat}/messages/{kept}", {"body": "Before"})[0] == 200  # nothing new
    assert bodies(ask, alice, chat) == ["New words", "Before"]
    for _ in range(2):
        assert bodies(ask, bob, chat) == ["Before"]
        assert ask(bob, "get", "open-chats/search?q=words")[1]["messages"] == []
        assert ask(bob, "post", f"contacts/{alice.account}/unblock", {})[0] == 200


def test_an_edit_needs_nobody_to_be_there(ask: Rest, alice: Phone, bob: Phone, chat: str) -> None:
    position = write(ask, alice, chat, "Helo")
    bob.member.user.delete()
    assert ask(alice, "patch", f"open-chats/{chat}/messages/{position}", {"body": "Hello"})[0] == 200


def test_who_was_asked_shows_nobody_what_they_read(ask: Rest, alice: Phone, bob: Phone, charlie: Phone) -> None:
    chat = private_of(ask, alice, charlie)
    position = write(ask, alice, chat)
    assert ask(charlie, "post", f"open-chats/{chat}/read", {"position": position}) == (204, None)
    _, found = ask(alice, "get", f"open-chats/{chat}")
    assert {one["account"]["username"]: one["read_position"] for one in found["members"]} == {
        "alice": 0,
        "charlie": None,
    }


def test_the_chat_with_the_newest_message_comes_first(ask: Rest, alice: Phone, bob: Phone, chat: str) -> None:
    group = group_of(ask, alice, bob)
    position = write(ask, alice, group)
    last = write(ask, bob, chat)
    _, found = ask(alice, "get", "open-chats")
    assert [(one["id"], one["newest"]) for one in found["open_chats"]] == [(chat, last), (group, position)]


def test_a_body_is_in_the_database_and_nowhere_in_the_logs(
    ask: Rest, alice: Phone, bob: Phone, chat: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    position = write(ask, alice, chat, CANARY)
    assert ask(alice, "patch", f"open-chats/{chat}/messages/{position}", {"body": CANARY + "!"})[0] == 200
    assert ask(alice, "post", f"open-chats/{chat}/messages", text(CANARY, surprise=CANARY))[0] == 400
    with connection.cursor() as cursor:
        cursor.execute("SELECT body FROM chats_openmessage")
        assert cursor.fetchall() == [(CANARY + "!",)]
    assert not PrivateMessage.objects.exists()
    monkeypatch.setattr(services, "send_open_message", _broken)
    failing = Client(raise_request_exception=False)
    status, problem = rest(failing)(alice, "post", f"open-chats/{chat}/messages", text(CANARY))
    assert (status, problem["code"]) == (500, "internal_error")
    assert "canary" not in caplog.text
    assert "canary" not in str(problem)


def _broken(**said: Any) -> None:
    raise RuntimeError(said["body"])


def test_an_open_body_has_no_place_in_an_encrypted_chat(ask: Rest, alice: Phone, bob: Phone, chat: str) -> None:
    for elsewhere in (alice.chat_with(bob), str(uuid.uuid4())):
        assert ask(alice, "post", f"open-chats/{elsewhere}/messages", text())[0] == 404
    assert not OpenMessage.objects.exists()
