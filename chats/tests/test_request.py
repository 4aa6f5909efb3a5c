"""Requests and blocks: what strangers may do, and what they cannot find out."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import sync_to_async

from accounts.models import Contact
from chats import services
from chats.models import Envelope
from chats.tests.people import Phone, Socket

pytestmark = pytest.mark.usefixtures("delivery")

accept = sync_to_async(services.accept_contact)
block = sync_to_async(services.block_contact)
unblock = sync_to_async(services.unblock_contact)


async def state(owner: Phone, other: Phone) -> str | None:
    contact = await Contact.objects.filter(owner=owner.member.id, other=other.member.id).afirst()
    return contact.get_state_display() if contact else None


async def receive(socket: Socket) -> dict[str, Any]:
    got = await socket.get("envelope")
    await socket.ack(got["envelope"])
    return got


async def test_a_strangers_message_is_a_request_and_shows_no_status_until_accepted(alice: Phone, bob: Phone) -> None:
    async with alice.online() as a, bob.online() as b:
        first, second = alice.message_to(bob), alice.message_to(bob)
        await a.ask(first)
        assert (await receive(b))["request"] is True
        assert (await state(bob, alice), await state(alice, bob)) == ("requested", "accepted")
        await b.ask(
            {"type": "message.read", "id": "1", "chat": alice.chat_with(bob), "messages": [first["message_id"]]}
        )
        assert await a.silent()
        await accept(owner=bob.member.id, other=alice.member.id)
        kinds = {(await a.next())["type"] for _ in range(2)}
        assert kinds == {"message.delivered", "message.read"}
        await a.ask(second)
        assert (await receive(b))["request"] is False
        await a.get("message.delivered")
        assert await a.silent()


async def test_writing_back_accepts(alice: Phone, bob: Phone) -> None:
    async with alice.online() as a, bob.online() as b:
        sent = alice.message_to(bob)
        await a.ask(sent)
        await receive(b)
        answer = bob.message_to(alice)
        await b.ask(answer)
        heard = await a.next(), await a.next()
        assert {one["type"] for one in heard} == {"message.delivered", "envelope"}
        envelope = next(one for one in heard if one["type"] == "envelope")
        assert envelope["request"] is False
        await a.ack(envelope["envelope"])
        assert (await b.get("message.delivered"))["messages"] == [answer["message_id"]]
        assert await state(bob, alice) == "accepted"


async def test_a_blocked_sender_cannot_tell(alice: Phone, tablet: Phone, bob: Phone, friends: None) -> None:
    async with alice.online() as a, tablet.online() as t, bob.online() as b:
        before = alice.message_to(bob)
        plain = await a.ask(before)
        copy = await t.get("envelope")
        await receive(b)
        for socket in (a, t):
            await socket.get("message.delivered")
        await t.ack(copy["envelope"])
        await block(owner=bob.member.id, other=alice.member.id)
        during = alice.message_to(bob)
        answer = await a.ask(during)
        assert answer.keys() == plain.keys()
        assert (answer["type"], answer["skipped"]) == ("message.accepted", [])
        assert (await receive(t))["message_id"] == during["message_id"]  # copies reach her own devices as ever
        assert await a.ask(during | {"id": "again"}) == answer | {"id": "again"}
        await a.say({"type": "typing", "chat": alice.chat_with(bob), "on": True})
        assert await b.silent()
        assert await a.silent()
        # What she was shown before, she is shown still.
        shown = await sync_to_async(services.statuses_of)(account=alice.member.id, messages=[before["message_id"]])
        assert [one.status for one in shown] == ["delivered"]
        # Control contents go nowhere either.
        assert (await a.ask(alice.control_to(bob)))["type"] == "done"
        assert await b.silent()
    assert not await Envelope.objects.filter(device=bob.device).aexists()


async def test_one_who_blocked_has_to_unblock_before_writing(alice: Phone, bob: Phone, friends: None) -> None:
    async with alice.online() as a, bob.online() as b:
        await block(owner=alice.member.id, other=bob.member.id)
        sent = alice.message_to(bob)
        assert (await a.ask(sent))["code"] == "contact_blocked"
        assert (await a.ask(alice.control_to(bob)))["code"] == "contact_blocked"
        await unblock(owner=alice.member.id, other=bob.member.id)
        assert (await a.ask(sent))["type"] == "message.accepted"
        assert (await b.get("envelope"))["request"] is False
        assert await b.silent()


async def test_unblocked_people_are_heard_again_from_then_on(alice: Phone, bob: Phone, friends: None) -> None:
    async with alice.online() as a, bob.online() as b:
        await block(owner=bob.member.id, other=alice.member.id)
        await a.ask(alice.message_to(bob))
        await unblock(owner=bob.member.id, other=alice.member.id)
        after = alice.message_to(bob)
        await a.ask(after)
        assert (await receive(b))["message_id"] == after["message_id"]
        await a.get("message.delivered")
        assert await b.silent()


async def test_a_first_message_to_one_who_blocked_already_goes_nowhere(alice: Phone, bob: Phone) -> None:
    await block(owner=bob.member.id, other=alice.member.id)
    async with alice.online() as a, bob.online() as b:
        assert (await a.ask(alice.message_to(bob)))["type"] == "message.accepted"
        assert await b.silent()
    assert await state(bob, alice) == "blocked"


async def test_a_contact_changed_elsewhere_is_noticed_by_the_commit(
    alice: Phone, bob: Phone, friends: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chats import effects

    async with alice.online() as a, bob.online() as b:
        await a.ask(alice.message_to(bob))
        await receive(b)
        await a.get("message.delivered")
        # Another process: this one hears nothing, and its memory still says that the two are friends.
        monkeypatch.setattr(effects, "_hand_out", lambda effect: None)
        await block(owner=bob.member.id, other=alice.member.id)
        assert (await a.ask(alice.message_to(bob)))["type"] == "message.accepted"
        assert await b.silent()
        await unblock(owner=bob.member.id, other=alice.member.id)
        await block(owner=alice.member.id, other=bob.member.id)
        assert (await a.ask(alice.message_to(bob)))["code"] == "contact_blocked"
        await unblock(owner=alice.member.id, other=bob.member.id)
        assert (await a.ask(alice.message_to(bob)))["type"] == "message.accepted"
        await receive(b)
