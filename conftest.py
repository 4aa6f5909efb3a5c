"""The cast: alice with two devices, bob with one, and charlie, who is outside."""

from collections.abc import Iterator

import pytest

from tests.cast import Member, make_member
from tests.economy import economize


@pytest.fixture(scope="session", autouse=True)
def _economy() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        economize(patch)
        yield


@pytest.fixture
def alice(db: None) -> Member:
    return make_member("alice", devices=2)


@pytest.fixture
def bob(db: None) -> Member:
    return make_member("bob")


@pytest.fixture
def charlie(db: None) -> Member:
    """The outsider: whatever alice and bob do, charlie gets 404 and hears nothing."""
    return make_member("charlie")
