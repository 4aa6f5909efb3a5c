"""What holds of a group chat's ciphertext whatever happens at once: kept while somebody waits for it, and no longer."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Iterator

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connection, connections

from chats.facts import FactsCache
from chats.frames import GroupSend as Frame
from chats.group_sends import GroupSend, check_group, fill_group
from chats.ids import MessageId
from chats.models import Envelope, GroupMember, GroupMessage, GroupMessageStatus
from chats.sends import Accepted, Stale
from chats.services import load_group_facts
from chats.tests.groups import MEMBER, META, Add, Group, Remove, account_of
from chats.tests.people import Phone
from chats.tests.serving import Served, hear, say
from chats.writer.postgres import PostgresStore
from chats.writer.sqlite import SqliteStore
from chats.writer.store import Store
from tests.cast import make_member

PEOPLE = 12
MESSAGES = 8


def make_store() -> Store:
    return PostgresStore() if connection.vendor == "postgresql" else SqliteStore()


def checked(group: Group, facts: FactsCache, sender: Phone, *others: Phone, name: str | None = None) -> GroupSend:
    frame = group.message(sender, *others)
    del frame["type"], frame["id"]
    if name is not None:
        frame["message_id"] = name
    send = GroupSend(sender.account, sender.id, MessageId(frame["message_id"]), lambda *_: None)
    fill_group(send, Frame.model_validate(frame))
    load_group_facts([send], facts)
    check_group(send, facts)
    return send


@pytest.fixture
def crowd(alice: Phone, bob: Phone) -> tuple[Group, list[Phone]]:
    people = [Phone.sign_in(make_member(f"guest{number}")) for number in range(PEOPLE)]
    return Group.made(alice, (bob, MEMBER), *((one, MEMBER) for one in people)), [bob, *people]


def test_of_acks_at_once_the_last_takes_the_ciphertext(crowd: tuple[Group, list[Phone]], alice: Phone) -> None:
    group, people = crowd
    GroupMember.objects.update(reach=GroupMember.Reach.ALL)
    facts = FactsCache()
    sends = [checked(group, facts, alice, *people) for _ in range(MESSAGES)]

    async def race() -> None:
        stores = [make_store() for _ in range(4)]
        try:
            verdicts = await stores[0].accept_group_batch(sends)
            acks = [
                (one.device, position)
                for send, verdict in zip(sends, verdicts, strict=True)
                if isinstance(verdict, Accepted)
                for one, position in zip(send.outgoing, verdict.positions, strict=True)
            ]
            assert len(acks) == MESSAGES * (PEOPLE + 2)  # bob, and the other device of alice's
            random.Random(5).shuffle(acks)
            entered = await asyncio.gather(
                *(stores[at % 4].acknowledge(acks[at : at + 7], 1) for at in range(0, len(acks), 7))
            )
            told = [(one.message_id, device) for some in entered for one in some for device in one.devices]
            assert len(told) == len(set(told)) == MESSAGES * (PEOPLE + 1)
        finally:
            for store in stores:
                await store.close()

    asyncio.run(race())
    for message in GroupMessage.objects.all():
        assert (bytes(message.ciphertext), message.waiting) == (b"", 0)
    assert GroupMessage.objects.count() == MESSAGES
    assert GroupMessageStatus.objects.count() == MESSAGES * (PEOPLE + 1)
    assert not Envelope.objects.exists()


def test_two_writers_at_once_agree_on_one_answer(crowd: tuple[Group, list[Phone]], alice: Phone) -> None:
    group, people = crowd
    names = [str(uuid.uuid4()) for _ in range(5)]
    sends = [[checked(group, FactsCache(), alice, *people, name=name) for name in names * 2] for _ in range(3)]

    async def race() -> None:
        stores = [make_store() for _ in sends]
        try:
            verdicts = await asyncio.gather(
                *(store.accept_group_batch(some) for store, some in zip(stores, sends, strict=True))
            )
        finally:
            for store in stores:
                await store.close()
        accepted = [one for some in verdicts for one in some if isinstance(one, Accepted)]
        assert len(accepted) == len(names) * 6
        assert sum(bool(one.positions) for one in accepted) == len(names)

    asyncio.run(race())
    assert GroupMessage.objects.count() == len(names)
    assert Envelope.objects.count() == len(names) * (PEOPLE + 2)


def test_what_was_checked_before_an_operation_or_a_new_device_is_stale(
    crowd: tuple[Group, list[Phone]], alice: Phone, charlie: Phone
) -> None:
    group, people = crowd
    bob = people[0]

    def write(send: GroupSend) -> Accepted | Stale:
        async def once() -> Accepted | Stale:
            store = make_store()
            try:
                return (await store.accept_group_batch([send]))[0]
            finally:
                await store.close()

        return asyncio.run(once())

    before = checked(group, FactsCache(), alice, *people)
    group.do(alice, Add(account_of(charlie)))
    assert isinstance(write(before), Stale)
    before = checked(group, FactsCache(), alice, *people, charlie)
    bob.member.add_device("new")
    bob.member.publish()
    assert isinstance(write(before), Stale)
    before = checked(group, FactsCache(), alice, *people, charlie)
    group.do(alice, Remove(account_of(charlie), META))
    assert isinstance(write(before), Stale)
    after = checked(group, FactsCache(), alice, *people)
    assert isinstance(write(after), Accepted)
    assert not Envelope.objects.filter(device=charlie.device).exists()


@pytest.fixture
def server(alice: Phone, bob: Phone) -> Iterator[Served]:
    served = Served()
    served.start()
    yield served
    served.kill()
    connections.close_all()


async def test_what_was_accepted_survives_the_death_of_the_process(
    server: Served, crowd: tuple[Group, list[Phone]], alice: Phone, bob: Phone
) -> None:
    group, people = crowd
    sent = []
    async with server.connect(alice) as socket:
        while (await hear(socket))["type"] != "queue.empty":
            pass
        for _ in range(20):
            frame = group.message(alice, *people)
            await say(socket, frame)
            assert (await hear(socket))["type"] == "message.accepted"
            sent.append(frame["message_id"])
        server.kill()
    await sync_to_async(server.start)()
    for phone in (bob, people[-1]):
        async with server.connect(phone) as socket:
            got = []
            while (frame := await hear(socket))["type"] != "queue.empty":
                if frame["type"] == "envelope":
                    got.append(frame["message_id"])
            assert got == sent


@pytest.mark.skipif(not settings.REDIS_URL, reason="without Redis processes tell each other nothing")
async def test_a_message_crosses_processes(crowd: tuple[Group, list[Phone]], server: Served, alice: Phone) -> None:
    group, people = crowd
    other = Served()
    await sync_to_async(other.start)()
    try:
        async with server.connect(alice) as a, other.connect(people[0]) as b:
            for socket in (a, b):
                while (await hear(socket))["type"] != "queue.empty":
                    pass
            frame = group.message(alice, *people)
            await say(a, frame)
            async with asyncio.timeout(5):
                assert (await hear(b))["message_id"] == frame["message_id"]
    finally:
        other.kill()
