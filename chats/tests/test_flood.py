"""What one socket can cost the others: refused frames count, and no queue is one device's alone."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import orjson
import pytest

from chats import buckets, frames
from chats.delivery import admission, handlers
from chats.delivery.delivery import Delivery
from chats.frames import AckFrame, Refused
from chats.ids import MessageId
from chats.limits import ACK_BACKLOG, ACKS_PER_FRAME, FRAME_BYTES, PARTS_PER_FRAME
from chats.sends import Accepted, Send
from chats.tests.people import Phone
from messenger.lib.errors import DomainError, Malformed, Unavailable

pytestmark = pytest.mark.usefixtures("delivery")


def small_share(monkeypatch: pytest.MonkeyPatch, burst: int) -> None:
    monkeypatch.setattr(buckets, "sends", buckets.Buckets(burst, 0.001))


async def test_a_frame_of_very_many_members_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    lists = {str(number): "x" for number in range(PARTS_PER_FRAME + 2)}
    raw = orjson.dumps({"type": "message.send", "id": "a", "lists": lists}).decode()
    monkeypatch.delattr(frames, "orjson")
    refused = frames.decode(raw)
    assert isinstance(refused, Refused)
    assert (refused.id, refused.error.code) == (None, "malformed")


async def test_the_fullest_ack_is_read() -> None:
    unreadable = [{"envelope": 2**53 - 1, "cause": "bad_franking"}] * ACKS_PER_FRAME
    full = {"type": "ack", "id": "a", "envelopes": [2**53 - 1] * ACKS_PER_FRAME, "unreadable": unreadable}
    assert isinstance(frames.decode(orjson.dumps(full).decode()), AckFrame)


async def test_very_many_errors_of_a_body_are_not_listed() -> None:
    def errors(surplus: int) -> Any:
        with pytest.raises(Malformed) as refused:
            frames.read(frames.MessagesBody, {str(number): 1 for number in range(surplus)})
        return refused.value.errors

    assert len(errors(50)) == 20
    assert errors(1_000) == []


UNFINISHED = orjson.dumps({"type": "message.send", "id": "x", "message_id": str(uuid.uuid4())}).decode()


@pytest.mark.parametrize("raw", ["{", '{"type":"ack","unknown":1}', UNFINISHED])
async def test_refused_frames_past_the_share_close_the_socket(
    raw: str, alice: Phone, bob: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_share(monkeypatch, 3)
    async with alice.online() as a, bob.online() as b:
        for _ in range(5):
            await a.say(raw)
        heard = [await a.next()]
        while heard[-1]["type"] != "closed":
            assert heard[-1]["code"] == "malformed"
            heard.append(await a.next())
        assert heard[-1]["code"] == 1013
        assert await a.silent()
        assert (await b.ask(bob.message_to(alice)))["type"] == "message.accepted"


async def test_a_large_refused_frame_costs_more_than_a_small_one(alice: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    small_share(monkeypatch, 30)
    large = '{"type":"ack","id":"' + "x" * (FRAME_BYTES - 100) + '"}'
    async with alice.online() as a:
        await a.say(large)
        await a.get("rejected")
        await a.say("{")
        assert await a.next() == {"type": "closed", "code": 1013}


async def test_sends_that_wait_for_facts_are_bounded_for_each_device(
    alice: Phone, bob: Phone, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "WAITING_PER_DEVICE", 2)
    outcomes: dict[str, list[object]] = {alice.id: [], bob.id: []}

    def settle(send: Send, outcome: Accepted | DomainError) -> None:
        outcomes[send.device].append(outcome)

    for phone in (alice, alice, alice, bob):
        send = Send(phone.account, phone.id, MessageId(str(uuid.uuid4())), settle)
        delivery.admission.refuse(send, Malformed())
    assert [type(one) for one in outcomes[alice.id]] == [Unavailable]
    await delivery.admission.finish()
    assert [type(one) for one in outcomes[alice.id]] == [Unavailable, Malformed, Malformed]
    assert [type(one) for one in outcomes[bob.id]] == [Malformed]


async def test_acks_of_anything_are_read_no_further_than_the_database_deletes(
    alice: Phone, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, real = asyncio.Event(), delivery.store.acknowledge

    async def stuck(acks: Any, now: int) -> Any:
        await gate.wait()
        return await real(acks, now)

    monkeypatch.setattr(delivery.store, "acknowledge", stuck)
    monkeypatch.setattr(buckets, "acks", buckets.Buckets(100_000, 1))
    async with alice.online() as a:
        connection = delivery.hub.devices[alice.id]
        for frame in range(10):
            await a.say({"type": "ack", "id": str(frame), "envelopes": [frame * 1_000 + n for n in range(1, 1_001)]})
        assert await a.silent()
        assert ACK_BACKLOG < connection.gathered <= ACK_BACKLOG + ACKS_PER_FRAME + 10
        gate.set()
        assert [(await a.get("done"))["id"] for _ in range(10)] == [str(frame) for frame in range(10)]
        assert connection.gathered == 0
        assert await a.silent()


async def test_a_socket_that_acknowledges_what_it_was_never_sent_is_slowed_down(
    alice: Phone, bob: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(buckets, "acks", buckets.Buckets(1, 0.001))
    monkeypatch.setattr(handlers, "MOST_ACK_PAUSE", 0.4)
    async with alice.online() as a, bob.online() as b:
        sent = [alice.message_to(bob) for _ in range(3)]
        for frame in sent:
            await a.ask(frame)
            await b.ack((await b.get("envelope"))["envelope"])  # what was sent here costs nothing
        for frame_id in "123":
            await b.say({"type": "ack", "id": frame_id, "envelopes": [10**6]})
        assert [(await b.get("done"))["id"] for _ in range(2)] == ["1", "2"]
        assert await b.silent()
        assert (await b.get("done"))["id"] == "3"
