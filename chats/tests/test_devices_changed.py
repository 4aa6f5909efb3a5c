"""The set of devices decides: a send that fits an older one is refused with the newest, whoever's it is."""

from __future__ import annotations

import uuid

import pytest
from asgiref.sync import sync_to_async

from accounts.services import restore_device, restore_user, suspend_device, suspend_user
from chats.delivery.delivery import Delivery
from chats.models import PrivateMessage
from chats.tests.people import Phone
from messenger.lib import events
from messenger.lib.base64url import decode
from tests.cast import signed_object

pytestmark = pytest.mark.usefixtures("delivery")


def add_listed(person: Phone, name: str) -> None:
    person.member.add_device(name)
    person.member.publish()


async def test_a_new_device_of_the_recipient_is_told_with_the_signed_lists(alice: Phone, bob: Phone) -> None:
    async with alice.online() as a, bob.online() as b:
        await a.ask(alice.message_to(bob))
        await b.get("envelope")
        stale = alice.message_to(bob)
        await sync_to_async(add_listed)(bob, "new")
        for socket in (a, b):
            assert (await socket.get("devices.changed"))["account"] == bob.account
        answer = await a.ask(stale)
        assert (answer["type"], answer["code"]) == ("rejected", "devices_changed")
        told = {one["account"]: one for one in answer["accounts"]}
        newest = told[bob.account]
        assert newest["suspended"] == []
        assert bob.member.newest is not None
        assert decode(newest["lists"][0]["payload"]) == signed_object(bob.member.newest.signed).payload
        assert await b.silent()
        again = alice.message_to(bob, message_id=stale["message_id"])
        assert (await a.ask(again))["type"] == "message.accepted"
        await b.get("envelope")
    assert await PrivateMessage.objects.acount() == 2


async def test_a_change_in_another_process_is_noticed_by_the_commit(
    alice: Phone, bob: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with alice.online() as a, bob.online() as b:
        await a.ask(alice.message_to(bob))
        await b.get("envelope")
        stale = alice.message_to(bob)
        monkeypatch.setattr(events, "_publish", lambda event: None)
        await sync_to_async(add_listed)(bob, "new")
        assert (await a.ask(stale))["code"] == "devices_changed"
        assert (await a.ask(alice.message_to(bob)))["type"] == "message.accepted"
        await b.get("envelope")
        assert await b.silent()


async def test_a_suspended_device_gets_nothing_and_is_named(alice: Phone, tablet: Phone, bob: Phone) -> None:
    async with bob.online() as b, alice.online() as a:
        await b.ask(bob.message_to(alice))
        await a.get("envelope")
        await sync_to_async(suspend_device)(device=tablet.device)
        for socket in (a, b):
            await socket.get("devices.changed")
        refused = await b.ask(bob.message_to(alice))
        assert refused["code"] == "devices_changed"
        told = {one["account"]: one["suspended"] for one in refused["accounts"]}
        assert told[alice.account] == [tablet.id]
        sent = bob.message_to(alice)
        sent["envelopes"] = [one for one in sent["envelopes"] if one["device"] != tablet.id]
        accepted = await b.ask(sent)
        assert accepted["skipped"] == [tablet.id]
        await a.get("envelope")
        await sync_to_async(restore_device)(device=tablet.device)
        for socket in (a, b):
            await socket.get("devices.changed")
        # The first answer stands, though the set is another one now.
        assert await b.ask(sent | {"id": "again"}) == accepted | {"id": "again"}
        assert await a.silent()


async def test_a_device_without_a_bundle_may_be_left_out(alice: Phone, tablet: Phone, bob: Phone) -> None:
    sent = bob.message_to(alice)
    sent["envelopes"] = [one for one in sent["envelopes"] if one["device"] != tablet.id]
    async with bob.online() as b, alice.online() as a, tablet.online() as t:
        assert (await b.ask(sent))["code"] == "devices_changed"
        accepted = await b.ask(sent | {"skipped": [tablet.id]})
        assert (accepted["type"], accepted["skipped"]) == ("message.accepted", [])
        await a.get("envelope")
        assert await t.silent()


async def test_a_new_identity_is_told_with_its_list_and_leaves_the_other_devices_out(
    alice: Phone, tablet: Phone, bob: Phone, charlie: Phone, friends: None
) -> None:
    async with alice.online() as a, tablet.online() as t, bob.online() as b, charlie.online() as c:
        stale = bob.message_to(alice)
        await sync_to_async(alice.member.publish_new_identity)()
        for socket in (a, t, b):
            assert (await socket.get("devices.changed"))["account"] == alice.account
        refused = await b.ask(stale)
        assert refused["code"] == "devices_changed"
        told = {one["account"]: one["lists"] for one in refused["accounts"]}
        assert alice.member.newest is not None
        payload = signed_object(alice.member.newest.signed).payload
        assert [decode(one["payload"]) for one in told[alice.account]] == [payload]
        sent = bob.message_to(alice)
        sent["envelopes"] = [one for one in sent["envelopes"] if one["device"] != tablet.id]
        assert (await b.ask(sent))["type"] == "message.accepted"
        await a.get("envelope")
        assert (await t.ask(tablet.message_to(bob)))["code"] == "not_listed"
        for socket in (a, t, b, c):
            assert await socket.silent()


async def test_a_device_that_is_not_listed_cannot_send(alice: Phone, bob: Phone) -> None:
    device = await sync_to_async(alice.member.add_device)("unlisted")
    unlisted = await sync_to_async(Phone.sign_in)(alice.member, 2)
    assert unlisted.device == device
    alice.member.devices.pop()
    sent = unlisted.message_to(bob)
    async with unlisted.online(greeted=False) as u, bob.online() as b:
        await u.get("hello")
        assert (await u.ask(sent))["code"] == "not_listed"
        assert (await u.ask(unlisted.control_to(bob)))["code"] == "not_listed"
        assert await b.silent()


async def test_contacts_hear_that_devices_changed_and_strangers_do_not(
    alice: Phone, bob: Phone, charlie: Phone, friends: None, delivery: Delivery
) -> None:
    async with alice.online() as a, bob.online() as b, charlie.online() as c:
        await sync_to_async(add_listed)(bob, "new")
        for socket in (a, b):
            assert (await socket.get("devices.changed"))["account"] == bob.account
        for socket in (a, b, c):
            assert await socket.silent()


async def test_control_contents_reach_the_named_device_without_a_trace(alice: Phone, tablet: Phone, bob: Phone) -> None:
    async with bob.online() as b, alice.online() as a, tablet.online() as t:
        sent = bob.control_to(tablet)
        assert (await b.ask(sent))["type"] == "done"
        got = await t.get("envelope")
        assert (got["kind"], got["chat"], got["stamp"], got["request"]) == ("control", None, None, False)
        assert (got["message_id"], got["body"]) == (sent["message_id"], sent["envelopes"][0]["body"])
        await t.ack(got["envelope"])
        for socket in (a, b, t):
            assert await socket.silent()
    assert not await PrivateMessage.objects.aexists()


async def test_control_contents_for_devices_that_are_not_listed_are_refused(alice: Phone, bob: Phone) -> None:
    sent = bob.control_to(alice)
    sent["envelopes"][0]["device"] = str(uuid.uuid4())
    async with bob.online() as b, alice.online() as a:
        assert (await b.ask(sent))["code"] == "devices_changed"
        assert await a.silent()


async def test_a_suspended_account_cannot_be_written_to_until_it_is_restored(alice: Phone, bob: Phone) -> None:
    async with alice.online() as a:
        assert (await a.ask(alice.message_to(bob)))["type"] == "message.accepted"
        await sync_to_async(suspend_user)(user=bob.member.user)
        assert (await a.get("devices.changed"))["account"] == bob.account
        assert (await a.ask(alice.message_to(bob)))["code"] == "not_found"
        await sync_to_async(restore_user)(user=bob.member.user)
        assert (await a.get("devices.changed"))["account"] == bob.account
        assert (await a.ask(alice.message_to(bob)))["type"] == "message.accepted"
