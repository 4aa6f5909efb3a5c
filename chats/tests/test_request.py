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


async def accept(owner: Phone, other: Phone) -> None:
    await _say(services.accept_contact, owner, other)


async def block(owner: Phone, other: Phone) -> None:
    await _say(services.block_contact, owner, other)


async def unblock(owner: Phone, other: Phone) -> None:
    await _say(services.unblock_contact, owner, other)


async def _say(verb: Any, owner: Phone, other: Phone) -> None:
    await sync_to_async(verb)(owner=owner.member.id, other=other.member.id, by=owner.id)


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
        await accept(bob, alice)
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


async def test_ones_other_devices_hear_what_one_thinks_of_somebody(
    alice: Phone, tablet: Phone, bob: Phone, charlie: Phone
) -> None:
    async with alice.online() as a, tablet.online() as t, bob.online() as b, charlie.online() as c:
        await b.ask(bob.message_to(alice))
        for socket in (a, t):
            await receive(socket)
        for verb, told in ((accept, "accepted"), (accept, None), (block, "blocked"), (unblock, "accepted")):
            await verb(alice, bob)
            if told:
                heard = await t.get("contact.changed")
                assert heard == {"type": "contact.changed", "account": bob.account, "state": told}
            if verb is accept and told:
                assert {(await b.next())["type"] for _ in range(2)} == {"message.delivered"}
            for socket in (a, t, b, c):
                assert await socket.silent()
        await block(alice, charlie)  # of whom nothing was known
        assert (await t.get("contact.changed"))["account"] == charlie.account
        for socket in (a, t, b, c):
            assert await socket.silent()


async def test_ones_other_devices_hear_that_writing_back_accepted(alice: Phone, tablet: Phone, bob: Phone) -> None:
    async with alice.online() as a, tablet.online() as t, bob.online() as b:
        await b.ask(bob.message_to(alice))
        for socket in (a, t):
            await receive(socket)
        for first in (True, False):
            assert (await a.ask(alice.message_to(bob)))["type"] == "message.accepted"
            kinds = {(await t.next())["type"] for _ in range(2 if first else 1)}
            assert kinds == ({"contact.changed", "envelope"} if first else {"envelope"})
        assert await a.silent()
        assert await t.silent()


async def test_a_blocked_sender_cannot_tell(alice: Phone, tablet: Phone, bob: Phone, friends: None) -> None:
    async with alice.online() as a, tablet.online() as t, bob.online() as b:
        before = alice.message_to(bob)
        plain = await a.ask(before)
        copy = await t.get("envelope")
        await receive(b)
        for socket in (a, t):
            await socket.get("message.delivered")
        await t.ack(copy["envelope"])
        await block(bob, alice)
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
        await block(alice, bob)
        sent = alice.message_to(bob)
        assert (await a.ask(sent))["code"] == "contact_blocked"
        assert (await a.ask(alice.control_to(bob)))["code"] == "contact_blocked"
        await unblock(alice, bob)
        assert (await a.ask(sent))["type"] == "message.accepted"
        assert (await b.get("envelope"))["request"] is False
        assert await b.silent()


async def test_unblocked_people_are_heard_again_from_then_on(alice: Phone, bob: Phone, friends: None) -> None:
    async with alice.online() as a, bob.online() as b:
        await block(bob, alice)
        await a.ask(alice.message_to(bob))
        await unblock(bob, alice)
        after = alice.message_to(bob)
        await a.ask(after)
        assert (await receive(b))["message_id"] == after["message_id"]
        await a.get("message.delivered")
        assert await b.silent()


async def test_a_first_message_to_one_who_blocked_already_goes_nowhere(alice: Phone, bob: Phone) -> None:
    await block(bob, alice)
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
        await block(bob, alice)
        assert (await a.ask(alice.message_to(bob)))["type"] == "message.accepted"
        assert await b.silent()
        await unblock(bob, alice)
        await block(alice, bob)
        assert (await a.ask(alice.message_to(bob)))["code"] == "contact_blocked"
        await unblock(alice, bob)
        assert (await a.ask(alice.message_to(bob)))["type"] == "message.accepted"
        await receive(b)
