"""message.read: durable, told to whoever may know, and only about messages of the other one."""

from __future__ import annotations

import uuid

import pytest

from chats.delivery import messages
from chats.delivery.between import Word
from chats.delivery.delivery import Delivery
from chats.models import PrivateMessageStatus
from chats.tests.people import Phone

pytestmark = pytest.mark.usefixtures("delivery")


def read(chat: str, *messages: str) -> dict[str, object]:
    return {"type": "message.read", "id": "read", "chat": chat, "messages": list(messages)}


async def test_the_sender_hears_that_a_message_was_read(
    alice: Phone, bob: Phone, charlie: Phone, friends: None
) -> None:
    async with alice.online() as a, bob.online() as b, charlie.online() as c:
        sent = alice.message_to(bob)
        await a.ask(sent)
        await b.get("envelope")
        chat = alice.chat_with(bob)
        assert (await b.ask(read(chat, sent["message_id"])))["type"] == "done"
        heard = await a.get("message.read")
        assert (heard["chat"], heard["messages"]) == (chat, [sent["message_id"]])
        assert (heard["account"], heard["device"]) == (bob.account, bob.id)
        assert (await b.ask(read(chat, sent["message_id"])))["type"] == "done"  # again says nothing new
        for socket in (a, b, c):
            assert await socket.silent()


async def test_ones_other_devices_hear_what_was_read(
    alice: Phone, tablet: Phone, bob: Phone, charlie: Phone, friends: None
) -> None:
    async with alice.online() as a, tablet.online() as t, bob.online() as b, charlie.online() as c:
        sent = bob.message_to(alice)
        await b.ask(sent)
        for socket in (a, t):
            await socket.get("envelope")
        chat = alice.chat_with(bob)
        assert (await a.ask(read(chat, sent["message_id"])))["type"] == "done"
        heard = [await socket.get("message.read") for socket in (t, b)]
        assert heard[0] == heard[1]
        assert (heard[0]["chat"], heard[0]["messages"]) == (chat, [sent["message_id"]])
        assert (heard[0]["account"], heard[0]["device"]) == (alice.account, alice.id)
        assert (await a.ask(read(chat, sent["message_id"])))["type"] == "done"  # again says nothing new
        for socket in (a, t, b, c):
            assert await socket.silent()


async def test_what_was_read_is_told_at_other_processes_but_for_the_device_that_read(
    alice: Phone, tablet: Phone, delivery: Delivery
) -> None:
    frame = messages.contact_changed(alice.account, "accepted")
    async with alice.online() as a, tablet.online() as t:
        delivery._heard(Word().as_message() | {"accounts": [[frame, alice.id, [alice.account]]]})
        await t.get("contact.changed")
        for socket in (a, t):
            assert await socket.silent()


async def test_a_stranger_reads_nothing(alice: Phone, bob: Phone, charlie: Phone, friends: None) -> None:
    async with alice.online() as a, charlie.online() as c:
        sent = alice.message_to(bob)
        await a.ask(sent)
        assert (await c.ask(read(alice.chat_with(bob), sent["message_id"])))["code"] == "not_found"
        assert (await c.ask(read(str(uuid.uuid4()), sent["message_id"])))["code"] == "not_found"
        assert await a.silent()
    assert not await PrivateMessageStatus.objects.aexists()


async def test_ones_own_messages_and_unknown_ones_are_left_alone(alice: Phone, bob: Phone, friends: None) -> None:
    async with alice.online() as a:
        sent = alice.message_to(bob)
        await a.ask(sent)
        chat = alice.chat_with(bob)
        assert (await a.ask(read(chat, sent["message_id"], str(uuid.uuid4()))))["type"] == "done"
        assert await a.silent()
    assert not await PrivateMessageStatus.objects.aexists()


async def test_before_the_recipient_accepts_the_sender_is_told_nothing(alice: Phone, tablet: Phone, bob: Phone) -> None:
    async with alice.online() as a, tablet.online() as t, bob.online() as b:
        sent = bob.message_to(alice)
        await b.ask(sent)
        await a.ack((await a.get("envelope"))["envelope"])
        await t.get("envelope")
        await a.ask(read(alice.chat_with(bob), sent["message_id"]))
        assert (await t.get("message.read"))["messages"] == [sent["message_id"]]
        for socket in (a, t, b):
            assert await socket.silent()


@pytest.mark.parametrize("messages", [[], ["x"], [str(uuid.uuid4())] * 501])
async def test_a_malformed_read_is_refused(messages: list[str], alice: Phone, bob: Phone) -> None:
    async with bob.online() as b:
        assert (await b.ask(read(alice.chat_with(bob), *messages)))["code"] == "malformed"
        assert await b.silent()
