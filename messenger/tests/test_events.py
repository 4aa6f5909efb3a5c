"""Events are told after the commit, to everybody, whatever one of them does."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from django.db import transaction

from messenger.lib import events
from messenger.lib.events import DevicesChanged, Event

CHANGED = DevicesChanged(uuid.UUID(int=1))


def _raise(event: Event) -> None:
    raise RuntimeError("deaf")


@pytest.fixture
def heard() -> Iterator[list[Event]]:
    told: list[Event] = []
    events.subscribe(_raise)
    events.subscribe(told.append)
    yield told
    events.unsubscribe(_raise)
    events.unsubscribe(told.append)


@pytest.mark.django_db(transaction=True)
def test_an_event_is_told_after_the_commit_and_past_a_deaf_subscriber(heard: list[Event]) -> None:
    with transaction.atomic():
        events.publish_on_commit(CHANGED)
        assert heard == []

    assert heard == [CHANGED]


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_did_not_happen(heard: list[Event]) -> None:
    with transaction.atomic():
        events.publish_on_commit(CHANGED)
        transaction.set_rollback(True)

    assert heard == []
