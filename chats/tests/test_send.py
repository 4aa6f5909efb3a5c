"""message.send on the socket: accepted after the commit, delivered once, in order, to exactly whom it was for."""

from __future__ import annotations

import asyncio
import os
import uuid
from typing import Any

import pytest

from accounts.models import Contact
from chats import buckets
from chats.delivery.delivery import Delivery
from chats.models import Envelope, PrivateMessage
from chats.tests.people import Phone, ciphertext
from messenger.lib.base64url import encode

pytestmark = pytest.mark.usefixtures("delivery")


async def test_a_message_reaches_the_recipient_and_the_senders_other_device(
    alice: Phone, tablet: Phone, bob: Phone, charlie: Phone
) -> None:
    async with alice.online() as a, tablet.online() as t, bob.online() as b, charlie.online() as c:
        sent = alice.message_to(bob)
        accepted = await a.ask(sent)
        assert accepted.keys() == {"type", "id", "message_id", "accepted_at", "skipped"}
        assert accepted["type"] == "message.accepted"
        assert accepted["message_id"] == sent["message_id"]
        got = await b.get("envelope")
        assert got | {"envelope": 0, "stamp": "", "stamp_key": ""} == {
            "type": "envelope",
            "envelope": 0,
            "kind": "message",
            "message_id": sent["message_id"],
            "sender": {"account": alice.account, "device": alice.id},
            "chat": alice.chat_with(bob),
            "accepted_at": accepted["accepted_at"],
            "request": True,
            "expired": False,
            "body": sent["envelopes"][0]["body"],
            "stamp": "",
            "stamp_key": "",
        }
        copy = await t.get("envelope")
        assert copy["body"] == sent["envelopes"][1]["body"]
        assert copy["request"] is False
        for socket in (a, b, t, c):
            assert await socket.silent()


async def test_what_was_sent_meanwhile_waits_and_comes_in_order(alice: Phone, bob: Phone) -> None:
    async with alice.online() as a:
        sent = [alice.message_to(bob) for _ in range(30)]
        for frame in sent:
            await a.say(frame)
        for frame in sent:
            assert (await a.get("message.accepted"))["id"] == frame["id"]
        assert await a.silent()
    async with bob.online(greeted=False) as b:
        await b.get("hello")
        got = [await b.get("envelope") for _ in sent]
        await b.get("queue.empty")
        assert [one["message_id"] for one in got] == [one["message_id"] for one in sent]
        assert [one["body"] for one in got] == [one["envelopes"][0]["body"] for one in sent]
        assert [one["envelope"] for one in got] == sorted(one["envelope"] for one in got)
        assert await b.silent()


async def test_from_memory_and_from_the_database_an_envelope_is_the_same(alice: Phone, bob: Phone) -> None:
    async with alice.online() as a, bob.online() as b:
        await a.ask(alice.message_to(bob))
        pushed = await b.get("envelope")
        assert await b.silent()
    async with bob.online(greeted=False) as b:
        await b.get("hello")
        assert await b.get("envelope") == pushed
        await b.get("queue.empty")
        assert await b.silent()


async def test_a_repetition_gets_the_stored_answer_whatever_its_body_says(alice: Phone, bob: Phone) -> None:
    async with alice.online() as a, bob.online() as b:
        sent = alice.message_to(bob)
        first = await a.ask(sent)
        await b.get("envelope")
        variants: list[dict[str, Any]] = [
            {},
            {"envelopes": []},
            {"envelopes": [{"device": "nonsense"}]},
            {"to": str(uuid.uuid4())},
            {"to": alice.account},
            {"lists": {bob.account: "A" * 43, alice.account: "B" * 43}},
            {"surprise": 1},
        ]
        for changes in variants:
            again = await a.ask(sent | changes | {"id": "again"})
            assert again == first | {"id": "again"}
        assert await b.silent()
        assert await a.silent()
    assert await PrivateMessage.objects.acount() == 1


async def test_the_same_message_twice_in_one_batch_is_written_once(alice: Phone, bob: Phone) -> None:
    async with alice.online() as a, bob.online() as b:
        await a.ask(alice.message_to(bob))
        await b.get("envelope")
        sent = alice.message_to(bob)
        for number in range(5):
            await a.say(sent | {"id": str(number)})
        answers = [await a.get("message.accepted") for _ in range(5)]
        assert len({one["accepted_at"] for one in answers}) == 1
        await b.get("envelope")
        assert await b.silent()


async def test_two_devices_may_choose_the_same_message_id(alice: Phone, bob: Phone, charlie: Phone) -> None:
    async with alice.online() as a, charlie.online() as c, bob.online() as b:
        sent = alice.message_to(bob)
        assert (await a.ask(sent))["type"] == "message.accepted"
        other = charlie.message_to(bob, message_id=sent["message_id"])
        assert (await c.ask(other))["type"] == "message.accepted"
        senders = {(await b.get("envelope"))["sender"]["account"] for _ in range(2)}
        assert senders == {alice.account, charlie.account}
        assert await b.silent()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"to": str(uuid.UUID(int=7))}, "malformed"),  # lists name somebody else
        ({"envelopes": []}, "devices_changed"),
        ({"lists": {}}, "malformed"),
        ({"message_id": "nonsense"}, "malformed"),
        ({"message_id": str(uuid.uuid4()).upper()}, "malformed"),
        ({"skipped": [str(uuid.uuid4())]}, "devices_changed"),
        ({"skipped": "x"}, "malformed"),
        ({"surprise": True}, "malformed"),
    ],
)
async def test_what_cannot_be_accepted_is_refused_and_leaves_nothing(
    changes: dict[str, Any], code: str, alice: Phone, bob: Phone
) -> None:
    async with alice.online() as a, bob.online() as b:
        answer = await a.ask(alice.message_to(bob, **changes))
        assert (answer["type"], answer["code"]) == ("rejected", code)
        assert (await a.ask(alice.message_to(bob)))["type"] == "message.accepted"
        await b.get("envelope")
        assert await b.silent()
    assert await Envelope.objects.acount() == 2  # of the good one: bob's, and alice's other device's


@pytest.mark.parametrize("bad", ["AAAA", "not base64!", "gQ==", ""])
async def test_a_body_that_is_no_ciphertext_is_refused(bad: str, alice: Phone, bob: Phone) -> None:
    sent = alice.message_to(bob)
    sent["envelopes"][0]["body"] = bad
    async with alice.online() as a, bob.online() as b:
        assert (await a.ask(sent))["code"] == "malformed"
        assert await b.silent()


async def test_envelopes_whose_franking_tags_differ_are_refused(alice: Phone, bob: Phone) -> None:
    sent = alice.message_to(bob)
    sent["envelopes"][1]["body"] = ciphertext(os.urandom(32))
    async with alice.online() as a, bob.online() as b:
        assert (await a.ask(sent))["code"] == "malformed"
        assert await b.silent()
    assert not await PrivateMessage.objects.aexists()


async def test_a_message_to_oneself_is_refused(alice: Phone) -> None:
    sent = alice.message_to(alice)
    async with alice.online() as a:
        assert (await a.ask(sent))["code"] == "malformed"
        assert await a.silent()


async def test_a_message_to_nobody_is_refused(alice: Phone, bob: Phone) -> None:
    nobody = str(uuid.uuid4())
    sent = alice.message_to(bob, to=nobody)
    sent["lists"] = {nobody: "A" * 43, alice.account: sent["lists"][alice.account]}
    async with alice.online() as a:
        assert (await a.ask(sent))["code"] == "not_found"
    assert not await Contact.objects.aexists()


async def test_a_sender_past_its_share_is_told_when_to_try_again(
    alice: Phone, bob: Phone, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(buckets, "clock", lambda: now)
    async with alice.online() as a, bob.online() as b:
        for _ in range(settings.SEND_BURST):
            await a.say(alice.message_to(bob))
        answers = [await a.next() for _ in range(settings.SEND_BURST)]
        assert {one["type"] for one in answers} == {"message.accepted"}
        refused = await a.ask(alice.message_to(bob))
        assert refused["code"] == "too_many_requests"
        assert 0 < refused["retry_after"] <= 1 / settings.SEND_RATE + 0.001
        now += refused["retry_after"]
        assert (await a.ask(alice.message_to(bob)))["type"] == "message.accepted"
        assert (await b.get("envelope"))["kind"] == "message"


async def test_the_stamp_is_over_tag_sender_chat_and_time(alice: Phone, bob: Phone) -> None:
    from chats import franking

    tag = os.urandom(32)
    sent = alice.message_to(bob)
    for one in sent["envelopes"]:
        one["body"] = ciphertext(tag)
    async with alice.online() as a, bob.online() as b:
        accepted = await a.ask(sent)
        got = await b.get("envelope")
    chat = uuid.UUID(alice.chat_with(bob)).bytes
    expected = franking.stamp(tag, alice.member.id.bytes, chat, accepted["accepted_at"])
    assert (got["stamp"], got["stamp_key"]) == (encode(expected), franking.key_id())


async def test_nothing_leaves_before_the_commit(
    alice: Phone, bob: Phone, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, real = asyncio.Event(), delivery.store.accept_batch

    async def slow(sends: Any) -> Any:
        await gate.wait()
        return await real(sends)

    monkeypatch.setattr(delivery.store, "accept_batch", slow)
    async with alice.online() as a, bob.online() as b:
        await a.say(alice.message_to(bob))
        assert await a.silent()
        assert await b.silent()
        gate.set()
        await a.get("message.accepted")
        await b.get("envelope")


async def test_a_database_that_fails_gives_unavailable_and_the_repetition_works(
    alice: Phone, bob: Phone, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chats.writer.store import StoreFailed

    async def broken(sends: Any) -> Any:
        raise StoreFailed

    sent = alice.message_to(bob)
    async with alice.online() as a, bob.online() as b:
        with monkeypatch.context() as patch:
            patch.setattr(delivery.store, "accept_batch", broken)
            answer = await a.ask(sent)
            assert (answer["code"], answer["retry_after"]) == ("unavailable", 1)
        assert (await a.ask(sent))["type"] == "message.accepted"
        await b.get("envelope")
        assert await b.silent()
