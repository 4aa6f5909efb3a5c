"""The threads for Django's ORM: what they keep open, and what they leave behind."""

from __future__ import annotations

import sqlite3

import pytest
from django.conf import settings
from django.db import OperationalError, connections

from accounts.models import User
from chats.threads import Threads


@pytest.mark.skipif(not settings.SQLITE, reason="PostgreSQL's connections go back to the pool")
async def test_a_thread_keeps_its_connection_until_it_fails_or_ends(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened() -> sqlite3.Connection:
        User.objects.exists()
        connection: sqlite3.Connection = connections["default"].connection
        return connection

    def fail() -> None:
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT nonsense")

    monkeypatch.setattr("chats.threads.THREADS", 1)  # a pool may start another while the first is still tidying up
    threads = Threads()
    first = await threads.run(opened)
    assert await threads.run(opened) is first
    with pytest.raises(OperationalError):
        await threads.run(fail)
    second = await threads.run(opened)
    assert second is not first
    threads.close()
    for one in (first, second):
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            one.execute("SELECT 1")
