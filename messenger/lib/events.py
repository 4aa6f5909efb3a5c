"""What has happened, told to whoever listens in this process, and only after the transaction has been committed.

An app publishes; another subscribes when it is ready (AppConfig.ready). Nothing here crosses processes.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SessionsEnded:
    """These token families speak for nobody any more; their sockets have to close."""

    session_ids: tuple[uuid.UUID, ...]


@dataclass(frozen=True, slots=True)
class DevicesChanged:
    """The set of devices of this account is another one: a list was published, or a device suspended or restored."""

    account_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class PrekeysLow:
    """This device has few one-time prekeys left: the counts that remain, of each kind."""

    device_id: uuid.UUID
    one_time: int
    one_time_kem: int


Event = SessionsEnded | DevicesChanged | PrekeysLow
Subscriber = Callable[[Event], None]

_subscribers: list[Subscriber] = []


def subscribe(subscriber: Subscriber) -> None:
    """Call `subscriber` with each event from now on, in the thread that committed. It must not block."""
    if subscriber not in _subscribers:
        _subscribers.append(subscriber)


def unsubscribe(subscriber: Subscriber) -> None:
    """Forget `subscriber`, if it is known."""
    if subscriber in _subscribers:
        _subscribers.remove(subscriber)


def publish_on_commit(event: Event) -> None:
    """Tell every subscriber once this transaction has been committed, and nobody if it is rolled back."""
    transaction.on_commit(lambda: _publish(event), robust=True)


def _publish(event: Event) -> None:
    for subscriber in tuple(_subscribers):
        try:
            subscriber(event)
        except Exception:  # What was committed stays committed: one deaf subscriber must not fail the request.
            logger.exception("event_subscriber_failed event=%s", type(event).__name__)
