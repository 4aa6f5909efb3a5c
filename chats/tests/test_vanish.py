"""A PostgreSQL that says nothing any more: delivery notices, and goes on when it is back."""

from __future__ import annotations

import asyncio

import pytest
from django.conf import settings
from django.db import connections

from chats.writer import postgres
from chats.writer.store import StoreFailed

pytestmark = pytest.mark.skipif(settings.SQLITE, reason="a file does not vanish")


async def test_a_database_that_does_not_answer_is_left_and_found_again(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = postgres.Session()
    try:
        assert await session.rows("SELECT 1", []) == [(1,)]
        monkeypatch.setattr(postgres, "ANSWER_SECONDS", 0.2)
        async with asyncio.timeout(5):
            with pytest.raises(StoreFailed):
                await session.rows("SELECT 2 FROM pg_sleep(30)", [])
        monkeypatch.undo()
        assert await session.rows("SELECT 3", []) == [(3,)]
    finally:
        await session.close()


async def test_a_server_that_is_silent_from_the_start_is_given_up(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = await asyncio.start_server(lambda reader, writer: asyncio.sleep(30), "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    monkeypatch.setitem(connections["default"].settings_dict, "HOST", "127.0.0.1")
    monkeypatch.setitem(connections["default"].settings_dict, "PORT", port)
    monkeypatch.setattr(postgres, "ANSWER_SECONDS", 0.2)
    session = postgres.Session()
    async with asyncio.timeout(5):
        with pytest.raises(StoreFailed):
            await session.rows("SELECT 1", [])
        await session.close()
    silent.close()
