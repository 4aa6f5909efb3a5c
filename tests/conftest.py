"""Whole stacks for the tests that cross processes."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.people import Person
from tests.stacks import Stack, running

_numbers = itertools.count(1)


@pytest.fixture(scope="module", params=["embedded", "full"])
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Both ways to run a server: one process on SQLite, and two on PostgreSQL and Redis."""
    with running(request.param, processes=2) as started:
        yield started


@pytest.fixture
def join(tmp_path: Path, stack: Stack) -> Callable[[str, int], Person]:
    """Sign somebody up from a terminal of their own, at the server process of that number."""
    # One stack serves a module, and usernames are for ever: each test has its own people.
    suffix = next(_numbers)

    def register(name: str, process: int) -> Person:
        person = Person(f"{name}-{suffix}", tmp_path / name, stack.url(process))
        person.register()
        return person

    return register
