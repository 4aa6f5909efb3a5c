"""After thirty days a group chat's message is gone, and both sides are told; so is a group chat that all have left."""

from __future__ import annotations

import uuid

import pytest
from asgiref.sync import sync_to_async

from chats import jobs, services
from chats.models import Envelope, GroupChat, GroupMessage, GroupMessageStatus, GroupOperation
from chats.tests.groups import MEMBER, META, Group, Leave, Remove, account_of, do
from chats.tests.people import Phone
from messenger.lib.clock import now_ms

pytestmark = pytest.mark.usefixtures("delivery")

DAY = 24 * 3600 * 1000
run_jobs = sync_to_async(jobs.run_once)


async def test_both_sides_are_told_of_an_expired_message(group: Group, alice: Phone, tablet: Phone, bob: Phone) -> None:
    async with alice.online() as a:
        sent = group.message(alice, bob)
        await a.ask(sent)
        await run_jobs(now=now_ms() + 29 * DAY)
        assert await a.silent()
        assert bytes((await GroupMessage.objects.aget()).ciphertext)
        await run_jobs(now=now_ms() + 31 * DAY)
        heard = await a.get("message.expired")
        assert (heard["group"], heard["messages"], heard["account"]) == (group.id, [sent["message_id"]], bob.account)
        assert heard["device"] == bob.id
        assert await a.silent()
    assert bytes((await GroupMessage.objects.aget()).ciphertext) == b""
    async with bob.online(greeted=False) as b, alice.online(greeted=False) as a:
        await b.get("hello")
        got = await b.get("envelope")
        assert (got["expired"], got["body"], got["group"]) == (True, "", group.id)
        await b.get("queue.empty")
        await b.ack(got["envelope"])
        await a.get("hello")
        await a.get("queue.empty")
        for socket in (a, b):
            assert await socket.silent()  # told of an expiry is not delivered
    assert [row.status async for row in GroupMessageStatus.objects.all()] == [GroupMessageStatus.Status.EXPIRED]


async def test_who_blocks_the_sender_or_was_not_asked_lets_them_expire_without_a_word(
    alice: Phone, tablet: Phone, bob: Phone, charlie: Phone, friends: None
) -> None:
    group = await sync_to_async(Group.made)(alice, (bob, MEMBER), (charlie, MEMBER))
    await sync_to_async(services.block_contact)(owner=bob.member.id, other=alice.member.id)
    async with alice.online() as a:
        assert (await a.ask(group.message(alice, bob, charlie)))["type"] == "message.accepted"
        await run_jobs(now=now_ms() + 31 * DAY)
        assert await a.silent()
    assert await GroupMessageStatus.objects.acount() == 2


async def test_who_was_removed_is_not_told_that_what_they_wrote_expired(
    group: Group, alice: Phone, tablet: Phone, bob: Phone
) -> None:
    async with bob.online() as b:
        await b.ask(group.message(bob, alice))
        await do(group, alice, Remove(account_of(bob), META))
        await b.get("group.changed")
        await run_jobs(now=now_ms() + 31 * DAY)
        assert await b.silent()
    assert await GroupMessageStatus.objects.acount() == 2


async def test_metadata_of_old_messages_is_forgotten(group: Group, alice: Phone, tablet: Phone, bob: Phone) -> None:
    async with alice.online() as a, tablet.online() as t, bob.online() as b:
        await a.ask(group.message(alice, bob))
        await t.ack((await t.get("envelope"))["envelope"])
        await b.ack((await b.get("envelope"))["envelope"])
    await run_jobs(now=now_ms() + 29 * DAY)
    assert await GroupMessage.objects.acount() == 1
    await run_jobs(now=now_ms() + 31 * DAY)
    assert not await GroupMessage.objects.aexists()
    assert not await GroupMessageStatus.objects.aexists()
    assert await GroupOperation.objects.acount() == 1


async def test_a_device_that_never_comes_leaves_nothing_for_ever(group: Group, alice: Phone, bob: Phone) -> None:
    async with alice.online() as a:
        await a.ask(group.message(alice, bob))
    await run_jobs(now=now_ms() + 31 * DAY)
    assert await Envelope.objects.acount() == 2
    assert await GroupMessage.objects.acount() == 1  # bob's device is still to be told
    await run_jobs(now=now_ms() + 61 * DAY)
    for model in (Envelope, GroupMessage):
        assert not await model._default_manager.aexists()


async def test_a_group_chat_that_all_have_left_is_forgotten_in_the_end(
    group: Group, alice: Phone, bob: Phone, charlie: Phone
) -> None:
    kept = await sync_to_async(Group.made)(bob, (charlie, MEMBER))
    key = await sync_to_async(group.link)(alice, approval=True)
    await do(group, charlie, group.join(key, charlie))
    await do(group, alice, Remove(account_of(bob), META))
    await do(group, alice, Leave())
    await run_jobs(now=now_ms() + 29 * DAY)
    assert await GroupChat.objects.acount() == 2
    await run_jobs(now=now_ms() + 31 * DAY)
    assert [str(chat.pk) async for chat in GroupChat.objects.all()] == [kept.id]
    assert not await GroupOperation.objects.filter(chat=uuid.UUID(group.id)).aexists()
