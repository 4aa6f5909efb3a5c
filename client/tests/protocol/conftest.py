"""Fixtures of the protocol tests."""

from __future__ import annotations

import pytest
from protocol_cast import Cast, make_cast


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def talking(cast: Cast) -> Cast:
    """alice and bob have a session that both have used."""
    cast.alice.start(cast.bob)
    assert cast.bob.read(cast.alice, cast.alice.send(cast.bob, "hello")) == "hello"
    assert cast.alice.read(cast.bob, cast.bob.send(cast.alice, "hi")) == "hi"
    return cast
