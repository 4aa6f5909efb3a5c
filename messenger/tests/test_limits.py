"""Limits count apart, forget, and hold in memory while Redis is away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from messenger.lib import limits
from messenger.lib.addresses import client_address
from messenger.lib.errors import TooManyRequests


@pytest.fixture(autouse=True)
def _three(settings: Any) -> Iterator[None]:
    settings.LIMITS = {"three": "3/hour", "free": "none", "other": "3/hour"}
    limits.reset()
    yield
    limits.reset()


def test_what_is_over_the_limit_is_refused_with_the_time_to_wait() -> None:
    assert [limits.hit("three", "a").allowed for _ in range(4)] == [True, True, True, False]

    with pytest.raises(TooManyRequests) as refused:
        limits.hit("three", "a").require()
    assert 0 < (refused.value.retry_after or 0) <= 7200
    assert refused.value.headers["RateLimit-Policy"] == '"three";q=3;w=3600'
    assert refused.value.headers["RateLimit"].startswith('"three";r=0;t=')


def test_keys_and_names_count_apart() -> None:
    for _ in range(4):
        limits.hit("three", "a", "b")

    assert limits.hit("three", "a").allowed
    assert limits.hit("three", "ab").allowed
    assert limits.hit("other", "a", "b").allowed
    assert not limits.hit("three", "a", "b").allowed


def test_looking_counts_nothing_and_forgetting_starts_anew() -> None:
    for _ in range(9):
        assert limits.peek("three", "a").allowed
    for _ in range(4):
        limits.hit("three", "a")
    assert not limits.peek("three", "a").allowed

    limits.forget("three", "a")
    assert limits.hit("three", "a").allowed


def test_no_limit_is_no_limit() -> None:
    assert all(limits.hit("free", "a").allowed for _ in range(1000))


async def test_the_event_loop_shares_the_counts() -> None:
    assert [(await limits.ahit("three", "a")).allowed for _ in range(2)] == [True, True]
    assert limits.hit("three", "a").allowed
    assert not (await limits.ahit("three", "a")).allowed


def test_limits_hold_in_memory_while_redis_is_away(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:9/0"  # the discard port: nobody listens
    monkeypatch.setattr(limits, "_redis_away_until", 0.0)
    monkeypatch.setattr(limits, "reset", limits._memory.storage.reset)

    assert [limits.hit("three", "a").allowed for _ in range(4)] == [True, True, True, False]


@pytest.mark.parametrize(
    ("proxies", "peer", "forwarded", "client"),
    [
        (0, "192.0.2.1", "203.0.113.9", "192.0.2.1"),
        (1, "10.0.0.1", "203.0.113.9", "203.0.113.9"),
        (1, "10.0.0.1", "1.1.1.1, 203.0.113.9", "203.0.113.9"),
        (2, "10.0.0.1", "1.1.1.1, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (2, "10.0.0.1", "203.0.113.9", "10.0.0.1"),
        (1, "10.0.0.1", "", "10.0.0.1"),
        (1, "10.0.0.1", "nonsense", "unknown"),
        (0, "2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::/64"),
        (0, "::ffff:192.0.2.1", "", "192.0.2.1"),
        (0, "", "", "unknown"),
    ],
)
def test_a_client_is_known_by_what_our_own_proxies_saw(
    settings: Any, proxies: int, peer: str, forwarded: str, client: str
) -> None:
    settings.TRUSTED_PROXIES = proxies

    assert client_address(peer, forwarded) == client
