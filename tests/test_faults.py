"""What happens to people's messages when PostgreSQL, Redis or a server process fails or is told to stop."""

import json
import subprocess
from collections.abc import Callable, Iterator

import pytest

from tests.people import Person
from tests.stacks import Stack, running


@pytest.fixture(scope="module")
def full() -> Iterator[Stack]:
    with running("full") as stack:
        yield stack


@pytest.fixture(scope="module")
def pair(full: Stack, tmp_path_factory: pytest.TempPathFactory) -> tuple[Person, Person]:
    """Alice and bob, who know each other."""
    homes = tmp_path_factory.mktemp("homes")
    alice, bob = (Person(name, homes / name, full.url()) for name in ("alice", "bob"))
    for person in (alice, bob):
        person.register()
    alice.json("send", "bob", "hello")
    assert bob.texts(1) == ["hello"]
    bob.json("accept", "alice")
    return alice, bob


def converse(pair: tuple[Person, Person], break_something: Callable[[], None]) -> None:
    """300 lines from alice to bob, with the fault after the first third; all arrive, once, in order."""
    alice, bob = pair
    texts = [f"line {number}" for number in range(300)]
    chatting, listening = (
        alice.start("chat", "bob"),
        bob.start("--json", "listen", "--count", "300", "--timeout", "120"),
    )
    assert chatting.stdin is not None
    assert listening.stdout is not None
    chatting.stdin.writelines(f"{text}\n" for text in texts[:200])
    chatting.stdin.flush()
    received = [json.loads(listening.stdout.readline())["text"] for _ in range(100)]
    break_something()
    chatting.stdin.writelines(f"{text}\n" for text in texts[200:])
    chatting.stdin.close()
    received += [json.loads(line)["text"] for line in listening.stdout]
    assert received == texts
    assert chatting.wait(60) == 0
    assert bob.texts(1, timeout=1) == []


def test_a_crash_of_postgresql_loses_nothing(full: Stack, pair: tuple[Person, Person]) -> None:
    assert full.postgres is not None
    cluster = full.postgres

    def crash() -> None:
        cluster.kill()
        cluster.start()

    converse(pair, crash)


def test_redis_away_and_back_empty_costs_latency_only(full: Stack, pair: tuple[Person, Person]) -> None:
    assert full.redis is not None
    redis = full.redis

    def lose() -> None:
        redis.stop()
        redis.start()

    converse(pair, lose)


def test_a_flushed_redis_costs_latency_only(full: Stack, pair: tuple[Person, Person]) -> None:
    assert full.redis is not None
    port = str(full.redis.port)

    def flush() -> None:
        subprocess.run(["redis-cli", "-p", port, "flushall"], check=True, capture_output=True)

    converse(pair, flush)


def test_a_server_told_to_stop_drains_and_nothing_is_lost(full: Stack, pair: tuple[Person, Person]) -> None:
    def restart() -> None:
        for server in full.servers:
            assert server.terminate() == 0
        full.start()

    converse(pair, restart)
