"""The token bucket: a burst, then a steady rate, and never in anybody's way when Redis is."""

from __future__ import annotations

import pytest
from django.conf import settings

from keys import limits
from messenger.lib.ids import new_id


@pytest.fixture(autouse=True)
def _asking_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_redis_away_until", 0.0)


@pytest.fixture(params=["memory", "Redis"])
def _kept_in(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "memory":
        monkeypatch.setattr(settings, "REDIS_URL", "")
    elif not settings.REDIS_URL:
        pytest.skip("needs REDIS_URL")


@pytest.mark.usefixtures("_kept_in")
def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    by, target = new_id(), new_id()
    waits = [limits.claim(by=by, target=target, now=1_000_000) for _ in range(settings.CLAIM_BURST + 2)]
    assert waits == [0] * settings.CLAIM_BURST + [settings.CLAIM_SECONDS] * 2
    half = settings.CLAIM_SECONDS * 500
    assert limits.claim(by=by, target=target, now=1_000_000 + half) == settings.CLAIM_SECONDS / 2
    assert limits.claim(by=by, target=target, now=1_000_000 + 2 * half) == 0
    assert limits.claim(by=by, target=target, now=1_000_000 + 2 * half) == settings.CLAIM_SECONDS
    # Full again after as long as a whole bucket takes, and not fuller than that.
    rested = 1_000_000 + 2 * half * (settings.CLAIM_BURST + 100)
    assert sum(limits.claim(by=by, target=target, now=rested) == 0 for _ in range(20)) == settings.CLAIM_BURST


def test_while_redis_is_away_each_process_counts_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "REDIS_URL", "redis://127.0.0.1:1/0")
    by, target = new_id(), new_id()
    waits = [limits.claim(by=by, target=target, now=1_000_000) for _ in range(settings.CLAIM_BURST + 1)]
    assert waits == [0] * settings.CLAIM_BURST + [settings.CLAIM_SECONDS]


def test_the_memory_of_buckets_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_BUCKETS", 10)
    buckets = limits.Buckets()
    for at in range(100):
        buckets.take(str(at), interval=1_000, burst=1, now=5)
    assert len(buckets._full_at) <= 10
