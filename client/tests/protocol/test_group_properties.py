"""Anybody tries anything in a group chat, over a network that loses, reorders, repeats and damages.

All who follow the chain have one group, and it keeps its rules; each message is read at most once, as it was
written, by those who were to read it; only failures of the closed set, and a failure changes nothing.
"""

from __future__ import annotations

import pytest
from group_cast import GID, Device, Room
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from protocol_cast import make_cast

from messenger_client.protocol import errors, limits, primitives
from messenger_client.protocol.group_args import (
    MEMBER,
    OWNER,
    Add,
    Approve,
    Args,
    CloseLink,
    Join,
    Leave,
    OpenLink,
    Rekey,
    Remove,
    SetMeta,
    SetRole,
)
from messenger_client.protocol.group_operation import sign_operation
from messenger_client.protocol.group_state import GroupState

NAMES = ("alice", "bob", "charlie", "dora")
LINKS = tuple(primitives.SigningKey.from_seed(bytes([number]) * 32) for number in range(2))
META = bytes(72)

who = st.sampled_from(NAMES)
links = st.sampled_from(LINKS)
metas = st.integers(0, 3).map(lambda number: bytes([number]) * 72)


class Operations(RuleBasedStateMachine):
    """Everybody, members or not, signs what they like; a careless server passes on what follows."""

    def __init__(self) -> None:
        super().__init__()
        self.room = Room(make_cast())
        self.taken: list[Args] = []

    def attempt(self, author: str, args: Args, *, late: int = 0) -> None:
        device: Device = getattr(self.room, author)
        before, own = self.room.state, device.phone.own
        time = max(0, device.phone.now - late)
        signed = sign_operation(
            own, device.phone.account.newest.hash, GID, before.index + 1, before.hash, args, time=time
        ).signed
        try:
            self.room.publish(signed)
        except (errors.Malformed, errors.BadSignature) as failure:
            for one in self.room.everybody:
                with pytest.raises(type(failure)):
                    one.follow(signed)
                assert one.state == before
        else:
            self.taken.append(args)
        assert {one.group for one in self.room.everybody} == {self.room.state}

    @rule(author=who, account=who)
    def add(self, author: str, account: str) -> None:
        self.attempt(author, Add(getattr(self.room, account).own))

    @rule(author=who, account=who, meta=metas)
    def remove(self, author: str, account: str, meta: bytes) -> None:
        self.attempt(author, Remove(getattr(self.room, account).own, meta))

    @rule(author=who)
    def leave(self, author: str) -> None:
        self.attempt(author, Leave())

    @rule(author=who, account=who, role=st.integers(MEMBER, OWNER))
    def set_role(self, author: str, account: str, role: int) -> None:
        self.attempt(author, SetRole(getattr(self.room, account).own, role))

    @rule(author=who, meta=metas, may=st.booleans())
    def set_meta(self, author: str, meta: bytes, may: bool) -> None:
        self.attempt(author, SetMeta(meta, may))

    @rule(
        author=who,
        link=links,
        ends=st.none() | st.integers(-1, 60),
        uses=st.none() | st.integers(1, 2),
        approval=st.booleans(),
    )
    def open_link(
        self, author: str, link: primitives.SigningKey, ends: int | None, uses: int | None, approval: bool
    ) -> None:
        expires = None if ends is None else self.room.state.time + ends * limits.MINUTE
        self.attempt(author, OpenLink(link.public, expires, uses, approval))

    @rule(author=who, link=links)
    def close_link(self, author: str, link: primitives.SigningKey) -> None:
        self.attempt(author, CloseLink(link.public))

    @rule(author=who, link=links, account=who, late=st.sampled_from([0, 0, 0, 1]))
    def join(self, author: str, link: primitives.SigningKey, account: str, late: int) -> None:
        self.attempt(author, Join.by(link, GID, getattr(self.room, account).own), late=late)

    @rule(author=who, account=who)
    def approve(self, author: str, account: str) -> None:
        self.attempt(author, Approve(getattr(self.room, account).own))

    @rule(author=who, meta=metas)
    def rekey(self, author: str, meta: bytes) -> None:
        self.attempt(author, Rekey(meta))

    @rule(minutes=st.integers(1, 30))
    def wait(self, minutes: int) -> None:
        for one in self.room.everybody:
            one.phone.now += minutes * limits.MINUTE

    @rule()
    def restart(self) -> None:
        for one in self.room.everybody:
            one.restart()

    @invariant()
    def the_group_keeps_its_rules(self) -> None:
        state = self.room.state
        accounts = [one.account for one in state.roster]
        assert accounts == sorted(set(accounts))
        assert list(state.pending) == sorted(set(state.pending))
        assert not set(accounts) & set(state.pending)
        assert state.owners or state.is_over
        assert all(one.uses is None or one.uses >= 0 for one in state.links)
        assert state.index == len(self.taken)
        ends = [isinstance(one, Remove | Leave | Rekey) for one in self.taken]
        assert state.epoch == sum(ends)
        keys = [number for number, one in enumerate(self.taken, 1) if isinstance(one, Remove | Rekey)]
        assert state.key_version == max(keys, default=0)

    def teardown(self) -> None:
        """Who comes last sees the same group."""
        late = Device(self.room.bob.phone)
        late.follow(*self.room.alice.operations)
        assert late.state == self.room.state
        assert GroupState.from_bytes(late.group.to_bytes()) == late.state


class Messages(RuleBasedStateMachine):
    """Three devices write and read; roles do not matter here, membership does."""

    def __init__(self) -> None:
        super().__init__()
        self.room = Room(make_cast())
        room = self.room
        self.devices = (room.alice, room.bob, room.dora)
        self.sent: list[tuple[Device, bytes, str, frozenset[int]]] = []
        self.read: set[tuple[int, int]] = set()  # (number of the message, of the reader)
        for one in self.devices:
            self.announce(one)

    def announce(self, sender: Device) -> None:
        made = sender.announcement()
        for one in self.devices:
            if one is not sender:
                sender.tell(one)
                one.hear(sender, made)

    @rule(sender=st.integers(0, 2), count=st.integers(1, 4))
    def send(self, sender: int, count: int) -> None:
        device = self.devices[sender]
        before = device.own_chain
        if device.chain() is not before:
            self.announce(device)
        readers = frozenset(range(3)) - {sender}
        for _ in range(count):
            words = f"message {len(self.sent)}"
            self.sent.append((device, device.send(words), words, readers))

    @rule(data=st.data(), reader=st.integers(0, 2))
    def deliver_any(self, data: st.DataObject, reader: int) -> None:
        if self.sent:
            self.deliver(data.draw(st.integers(0, len(self.sent) - 1)), reader)

    @rule(reader=st.integers(0, 2))
    def deliver_newest(self, reader: int) -> None:
        if self.sent:
            self.deliver(len(self.sent) - 1, reader)

    def deliver(self, number: int, reader: int) -> None:
        sender, wire, words, readers = self.sent[number]
        device = self.devices[reader]
        if reader not in readers:
            self.refused(device, sender, wire, errors.UnknownSession)
        elif (number, reader) in self.read:
            self.refused(device, sender, wire, errors.Duplicate)
        else:
            assert device.read(sender, wire) == words
            self.read.add((number, reader))

    @rule(data=st.data(), reader=st.integers(0, 2), bit=st.integers(0, 7))
    def damage(self, data: st.DataObject, reader: int, bit: int) -> None:
        if not self.sent:
            return
        sender, wire, _, _ = self.sent[data.draw(st.integers(0, len(self.sent) - 1))]
        changed = bytearray(wire)
        changed[data.draw(st.integers(0, len(wire) - 1))] ^= 1 << bit
        self.refused(self.devices[reader], sender, bytes(changed), errors.ProtocolError)

    @rule(data=st.data(), reader=st.integers(0, 2), sender=st.integers(0, 2))
    def in_anothers_name(self, data: st.DataObject, reader: int, sender: int) -> None:
        if not self.sent:
            return
        author, wire, _, _ = self.sent[data.draw(st.integers(0, len(self.sent) - 1))]
        if self.devices[sender] is not author:
            self.refused(self.devices[reader], self.devices[sender], wire, errors.Malformed)

    def refused(self, device: Device, sender: Device, wire: bytes, failure: type[errors.ProtocolError]) -> None:
        before = {name: list(held) for name, held in device.held.items()}
        with pytest.raises(failure) as caught:
            device.receive(sender, wire)
        assert errors.FAILURES[caught.value.code] is type(caught.value)
        assert device.held == before

    @rule(author=st.integers(0, 1))
    def rekey(self, author: int) -> None:
        """A new epoch: everybody makes a new chain before the next message."""
        if self.room.state.epoch < limits.MAX_CHAINS - 1:
            self.room.do(self.devices[author], Rekey(META))
            for one in self.devices:
                one.key = None  # nobody opens that meta

    @rule(who=st.integers(0, 2))
    def restart(self, who: int) -> None:
        self.devices[who].restart()

    def teardown(self) -> None:
        """Whatever was not lost for good is read in the end, newest first."""
        for number in reversed(range(len(self.sent))):
            for reader in range(3):
                self.deliver(number, reader)


SETTINGS = settings(
    max_examples=60,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
Operations.TestCase.settings = SETTINGS
Messages.TestCase.settings = SETTINGS
TestOperations = Operations.TestCase
TestMessages = Messages.TestCase
