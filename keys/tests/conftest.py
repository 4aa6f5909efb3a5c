"""alice has two devices, bob one, and both have published lists; charlie is outside. Nobody has prekeys yet."""

from __future__ import annotations

import pytest

from keys.tests.cast import Person
from messenger.lib import events, limits


@pytest.fixture(autouse=True)
def _unlimited() -> None:
    limits.reset()


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[events.Event]:
    """The events that left after a commit."""
    told: list[events.Event] = []
    monkeypatch.setattr(events, "_subscribers", [told.append])
    return told


@pytest.fixture
def alice(db: None) -> Person:
    person = Person.make("alice", devices=2)
    person.publish_list()
    return person


@pytest.fixture
def bob(db: None) -> Person:
    person = Person.make("bob")
    person.publish_list()
    return person


@pytest.fixture
def charlie(db: None) -> Person:
    person = Person.make("charlie")
    person.publish_list()
    return person
