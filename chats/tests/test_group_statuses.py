"""What becomes of messages in group chats: delivered, read, and typing; told to whoever may know."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from chats import services
from chats.delivery import acks
from chats.models import GroupMessage, GroupMessageStatus
from chats.services.groups import reach
from chats.tests.asking import Ask
from chats.tests.groups import MEMBER, META, Add, Group, Remove, account_of, do
from chats.tests.people import Phone

pytestmark = pytest.mark.usefixtures("delivery")


async def test_the_last_ack_takes_the_ciphertext_with_it(
    group: Group, alice: Phone, tablet: Phone, bob: Phone, ask: Ask
) -> None:
    async with alice.online() as a, tablet.online() as t, bob.online() as b:
        sent = group.message(alice, bob)
        await a.ask(sent)
        theirs, copy = await b.get("envelope"), await t.get("envelope")
        await b.ack(theirs["envelope"])
        for socket in (a, t):
            heard = await socket.get("message.delivered")
            assert (heard["group"], heard["messages"]) == (group.id, [sent["message_id"]])
            assert heard["devices"] == [{"account": bob.account, "device": bob.id}]
            assert heard.keys() == {"type", "group", "messages", "devices", "at"}
        assert bytes((await GroupMessage.objects.aget()).ciphertext)
        assert await ask(tablet, "post", "envelopes/ack", {"envelopes": [copy["envelope"]]}) == (
            200,
            {"acknowledged": 1},
        )
        for socket in (a, t, b):
            assert await socket.silent()
    message = await GroupMessage.objects.aget()
    assert (bytes(message.ciphertext), message.waiting) == (b"", 0)
    # A copy for another device of one's own has no status.
    assert [row.device_id async for row in GroupMessageStatus.objects.all()] == [bob.device.pk]


async def test_the_sender_hears_once_of_all_devices_that_have_the_same(
    group: Group, alice: Phone, tablet: Phone, bob: Phone, charlie: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acks, "ACK_INTERVAL", 0.2)
    await do(group, alice, Add(account_of(charlie)))
    await sync_to_async(reach.accept_group)(account=charlie.member.id, group=uuid.UUID(group.id))
    async with alice.online() as a, tablet.online() as t, bob.online() as b, charlie.online() as c:
        sent = [group.message(bob, alice, charlie) for _ in range(2)]
        for one in sent:
            await b.ask(one)
        for socket, count in ((a, 2), (t, 2), (c, 1)):
            numbers = [(await socket.get("envelope"))["envelope"] for _ in sent]
            await socket.say({"type": "ack", "envelopes": numbers[:count]})
        heard = {len(one["messages"]): one for one in [await b.get("message.delivered") for _ in range(2)]}
        assert set(heard[2]["messages"]) == {one["message_id"] for one in sent}
        assert heard[1]["messages"] == [sent[0]["message_id"]]
        assert {(one["account"], one["device"]) for one in heard[2]["devices"]} == {
            (alice.account, alice.id),
            (alice.account, tablet.id),
        }
        assert heard[1]["devices"] == [{"account": charlie.account, "device": charlie.id}]
        assert await b.silent()


async def test_read_is_told_to_the_sender_and_to_ones_own_devices(
    group: Group, alice: Phone, tablet: Phone, bob: Phone, charlie: Phone, ask: Ask
) -> None:
    await do(group, alice, Add(account_of(charlie)))
    await sync_to_async(reach.accept_group)(account=charlie.member.id, group=uuid.UUID(group.id))
    async with alice.online() as a, tablet.online() as t, bob.online() as b, charlie.online() as c:
        sent = group.message(bob, alice, charlie)
        await b.ask(sent)
        for socket in (a, t, c):
            await socket.get("envelope")
        frame = {"type": "message.read", "id": "r", "group": group.id, "messages": [sent["message_id"]]}
        assert (await a.ask(frame))["type"] == "done"
        for socket in (b, t):
            heard = await socket.get("message.read")
            assert (heard["group"], heard["messages"], heard["device"]) == (group.id, [sent["message_id"]], alice.id)
        assert (await a.ask(frame))["type"] == "done"
        assert (await b.ask(frame))["type"] == "done"  # one's own
        for socket in (a, t, b, c):
            assert await socket.silent()
    asked: dict[str, Any] = {"messages": [sent["message_id"]]}
    _, found = await ask(bob, "post", "messages/statuses", asked)
    assert [(one["account"], one["status"]) for one in found["statuses"]] == [(alice.account, "read")]
    assert (await ask(tablet, "post", "messages/statuses", asked))[1] == {"statuses": []}
    _, found = await ask(tablet, "post", "messages/statuses", asked | {"group": group.id})
    assert [(one["account"], one["device"]) for one in found["statuses"]] == [(alice.account, alice.id)]
    over_rest = {"group": group.id, "messages": [sent["message_id"]]}
    assert (await ask(charlie, "post", "messages/read", over_rest))[0] == 204
    assert len((await ask(bob, "post", "messages/statuses", asked))[1]["statuses"]) == 2
    await do(group, alice, Remove(account_of(charlie), META))
    for path in ("messages/read", "messages/statuses"):
        assert (await ask(charlie, "post", path, over_rest))[0] == 404


async def test_a_request_gives_no_statuses_until_it_is_accepted(alice: Phone, bob: Phone, charlie: Phone) -> None:
    group = await sync_to_async(Group.made)(alice, (charlie, MEMBER))
    async with alice.online() as a, charlie.online() as c:
        sent = group.message(alice, charlie)
        await a.ask(sent)
        got = await c.get("envelope")
        assert got["request"] is True
        await c.ack(got["envelope"])
        frame = {"type": "message.read", "id": "r", "group": group.id, "messages": [sent["message_id"]]}
        await c.ask(frame)
        for on in (True, False):
            await c.say({"type": "typing", "group": group.id, "on": on})
        assert await a.silent()
        # Writing accepts.
        assert (await c.ask(group.message(charlie, alice)))["type"] == "message.accepted"
        await a.get("envelope")
        await a.ask(group.message(alice, charlie))
        got = await c.get("envelope")
        assert got["request"] is False
        await c.ack(got["envelope"])
        await a.get("message.delivered")
        for socket in (a, c):
            assert await socket.silent()


async def test_a_member_who_blocks_the_sender_gives_no_statuses(
    group: Group, alice: Phone, bob: Phone, charlie: Phone, ask: Ask
) -> None:
    await sync_to_async(services.block_contact)(owner=bob.member.id, other=alice.member.id)
    async with alice.online() as a, bob.online() as b:
        sent = group.message(alice, bob)
        await a.ask(sent)
        got = await b.get("envelope")
        await b.ack(got["envelope"])
        await b.ask({"type": "message.read", "id": "r", "group": group.id, "messages": [sent["message_id"]]})
        assert await a.silent()
    assert (await ask(alice, "post", "messages/statuses", {"messages": [sent["message_id"]]}))[1] == {"statuses": []}


@pytest.mark.parametrize("waits", [False, True], ids=["removed", "removed and waiting to come back"])
async def test_who_is_not_in_it_any_more_hears_nothing_of_what_they_wrote(
    group: Group, alice: Phone, bob: Phone, ask: Ask, waits: bool
) -> None:
    async with alice.online() as a, bob.online() as b:
        sent = [group.message(bob, alice) for _ in range(2)]
        for one in sent:
            await b.ask(one)
        got = [await a.get("envelope") for _ in sent]
        await a.ack(got[0]["envelope"])
        assert (await b.get("message.delivered"))["messages"] == [sent[0]["message_id"]]
        await do(group, alice, Remove(account_of(bob), META))
        await b.get("group.changed")
        if waits:
            key = await sync_to_async(group.link)(alice, approval=True)
            await do(group, bob, group.join(key, bob))
            await a.get("group.changed")
        await a.ack(got[1]["envelope"])
        seen = {"messages": [one["message_id"] for one in sent]}
        await a.ask({"type": "message.read", "id": "r", "group": group.id} | seen)
        for socket in (a, b):
            assert await socket.silent()
    assert (await ask(bob, "post", "messages/statuses", seen))[1] == {"statuses": []}


async def test_who_waits_to_come_back_tells_nothing_of_what_they_had_not_fetched(
    group: Group, alice: Phone, bob: Phone, ask: Ask
) -> None:
    async with alice.online() as a:
        sent = group.message(alice, bob)
        await a.ask(sent)
        await do(group, alice, Remove(account_of(bob), META))
        key = await sync_to_async(group.link)(alice, approval=True)
        await do(group, bob, group.join(key, bob))
        await a.get("group.changed")
        async with bob.online(greeted=False) as b:
            await b.get("hello")
            got = await b.get("envelope")
            await b.get("queue.empty")
            await b.ack(got["envelope"])
        assert await a.silent()
    assert (await ask(alice, "post", "messages/statuses", {"messages": [sent["message_id"]]}))[1] == {"statuses": []}


async def test_typing_is_seen_by_the_other_members(group: Group, alice: Phone, bob: Phone, charlie: Phone) -> None:
    async with alice.online() as a, bob.online() as b, charlie.online() as c:
        await a.say({"type": "typing", "group": group.id, "on": True})
        assert await b.get("typing") == {"type": "typing", "group": group.id, "account": alice.account, "on": True}
        for socket in (a, b, c):
            assert await socket.silent()


async def test_typing_is_not_seen_by_whom_one_blocks(group: Group, alice: Phone, bob: Phone, charlie: Phone) -> None:
    await do(group, alice, Add(account_of(charlie)))
    await sync_to_async(services.block_contact)(owner=alice.member.id, other=bob.member.id)
    async with alice.online() as a, bob.online() as b, charlie.online() as c:
        await a.say({"type": "typing", "group": group.id, "on": True})
        assert (await c.get("typing"))["account"] == alice.account
        await b.say({"type": "typing", "group": group.id, "on": True})
        for socket in (a, c):
            assert (await socket.get("typing"))["account"] == bob.account
        for socket in (a, b, c):
            assert await socket.silent()
