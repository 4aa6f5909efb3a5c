"""Open chats on the socket: who hears what, and who hears nothing."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from chats import buckets
from chats.models import OpenMessage
from chats.tests.asking import Ask
from chats.tests.open_chats import group_body
from chats.tests.people import Phone

pytestmark = pytest.mark.usefixtures("delivery")


async def made(ask: Ask, phone: Phone, body: dict[str, Any]) -> str:
    status, chat = await ask(phone, "post", "open-chats", body)
    assert status == 201, chat
    return str(chat["id"])


async def pair(ask: Ask, phone: Phone, other: Phone) -> str:
    return await made(ask, phone, {"kind": "private", "account": other.account})


def sending(chat: str, body: str = "Hello", **changes: Any) -> dict[str, Any]:
    return {
        "type": "open.send",
        "id": uuid.uuid4().hex,
        "open_chat": chat,
        "message_id": str(uuid.uuid4()),
        "body": body,
    } | changes


async def test_a_message_reaches_all_devices_but_its_own(
    ask: Ask, alice: Phone, tablet: Phone, bob: Phone, charlie: Phone, friends: None
) -> None:
    chat = await pair(ask, alice, bob)
    async with alice.online() as a, tablet.online() as t, bob.online() as b, charlie.online() as c:
        sent = sending(chat, "<i>Hi</i>")
        accepted = await a.ask(sent)
        assert accepted == {
            "type": "open.accepted",
            "id": sent["id"],
            "open_chat": chat,
            "message_id": sent["message_id"],
            "position": accepted["position"],
            "accepted_at": accepted["accepted_at"],
        }
        for socket in (t, b):
            assert await socket.get("open.message") == {
                "type": "open.message",
                "open_chat": chat,
                "request": False,
                "position": accepted["position"],
                "message_id": sent["message_id"],
                "sender": alice.account,
                "accepted_at": accepted["accepted_at"],
                "edited_at": None,
                "deleted": False,
                "body": "<i>Hi</i>",
            }
        for changes in ({}, {"body": ""}, {"body": 7}, {"surprise": 1}, {"open_chat": str(uuid.uuid4())}):
            assert await a.ask(sent | changes) == accepted
        for socket in (a, t, b, c):
            assert await socket.silent()
    assert await OpenMessage.objects.acount() == 1


async def test_what_changes_is_told(ask: Ask, alice: Phone, bob: Phone, charlie: Phone, friends: None) -> None:
    async with alice.online() as a, bob.online() as b, charlie.online() as c:
        chat = await made(ask, alice, group_body(bob))
        assert await b.get("open.chat") == {"type": "open.chat", "open_chat": chat, "title": "Choir", "member_count": 2}
        position = (await a.ask(sending(chat)))["position"]
        assert (await b.get("open.message"))["position"] == position
        path = f"open-chats/{chat}"
        assert (await ask(alice, "patch", f"{path}/messages/{position}", {"body": "Bye"}))[0] == 200
        changed = await b.get("open.changed")
        assert (changed["position"], changed["body"], changed["deleted"]) == (position, "Bye", False)
        await b.say({"type": "open.read", "open_chat": chat, "position": position})
        read = {"type": "open.read", "open_chat": chat, "account": bob.account, "position": position}
        assert await a.get("open.read") == read
        assert (await ask(alice, "delete", f"{path}/messages/{position}"))[0] == 204
        assert (await b.get("open.changed"))["deleted"] is True
        assert (await ask(alice, "patch", path, {"title": "Band"}))[0] == 200
        assert (await b.get("open.chat"))["title"] == "Band"
        assert (await ask(alice, "delete", f"{path}/members/{bob.account}"))[0] == 204
        assert await b.get("open.chat") == {"type": "open.chat", "open_chat": chat, "removed": True}
        await a.ask(sending(chat))
        for socket in (a, b, c):
            assert await socket.silent()


async def test_a_stranger_says_and_hears_nothing(
    ask: Ask, alice: Phone, bob: Phone, charlie: Phone, friends: None
) -> None:
    chat = await pair(ask, alice, bob)
    async with alice.online() as a, bob.online() as b, charlie.online() as c:
        position = (await a.ask(sending(chat)))["position"]
        await b.get("open.message")
        answers = []
        for where in (chat, str(uuid.uuid4())):
            sent = await c.ask(sending(where, id="1"))
            read = await c.ask({"type": "open.read", "id": "2", "open_chat": where, "position": position})
            await c.say({"type": "typing", "open_chat": where, "on": True})
            answers.append((sent, read))
            assert (sent["code"], read["code"]) == ("not_found", "not_found")
        assert answers[0] == answers[1]
        for socket in (a, b, c):
            assert await socket.silent()


async def test_a_request_shows_nothing_of_who_was_asked(ask: Ask, alice: Phone, bob: Phone) -> None:
    async with alice.online() as a, bob.online() as b:
        chat = await pair(ask, alice, bob)
        await b.get("open.chat")
        position = (await a.ask(sending(chat)))["position"]
        assert (await b.get("open.message"))["request"] is True
        await b.say({"type": "open.read", "open_chat": chat, "position": position})
        for socket in (a, b):
            await socket.say({"type": "typing", "open_chat": chat, "on": True})
        for socket in (a, b):
            assert await socket.silent()


async def test_who_blocked_hears_nothing(ask: Ask, alice: Phone, tablet: Phone, bob: Phone, friends: None) -> None:
    chat = await pair(ask, alice, bob)
    assert (await ask(bob, "post", f"contacts/{alice.account}/block", {}))[0] == 200
    async with alice.online() as a, tablet.online() as t, bob.online() as b:
        sent = await a.ask(sending(chat))
        assert sent["type"] == "open.accepted"
        assert (await t.get("open.message"))["position"] == sent["position"]
        path = f"open-chats/{chat}/messages/{sent['position']}"
        assert (await ask(alice, "patch", path, {"body": "Bye"}))[0] == 200
        await t.get("open.changed")
        await a.say({"type": "typing", "open_chat": chat, "on": True})
        assert (await b.ask(sending(chat)))["code"] == "contact_blocked"
        for socket in (a, t, b):
            assert await socket.silent()


async def test_typing_is_seen_by_the_others(ask: Ask, alice: Phone, bob: Phone, charlie: Phone, friends: None) -> None:
    chat = await pair(ask, alice, bob)
    async with alice.online() as a, bob.online() as b, charlie.online() as c:
        await a.say({"type": "typing", "open_chat": chat, "on": True})
        assert await b.get("typing") == {"type": "typing", "open_chat": chat, "account": alice.account, "on": True}
        for socket in (a, b, c):
            assert await socket.silent()


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "open.send", "id": "1", "message_id": "x", "body": "a"},
        {"type": "open.read", "id": "1", "position": 0},
        {"type": "open.read", "id": "1"},
        {"type": "typing", "on": True, "chat": str(uuid.uuid4())},
    ],
)
async def test_a_malformed_frame_is_refused(ask: Ask, alice: Phone, bob: Phone, frame: dict[str, Any]) -> None:
    chat = await pair(ask, alice, bob)
    async with alice.online() as a:
        await a.say(frame | {"open_chat": chat})
        assert (await a.get("rejected"))["code"] == "malformed"
        assert await a.silent()
    assert not await OpenMessage.objects.aexists()


async def test_a_send_counts_against_the_share(ask: Ask, alice: Phone, bob: Phone) -> None:
    chat = await pair(ask, alice, bob)
    buckets.sends.taken_elsewhere(alice.id, buckets.clock(), 10_000)
    async with alice.online() as a:
        refused = await a.ask(sending(chat))
    assert (refused["code"], refused["retry_after"] > 0) == ("too_many_requests", True)
    path = f"open-chats/{chat}/messages"
    assert (await ask(alice, "post", path, {"message_id": str(uuid.uuid4()), "body": "Hello"}))[0] == 429
    assert not await OpenMessage.objects.aexists()
