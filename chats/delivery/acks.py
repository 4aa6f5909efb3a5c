"""Acknowledgements on their way to the database: gathered for some milliseconds, deleted by exact ids, then told."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Sequence

from chats.delivery import messages
from chats.delivery.connection import Connection
from chats.delivery.on_demand import OnDemand
from chats.ids import AccountId, ChatId, DeviceId, GroupId, MessageId
from chats.limits import ACK_BACKLOG, ACK_INTERVAL
from chats.writer.store import Entered, Store
from messenger.lib import metrics
from messenger.lib.clock import now_ms

logger = logging.getLogger(__name__)
LOOK_SECONDS = 1.0  # between two looks at whether a socket that waits has ended


class Acks:
    """`tell` gets a frame for every device of accounts; `more` is called for a connection that has room again."""

    def __init__(
        self,
        store: Store,
        *,
        tell: Callable[[Sequence[AccountId], str], None],
        more: Callable[[Connection], None],
    ) -> None:
        self._store, self._tell, self._more = store, tell, more
        self._gathered: list[tuple[Connection, list[int], str | None]] = []
        self._causes: Counter[str] = Counter()
        self._deleted = asyncio.Event()  # one for each flush
        self._work = OnDemand("chats-acks", self._flush, lambda: bool(self._gathered))
        self.finish = self._work.finish

    def add(self, connection: Connection, positions: list[int], frame_id: str | None) -> int:
        """These envelopes have arrived. Only those of the connection's own device will be deleted.

        Returns how many of them were not sent on this connection: over REST, on an earlier one, or never.
        """
        strange = connection.release(positions)
        metrics.delivered.inc(len(positions) - strange)
        connection.gathered += 1 + len(positions)
        self._gathered.append((connection, positions, frame_id))
        self._work.wake()
        if connection.behind and connection.wants_more:
            self._more(connection)
        return strange

    def count(self, causes: list[str]) -> None:
        """Envelopes that a client could not read: their causes are counted, and nothing else is known of them."""
        self._causes.update(causes)
        metrics.unreadable(causes)

    def overloaded(self, connection: Connection) -> bool:
        """This connection acknowledges faster than the database deletes: read it later."""
        return connection.gathered > ACK_BACKLOG

    async def caught_up(self, connection: Connection) -> None:
        """Wait until this connection is not overloaded, or closed."""
        while self.overloaded(connection) and not connection.closed:
            # With a timeout: nothing is deleted while the database is away, and a socket may end meanwhile.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._deleted.wait(), LOOK_SECONDS)

    async def _flush(self) -> None:
        # In memory only: an ack that is lost with the process redelivers what the client drops by its id.
        await asyncio.sleep(ACK_INTERVAL)
        gathered, self._gathered = self._gathered, []
        now = now_ms()
        owners = {connection.device: connection.account for connection, _, _ in gathered}
        wanted = {(connection.device, position) for connection, positions, _ in gathered for position in positions}
        try:
            entered = await self._store.acknowledge(list(wanted), now) if wanted else []
        except Exception:
            self._gathered = gathered + self._gathered
            raise
        for connection, positions, frame_id in gathered:
            connection.acking.difference_update(positions)
            connection.gathered -= 1 + len(positions)
            if frame_id is not None:
                connection.send(messages.done(frame_id))
        self._deleted.set()
        self._deleted = asyncio.Event()
        for account, text in delivered(entered, owners, now):
            self._tell([account], text)
        if self._causes:
            causes, self._causes = self._causes, Counter()
            logger.info("envelopes_unreadable %s", " ".join(f"{name}={count}" for name, count in causes.items()))


def delivered(entered: list[Entered], owners: dict[DeviceId, AccountId], now: int) -> list[tuple[AccountId, str]]:
    """One `message.delivered` for all that a device has acknowledged of a chat, to the account that sent it.

    In a group chat one for all the devices that have acknowledged the same: otherwise it would be hundreds.
    """
    merged: dict[tuple[AccountId, bool, ChatId, DeviceId], list[MessageId]] = {}
    for one in entered:
        for device in one.devices:
            merged.setdefault((one.sender, one.in_group, one.chat, device), []).append(one.message_id)
    told = []
    alike: dict[tuple[AccountId, ChatId, tuple[MessageId, ...]], list[DeviceId]] = {}
    for (sender, in_group, chat, device), ids in merged.items():
        if in_group:
            alike.setdefault((sender, chat, tuple(sorted(ids))), []).append(device)
        else:
            told.append((sender, messages.status("message.delivered", chat, ids, owners[device], device, now)))
    for (sender, chat, same), devices in alike.items():
        having = [(owners[device], device) for device in devices]
        told.append((sender, messages.group_delivered(GroupId(chat), same, having, now)))
    return told
