"""The cast: alice with two devices, bob with one, and charlie, who is outside."""

import pytest

from tests.cast import Member, make_member


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
