"""How many are in a group chat stays exact, however many come and go at once."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from django.db import connections

from chats import services
from chats.errors import GroupChanged
from chats.group_operations import read_operation
from chats.models import GroupChat, GroupMember, GroupOperation
from chats.tests.groups import MEMBER, Args, Group, Leave, SigningKey, signed_object
from chats.tests.people import Phone
from messenger.lib.clock import now_ms
from messenger_client.protocol import cbor, group_chain
from messenger_client.protocol.device_list import DeviceList
from messenger_client.protocol.ids import AccountId
from tests.cast import make_member

PEOPLE = 50
AT_ONCE = 10


class _Newcomer:
    """Somebody who joins and, every other one, leaves again, and follows what the others do meanwhile."""

    def __init__(self, phone: Phone, group: Group, key: SigningKey, lists: Mapping[bytes, DeviceList | None]) -> None:
        self.phone, self.group, self.key, self.lists = phone, group, key, lists
        self.refused = 0

    def list_named(self, account: AccountId, list_hash: bytes) -> DeviceList | None:
        return self.lists.get(list_hash)

    def come(self, number: int) -> None:
        try:
            self._insist(self.group.join(self.key, self.phone))
            if number % 2:
                self._insist(Leave())
        finally:
            connections.close_all()

    def _insist(self, args: Args) -> None:
        while True:
            proposed = self.group.propose(self.phone, args)
            try:
                services.add_operation(
                    account=self.phone.member.id,
                    device=self.phone.device.pk,
                    group=uuid.UUID(self.group.id),
                    operation=read_operation(signed_object(proposed)),
                    now=now_ms(),
                )
            except GroupChanged:
                self.refused += 1
                self._follow()
            else:
                self.group.state = proposed.state
                return

    def _follow(self) -> None:
        join = self.group.join(self.key, self.phone)
        page = services.operations_of(
            account=self.phone.member.id,
            group=uuid.UUID(self.group.id),
            since=self.group.state.index,
            link=(join.key, join.signature),
            now=now_ms(),
        )
        signed = [cbor.encode([one.payload, one.signature]) for one in page.operations]
        self.group.state = group_chain.follow(self.group.state.group, self.group.state, signed, self)


def test_fifty_who_come_and_go_at_once_are_counted(alice: Phone, bob: Phone, friends: None) -> None:
    group = Group.made(alice, (bob, MEMBER))
    key = group.link(alice)
    phones = [Phone.sign_in(make_member(f"guest{number}")) for number in range(PEOPLE)]
    lists = {one.member.list_hash: one.member.newest for one in (alice, bob, *phones)}
    newcomers = [_Newcomer(phone, Group(group.created, group.state), key, lists) for phone in phones]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        for done in [threads.submit(one.come, number) for number, one in enumerate(newcomers)]:
            done.result()
    assert sum(one.refused for one in newcomers) > 0  # they were in each other's way
    chat = GroupChat.objects.get()
    assert chat.member_count == GroupMember.objects.count() == 2 + PEOPLE // 2
    assert GroupOperation.objects.count() == chat.head_index + 1 == 2 + PEOPLE + PEOPLE // 2
    newcomers[0]._follow()
    assert len(newcomers[0].group.state.roster) == chat.member_count
    assert newcomers[0].group.state.hash == bytes(chat.head_hash)
