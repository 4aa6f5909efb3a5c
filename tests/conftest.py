"""Whole stacks, and people at their terminals, for the tests that cross processes."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Playwright, sync_playwright

from tests.browsers import Surfer, surfing
from tests.people import Person
from tests.stacks import Stack, running

Join = Callable[[str], Person]
Visit = Callable[[str], Surfer]


@pytest.fixture(scope="module", params=["embedded", "full"])
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Both ways to run a server: one process on SQLite, and two on PostgreSQL and Redis behind a proxy."""
    with running(request.param) as started:
        yield started


@pytest.fixture(scope="module")
def join(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Join:
    """Sign somebody up from a terminal of their own."""

    def register(name: str) -> Person:
        person = Person(name, tmp_path_factory.mktemp(name), stack.url())
        person.register()
        return person

    return register


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def visit(playwright: Playwright, stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    """A browser for somebody, with a profile of its own and nobody signed in. The stack has to have its pages."""
    with ExitStack() as browsers:
        yield lambda name: browsers.enter_context(surfing(playwright, name, tmp_path_factory.mktemp(name), stack.url()))


@pytest.fixture(scope="module")
def surf(visit: Visit) -> Visit:
    """Sign somebody up in a browser of their own."""

    def sign_up(name: str) -> Surfer:
        person = visit(name)
        person.sign_up()
        return person

    return sign_up


@pytest.fixture(scope="module")
def surfers(surf: Visit) -> tuple[Surfer, Surfer]:
    """Alice and bob, who have not written to each other yet."""
    return surf("alice"), surf("bob")


@pytest.fixture(scope="module")
def friends(join: Join) -> tuple[Person, Person]:
    """Alice and bob, who have written to each other.

    One pair serves a module, as registering is dear: each test leaves both with nothing unread.
    """
    alice, bob = join("alice"), join("bob")
    befriend(alice, bob)
    return alice, bob


def befriend(one: Person, other: Person) -> None:
    """Write once each way, so that neither is a stranger to the other."""
    one.json("send", other.name, "hello")
    assert other.texts(1) == ["hello"]
    other.json("accept", one.name)
    other.json("send", one.name, "hello yourself")
    assert one.texts(1) == ["hello yourself"]
