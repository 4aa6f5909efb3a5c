"""How PostgreSQL finds acknowledged envelopes: it keeps its plan for as long as the connection, whatever it was for."""

from __future__ import annotations

import asyncio

import pytest
from django.db import connection

from chats.ids import DeviceId
from chats.writer import sql
from chats.writer.postgres import PostgresStore, ack_parameters

DEVICE = DeviceId("00000000-0000-4000-8000-000000000001")


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite makes its plans without counting rows")
@pytest.mark.django_db(transaction=True)
def test_acknowledged_envelopes_are_looked_up_even_where_the_queue_was_last_seen_empty() -> None:
    """Else each batch would read a queue that filled up since, and all that was deleted from it."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE chats_envelope")
        cursor.execute("ANALYZE chats_envelope")

    async def plan() -> str:
        store = PostgresStore()
        try:
            rows = await store._acknowledging.rows("EXPLAIN " + sql.ACKNOWLEDGE, ack_parameters([(DEVICE, 1)], 0))
        finally:
            await store.close()
        return "\n".join(line for (line,) in rows)

    found = asyncio.run(plan())
    assert "Tid Scan on chats_envelope e" in found, found
    assert 'Index Cond: ((device_id = ack.device) AND ("position" = ack."position"))' in found, found
    assert "Seq Scan on chats_envelope" not in found, found
