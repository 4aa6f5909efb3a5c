"""Messages to group chats: one ciphertext, an envelope a device; the commit decides who is in it."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from types import SimpleNamespace
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from accounts.services import suspend_device
from chats import franking, group_facts, services
from chats.delivery.delivery import Delivery
from chats.ids import GroupId
from chats.models import Envelope, GroupMessage
from chats.tests.asking import Ask
from chats.tests.groups import MEMBER, META, Add, Group, Remove, SetMeta, account_of, do, own_of
from chats.tests.people import Phone
from chats.tests.test_rest import bare
from messenger.lib.base64url import decode, encode
from messenger_client.protocol import group_message

pytestmark = pytest.mark.usefixtures("delivery")


async def test_a_message_reaches_every_device_of_every_member_and_nobody_else(
    group: Group, alice: Phone, tablet: Phone, bob: Phone, charlie: Phone
) -> None:
    async with alice.online() as a, tablet.online() as t, bob.online() as b, charlie.online() as c:
        sent = group.message(alice, bob)
        accepted = await a.ask(sent)
        assert accepted.keys() == {"type", "id", "message_id", "accepted_at", "skipped"}
        assert (accepted["type"], accepted["skipped"]) == ("message.accepted", [])
        for socket in (t, b):
            got = await socket.get("envelope")
            assert (got["kind"], got["group"], got["body"]) == ("group", group.id, sent["body"])
            assert (got["message_id"], got["accepted_at"]) == (sent["message_id"], accepted["accepted_at"])
            assert got["sender"] == {"account": alice.account, "device": alice.id}
            assert (got["request"], got["expired"]) == (False, False)
            assert "chat" not in got
            stamped = decode(sent["body"])[-32:] + alice.member.id.bytes + uuid.UUID(group.id).bytes
            stamped += got["accepted_at"].to_bytes(8, "big")
            expected = hmac.digest(franking._key(), stamped, hashlib.sha256)
            assert (decode(got["stamp"]), got["stamp_key"]) == (expected, franking.key_id())
        assert await a.ask(sent | {"id": "again"}) == accepted | {"id": "again"}
        assert await a.ask(sent | {"id": "again", "body": 7}) == accepted | {"id": "again"}
        for socket in (a, t, b, c):
            assert await socket.silent()
    message = await GroupMessage.objects.aget()
    assert (bytes(message.ciphertext), message.waiting) == (decode(sent["body"]), 2)
    assert {bytes(one.ciphertext) async for one in Envelope.objects.all()} == {b""}


async def test_where_lists_have_grown_too_long_those_added_first_are_written_to_as_clients_choose_them(
    group: Group, alice: Phone, tablet: Phone, bob: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name in ((group_facts, "GROUP_DEVICES"), (group_message, "MAX_GROUP_DEVICES")):
        monkeypatch.setattr(module, name, 3)

    def grow() -> list[Phone]:
        for number in (2, 3):
            bob.member.add_device(f"bob's device {number}")
        bob.member.publish()
        return [alice, tablet, *(Phone.sign_in(bob.member, number) for number in range(3))]

    def written_to() -> dict[str, set[str]]:
        facts = group_facts.load_groups([GroupId(group.id)])[GroupId(group.id)]
        fans = {one.id: facts.fan(one.account, one.id) for one in phones}
        return {sender: {str(uuid.UUID(bytes=device)) for device in fan.devices} for sender, fan in fans.items()}

    phones = await sync_to_async(grow)()
    lists = {account_of(one): one.member.newest for one in phones}
    lookup: Any = SimpleNamespace(newest_list=lists.get)
    chosen = {
        one.id: {str(uuid.UUID(bytes=to.device)) for to in group_message.recipients(group.state, own_of(one), lookup)}
        for one in phones
    }
    assert await sync_to_async(written_to)() == chosen
    assert sorted(len(devices) for devices in chosen.values()) == [2, 2, 2, 3, 3]
    async with alice.online() as a:
        assert (await a.ask(group.message(alice, bob)))["type"] == "message.accepted"
    assert {str(one.device_id) async for one in Envelope.objects.all()} == chosen[alice.id]
    # Whoever is suspended keeps the place: clients do not know.
    await sync_to_async(suspend_device)(device=tablet.device)
    assert await sync_to_async(written_to)() == {sender: some - {tablet.id} for sender, some in chosen.items()}


async def test_who_was_away_gets_it_from_the_database_in_the_same_form(
    group: Group, alice: Phone, tablet: Phone, bob: Phone, ask: Ask
) -> None:
    async with alice.online() as a, tablet.online() as t:
        sent = group.message(alice, bob)
        await a.ask(sent)
        fresh = await t.get("envelope")
    async with bob.online(greeted=False) as b:
        await b.get("hello")
        got = await b.get("envelope")
        assert {**got, "envelope": 0} == {**fresh, "envelope": 0}
        await b.get("queue.empty")
    _, page = await ask(bob, "get", "envelopes")
    assert {"type": "envelope", **page["envelopes"][0]} == got


async def test_over_rest_it_is_the_same(
    group: Group, alice: Phone, tablet: Phone, bob: Phone, charlie: Phone, ask: Ask
) -> None:
    path = f"{group.path}/messages"
    async with bob.online() as b, charlie.online() as c:
        body = bare(group.message(alice, bob))
        del body["group"]
        status, accepted = await ask(alice, "post", path, body)
        assert (status, accepted.keys()) == (201, {"message_id", "accepted_at", "skipped"})
        assert (await b.get("envelope"))["message_id"] == body["message_id"]
        for changes in ({}, {"body": "x"}, {"surprise": 1}, {"gsh": encode(bytes(32))}):
            assert await ask(alice, "post", path, body | changes) == (201, accepted)
        for refused in (body | {"message_id": str(uuid.uuid4())}, body):
            assert (await ask(charlie, "post", path, refused))[0] == 404
        assert (await ask(None, "post", path, body))[0] == 401
        for socket in (b, c):
            assert await socket.silent()


async def test_a_stranger_is_told_what_one_is_told_of_no_group_chat(
    group: Group, alice: Phone, bob: Phone, charlie: Phone
) -> None:
    async with charlie.online() as c, alice.online() as a, bob.online() as b:
        answers = [await c.ask(group.message(charlie, group=one, id="1")) for one in (group.id, str(uuid.uuid4()))]
        assert answers[0] == answers[1]
        assert answers[0]["code"] == "not_found"
        read = {"type": "message.read", "id": "2", "messages": [str(uuid.uuid4())]}
        answers = [await c.ask(read | {"group": one}) for one in (group.id, str(uuid.uuid4()))]
        assert answers[0] == answers[1]
        assert answers[0]["code"] == "not_found"
        await c.say({"type": "typing", "group": group.id, "on": True})
        for socket in (a, b, c):
            assert await socket.silent()


async def test_a_message_across_an_operation_is_refused_with_it(
    group: Group, alice: Phone, tablet: Phone, bob: Phone, charlie: Phone
) -> None:
    async with alice.online() as a, bob.online() as b:
        await a.ask(group.message(alice, bob))
        await b.get("envelope")
        stale = group.message(alice, bob)
        done = await do(group, tablet, Add(account_of(charlie)))
        for socket in (a, b):
            await socket.get("group.changed")
        refused = await a.ask(stale)
        assert (refused["code"], refused["index"], refused["hash"]) == ("group_changed", 1, encode(done.state.hash))
        assert [one["payload"] for one in refused["operations"]] == [encode(done.operation.payload)]
        unknown = await a.ask(group.message(alice, bob, charlie, gsh=encode(b"?" * 32)))
        assert (unknown["code"], len(unknown["operations"])) == ("group_changed", 2)
        again = group.message(alice, bob, charlie, message_id=stale["message_id"])
        assert (await a.ask(again))["type"] == "message.accepted"
        await b.get("envelope")
        for socket in (a, b):
            assert await socket.silent()


async def test_who_was_removed_gets_and_sends_nothing_more(
    group: Group, alice: Phone, bob: Phone, delivery: Delivery
) -> None:
    async with alice.online() as a, bob.online() as b:
        await b.ask(group.message(bob, alice))
        await a.get("envelope")
        stale = group.message(alice, bob)
        await do(group, alice, Remove(account_of(bob), META))
        await b.get("group.changed")
        assert (await b.ask(group.message(bob, alice)))["code"] == "not_found"
        assert (await a.ask(stale))["code"] == "group_changed"
        assert (await a.ask(group.message(alice)))["type"] == "message.accepted"
        for socket in (a, b):
            assert await socket.silent()


async def test_a_new_device_of_a_member_is_noticed_by_the_commit(group: Group, alice: Phone, bob: Phone) -> None:
    def add() -> None:
        bob.member.add_device("new")
        bob.member.publish()

    async with alice.online() as a, bob.online() as b:
        await a.ask(group.message(alice, bob))
        await b.get("envelope")
        stale = group.message(alice, bob)
        await sync_to_async(add)()
        assert (await a.get("devices.changed"))["account"] == bob.account
        refused = await a.ask(stale)
        assert refused["code"] == "devices_changed"
        assert dict(refused["members"]) == {
            alice.account: encode(alice.member.list_hash),
            bob.account: encode(bob.member.list_hash),
        }
        assert [account for account, _ in refused["members"]] == sorted((alice.account, bob.account))
        assert (await a.ask(group.message(alice, bob)))["type"] == "message.accepted"
    assert await Envelope.objects.filter(device__in=[one.pk for one in bob.member.devices]).acount() == 3


async def test_a_suspended_device_gets_nothing_and_is_named(
    group: Group, alice: Phone, tablet: Phone, bob: Phone
) -> None:
    async with bob.online() as b, alice.online() as a:
        await sync_to_async(suspend_device)(device=tablet.device)
        for socket in (a, b):
            await socket.get("devices.changed")
        accepted = await b.ask(group.message(bob, alice))
        assert accepted["skipped"] == [tablet.id]
        await a.get("envelope")
    assert not await Envelope.objects.filter(device=tablet.device).aexists()


async def test_an_unlisted_device_sends_nothing(group: Group, alice: Phone, bob: Phone) -> None:
    await sync_to_async(alice.member.add_device)("unlisted")
    unlisted = await sync_to_async(Phone.sign_in)(alice.member, 2)
    async with unlisted.online(greeted=False) as u:
        await u.get("hello")
        assert (await u.ask(group.message(unlisted, bob)))["code"] == "not_listed"


async def test_malformed_messages_change_nothing(group: Group, alice: Phone, bob: Phone, ask: Ask) -> None:
    good = group.message(alice, bob)
    bad: list[dict[str, Any]] = [
        {"body": alice.message_to(bob)["envelopes"][0]["body"]},  # of two people
        {"body": good["body"][:-2]},
        {"body": good["body"] + "AA"},
        {"body": "!"},
        {"body": "A" * 90_000},
        {"gsh": "short"},
        {"gsh": "A" * 42 + "B"},  # stray bits
        {"lists": None},
        {"group": group.id.upper()},
        {"surprise": 1},
        {"to": bob.account},
    ]
    async with alice.online() as a, bob.online() as b:
        for changes in bad:
            assert (await a.ask(good | changes))["code"] == "malformed", changes
        for where in ({}, {"chat": alice.chat_with(bob), "group": group.id}):
            frame = {"type": "message.read", "id": "1", "messages": [good["message_id"]]} | where
            assert (await a.ask(frame))["code"] == "malformed"
        stray = bare(good) | {"gsh": "A" * 42 + "B"}
        del stray["group"]
        status, refused = await ask(alice, "post", f"{group.path}/messages", stray)
        assert (status, refused["code"]) == (400, "malformed")
        assert await b.silent()
    assert not await GroupMessage.objects.aexists()


async def test_whom_the_author_of_a_roster_is_blocked_by_gets_nothing(
    alice: Phone, tablet: Phone, bob: Phone, charlie: Phone
) -> None:
    await sync_to_async(services.block_contact)(owner=charlie.member.id, other=alice.member.id)
    group = await sync_to_async(Group.made)(alice, (bob, MEMBER), (charlie, MEMBER))
    async with alice.online() as a, bob.online() as b, charlie.online() as c:
        assert (await a.ask(group.message(alice, bob, charlie)))["type"] == "message.accepted"
        await b.get("envelope")
        assert (await c.ask(group.message(charlie, alice, bob)))["code"] == "not_found"
        assert await c.silent()
        await sync_to_async(services.unblock_contact)(owner=charlie.member.id, other=alice.member.id)
        await c.get("contact.changed")
        assert (await a.ask(group.message(alice, bob, charlie)))["type"] == "message.accepted"
        await c.get("envelope")


async def test_what_changes_between_check_and_commit_is_decided_anew(
    group: Group, alice: Phone, bob: Phone, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, first = delivery.store.accept_group_batch, [True]

    async def slow(sends: Any) -> Any:
        if first:
            first.clear()
            await do(group, alice, SetMeta(META, True))
        return await real(sends)

    monkeypatch.setattr(delivery.store, "accept_group_batch", slow)
    stale = group.message(alice, bob)
    async with alice.online() as a:
        assert (await a.ask(stale))["code"] == "group_changed"
    assert not await GroupMessage.objects.aexists()
