"""How many are in an open chat stays exact, however many come, go and write at once."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections

from chats import services
from chats.models import OpenChat, OpenChatMember, OpenMessage
from chats.tests.people import Phone
from messenger.lib.clock import now_ms
from tests.cast import make_member

PEOPLE = 50
AT_ONCE = 10


def test_fifty_who_come_go_and_write_at_once_are_counted(alice: Phone, bob: Phone) -> None:
    own, device = alice.member.id, alice.id
    chat = services.create_open_group(
        account=own, device=device, creation_id=uuid.uuid4(), title="Choir", members=[bob.member.id]
    ).pk
    guests = [Phone.sign_in(make_member(f"guest{number}")) for number in range(PEOPLE)]

    def come(number: int) -> None:
        guest = guests[number]
        me, its = guest.member.id, guest.id
        try:
            for _ in range(2):
                services.add_open_member(account=own, device=device, chat=chat, other=me)
            services.send_open_message(
                account=me, device=its, chat=chat, message_id=uuid.uuid4(), body="Hello", now=now_ms()
            )
            if number % 2:
                services.remove_open_member(account=me, device=its, chat=chat, other=me)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(AT_ONCE) as threads:
        for done in [threads.submit(come, number) for number in range(PEOPLE)]:
            done.result()
    row = OpenChat.objects.get()
    assert row.member_count == OpenChatMember.objects.count() == 2 + PEOPLE // 2
    assert OpenMessage.objects.count() == PEOPLE
    page = services.open_history(account=own, chat=chat, before=2**63 - 1, limit=100)
    positions = [one.position for one in page.messages]
    assert positions == sorted(positions, reverse=True)


def test_one_message_sent_at_once_from_everywhere_is_one(alice: Phone, bob: Phone) -> None:
    own, device = alice.member.id, alice.id
    chat = services.create_open_private(account=own, device=device, other=bob.member.id).pk
    message_id = uuid.uuid4()

    def send(_: int) -> int:
        try:
            return services.send_open_message(
                account=own, device=device, chat=chat, message_id=message_id, body="Hello", now=now_ms()
            ).position
        finally:
            connections.close_all()

    with ThreadPoolExecutor(AT_ONCE) as threads:
        assert len(set(threads.map(send, range(PEOPLE)))) == OpenMessage.objects.count() == 1


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_the_open_chat_of_a_pair_is_made_once_from_both_sides(alice: Phone, bob: Phone) -> None:
    def make(number: int) -> uuid.UUID:
        one, other = (alice, bob) if number % 2 else (bob, alice)
        try:
            return services.create_open_private(account=one.member.id, device=one.id, other=other.member.id).pk
        finally:
            connections.close_all()

    with ThreadPoolExecutor(AT_ONCE) as threads:
        assert len(set(threads.map(make, range(20)))) == OpenChat.objects.count() == 1
    assert OpenChatMember.objects.count() == 2
