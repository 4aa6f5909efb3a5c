"""How PostgreSQL finds envelopes: its plans are kept for as long as a connection, whatever the queue was like then."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from django.db import connection

from chats.ids import DeviceId
from chats.writer import sql
from chats.writer.postgres import PostgresStore, Row, ack_parameters, drain_parameters, having_parameters

DEVICE = DeviceId("00000000-0000-4000-8000-000000000001")

pytestmark = [
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite makes its plans without counting rows"),
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture(autouse=True)
def found_empty() -> None:
    """The queue is empty most of the time, and it is then that PostgreSQL may count its rows."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE chats_envelope")
        cursor.execute("ANALYZE chats_envelope")


def plan(explain: Callable[[PostgresStore], Awaitable[list[Row]]]) -> str:
    async def explained() -> list[Row]:
        store = PostgresStore()
        try:
            return await explain(store)
        finally:
            await store.close()

    return "\n".join(line for (line,) in asyncio.run(explained()))


def test_acknowledged_envelopes_are_looked_up() -> None:
    acks = ack_parameters([(DEVICE, 1)], 0)
    found = plan(lambda store: store._acknowledging.rows("EXPLAIN " + sql.ACKNOWLEDGE, acks))
    assert "Tid Scan on chats_envelope e" in found, found
    assert 'Index Cond: ((device_id = ack.device) AND ("position" = ack."position"))' in found, found
    assert "Seq Scan on chats_envelope" not in found, found


def test_what_waits_for_a_device_is_read_in_the_order_of_its_queue() -> None:
    asked = drain_parameters({DEVICE: 1}, [], 1)
    found = plan(lambda store: store._reading.rows("EXPLAIN " + sql.WAITING, asked))
    assert "Index Scan using envelopes_of_a_device" in found, found
    assert "Index Cond: (device_id = asked.device)" in found, found


def test_whether_something_waits_for_a_device_is_looked_up() -> None:
    asked = having_parameters([DEVICE], [])
    found = plan(lambda store: store._reading.rows("EXPLAIN " + sql.HAVING, asked))
    assert "using envelopes_of_a_device" in found, found
    assert "Index Cond: (device_id = asked.device)" in found, found
