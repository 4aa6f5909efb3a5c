"""Periodic work: what nobody fetched expires, and what is old is forgotten. Safe in several processes at once."""

from __future__ import annotations

import asyncio
import logging

from asgiref.sync import sync_to_async
from django.conf import settings
from django.utils import timezone

from accounts.services import purge_expired

logger = logging.getLogger(__name__)
INTERVAL_SECONDS = 600


def embedded() -> bool:
    """Whether the serving process runs the jobs itself; else `manage.py jobs` does."""
    return bool(settings.SQLITE or not settings.REDIS_URL)


def run_once() -> None:
    """All jobs, one after the other."""
    purge_expired(now=timezone.now())


async def run_forever() -> None:
    """All jobs, now and every ten minutes."""
    while True:
        try:
            await sync_to_async(run_once, thread_sensitive=False)()
        except Exception:
            logger.exception("jobs_failed")
        await asyncio.sleep(INTERVAL_SECONDS)
