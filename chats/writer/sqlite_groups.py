"""Messages to group chats on SQLite. A statement a message: each is about many rows, and not worth less than that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from chats import franking
from chats.group_sends import GroupSend
from chats.ids import AccountId, ChatId, DeviceId, MessageId, from_hex, to_bytes, to_hex
from chats.sends import GROUP, STALE, Accepted, Verdict
from chats.writer import sqlite_sql
from chats.writer.store import Entered, group_stamp_of, split_ids
from messenger.lib.ids import new_id

Execute = Callable[[str, Sequence[object]], Any]


def accept(execute: Execute, sends: Sequence[GroupSend], now: int) -> list[Verdict]:
    """See Store.accept_group_batch. The transaction is the caller's, and it holds the lock of the one writer."""
    groups = {to_hex(send.group) for send in sends}
    asked = [[to_hex(send.device), to_hex(send.message_id)] for send in sends]
    parameters = [orjson.dumps(list(part)).decode() for part in (groups, asked)]
    found = [orjson.loads(part) for part in execute(sqlite_sql.GROUP_STATE, parameters).fetchone()]
    versions = {row[0]: (row[1], row[2]) for row in found[0]}
    known = {(row[0], row[1]): Accepted(row[2], split_ids(bytes.fromhex(row[3]))) for row in found[1]}
    answers: list[Verdict] = []
    for send in sends:
        key = (to_hex(send.device), to_hex(send.message_id))
        if stored := known.get(key):
            answers.append(stored)
        elif versions.get(to_hex(send.group)) != (send.version, send.devices_version):
            answers.append(STALE)
        else:
            positions = _write(execute, send, key, now)
            answers.append(Accepted(now, send.skipped, positions))
            known[key] = Accepted(now, send.skipped)  # for a repetition in the same batch
    return answers


def acknowledge(execute: Execute, found: Sequence[list[Any]], now: int) -> list[Entered]:
    """Count envelopes that were deleted, as rows of FOUND, and enter their statuses; see Store.acknowledge."""
    if not found:
        return []
    execute(sqlite_sql.COUNT, (orjson.dumps([row[5] for row in found]).decode(),))
    got = orjson.dumps([[row[5], row[2]] for row in found if row[3] == GROUP and not row[4]]).decode()
    rows = orjson.loads(execute(sqlite_sql.DESCRIBE_IN_GROUPS, (got,)).fetchone()[0])
    execute(sqlite_sql.ENTER_IN_GROUPS, (now, got))
    return [entered(row, in_group=True) for row in rows if row[4]]


def entered(row: list[Any], *, in_group: bool) -> Entered:
    """A row of DESCRIBE or DESCRIBE_IN_GROUPS that the sender may know of."""
    return Entered(
        MessageId(from_hex(row[0])),
        ChatId(from_hex(row[1])),
        AccountId(from_hex(row[2])),
        [DeviceId(from_hex(row[3]))],
        in_group,
    )


def _write(execute: Execute, send: GroupSend, key: tuple[str, str], now: int) -> tuple[int, ...]:
    message, count = new_id().hex, len(send.outgoing)
    skipped = b"".join(map(to_bytes, send.skipped))
    stamp, body = group_stamp_of(send, now), send.data if count else b""
    row = (message, to_hex(send.group), *key, now, stamp, franking.key_id(), skipped, count, body)
    execute(sqlite_sql.INSERT_GROUP_MESSAGE, row)
    if not count:
        return ()
    fan = [[to_hex(one.device), kind] for one, kind in zip(send.outgoing, send.fan.kinds, strict=True)]
    envelopes = (message, *key, now, orjson.dumps(fan).decode())
    last = execute(sqlite_sql.INSERT_GROUP_ENVELOPES, envelopes).lastrowid
    # One after the other: AUTOINCREMENT counts up by one, and nobody else writes during this transaction.
    return tuple(range(last - count + 1, last + 1))
