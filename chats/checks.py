"""Combinations of settings that deliver to nobody, said before the first request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register


@register()
def check_processes(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Several processes need a database and a word between them that they share."""
    found: list[CheckMessage] = []
    if settings.WEB_PROCESSES > 1 and settings.SQLITE:
        found.append(
            Error(
                "SQLite serves one process.",
                hint="Set DATABASE_URL to a PostgreSQL, or WEB_PROCESSES to 1.",
                id="chats.E001",
            )
        )
    if settings.WEB_PROCESSES > 1 and not settings.REDIS_URL:
        found.append(
            Error(
                "Several processes have no way to nudge each other: messages would wait for the poll.",
                hint="Set REDIS_URL, or WEB_PROCESSES to 1.",
                id="chats.E002",
            )
        )
    if settings.SQLITE and settings.REDIS_URL:
        found.append(
            Warning(
                "Redis is set, but SQLite serves one process, which has nobody to tell.",
                hint="Set DATABASE_URL to a PostgreSQL, or leave REDIS_URL unset.",
                id="chats.W001",
            )
        )
    if settings.RETENTION_DAYS < 1 or settings.POLL_SECONDS <= 0 or settings.SEND_RATE <= 0 or settings.SEND_BURST < 1:
        found.append(
            Error(
                "RETENTION_DAYS, POLL_SECONDS, SEND_RATE and SEND_BURST are above nothing.",
                hint="Leave them unset for their defaults.",
                id="chats.E003",
            )
        )
    return found
