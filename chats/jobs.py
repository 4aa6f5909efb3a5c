"""Periodic work: what nobody fetched expires, and what is old is forgotten. Safe in several processes at once."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.services import purge_expired
from chats import effects, group_jobs
from chats.ids import DeviceId
from chats.models import Envelope, PrivateMessage, PrivateMessageStatus
from chats.threads import Threads
from keys.services import purge_links
from messenger.lib.clock import Milliseconds, now_ms

logger = logging.getLogger(__name__)
INTERVAL_SECONDS = 600
AT_ONCE = 500  # rows in a transaction: nobody else should wait for it


def embedded() -> bool:
    """Whether the serving process runs the jobs itself; else `manage.py jobs` does."""
    return bool(settings.SQLITE or not settings.REDIS_URL)


def run_once(*, now: Milliseconds) -> None:
    """All jobs, one after the other."""
    retention = settings.RETENTION_DAYS * timedelta(days=1) // timedelta(milliseconds=1)
    counts = {
        "expired": _until_done(lambda: expire_envelopes(before=now - retention, now=now)),
        "emptied": _until_done(lambda: group_jobs.forget_ciphertexts(before=now - retention)),
        "told": _until_done(lambda: forget_envelopes(before=now - 2 * retention)),
        "messages": _until_done(lambda: forget_messages(before=now - retention)),
        "group_messages": _until_done(lambda: group_jobs.forget_group_messages(before=now - retention)),
        "group_chats": _until_done(lambda: group_jobs.forget_group_chats(before=now - retention)),
        "accounts": purge_expired(now=timezone.now()),
        "links": purge_links(now=now),
    }
    logger.info("jobs_done %s", " ".join(f"{name}={count}" for name, count in counts.items()))


@transaction.atomic
def expire_envelopes(*, before: Milliseconds, now: Milliseconds) -> int:
    """Delete ciphertext that nobody fetched. The device is told when it comes; the sender now. How many there were."""
    old = Envelope.objects.filter(created_at__lt=before, expired=False).order_by("position")
    rows = list(old.select_for_update(skip_locked=True).defer("ciphertext")[:AT_ONCE])
    control = [row.pk for row in rows if row.kind == Envelope.Kind.CONTROL]
    Envelope.objects.filter(pk__in=control).delete()
    kept = [row for row in rows if row.kind != Envelope.Kind.CONTROL]
    Envelope.objects.filter(pk__in=[row.pk for row in kept]).update(expired=True, ciphertext=b"")
    undelivered = [
        (row.message_id, row.device_id) for row in kept if row.kind == Envelope.Kind.MESSAGE and row.message_id
    ]
    expired = PrivateMessageStatus.Status.EXPIRED
    PrivateMessageStatus.objects.bulk_create(
        [
            PrivateMessageStatus(message_id=message, device_id=device, status=expired, at=now)
            for message, device in undelivered
        ],
        ignore_conflicts=True,
    )
    _tell_senders(undelivered, now)
    group_jobs.enter_expired(kept, now=now)
    effects.envelopes_written({DeviceId(str(row.device_id)) for row in kept})
    return len(rows)


def _tell_senders(undelivered: list[tuple[uuid.UUID, uuid.UUID]], now: Milliseconds) -> None:
    told: dict[tuple[uuid.UUID, uuid.UUID], list[tuple[uuid.UUID, uuid.UUID, int, int]]] = defaultdict(list)
    messages = PrivateMessage.objects.filter(pk__in={pk for pk, _ in undelivered}, hidden=False)
    known = {message.pk: message for message in messages.select_related("chat", "sender_device")}
    for pk, device in undelivered:
        if message := known.get(pk):
            to = message.sender_device.user_id
            told[to, message.chat_id].append(
                (message.client_message_id, device, PrivateMessageStatus.Status.EXPIRED, now)
            )
    for (to, chat_id), statuses in told.items():
        chat = next(message.chat for message in known.values() if message.chat_id == chat_id)
        effects.statuses_shown(to=to, chat=chat_id, by=chat.peer_of(to), rows=statuses)


def forget_envelopes(*, before: Milliseconds) -> int:
    """Delete what is left of expired envelopes whose device never came to be told."""
    old = Envelope.objects.filter(created_at__lt=before, expired=True).values_list("pk", flat=True)
    count, _ = Envelope.objects.filter(pk__in=list(old[:AT_ONCE])).delete()
    return count


@transaction.atomic
def forget_messages(*, before: Milliseconds) -> int:
    """Delete the metadata and statuses of old messages, but for those that a device is still to be told of."""
    # Ids are in time order (UUIDv7): the primary key finds the old ones.
    bound = uuid.UUID(int=before << 80)
    waiting = Envelope.objects.filter(created_at__lt=before, message__isnull=False).values("message")
    old = PrivateMessage.objects.filter(pk__lt=bound).exclude(pk__in=waiting).values_list("pk", flat=True)
    ids = list(old[:AT_ONCE])
    PrivateMessageStatus.objects.filter(message__in=ids).delete()
    PrivateMessage.objects.filter(pk__in=ids).delete()
    return len(ids)


def _until_done(step: Callable[[], int]) -> int:
    total = 0
    while count := step():
        total += count
    return total


async def run_in_threads() -> None:
    """All jobs, once, off the event loop."""
    threads = Threads()
    try:
        await threads.run(run_once, now=now_ms())
    finally:
        threads.close()


async def run_forever() -> None:
    """All jobs, now and every ten minutes."""
    while True:
        try:
            await run_in_threads()
        except Exception:
            logger.exception("jobs_failed")
        await asyncio.sleep(INTERVAL_SECONDS)
