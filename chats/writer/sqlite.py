"""The store on SQLite: one thread that writes, one that reads, each with a connection of its own.

SQLite has one writer at a time anyway; the thread keeps its fsync away from the event loop. Django's connections
write too (REST, the directory), and BEGIN IMMEDIATE makes them take turns.

Every statement here is for a whole batch and answers with one row of JSON. Python's sqlite3 lets go of the GIL for
each step of a statement, and takes up to 5 ms to get it back from a busy event loop: a statement a message, or a row
a message, made a message eight times as dear.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import orjson
from django.db import connections

from chats import franking
from chats.group_sends import GroupSend
from chats.ids import AccountId, ChatId, DeviceId, MessageId, from_hex, to_bytes, to_hex
from chats.sends import MESSAGE, STALE, Accepted, Send, Verdict
from chats.writer import sqlite_groups, sqlite_sql
from chats.writer.store import Entered, StoreFailed, Waiting, split_ids, stamp_of
from messenger.lib.clock import now_ms
from messenger.lib.ids import new_id

Result = TypeVar("Result")
Execute = Callable[[str, Sequence[object]], Any]
BUSY_SECONDS = 20
LOG_SECONDS = 5.0  # between two times that the log of writes is emptied, if there is anything in it
MOST_ROWS = 3_000  # in one INSERT: eight or nine parameters each, of at most 32,766


def accept(execute: Execute, sends: Sequence[Send], now: int) -> list[Verdict]:
    """See Store.accept_batch. The transaction is the caller's, and it holds the lock of the one writer."""
    state = _state(execute, sends)
    known = state.known
    answers: list[Verdict] = []
    messages: list[object] = []
    envelopes: list[object] = []
    written: list[tuple[int, Send]] = []
    for number, send in enumerate(sends):
        key = (to_hex(send.device), to_hex(send.message_id))
        if not send.is_control and (stored := known.get(key)):
            answers.append(stored)
        elif not _current(send, state):
            answers.append(STALE)
        else:
            message = None
            if not send.is_control:
                message = new_id().hex
                known[key] = Accepted(now, send.skipped)  # for a repetition in the same batch
                skipped = b"".join(map(to_bytes, send.skipped))
                messages += (message, to_hex(send.chat), *key, now, stamp_of(send, now), franking.key_id(), skipped)
                messages.append(send.hidden)
            for one in send.outgoing:
                envelopes += (to_hex(one.device), one.kind, message, *key, now, one.data, False)
            written.append((number, send))
            answers.append(STALE)  # until its positions are known
    _insert(execute, sqlite_sql.INSERT_MESSAGES, 9, messages)
    positions = iter(_insert(execute, sqlite_sql.INSERT_ENVELOPES, 8, envelopes))
    for number, send in written:
        answers[number] = Accepted(now, send.skipped, tuple(next(positions) for _ in send.outgoing))
    return answers


@dataclass(frozen=True, slots=True)
class _State:
    """What the database says: versions, the messages that are known, and what one account thinks of another."""

    accounts: dict[str, int]
    chats: dict[str, int]
    known: dict[tuple[str, str], Accepted]
    contacts: dict[tuple[str, str], int]


def _state(execute: Execute, sends: Sequence[Send]) -> _State:
    targets = [(to_hex(send.account), to_hex(one.account)) for send in sends for one in send.targets]
    accounts = {to_hex(account) for send in sends for account in (send.account, send.to) if account}
    accounts.update(target for _, target in targets)
    chats = {to_hex(send.chat) for send in sends if send.chat}
    asked = [[to_hex(send.device), to_hex(send.message_id)] for send in sends if not send.is_control]
    pairs = {pair for one, other in targets for pair in ((one, other), (other, one))}
    parameters = [orjson.dumps(list(part)).decode() for part in (accounts, chats, asked, pairs)]
    found = [orjson.loads(part) for part in execute(sqlite_sql.STATE, parameters).fetchone()]
    known = {(row[0], row[1]): Accepted(row[2], split_ids(bytes.fromhex(row[3]))) for row in found[2]}
    return _State(dict(found[0]), dict(found[1]), known, {(row[0], row[1]): row[2] for row in found[3]})


def _current(send: Send, state: _State) -> bool:
    """Whether the facts that the send was checked against are those of the database."""
    sender = to_hex(send.account)
    if state.accounts.get(sender) != send.account_version:
        return False
    if not send.is_control:
        return (
            state.accounts.get(to_hex(send.to)) == send.to_version
            and state.chats.get(to_hex(send.chat)) == send.chat_version
        )
    return all(
        state.accounts.get(target) == one.version
        and state.contacts.get((sender, target), 0) == one.mine
        and state.contacts.get((target, sender), 0) == one.theirs
        for one, target in ((one, to_hex(one.account)) for one in send.targets)
    )


def _insert(execute: Execute, statement: str, width: int, values: list[object]) -> list[int]:
    """Insert rows of `width` values each, many at a time. Their row ids, in order."""
    ids: list[int] = []
    row = "(" + ",".join("?" * width) + ")"
    for start in range(0, len(values), MOST_ROWS * width):
        chunk = values[start : start + MOST_ROWS * width]
        count = len(chunk) // width
        last = execute(statement + ",".join([row] * count), chunk).lastrowid
        # One after the other: AUTOINCREMENT counts up by one, and nobody else writes during this transaction.
        ids += range(last - count + 1, last + 1)
    return ids


def acknowledge(execute: Execute, acks: Sequence[tuple[DeviceId, int]], now: int) -> list[Entered]:
    """See Store.acknowledge. The transaction is the caller's."""
    asked = orjson.dumps([[to_hex(device), position] for device, position in acks]).decode()
    found = orjson.loads(execute(sqlite_sql.FOUND, (asked,)).fetchone()[0])
    execute(sqlite_sql.DELETE, (orjson.dumps([row[0] for row in found]).decode(),))
    # An expired envelope was never delivered, and a copy or a control content has no status.
    got = orjson.dumps([[row[1], row[2]] for row in found if row[3] == MESSAGE and not row[4]]).decode()
    rows = orjson.loads(execute(sqlite_sql.DESCRIBE, (got,)).fetchone()[0])
    execute(sqlite_sql.ENTER, (now, got))
    entered = [sqlite_groups.entered(row, in_group=False) for row in rows if row[4]]
    return entered + sqlite_groups.acknowledge(execute, [row for row in found if row[5]], now)


def waiting_for(execute: Execute, device: DeviceId, room: int, excluded: str, limit: int) -> list[Waiting]:
    """The oldest envelopes of a device that are not in the JSON array `excluded`; see Store.waiting_for."""
    rows = orjson.loads(execute(sqlite_sql.WAITING, (to_hex(device), excluded, limit, room)).fetchone()[0])
    return sorted((_waiting(row) for row in rows), key=lambda one: one.position)


def _waiting(row: list[Any]) -> Waiting:
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
        ciphertext=bytes.fromhex(row[10]),
        stamp=bytes.fromhex(row[11] or ""),
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
        # A ciphertext that was acknowledged is overwritten, not only forgotten.
        connection.execute("PRAGMA secure_delete=ON")
        return connection

    async def close(self) -> None:
        def close() -> None:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

        await asyncio.get_running_loop().run_in_executor(self._executor, close)
        self._executor.shutdown()


def empty_log(connection: sqlite3.Connection) -> None:
    """Move the log of writes into the database: until then it holds what was deleted from there."""
    log = Path(f"{connections['default'].settings_dict['NAME']}-wal")
    if not log.exists() or not log.stat().st_size:
        return
    # Nobody waits for it: while somebody reads, it stays for the next time.
    connection.execute("PRAGMA busy_timeout=0")
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")


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
        self._emptying: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """The connections are made in their threads, when they are first used."""
        self._emptying = asyncio.get_running_loop().create_task(self._empty_log(), name="chats-sqlite-log")

    async def _empty_log(self) -> None:
        while True:
            await asyncio.sleep(LOG_SECONDS)
            with suppress(StoreFailed):
                await self._writing.run(empty_log)

    async def close(self) -> None:
        if self._emptying is not None:
            self._emptying.cancel()
            await asyncio.wait([self._emptying])
        with suppress(StoreFailed):
            await self._writing.run(empty_log)
        await self._writing.close()
        await self._reading.close()

    async def accept_batch(self, sends: Sequence[Send]) -> list[Verdict]:
        def work(connection: sqlite3.Connection) -> list[Verdict]:
            with _transaction(connection):
                return accept(connection.execute, sends, now_ms())

        return await self._writing.run(work)

    async def accept_group_batch(self, sends: Sequence[GroupSend]) -> list[Verdict]:
        def work(connection: sqlite3.Connection) -> list[Verdict]:
            with _transaction(connection):
                return sqlite_groups.accept(connection.execute, sends, now_ms())

        return await self._writing.run(work)

    async def acknowledge(self, acks: Sequence[tuple[DeviceId, int]], now: int) -> list[Entered]:
        def work(connection: sqlite3.Connection) -> list[Entered]:
            with _transaction(connection):
                return acknowledge(connection.execute, acks, now)

        return await self._writing.run(work)

    async def waiting_for(self, rooms: Mapping[DeviceId, int], held: Collection[int], limit: int) -> list[Waiting]:
        excluded = orjson.dumps(list(held)).decode()

        def work(connection: sqlite3.Connection) -> list[Waiting]:
            return [
                row
                for device, room in rooms.items()
                for row in waiting_for(connection.execute, device, room, excluded, limit)
            ]

        return await self._reading.run(work)

    async def having_envelopes(self, devices: Collection[DeviceId], held: Collection[int]) -> set[DeviceId]:
        asked = [orjson.dumps(part).decode() for part in ([to_hex(device) for device in devices], list(held))]
        row = await self._reading.run(lambda connection: connection.execute(sqlite_sql.HAVING, asked).fetchone())
        return {DeviceId(from_hex(digits)) for digits in orjson.loads(row[0])}
