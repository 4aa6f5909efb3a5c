"""ack: exact ids, of one's own device, and what the sender hears of it."""

from __future__ import annotations

from typing import Any

import pytest

from chats.delivery.delivery import Delivery
from chats.models import Envelope, PrivateMessageStatus
from chats.tests.people import Phone

pytestmark = pytest.mark.usefixtures("delivery")


async def test_an_acknowledged_envelope_is_gone_and_the_sender_hears_of_it(
    alice: Phone, tablet: Phone, bob: Phone, charlie: Phone, friends: None
) -> None:
    async with alice.online() as a, tablet.online() as t, bob.online() as b, charlie.online() as c:
        sent = alice.message_to(bob)
        await a.ask(sent)
        position = (await b.get("envelope"))["envelope"]
        await t.get("envelope")
        await b.ack(position)
        assert not await Envelope.objects.filter(pk=position).aexists()
        for socket in (a, t):
            heard = await socket.get("message.delivered")
            assert heard | {"at": 0} == {
                "type": "message.delivered",
                "chat": alice.chat_with(bob),
                "messages": [sent["message_id"]],
                "account": bob.account,
                "device": bob.id,
                "at": 0,
            }
        await b.ack(position)  # again changes nothing
        for socket in (a, t, b, c):
            assert await socket.silent()


async def test_after_all_acks_no_ciphertext_is_left(alice: Phone, tablet: Phone, bob: Phone) -> None:
    async with alice.online() as a, tablet.online() as t, bob.online() as b:
        for _ in range(10):
            await a.ask(alice.message_to(bob))
            await b.ack((await b.get("envelope"))["envelope"])
            await t.ack((await t.get("envelope"))["envelope"])
        assert await a.silent()  # bob has not accepted alice
    assert not await Envelope.objects.aexists()


async def test_a_copy_on_ones_own_device_is_no_delivery(alice: Phone, tablet: Phone, bob: Phone, friends: None) -> None:
    async with alice.online() as a, tablet.online() as t:
        await a.ask(alice.message_to(bob))
        await t.ack((await t.get("envelope"))["envelope"])
        assert await a.silent()
    assert not await PrivateMessageStatus.objects.aexists()


async def test_acknowledging_another_devices_envelope_does_nothing(
    alice: Phone, tablet: Phone, bob: Phone, charlie: Phone, friends: None
) -> None:
    async with alice.online() as a, charlie.online() as c, tablet.online() as t:
        await a.ask(alice.message_to(bob))
        positions = [position async for position in Envelope.objects.values_list("position", flat=True)]
        await t.get("envelope")
        await c.ack(*positions)
        assert await Envelope.objects.acount() == 2
        assert await a.silent()
        assert await c.silent()
    async with bob.online(greeted=False) as b:
        await b.get("hello")
        await b.get("envelope")
        await b.get("queue.empty")


async def test_acks_of_one_chat_are_told_together(alice: Phone, bob: Phone, friends: None) -> None:
    async with alice.online() as a, bob.online() as b:
        sent = [alice.message_to(bob) for _ in range(5)]
        for frame in sent:
            await a.ask(frame)
        await b.ack(*[(await b.get("envelope"))["envelope"] for _ in sent])
        heard = await a.get("message.delivered")
        assert sorted(heard["messages"]) == sorted(frame["message_id"] for frame in sent)
        assert await a.silent()


async def test_an_unreadable_envelope_is_gone_and_its_cause_is_counted(
    alice: Phone, bob: Phone, friends: None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with alice.online() as a, bob.online() as b:
        await a.ask(alice.message_to(bob))
        position = (await b.get("envelope"))["envelope"]
        unreadable = [{"envelope": position, "cause": "undecryptable"}]
        assert (await b.ask({"type": "ack", "id": "1", "unreadable": unreadable}))["type"] == "done"
        assert not await Envelope.objects.filter(pk=position).aexists()
        await a.get("message.delivered")
    assert "envelopes_unreadable undecryptable=1" in caplog.text


@pytest.mark.parametrize(
    "members",
    [
        {"envelopes": [0]},
        {"envelopes": ["1"]},
        {"envelopes": [1.0]},
        {"envelopes": [2**60]},
        {"envelopes": list(range(1, 1002))},
        {"unreadable": [{"envelope": 1, "cause": "dog ate it"}]},
    ],
)
async def test_a_malformed_ack_is_refused_and_deletes_nothing(
    members: dict[str, Any], alice: Phone, bob: Phone
) -> None:
    async with alice.online() as a, bob.online() as b:
        await a.ask(alice.message_to(bob))
        position = (await b.get("envelope"))["envelope"]
        assert (await b.ask({"type": "ack", "id": "1", **members}))["code"] == "malformed"
        assert await Envelope.objects.filter(pk=position).aexists()
        await b.ack(position)


async def test_what_was_not_acknowledged_comes_again(alice: Phone, bob: Phone) -> None:
    async with alice.online() as a:
        sent = [alice.message_to(bob) for _ in range(3)]
        for frame in sent:
            await a.ask(frame)
    for _ in range(2):
        async with bob.online(greeted=False) as b:
            await b.get("hello")
            got = [await b.get("envelope") for _ in sent]
            await b.get("queue.empty")
    async with bob.online(greeted=False) as b:
        await b.get("hello")
        for _ in sent:
            await b.get("envelope")
        await b.get("queue.empty")
        await b.ack(got[1]["envelope"])
    async with bob.online(greeted=False) as b:
        await b.get("hello")
        left = [(await b.get("envelope"))["message_id"] for _ in range(2)]
        await b.get("queue.empty")
        assert left == [sent[0]["message_id"], sent[2]["message_id"]]
        assert await b.silent()


async def test_an_ack_that_the_database_refuses_is_tried_again(
    alice: Phone, bob: Phone, friends: None, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chats.delivery import on_demand
    from chats.writer.store import StoreFailed

    monkeypatch.setattr(on_demand, "PAUSE_AFTER_FAILURE", 0.01)
    real, failures = delivery.store.acknowledge, [StoreFailed(), StoreFailed()]

    async def flaky(acks: Any, now: int) -> object:
        if failures:
            raise failures.pop()
        return await real(acks, now)

    async with alice.online() as a, bob.online() as b:
        await a.ask(alice.message_to(bob))
        position = (await b.get("envelope"))["envelope"]
        monkeypatch.setattr(delivery.store, "acknowledge", flaky)
        await b.ack(position)
        await a.get("message.delivered")
