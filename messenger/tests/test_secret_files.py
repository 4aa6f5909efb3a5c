"""A secret is made once, whoever comes first, and only its owner can read it."""

from __future__ import annotations

import multiprocessing
import secrets
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from messenger.lib.secret_files import read_or_create


def make() -> bytes:
    return secrets.token_bytes(32)


def _race(path: str, start: Event, results: Queue[bytes]) -> None:
    start.wait()
    results.put(read_or_create(Path(path), make))


def test_a_secret_is_kept_with_mode_600(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "secret"
    first = read_or_create(path, make)

    assert read_or_create(path, make) == first
    assert path.stat().st_mode & 0o777 == 0o600


def test_processes_that_race_get_the_same_secret(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    context = multiprocessing.get_context("fork")
    start, results = context.Event(), context.Queue()
    racers = [context.Process(target=_race, args=(str(path), start, results)) for _ in range(8)]
    for racer in racers:
        racer.start()
    start.set()
    got = {results.get(timeout=20) for _ in racers}
    for racer in racers:
        racer.join()

    assert len(got) == 1
    assert path.stat().st_mode & 0o777 == 0o600
    assert [left.name for left in tmp_path.iterdir()] == ["secret"], "no draft stays"


def test_a_failure_leaves_no_half_secret(tmp_path: Path) -> None:
    def fail() -> bytes:
        raise RuntimeError("no entropy")

    with pytest.raises(RuntimeError):
        read_or_create(tmp_path / "secret", fail)
    assert list(tmp_path.iterdir()) == []
