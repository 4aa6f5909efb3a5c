"""A device that its account has not listed: whoever knows the password can make one, and it is outside of chats."""

from __future__ import annotations

import pytest
from asgiref.sync import sync_to_async
from django.test import Client
from django.urls import URLPattern

from accounts.models import Contact
from chats.delivery.delivery import Delivery
from chats.permissions import IsListedDevice
from chats.tests.people import Phone
from chats.urls import urlpatterns
from messenger.lib import events
from messenger_client.protocol.keys import OwnDevice

pytestmark = pytest.mark.usefixtures("delivery")
LEFT_OUT: dict[str, OwnDevice] = {}


@pytest.fixture
def unlisted(alice: Phone, delivery: Delivery) -> Phone:
    """A device of alice's that proved its key, and that no list names."""
    alice.member.add_device("somebody's")
    phone = Phone.sign_in(alice.member, 2)
    _leave_out(alice, phone)
    return phone


def _leave_out(alice: Phone, phone: Phone) -> None:
    """The next list of alice's will not name it."""
    place = alice.member.devices.index(phone.device)
    del alice.member.devices[place]
    LEFT_OUT[phone.id] = alice.member.own.pop(place)


def list_it(alice: Phone, unlisted: Phone) -> None:
    alice.member.devices.append(unlisted.device)
    alice.member.own.append(LEFT_OUT.pop(unlisted.id))
    alice.member.publish()


def delist_it(alice: Phone, device: Phone) -> None:
    _leave_out(alice, device)
    alice.member.publish()


@pytest.mark.parametrize("pattern", urlpatterns, ids=lambda pattern: str(pattern.name))
async def test_every_view_of_chats_asks_for_a_listed_device(pattern: URLPattern) -> None:
    view = pattern.callback.view_class  # type: ignore[attr-defined]  # as_view has set it
    assert view.permission_classes == [IsListedDevice]


async def test_an_unlisted_device_reads_and_changes_nothing_over_rest(
    alice: Phone, bob: Phone, unlisted: Phone, friends: None, client: Client
) -> None:
    headers = {"authorization": f"Bearer {unlisted.access}"}
    for path in ("chats", "contacts", "envelopes"):
        answer = await sync_to_async(client.get)(f"/api/v1/{path}", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (409, "not_listed")
    for path in (f"contacts/{bob.account}/block", "messages", "device-messages", "envelopes/ack", "messages/read"):
        answer = await sync_to_async(client.post)(
            f"/api/v1/{path}", {}, content_type="application/json", headers=headers
        )
        assert (answer.status_code, answer.json()["code"]) == (409, "not_listed")
    assert not await Contact.objects.filter(state=Contact.State.BLOCKED).aexists()
    assert (await sync_to_async(client.get)("/api/v1/keys/prekeys", headers=headers)).status_code == 200


async def test_an_unlisted_socket_hears_of_its_own_list_and_prekeys_and_of_nothing_else(
    alice: Phone, bob: Phone, unlisted: Phone, friends: None
) -> None:
    async with unlisted.online(greeted=False) as u, alice.online() as a, bob.online() as b:
        await u.get("hello")
        sent = alice.message_to(bob)
        await a.ask(sent)
        await b.ack((await b.get("envelope"))["envelope"])
        await a.get("message.delivered")
        await b.say({"type": "typing", "chat": alice.chat_with(bob), "on": True})
        await a.get("typing")
        await b.ask({"type": "message.read", "id": "1", "chat": alice.chat_with(bob), "messages": [sent["message_id"]]})
        await a.get("message.read")
        await sync_to_async(_publish_again)(bob)
        assert (await a.get("devices.changed"))["account"] == bob.account
        assert await u.silent()
        await sync_to_async(_publish_again)(alice)
        assert (await u.get("devices.changed"))["account"] == alice.account
        low = events.PrekeysLow(device_id=unlisted.device.pk, one_time=1, one_time_kem=1)
        await sync_to_async(events.publish_on_commit)(low)
        await u.get("prekeys.low")
        assert await u.silent()


async def test_whatever_an_unlisted_socket_says_is_refused(
    alice: Phone, bob: Phone, unlisted: Phone, friends: None
) -> None:
    chat = alice.chat_with(bob)
    async with unlisted.online(greeted=False) as u, alice.online() as a, bob.online() as b:
        await u.get("hello")
        accepted = alice.message_to(bob)
        await a.ask(accepted)
        position = (await b.get("envelope"))["envelope"]
        for frame in (
            unlisted.message_to(bob),
            unlisted.control_to(bob),
            {"type": "ack", "id": "1", "envelopes": [position]},
            {"type": "message.read", "id": "2", "chat": chat, "messages": [accepted["message_id"]]},
        ):
            assert (await u.ask(frame))["code"] == "not_listed"
        await u.say({"type": "typing", "chat": chat, "on": True})
        assert (await u.get("rejected"))["code"] == "not_listed"
        assert (await u.ask({"type": "token", "id": "3", "access": unlisted.access}))["type"] == "done"
        for socket in (u, a, b):
            assert await socket.silent()


@pytest.mark.parametrize("told", [True, False])
async def test_a_socket_whose_device_is_listed_gets_what_waits_from_then_on(
    told: bool, alice: Phone, bob: Phone, unlisted: Phone, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with unlisted.online(greeted=False) as u, bob.online() as b:
        await u.get("hello")
        if not told:
            monkeypatch.setattr(events, "_publish", lambda event: None)
        await sync_to_async(list_it)(alice, unlisted)
        if not told:
            await delivery.sweep()
        # Two look-ups that do not wait for each other: which is first is not promised.
        expected = {"devices.changed", "queue.empty"} if told else {"queue.empty"}
        assert {(await u.next())["type"] for _ in expected} == expected
        assert (await b.ask(bob.message_to(alice)))["type"] == "message.accepted"
        await u.get("envelope")
        assert await u.silent()


async def test_a_device_that_was_listed_a_moment_ago_may_send_at_once(
    alice: Phone, bob: Phone, unlisted: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "_publish", lambda event: None)
    async with unlisted.online(greeted=False) as u, bob.online() as b:
        await u.get("hello")
        await sync_to_async(list_it)(alice, unlisted)
        await u.say(unlisted.message_to(bob))
        assert {(await u.next())["type"] for _ in range(2)} == {"queue.empty", "message.accepted"}
        await b.get("envelope")


async def test_a_socket_whose_device_left_the_list_gets_nothing_more(
    alice: Phone, tablet: Phone, bob: Phone, friends: None
) -> None:
    async with tablet.online() as t, alice.online() as a, bob.online() as b:
        stale = bob.control_to(tablet)
        await sync_to_async(delist_it)(alice, tablet)
        for socket in (t, a, b):
            await socket.get("devices.changed")
        assert (await b.ask(stale))["code"] == "devices_changed"
        assert (await b.ask(bob.message_to(alice)))["type"] == "message.accepted"
        await a.ack((await a.get("envelope"))["envelope"])
        await b.get("message.delivered")
        assert (await t.ask(tablet.control_to(bob)))["code"] == "not_listed"
        assert await t.silent()


def _publish_again(person: Phone) -> None:
    person.member.add_device("one more")
    person.member.publish()
