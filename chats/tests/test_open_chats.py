"""Open chats: made, joined and left; who may do what there, and that a stranger is told of nothing."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from chats.models import OpenChat, OpenChatMember, PrivateChat
from chats.services.adding import Reach
from chats.tests.asking import Rest, rest
from chats.tests.open_chats import bodies, everything, group_body, group_of, private_of, write
from chats.tests.people import Phone

STRANGE: list[dict[str, Any]] = [
    {"title": ""},
    {"title": "   "},
    {"title": "a\nb"},
    {"title": "x" * 129},
    {"title": "a\0b"},
    {"members": ["x"]},
    {"kind": "encrypted"},
    {"kind": "private"},
    {"creation_id": 1},
    {"surprise": 1},
]


@pytest.fixture
def ask(client: Client) -> Rest:
    return rest(client)


def roles(ask: Rest, phone: Phone, chat: str) -> dict[str, str]:
    _, found = ask(phone, "get", f"open-chats/{chat}")
    assert found["member_count"] == len(found["members"]) == OpenChatMember.objects.filter(chat=uuid.UUID(chat)).count()
    return {one["account"]["username"]: one["role"] for one in found["members"]}


def listed(ask: Rest, phone: Phone) -> list[str]:
    _, found = ask(phone, "get", "open-chats")
    return [one["id"] for one in found["open_chats"]]


def test_there_is_one_open_chat_a_pair(ask: Rest, alice: Phone, bob: Phone, charlie: Phone, friends: None) -> None:
    chat = private_of(ask, alice, bob)
    assert private_of(ask, alice, bob) == private_of(ask, bob, alice) == chat
    assert chat != alice.chat_with(bob)
    _, found = ask(bob, "get", f"open-chats/{chat}")
    assert (found["kind"], found["title"], found["member_count"], found["request"]) == ("private", "", 2, False)
    assert (listed(ask, alice), listed(ask, bob), listed(ask, charlie)) == ([chat], [chat], [])


def test_chats_are_listed_in_pages_and_what_happens_meanwhile_hides_none(ask: Rest, alice: Phone, bob: Phone) -> None:
    chats = [group_of(ask, alice, bob, title=f"Choir {number}") for number in range(7)]
    for chat in chats[:4]:
        write(ask, alice, chat)
    pages, path = [], "open-chats?limit=2"
    for number in range(4):
        _, page = ask(bob, "get", path)
        pages.append([one["id"] for one in page["open_chats"]])
        path = f"open-chats?limit=2&cursor={page['next']}"
        if number == 0:
            assert ask(bob, "delete", f"open-chats/{chats[3]}/members/{bob.account}")[0] == 204
    assert page["next"] is None
    assert pages[:2] == [[chats[3], chats[2]], [chats[1], chats[0]]]
    assert sorted(map(len, pages[2:])) == [1, 2]
    assert {one for page in pages for one in page} == set(chats)
    for query in ("cursor=", "cursor=AAAA", "cursor=!", "limit=501", "before=1", f"cursor={'_' * 32}"):
        assert ask(bob, "get", f"open-chats?{query}")[0] == 400


def test_to_make_a_group_asks_as_often_for_many_as_for_one(
    ask: Rest, alice: Phone, bob: Phone, charlie: Phone, friends: None
) -> None:
    statements = []
    for others in ((bob,), (bob, charlie)):
        with CaptureQueriesContext(connection) as captured:
            chat = group_of(ask, alice, *others)
        statements.append(len(captured))
    assert statements[0] == statements[1]
    reaches = dict(OpenChatMember.objects.filter(chat=uuid.UUID(chat)).values_list("account__username", "reach"))
    assert reaches == {"alice": Reach.ALL, "bob": Reach.ALL, "charlie": Reach.REQUEST}


def test_an_open_chat_makes_no_encrypted_one(ask: Rest, alice: Phone, bob: Phone) -> None:
    private_of(ask, alice, bob)
    assert not PrivateChat.objects.exists()
    assert ask(alice, "get", "chats") == (200, {"chats": [], "next": None})


def test_a_group_is_made_once_however_often_it_is_asked_for(ask: Rest, alice: Phone, bob: Phone) -> None:
    body = group_body(bob, title="<b>Choir</b>")
    status, chat = ask(alice, "post", "open-chats", body)
    assert (status, chat["title"], chat["member_count"], chat["role"]) == (201, "<b>Choir</b>", 2, "owner")
    assert ask(alice, "post", "open-chats", body | {"title": "Another"}) == (201, chat)
    assert OpenChat.objects.count() == 1
    status, other = ask(bob, "post", "open-chats", body | {"members": []})
    assert (status, other["id"] != chat["id"]) == (201, True)


@pytest.mark.parametrize("changes", STRANGE)
def test_a_malformed_group_is_refused(ask: Rest, alice: Phone, changes: dict[str, Any]) -> None:
    status, problem = ask(alice, "post", "open-chats", group_body() | changes)
    assert (status, problem["code"]) == (400, "malformed")
    assert not OpenChat.objects.exists()


def test_nobody_is_alone_or_with_who_is_not_there(ask: Rest, alice: Phone, bob: Phone) -> None:
    for other in (alice.account, str(uuid.uuid4())):
        assert ask(alice, "post", "open-chats", {"kind": "private", "account": other})[0] == 404
    assert ask(alice, "post", "open-chats", group_body(bob, alice))[0] == 400
    assert ask(alice, "post", "open-chats", group_body(members=[str(uuid.uuid4())]))[0] == 404
    assert ask(None, "post", "open-chats", group_body(bob))[0] == 401
    assert not OpenChat.objects.exists()


def test_a_stranger_is_told_what_one_is_told_of_nothing(ask: Rest, alice: Phone, bob: Phone, charlie: Phone) -> None:
    for chat in (private_of(ask, alice, bob), group_of(ask, alice, bob)):
        position = write(ask, alice, chat)
        before = list(OpenChatMember.objects.order_by("pk").values()), bodies(ask, alice, chat)
        for method, path, body in everything(chat, bob.account, position):
            nowhere = path.replace(chat, str(uuid.uuid4()))
            assert ask(charlie, method, path, body) == ask(charlie, method, nowhere, body), path
            assert ask(charlie, method, path, body)[0] == 404, path
        assert (list(OpenChatMember.objects.order_by("pk").values()), bodies(ask, alice, chat)) == before


def test_who_comes_sees_all_and_who_goes_sees_nothing(ask: Rest, alice: Phone, bob: Phone, charlie: Phone) -> None:
    chat = group_of(ask, alice, bob)
    position = write(ask, alice, chat, "Before")
    for _ in range(2):
        assert ask(alice, "post", f"open-chats/{chat}/members", {"account": charlie.account}) == (204, None)
    assert bodies(ask, charlie, chat) == ["Before"]
    assert ask(alice, "delete", f"open-chats/{chat}/members/{charlie.account}") == (204, None)
    assert ask(alice, "delete", f"open-chats/{chat}/members/{charlie.account}")[0] == 404
    assert ask(bob, "delete", f"open-chats/{chat}/members/{bob.account}") == (204, None)
    for gone in (bob, charlie):
        assert listed(ask, gone) == []
        for method, path, body in everything(chat, alice.account, position):
            assert ask(gone, method, path, body)[0] == 404
    assert roles(ask, alice, chat) == {"alice": "owner"}


def test_roles_decide(ask: Rest, alice: Phone, bob: Phone, charlie: Phone) -> None:
    chat = group_of(ask, alice, bob, charlie)
    path = f"open-chats/{chat}"
    for method, where, body in (
        ("patch", path, {"title": "Mine"}),
        ("post", f"{path}/members", {"account": charlie.account}),
        ("delete", f"{path}/members/{charlie.account}", None),
        ("patch", f"{path}/members/{bob.account}", {"role": "owner"}),
    ):
        status, problem = ask(bob, method, where, body)
        assert (status, problem["code"]) == (403, "not_allowed"), where
    assert ask(alice, "patch", f"{path}/members/{bob.account}", {"role": "admin"}) == (204, None)
    assert ask(bob, "patch", path, {"title": "Choir 2"})[1]["title"] == "Choir 2"
    assert ask(bob, "patch", f"{path}/members/{charlie.account}", {"role": "admin"})[0] == 403
    assert ask(bob, "delete", f"{path}/members/{alice.account}")[0] == 403
    assert ask(bob, "delete", f"{path}/members/{charlie.account}") == (204, None)
    assert ask(alice, "patch", f"{path}/members/{alice.account}", {"role": "member"})[0] == 403
    assert ask(alice, "patch", f"{path}/members/{charlie.account}", {"role": "admin"})[0] == 404
    assert ask(alice, "patch", f"{path}/members/{bob.account}", {"role": "king"})[0] == 400
    assert ask(alice, "patch", f"{path}/members/{bob.account}", {"role": "owner"}) == (204, None)
    assert roles(ask, bob, chat) == {"alice": "admin", "bob": "owner"}


def test_an_owner_who_leaves_is_followed_and_an_empty_chat_is_gone(ask: Rest, alice: Phone, bob: Phone) -> None:
    chat = group_of(ask, alice, bob)
    write(ask, alice, chat)
    assert ask(alice, "delete", f"open-chats/{chat}/members/{alice.account}") == (204, None)
    assert roles(ask, bob, chat) == {"bob": "owner"}
    assert ask(bob, "delete", f"open-chats/{chat}/members/{bob.account}") == (204, None)
    assert not OpenChat.objects.exists()


def test_two_people_stay_two(ask: Rest, alice: Phone, bob: Phone, charlie: Phone) -> None:
    chat = private_of(ask, alice, bob)
    for method, path, body in everything(chat, charlie.account, 1)[1:6]:
        assert ask(alice, method, path, body)[0] in (400, 403), path
    assert ask(alice, "delete", f"open-chats/{chat}/members/{alice.account}")[0] == 400
    assert roles(ask, bob, chat) == {"alice": "member", "bob": "member"}


def test_what_a_stranger_starts_is_a_request(ask: Rest, alice: Phone, bob: Phone, charlie: Phone) -> None:
    pair, group = private_of(ask, alice, bob), group_of(ask, alice, charlie)
    for phone, chat in ((bob, pair), (charlie, group)):
        assert ask(phone, "get", f"open-chats/{chat}")[1]["request"] is True
    assert [one["state"] for one in ask(bob, "get", "contacts")[1]["contacts"]] == ["requested"]
    assert ask(bob, "post", f"contacts/{alice.account}/accept", {})[0] == 200
    assert ask(charlie, "post", f"open-chats/{group}/accept", {}) == (204, None)
    for phone, chat in ((bob, pair), (charlie, group)):
        assert ask(phone, "get", f"open-chats/{chat}")[1]["request"] is False


def test_to_write_back_is_to_accept(ask: Rest, alice: Phone, bob: Phone, charlie: Phone) -> None:
    for chat, phone in ((private_of(ask, alice, bob), bob), (group_of(ask, alice, charlie), charlie)):
        write(ask, phone, chat)
        assert ask(phone, "get", f"open-chats/{chat}")[1]["request"] is False
    assert [one["state"] for one in ask(bob, "get", "contacts")[1]["contacts"]] == ["accepted"]


def test_who_blocked_gets_nothing_and_nobody_can_tell(ask: Rest, alice: Phone, bob: Phone, friends: None) -> None:
    chat = private_of(ask, alice, bob)
    write(ask, alice, chat, "Before")
    assert ask(bob, "post", f"contacts/{alice.account}/block", {})[0] == 200
    write(ask, alice, chat, "Blocked")
    assert bodies(ask, alice, chat) == ["Blocked", "Before"]
    assert listed(ask, bob) == []
    assert ask(bob, "post", f"open-chats/{chat}/messages", {"message_id": str(uuid.uuid4()), "body": "x"})[0] == 403
    assert ask(bob, "post", f"contacts/{alice.account}/unblock", {})[0] == 200
    write(ask, alice, chat, "After")
    assert bodies(ask, bob, chat) == ["After", "Before"]
    assert bodies(ask, alice, chat) == ["After", "Blocked", "Before"]


def test_who_blocked_somebody_is_in_nothing_of_theirs(ask: Rest, alice: Phone, bob: Phone) -> None:
    assert ask(bob, "post", f"contacts/{alice.account}/block", {})[0] == 200
    for chat in (private_of(ask, alice, bob), group_of(ask, alice, bob)):
        position = write(ask, alice, chat)
        assert roles(ask, alice, chat).keys() == {"alice", "bob"}
        for method, path, body in everything(chat, bob.account, position):
            assert ask(bob, method, path, body)[0] == 404
    assert listed(ask, bob) == []
    assert ask(bob, "post", "open-chats", {"kind": "private", "account": alice.account})[1]["code"] == "contact_blocked"
    assert ask(bob, "post", "open-chats", group_body(alice))[1]["code"] == "contact_blocked"
