"""The delivery of one process: its parts, put together. One an event loop; started by the first who needs it."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from django.conf import settings
from django.db import connection as django_connection

from accounts.services import ended_sessions
from chats import buckets, effects, services
from chats.checking import check
from chats.delivery import handlers, hearing, messages
from chats.delivery.acks import Acks
from chats.delivery.admission import Admission, Rules
from chats.delivery.between import Between
from chats.delivery.connection import Connection
from chats.delivery.drain import Drain
from chats.delivery.hub import Hub
from chats.delivery.listing import Listing
from chats.facts import FactsCache
from chats.group_sends import GroupSend, check_group
from chats.ids import AccountId, DeviceId
from chats.limits import GROUP_BATCH, SWEEP_SECONDS, TELL_SECONDS
from chats.peers import Peers
from chats.sends import Accepted, Send
from chats.threads import Threads
from chats.writer.group import GroupWriter
from chats.writer.postgres import PostgresStore
from chats.writer.sqlite import SqliteStore
from chats.writer.store import Store
from messenger.lib import events, metrics
from messenger.lib.clock import now_ms

logger = logging.getLogger(__name__)
FLUSH_SECONDS = 5.0  # that what was taken may take to be written, when a process ends


class Delivery(effects.Receiver):
    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.store: Store = PostgresStore() if django_connection.vendor == "postgresql" else SqliteStore()
        self.threads = Threads()
        self.facts = FactsCache()
        self.peers = Peers(self.facts, self.threads)
        self.between = Between(self._heard)
        self._drain = Drain(self.store)
        self.hub = Hub(nudge=self._nudge_elsewhere, drain=self._drain.want)
        self.listing = Listing(self.hub, self.threads)
        self.admission = Admission(Rules(check, services.load_facts, services.decide), self.facts, self.threads)
        self.writer = self.admission.writer = GroupWriter(
            lambda sends: self.store.accept_batch(sends), committed=self._committed, stale=self.admission.again
        )
        # Of their own: a message to five hundred devices keeps none between two people waiting for its transaction.
        rules = Rules(check_group, services.load_group_facts, services.decide_group)
        self.group_admission = Admission(rules, self.facts, self.threads)
        self.group_writer = self.group_admission.writer = GroupWriter(
            lambda sends: self.store.accept_group_batch(sends),
            committed=self._group_committed,
            stale=self.group_admission.again,
            batch=GROUP_BATCH,
        )
        self.acks = Acks(self.store, tell=self.tell_accounts, more=self._drain.want)
        self.draining = False
        self._tasks: list[asyncio.Task[None]] = []

    # --- life ---

    async def start(self) -> None:
        await self.store.open()
        self.between.start()
        effects.receive(self)
        events.subscribe(self._happened)
        self._tasks = [
            self._loop.create_task(self._every(SWEEP_SECONDS, self.sweep), name="chats-sweep"),
            self._loop.create_task(self._every(settings.POLL_SECONDS, self.poll), name="chats-poll"),
            self._loop.create_task(self._every(TELL_SECONDS, self.tell_shares), name="chats-shares"),
        ]

    async def drain(self, seconds: float) -> None:
        """Take no more sockets, ask those here to leave, let the writer finish, close what stayed."""
        self.draining = True
        for connection in self.hub:
            connection.send(messages.DRAINING)
        if self.hub.devices:
            await asyncio.sleep(seconds)
        await self._flush()
        for connection in self.hub:
            self.hub.remove(connection)
            connection.close(1012)

    async def stop(self) -> None:
        """End for good: what was taken is written, the connections to the database are closed."""
        self.draining = True
        effects.ignore(self)
        events.unsubscribe(self._happened)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._flush()
        await self._drain.cancel()
        await self.listing.cancel()
        await self.between.stop()
        await self.store.close()
        self.threads.close()

    async def _flush(self) -> None:
        # Bounded: while the database is away there would be no end. What is not accepted yet is sent again by its
        # client, and an ack that is lost only redelivers.
        last = self._loop.time() + FLUSH_SECONDS
        admitting, writing = (self.admission, self.group_admission), (self.writer, self.group_writer)
        for finish in (*(one.finish for one in (*admitting, *writing)), self.acks.finish):
            await finish(within=max(0.0, last - self._loop.time()))

    async def _every(self, seconds: float, work: Any) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await work()
            except Exception:
                logger.exception("delivery_work_failed work=%s", work.__name__)

    # --- connections ---

    def connect(self, connection: Connection) -> None:
        """A socket speaks for its device from now on."""
        connection.send(messages.hello(connection.account, connection.device, now_ms()))
        self.hub.add(connection)
        metrics.sockets.inc()
        if word := self.between.say():
            word.arrived.append((connection.device, connection.opened))

    def disconnect(self, connection: Connection) -> None:
        connection.closed = True
        self.hub.remove(connection)
        metrics.sockets.dec()

    def on_frame(self, connection: Connection, raw: str) -> Awaitable[None] | None:
        return handlers.on_frame(self, connection, raw)

    # --- after a commit ---

    def _committed(self, send: Send, verdict: Accepted) -> None:
        send.settle(send, verdict)
        services.count_accepted(send, verdict)
        if verdict.positions:
            self.hub.deliver(send, verdict)

    def _group_committed(self, send: GroupSend, verdict: Accepted) -> None:
        send.settle(send, verdict)
        services.count_accepted(send, verdict)
        if verdict.positions:
            self.hub.deliver_group(send, verdict)

    def _nudge_elsewhere(self, device: DeviceId) -> None:
        if word := self.between.say():
            word.nudges.add(device)

    def nudge(self, device: DeviceId) -> None:
        """Something was written for this device, wherever it is."""
        if device in self.hub.devices:
            self.hub.nudge(device)
        else:
            self._nudge_elsewhere(device)

    def tell_accounts(self, accounts: Sequence[AccountId], text: str, but: DeviceId | None = None) -> None:
        """A frame for every connected device of some accounts but one, wherever it is."""
        elsewhere = []
        for account in accounts:
            self.hub.tell_account(account, text, but)
            known = self.facts.accounts.get(account)
            if known is None or not known.active - {but} <= self.hub.devices.keys():
                elsewhere.append(account)
        if elsewhere and (word := self.between.say()):
            word.tell_accounts(elsewhere, text, but)

    def pair_changed(self, one: AccountId, other: AccountId) -> None:
        self.facts.forget_pair(one, other)
        if word := self.between.say():
            word.pairs.add((one, other))

    # --- from elsewhere ---

    def submit(self, effect: effects.Effect) -> None:
        self._loop.call_soon_threadsafe(effect, self)

    def _happened(self, event: events.Event) -> None:
        """An event of this process, in whichever thread."""
        self._loop.call_soon_threadsafe(self._take, event)

    def _take(self, event: events.Event) -> None:
        word = self.between.say()
        if isinstance(event, events.SessionsEnded):
            ended = {str(session) for session in event.session_ids}
            self.hub.close_sessions(ended)
            if word:
                word.ended |= ended
        elif isinstance(event, events.DevicesChanged):
            account = AccountId(str(event.account_id))
            self.facts.forget_account(account)
            self.listing.changed(account)
            if word:
                word.changed.add(account)
            task = self._loop.create_task(self._tell_devices_changed(account))
            self._tasks.append(task)
            task.add_done_callback(self._tasks.remove)
        else:
            device, text = DeviceId(str(event.device_id)), messages.prekeys_low(event.one_time, event.one_time_kem)
            self.hub.tell_device(device, text)
            if word and device not in self.hub.devices:
                word.devices.append((device, text))

    async def _tell_devices_changed(self, account: AccountId) -> None:
        concerned = [account, *await self.threads.run(services.who_accepted, account)]
        self.tell_accounts(concerned, messages.devices_changed(account))

    def _heard(self, word: dict[str, Any]) -> None:
        hearing.hear(self, word)

    async def tell_shares(self) -> None:
        """What devices have used of their shares here costs them as much at the other processes."""
        for share in buckets.SHARED:
            untold = getattr(buckets, share).untold()
            if untold and (word := self.between.say()):
                word.taken += [(share, device, amount) for device, amount in untold]

    # --- what no event may be needed for ---

    async def sweep(self) -> None:
        """Close the sockets of sessions that ended and of tokens that ran out; notice who is listed now."""
        connections = list(self.hub)
        now = now_ms()
        for connection in connections:
            if connection.expires_at < now:
                self.hub.remove(connection)
                connection.close(4401)
        sessions = list({connection.session for connection in self.hub})
        for start in range(0, len(sessions), 1_000):
            asked = [uuid.UUID(session) for session in sessions[start : start + 1_000]]
            ended = await self.threads.run(ended_sessions, asked)
            self.hub.close_sessions({str(session) for session in ended})
        await self.listing.sweep()

    async def poll(self) -> None:
        """A nudge that was lost costs no more than the time to here."""
        idle = [one for one in self.hub if not one.reading]
        for start in range(0, len(idle), 1_000):
            asked = idle[start : start + 1_000]
            held = [position for one in asked for position in (*one.in_flight, *one.acking)]
            for device in await self.store.having_envelopes([one.device for one in asked], held):
                self.hub.nudge(device)


_running: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Future[Delivery]] = WeakKeyDictionary()


async def running() -> Delivery:
    """The delivery of this event loop, started by whoever asks first."""
    loop = asyncio.get_running_loop()
    if (started := _running.get(loop)) is None:
        started = _running[loop] = loop.create_future()
        delivery = Delivery()
        await delivery.start()
        started.set_result(delivery)
    return await started


async def stop_running() -> None:
    """End the delivery of this event loop, if it was started."""
    if started := _running.pop(asyncio.get_running_loop(), None):
        await (await started).stop()
