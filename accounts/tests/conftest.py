"""The cast over REST: alice has two devices, bob one, charlie is the outsider."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import cache

from accounts.hashers import CappedArgon2Hasher
from accounts.tests.people import Person, Terminal
from messenger.lib import limits


@pytest.fixture
def alice(db: None) -> Person:
    return Person.register("alice")


@pytest.fixture
def laptop(alice: Person) -> Terminal:
    return alice.add_device("laptop")


@pytest.fixture
def phone(alice: Person) -> Terminal:
    return alice.add_device("phone")


@pytest.fixture
def charlie(db: None) -> Person:
    return Person.register("charlie")


@pytest.fixture
def dear_hashes() -> None:
    """Passwords are hashed with their real parameters in this test."""


@pytest.fixture(autouse=True)
def _cheap_hashes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same Argon2id at its least cost: every account of the cast has a password."""
    if "dear_hashes" not in request.fixturenames:
        monkeypatch.setattr(CappedArgon2Hasher, "time_cost", 1)
        monkeypatch.setattr(CappedArgon2Hasher, "memory_cost", 8)  # KiB


@pytest.fixture(autouse=True)
def _fresh_limits() -> None:
    """Each test starts with every count at nothing."""
    limits.reset()
    cache.clear()


@pytest.fixture(autouse=True)
def _plain_static_files(settings: Any) -> None:
    """Pages are rendered without `collectstatic`."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
