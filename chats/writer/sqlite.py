"""The store on SQLite: one thread that writes, one that reads, each with a connection of its own.

SQLite has one writer at a time anyway; the thread keeps its fsync away from the event loop. Django's connections
write too (REST, the directory), and BEGIN IMMEDIATE makes them take turns.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from django.db import connections

from chats import franking
from chats.ids import AccountId, ChatId, DeviceId, MessageId, from_hex, to_bytes
from chats.sends import STALE, Accepted, Send, Verdict
from chats.writer.postgres import split_ids, stamp_of
from chats.writer.store import Entered, StoreFailed, Waiting
from messenger.lib.clock import now_ms
from messenger.lib.ids import new_id

Result = TypeVar("Result")
BUSY_SECONDS = 20

INSERT_MESSAGE = """
INSERT INTO chats_privatemessage
    (id, chat_id, sender_device_id, client_message_id, accepted_at, stamp, stamp_key, skipped, hidden)
SELECT ?, c.id, ?, ?, ?, ?, ?, ?, ? FROM chats_privatechat c
WHERE c.id = ? AND c.version = ?
  AND EXISTS (SELECT 1 FROM accounts_user a WHERE a.id = ? AND a.devices_version = ?)
  AND EXISTS (SELECT 1 FROM accounts_user r WHERE r.id = ? AND r.devices_version = ?)
ON CONFLICT DO NOTHING
"""
INSERT_ENVELOPE = """
INSERT INTO chats_envelope
    (device_id, kind, message_id, sender_device_id, client_message_id, created_at, ciphertext, expired)
VALUES (?, ?, ?, ?, ?, ?, ?, 0)
"""
STORED = "SELECT accepted_at, skipped FROM chats_privatemessage WHERE sender_device_id = ? AND client_message_id = ?"
CURRENT = "SELECT 1 FROM accounts_user WHERE id = ? AND devices_version = ?"
GONE = """
DELETE FROM chats_envelope
WHERE position IN (SELECT value ->> 1 FROM json_each(?))
  AND device_id = (SELECT value ->> 0 FROM json_each(?) WHERE value ->> 1 = position)
RETURNING message_id, device_id, kind, expired
"""
ENTER = """
INSERT INTO chats_privatemessagestatus (message_id, device_id, status, at)
SELECT value ->> 0, value ->> 1, 1, ? FROM json_each(?) WHERE true
ON CONFLICT DO NOTHING
RETURNING message_id, device_id
"""
DESCRIBE = """
SELECT m.client_message_id, m.chat_id, s.user_id, asked.value ->> 1,
       NOT m.hidden OR EXISTS (
           SELECT 1 FROM accounts_contact k JOIN accounts_device d ON d.user_id = k.owner_id
           WHERE d.id = asked.value ->> 1 AND k.other_id = s.user_id AND k.state = 2)
FROM json_each(?) AS asked
JOIN chats_privatemessage m ON m.id = asked.value ->> 0
JOIN accounts_device s ON s.id = m.sender_device_id
"""
WAITING = """
SELECT e.device_id, e.position, e.kind, e.client_message_id, s.user_id, e.sender_device_id, m.chat_id, e.created_at,
       e.kind = 0 AND EXISTS (
           SELECT 1 FROM accounts_contact k WHERE k.owner_id = d.user_id AND k.other_id = s.user_id AND k.state <> 2),
       e.expired, e.ciphertext, m.stamp, m.stamp_key
FROM chats_envelope e
JOIN accounts_device d ON d.id = e.device_id
JOIN accounts_device s ON s.id = e.sender_device_id
LEFT JOIN chats_privatemessage m ON m.id = e.message_id
WHERE e.device_id = ? AND e.position NOT IN (SELECT value FROM json_each(?))
ORDER BY e.position LIMIT ?
"""
HAVING = """
SELECT asked.value FROM json_each(?) AS asked
WHERE EXISTS (
    SELECT 1 FROM chats_envelope q
    WHERE q.device_id = asked.value AND q.position NOT IN (SELECT value FROM json_each(?)))
"""


def to_hex(text: str) -> str:
    """How Django keeps a UUID on SQLite: 32 digits."""
    return text.replace("-", "")


class Accepting:
    """The statements of a batch of sends on any connection; the transaction is the caller's."""

    def __init__(self, execute: Callable[[str, tuple[object, ...]], Any], now: int) -> None:
        self._execute, self._now = execute, now

    def accept(self, send: Send) -> Verdict:
        message = new_id().hex
        if send.is_control:
            if not self._execute(CURRENT, (to_hex(send.account), send.account_version)).fetchone():
                return STALE
        elif not self._insert_message(send, message):
            return self.stored(send) or STALE
        device, message_id = to_hex(send.device), to_hex(send.message_id)
        reference = None if send.is_control else message
        positions = tuple(
            self._execute(
                INSERT_ENVELOPE,
                (to_hex(one.device), one.kind, reference, device, message_id, self._now, one.data),
            ).lastrowid
            for one in send.outgoing
        )
        return Accepted(self._now, send.skipped, positions)

    def _insert_message(self, send: Send, message: str) -> bool:
        row = (
            message,
            to_hex(send.device),
            to_hex(send.message_id),
            self._now,
            stamp_of(send, self._now),
            franking.key_id(),
            b"".join(map(to_bytes, send.skipped)),
            send.hidden,
            to_hex(send.chat),
            send.chat_version,
            to_hex(send.account),
            send.account_version,
            to_hex(send.to),
            send.to_version,
        )
        return bool(self._execute(INSERT_MESSAGE, row).rowcount == 1)

    def stored(self, send: Send) -> Accepted | None:
        row = self._execute(STORED, (to_hex(send.device), to_hex(send.message_id))).fetchone()
        return Accepted(row[0], split_ids(row[1])) if row else None


def acknowledge(
    execute: Callable[[str, tuple[object, ...]], Any], acks: Sequence[tuple[DeviceId, int]], now: int
) -> list[Entered]:
    """See Store.acknowledge. The transaction is the caller's."""
    asked = json.dumps([[to_hex(device), position] for device, position in acks])
    gone = execute(GONE, (asked, asked)).fetchall()
    # An expired envelope was never delivered, and a copy or a control content has no status.
    delivered = [[message, device] for message, device, kind, expired in gone if kind == 0 and not expired]
    fresh = execute(ENTER, (now, json.dumps(delivered))).fetchall() if delivered else []
    rows = execute(DESCRIBE, (json.dumps([list(row) for row in fresh]),)).fetchall() if fresh else []
    return [
        Entered(
            MessageId(from_hex(row[0])),
            ChatId(from_hex(row[1])),
            AccountId(from_hex(row[2])),
            DeviceId(from_hex(row[3])),
            bool(row[4]),
        )
        for row in rows
    ]


def waiting(row: tuple[Any, ...]) -> Waiting:
    """A row of WAITING."""
    return Waiting(
        device=DeviceId(from_hex(row[0])),
        position=row[1],
        kind=row[2],
        message_id=MessageId(from_hex(row[3])),
        sender=AccountId(from_hex(row[4])),
        sender_device=DeviceId(from_hex(row[5])),
        chat=ChatId(from_hex(row[6])) if row[6] else None,
        accepted_at=row[7],
        request=bool(row[8]),
        expired=bool(row[9]),
        ciphertext=row[10],
        stamp=row[11] or b"",
        stamp_key=row[12] or "",
    )


class _Thread:
    """A thread with a connection of its own."""

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._connection: sqlite3.Connection | None = None

    async def run(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._work, work)

    def _work(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        try:
            if self._connection is None:
                self._connection = self._connect()
            return work(self._connection)
        except sqlite3.OperationalError as error:
            raise StoreFailed from error

    def _connect(self) -> sqlite3.Connection:
        path = connections["default"].settings_dict["NAME"]
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, cached_statements=64)
        connection.execute("PRAGMA journal_mode=WAL")
        # FULL: an accepted message survives the loss of power, not only of the process.
        connection.execute("PRAGMA synchronous=FULL")
        return connection

    async def close(self) -> None:
        def close() -> None:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

        await asyncio.get_running_loop().run_in_executor(self._executor, close)
        self._executor.shutdown()


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


class SqliteStore:
    """See Store."""

    def __init__(self) -> None:
        self._writing, self._reading = _Thread("chats-writer"), _Thread("chats-reader")

    async def open(self) -> None:
        """The connections are made in their threads, when they are first used."""

    async def close(self) -> None:
        await self._writing.close()
        await self._reading.close()

    async def accept_batch(self, sends: Sequence[Send]) -> list[Verdict]:
        def work(connection: sqlite3.Connection) -> list[Verdict]:
            with _transaction(connection):
                accepting = Accepting(connection.execute, now_ms())
                return [accepting.accept(send) for send in sends]

        return await self._writing.run(work)

    async def acknowledge(self, acks: Sequence[tuple[DeviceId, int]], now: int) -> list[Entered]:
        def work(connection: sqlite3.Connection) -> list[Entered]:
            with _transaction(connection):
                return acknowledge(connection.execute, acks, now)

        return await self._writing.run(work)

    async def waiting_for(self, devices: Collection[DeviceId], held: Collection[int], limit: int) -> list[Waiting]:
        excluded = json.dumps(list(held))

        def work(connection: sqlite3.Connection) -> list[Waiting]:
            rows: list[Waiting] = []
            for device in devices:
                found = connection.execute(WAITING, (to_hex(device), excluded, limit))
                rows += [waiting(row) for row in found]
            return rows

        return await self._reading.run(work)

    async def having_envelopes(self, devices: Collection[DeviceId], held: Collection[int]) -> set[DeviceId]:
        asked = (json.dumps([to_hex(device) for device in devices]), json.dumps(list(held)))
        rows = await self._reading.run(lambda connection: connection.execute(HAVING, asked).fetchall())
        return {DeviceId(from_hex(row[0])) for row in rows}
