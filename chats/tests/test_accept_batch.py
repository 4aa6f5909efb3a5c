"""accept_batch and acknowledge against a model: any batches, repetitions, changes in between, acks by anybody."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import connection, connections
from django.db.models import F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from chats import services
from chats.checking import check
from chats.facts import FactsCache
from chats.frames import MessageSend
from chats.ids import MessageId
from chats.models import Envelope, PrivateChat, PrivateMessage
from chats.sends import Accepted, Send, Stale, fill_message
from chats.tests.people import Phone
from chats.writer.postgres import PostgresStore
from chats.writer.sqlite import SqliteStore
from chats.writer.store import Store

Steps = list[tuple[str, Any]]
# What a step does: a batch of (sender, message number), a change of versions, or acks of (device, place in the queue).
SENDERS = 2
batches = st.lists(st.tuples(st.integers(0, SENDERS - 1), st.integers(0, 7)), min_size=1, max_size=12)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("send"), batches),
        st.tuples(st.just("change"), st.sampled_from(["sender", "recipient", "chat"])),
        st.tuples(st.just("load"), st.none()),
        st.tuples(st.just("ack"), st.lists(st.tuples(st.integers(0, 2), st.integers(0, 20)), max_size=6)),
    ),
    max_size=10,
)


@dataclass
class Model:
    """What must be true: the answers that were given, and the queue of each device in order."""

    answers: dict[tuple[str, str], int] = field(default_factory=dict)
    queues: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    fresh: bool = False


@pytest.fixture
def phones(alice: Phone, bob: Phone, charlie: Phone, friends: None) -> list[Phone]:
    """alice and charlie write to bob."""
    services.open_chat(sender=charlie.member.id, recipient=bob.member.id)
    return [alice, charlie, bob]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps)
def test_every_verdict_and_the_queue_are_those_of_the_model(steps: Steps, phones: list[Phone]) -> None:
    Envelope.objects.all().delete()
    PrivateMessage.objects.all().delete()
    asyncio.run(_play(steps, phones))
    connections.close_all()


async def _play(steps: Steps, phones: list[Phone]) -> None:
    store: Store = PostgresStore() if connection.vendor == "postgresql" else SqliteStore()
    world = _World(phones, store)
    try:
        for name, what in steps:
            await getattr(world, name)(what)
        await world.compare()
    finally:
        await store.close()


class _World:
    def __init__(self, phones: list[Phone], store: Store) -> None:
        *self.senders, self.recipient = phones
        self.phones, self.store, self.model = phones, store, Model()
        self.names = [str(uuid.uuid4()) for _ in range(8)]
        self.facts = FactsCache()
        self.stale: set[str] = {"all"}

    async def load(self, _: None) -> None:
        self.facts = FactsCache()
        sends = [self._message(phone, self.names[0]) for phone in self.senders]
        await asyncio.to_thread(_closing, services.load_facts, sends, self.facts)
        self.stale = set()

    async def change(self, what: str) -> None:
        def grow() -> None:
            if what == "chat":
                PrivateChat.objects.filter(pk=self.senders[0].chat_with(self.recipient)).update(
                    version=F("version") + 1
                )
            else:
                whose = self.senders[0] if what == "sender" else self.recipient
                User.objects.filter(pk=whose.member.id).update(devices_version=F("devices_version") + 1)

        await asyncio.to_thread(_closing, grow)
        self.stale |= {self.senders[0].id} if what in ("chat", "sender") else {"all"}

    async def send(self, batch: list[tuple[int, int]]) -> None:
        if not self.facts.accounts:
            await self.load(None)
        sends = []
        for sender, number in batch:
            send = self._message(self.senders[sender], self.names[number])
            check(send, self.facts)
            sends.append(send)
        verdicts = await self.store.accept_batch(sends)
        assert len(verdicts) == len(sends)
        for send, verdict in zip(sends, verdicts, strict=True):
            self._expect(send, verdict)

    def _expect(self, send: Send, verdict: Accepted | Stale) -> None:
        key = (send.device, send.message_id)
        if key in self.model.answers:
            assert isinstance(verdict, Accepted)
            assert (verdict.accepted_at, verdict.positions) == (self.model.answers[key], ())
        elif "all" in self.stale or send.device in self.stale:
            assert isinstance(verdict, Stale)
        else:
            assert isinstance(verdict, Accepted)
            assert len(verdict.positions) == len(send.outgoing)
            self.model.answers[key] = verdict.accepted_at
            for parcel, position in zip(send.outgoing, verdict.positions, strict=True):
                queue = self.model.queues.setdefault(parcel.device, [])
                assert not queue or queue[-1][0] < position
                queue.append((position, send.message_id))

    async def ack(self, acks: list[tuple[int, int]]) -> None:
        everything = sorted(position for queue in self.model.queues.values() for position, _ in queue)
        named = {(self.phones[who].id, everything[place % len(everything)]) for who, place in acks if everything}
        for device, position in named:
            queue = self.model.queues.get(device, [])
            queue[:] = [entry for entry in queue if entry[0] != position]
        await self.store.acknowledge(sorted(named), 1)

    async def compare(self) -> None:
        for phone in self.phones:
            rows = await self.store.waiting_for({phone.id: 2**40}, [], 1_000)
            assert [(row.position, row.message_id) for row in rows] == self.model.queues.get(phone.id, [])

    def _message(self, phone: Phone, name: str) -> Send:
        frame = phone.message_to(self.recipient, message_id=name)
        del frame["type"], frame["id"]
        send = Send(phone.account, phone.id, MessageId(name), lambda send, outcome: None)
        fill_message(send, MessageSend.model_validate(frame))
        return send


def _closing(function: Callable[..., object], *arguments: object) -> None:
    try:
        function(*arguments)
    finally:
        connections.close_all()


def test_two_writers_at_once_agree_on_one_answer(phones: list[Phone]) -> None:
    """Two processes get the same message, as from a client that repeats over another one: one writes it."""

    async def race() -> None:
        stores: list[Store] = [
            PostgresStore() if connection.vendor == "postgresql" else SqliteStore() for _ in range(3)
        ]
        world = _World(phones, stores[0])
        await world.load(None)
        try:
            for round_ in range(10):
                name = str(uuid.uuid4())
                sends = []
                for _ in stores:
                    send = world._message(phones[round_ % 2], name)
                    check(send, world.facts)
                    sends.append(send)
                verdicts = await asyncio.gather(
                    *(store.accept_batch([send]) for store, send in zip(stores, sends, strict=True))
                )
                accepted = [verdict[0] for verdict in verdicts if isinstance(verdict[0], Accepted)]
                assert len(accepted) == len(stores)
                assert len({one.accepted_at for one in accepted}) == 1
                assert sum(bool(one.positions) for one in accepted) == 1
        finally:
            for store in stores:
                await store.close()

    asyncio.run(race())
    assert PrivateMessage.objects.count() == 10
