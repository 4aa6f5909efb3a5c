"""Who gets a socket, who loses it, and what is said on it that is no frame."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from accounts.models import Session
from accounts.services import end_all_sessions, suspend_device
from accounts.services.sessions import open_session
from chats import buckets
from chats.delivery.between import Word
from chats.delivery.delivery import Delivery
from chats.limits import FRAME_BYTES
from chats.models import Envelope
from chats.tests.people import Phone, Socket
from messenger.lib import events

pytestmark = pytest.mark.usefixtures("delivery")


async def refused(socket: Socket) -> bool:
    await socket.open()
    return not socket.opened


async def test_hello_names_the_device_and_the_limits(alice: Phone) -> None:
    socket = Socket(alice)
    await socket.open()
    hello = await socket.get("hello")
    assert (hello["account"], hello["device"]) == (alice.account, alice.id)
    assert hello["limits"].keys() == {
        "frame_bytes", "body_bytes", "window", "envelopes_per_send", "sends_burst", "sends_per_second",
    }  # fmt: skip
    await socket.get("queue.empty")
    assert await socket.silent()
    await socket.leave()


async def test_nobody_gets_a_socket_without_a_device_token(alice: Phone) -> None:
    bearer = b"Bearer "
    for headers in ([], [(b"authorization", b"Bearer nonsense")], [(b"authorization", bearer + b"\xff")]):
        assert await refused(Socket(alice, headers))
    assert await refused(Socket(alice, subprotocols=()))
    assert await refused(Socket(alice, subprotocols=("messenger.v2",)))


async def test_a_password_alone_reads_and_acknowledges_nothing(alice: Phone, bob: Phone, client: Any) -> None:
    async with alice.online() as a:
        await a.ask(alice.message_to(bob))
    known = await sync_to_async(open_session)(user=bob.member.user, device=None, now=timezone.now())
    assert await refused(Socket(bob, [(b"authorization", b"Bearer " + known.access.encode())]))
    position = (await Envelope.objects.aget(device=bob.device)).position
    headers = {"authorization": f"Bearer {known.access}"}
    ask = sync_to_async(client.get)
    assert (await ask("/api/v1/envelopes", headers=headers)).status_code == 403
    tell = sync_to_async(client.post)
    body = {"envelopes": [position]}
    answer = await tell("/api/v1/envelopes/ack", body, content_type="application/json", headers=headers)
    assert answer.status_code == 403
    assert await Envelope.objects.filter(pk=position).aexists()


async def test_the_newer_socket_of_a_device_wins(alice: Phone, bob: Phone) -> None:
    async with bob.online() as older, alice.online() as a, bob.online() as newer:
        assert await older.next() == {"type": "closed", "code": 4409}
        await a.ask(alice.message_to(bob))
        await newer.get("envelope")
        assert await newer.silent()
        assert await older.silent()


async def test_a_newer_socket_in_another_process_wins(alice: Phone, delivery: Delivery) -> None:
    async with alice.online() as a:
        opened = delivery.hub.devices[alice.id].opened
        word = Word().as_message()
        delivery._heard(word | {"arrived": [[alice.id, opened - 1]]})
        assert await a.silent()  # that one is the older
        delivery._heard(word | {"arrived": [[alice.id, opened + 1]]})
        assert await a.next() == {"type": "closed", "code": 4409}


async def test_a_suspended_device_is_closed_and_hears_nothing_more(
    alice: Phone, tablet: Phone, bob: Phone, delivery: Delivery
) -> None:
    async with tablet.online() as t, alice.online() as a:
        await sync_to_async(suspend_device)(device=tablet.device)
        closed = await t.next()
        while closed["type"] == "devices.changed":
            closed = await t.next()
        assert closed == {"type": "closed", "code": 4403}
        assert tablet.id not in delivery.hub.devices
        await a.get("devices.changed")
        assert await t.silent()
    assert await refused(Socket(tablet))


async def test_the_sweep_closes_what_no_event_told_of(
    alice: Phone, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "_publish", lambda event: None)
    async with alice.online() as a:
        await delivery.sweep()
        assert await a.silent()
        await sync_to_async(end_all_sessions)(user=alice.member.user)
        await delivery.sweep()
        assert await a.next() == {"type": "closed", "code": 4403}


async def test_a_token_that_ran_out_closes_the_socket(alice: Phone, bob: Phone, delivery: Delivery) -> None:
    async with alice.online() as a, bob.online() as b:
        for phone in (alice, bob):
            delivery.hub.devices[phone.id].expires_at = 0
        await delivery.sweep()
        assert await b.next() == {"type": "closed", "code": 4401}
        assert await a.next() == {"type": "closed", "code": 4401}


async def test_a_token_that_ran_out_sends_nothing_more(alice: Phone, bob: Phone, delivery: Delivery) -> None:
    async with alice.online() as a, bob.online() as b:
        delivery.hub.devices[alice.id].expires_at = 0
        await a.say(alice.message_to(bob))
        assert await a.next() == {"type": "closed", "code": 4401}
        assert await b.silent()


async def test_a_fresh_token_keeps_the_socket(alice: Phone, bob: Phone, delivery: Delivery) -> None:
    fresh = await sync_to_async(Phone.sign_in)(alice.member)
    async with alice.online() as a:
        connection = delivery.hub.devices[alice.id]
        connection.expires_at = 0
        assert (await a.ask({"type": "token", "id": "1", "access": fresh.access}))["type"] == "done"
        assert connection.expires_at > 0
        await sync_to_async(Session.objects.exclude(pk=connection.session).delete)()
        await delivery.sweep()
        assert (await a.ask(alice.message_to(bob)))["type"] == "message.accepted"
        assert await a.silent()


@pytest.mark.parametrize("whose", ["bob", "nobody", "account"])
async def test_a_token_of_somebody_else_changes_nothing(
    whose: str, alice: Phone, bob: Phone, delivery: Delivery
) -> None:
    account = await sync_to_async(open_session)(user=alice.member.user, device=None, now=timezone.now())
    access = {"bob": bob.access, "nobody": "nonsense", "account": account.access}[whose]
    code = "wrong_token" if whose == "account" else "not_signed_in"
    async with alice.online() as a:
        before = delivery.hub.devices[alice.id].expires_at
        assert (await a.ask({"type": "token", "id": "1", "access": access}))["code"] == code
        assert delivery.hub.devices[alice.id].expires_at == before
        assert (await a.ask(alice.message_to(bob)))["type"] == "message.accepted"


async def test_a_device_may_open_only_so_many_sockets(alice: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "sockets", buckets.Buckets(2, 0.001))
    for _ in range(2):
        async with alice.online():
            pass
    assert await refused(Socket(alice))


DEEP = '{"type":' + "[" * 500 + "]" * 500 + "}"
MALFORMED = [
    "",
    "{",
    "null",
    "[]",
    "7",
    '"message.send"',
    "{}",
    '{"type":"chat.send"}',
    '{"type":["ack"]}',
    '{"type":null}',
    '{"type":"ack","type":"ack"}',
    '{"type":"ack","envelopes":[1],"envelopes":[2]}',
    '{"type":"ack","envelopes":[NaN]}',
    '{"type":"ack","envelopes":[1e2]}',
    '{"type":"ack","envelopes":[-1]}',
    '{"type":"ack","envelopes":[123456789012345678901234567890]}',
    '{"type":"ack","envelopes":{}}',
    '{"type":"ack","id":""}',
    '{"type":"ack","id":7}',
    '{"type":"ack","id":"' + "x" * 65 + '"}',
    '{"type":"ack","unknown":1}',
    '{"type":"token","id":"1"}',
    '{"type":"typing","chat":"x","on":true}',
    '{"type":"message.send","id":"1"}',
    '{"type":"ack"}trailing',
    '{"type":"ack\\ud800"}',
    DEEP,
]


@pytest.mark.parametrize("raw", [raw for raw in MALFORMED if raw])
async def test_a_malformed_frame_is_refused_and_the_next_one_works(raw: str, alice: Phone, bob: Phone) -> None:
    async with alice.online() as a, bob.online() as b:
        await a.say(raw)
        answer = await a.get("rejected")
        assert answer["code"] == "malformed"
        assert answer.keys() <= {"type", "id", "code", "detail"}
        assert (await a.ask(alice.message_to(bob)))["type"] == "message.accepted"
        await b.get("envelope")
        assert await a.silent()


async def test_spaces_and_escapes_of_ones_own_are_read_too(alice: Phone, bob: Phone) -> None:
    async with alice.online() as a, bob.online() as b:
        sent = alice.message_to(bob, id="Grüße")
        await a.say(orjson.dumps(sent, option=orjson.OPT_INDENT_2).decode().replace("ü", "\\u00fc"))
        assert (await a.get("message.accepted"))["id"] == "Grüße"
        await b.get("envelope")


async def test_a_binary_frame_and_one_too_large_close_the_socket(alice: Phone, bob: Phone) -> None:
    async with alice.online() as a, bob.online() as b:
        await a.wire.send_to(bytes_data=b"\x00")
        assert await a.next() == {"type": "closed", "code": 4400}
        await b.say('{"type":"ack","id":"' + "x" * FRAME_BYTES + '"}')
        assert await b.next() == {"type": "closed", "code": 4413}


async def test_a_device_is_told_that_its_prekeys_run_low(alice: Phone, tablet: Phone) -> None:
    async with alice.online() as a, tablet.online() as t:
        low = events.PrekeysLow(device_id=tablet.device.pk, one_time=3, one_time_kem=24)
        await sync_to_async(events.publish_on_commit)(low)
        assert await t.get("prekeys.low") == {"type": "prekeys.low", "one_time": 3, "one_time_kem": 24}
        assert await a.silent()
