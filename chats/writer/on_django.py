"""The writer's statements on Django's own connection, for requests. The transaction is the caller's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, LiteralString, cast

import psycopg
from django.db import connection

from chats.group_sends import GroupSend
from chats.ids import DeviceId
from chats.models import Envelope
from chats.sends import Send, Verdict
from chats.writer import arrays, group_sql, postgres, sql, sqlite, sqlite_groups
from chats.writer.store import Entered, Waiting
from messenger.lib.clock import now_ms

ANSWER_BYTES = 1024 * 1024  # of ciphertext in one answer; the envelope that exceeds it is the last


def accept(send: Send) -> Verdict:
    """Write one send, and say what happened."""
    now = now_ms()
    if connection.vendor != "postgresql":
        return sqlite.accept(_sqlite().execute, [send], now)[0]
    taken, positions = _rows(sql.ACCEPT, postgres.batch_parameters([send], now))[0]
    stored = [] if taken else _rows(sql.STORED, postgres.asked_again([send], taken))
    return postgres.verdicts([send], now, taken, positions, stored)[0]


def accept_group(send: GroupSend) -> Verdict:
    """The same for a message to a group chat."""
    now = now_ms()
    if connection.vendor != "postgresql":
        return sqlite_groups.accept(_sqlite().execute, [send], now)[0]
    taken, positions = _rows(group_sql.ACCEPT, postgres.group_batch_parameters([send], now))[0]
    stored = [] if taken else _rows(group_sql.STORED, postgres.asked_again([send], taken))
    return postgres.verdicts([send], now, taken, positions, stored)[0]


def acknowledge(acks: Sequence[tuple[DeviceId, int]], now: int) -> list[Entered]:
    if connection.vendor != "postgresql":
        return sqlite.acknowledge(_sqlite().execute, acks, now)
    return postgres.entered(_rows(sql.ACKNOWLEDGE, postgres.ack_parameters(acks, now)))


def waiting_for(device: DeviceId, limit: int) -> tuple[list[Waiting], bool]:
    """The oldest envelopes of a device, no more than an answer should hold, and whether there are others after them."""
    rows = _waiting_for(device, limit + 1)
    more = len(rows) > limit
    if not more and sum(len(row.ciphertext) for row in rows) >= ANSWER_BYTES:
        more = Envelope.objects.filter(device_id=device, position__gt=rows[-1].position).exists()
    return rows[:limit], more


def _waiting_for(device: DeviceId, limit: int) -> list[Waiting]:
    if connection.vendor != "postgresql":
        return sqlite.waiting_for(_sqlite().execute, device, ANSWER_BYTES, "[]", limit)
    return [
        postgres.waiting(row)
        for row in _rows(sql.WAITING, postgres.drain_parameters({device: ANSWER_BYTES}, [], limit))
    ]


def _rows(statement: LiteralString, parameters: Sequence[object]) -> list[tuple[Any, ...]]:
    connection.ensure_connection()
    # A plain cursor: Django's own sends parameters as text in the statement, ciphertexts too.
    with psycopg.Cursor(cast("psycopg.Connection[Any]", connection.connection)) as cursor:
        arrays.register(cursor)
        return cursor.execute(statement, parameters, prepare=False, binary=True).fetchall()


def _sqlite() -> Any:
    connection.ensure_connection()
    return connection.connection
