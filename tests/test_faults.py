"""What happens to people's messages when PostgreSQL, Redis or a server process fails or is told to stop."""

import json
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.people import Person
from tests.stacks import Server, Stack, running
from tests.wire import wires

PROXY_LOOKS = 1.0  # seconds after which the proxy knows of a process that is back
OFF_WITHIN = 5.0  # seconds, whatever fails


@pytest.fixture(scope="module")
def full() -> Iterator[Stack]:
    with running("full", LIMIT_USERNAME_CHECK="1000/minute") as stack:
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


def converse(pair: tuple[Person, Person], *faults: Callable[[], None]) -> None:
    """Lines from alice to bob. At each fault a hundred have arrived since the last, and the next are under way."""
    alice, bob = pair
    texts = [f"line {number}" for number in range(200 + 100 * len(faults))]
    chatting, listening = (
        alice.start("chat", "bob"),
        bob.start("--json", "listen", "--count", str(len(texts)), "--timeout", "120"),
    )
    assert chatting.stdin is not None
    assert listening.stdout is not None
    chatting.stdin.writelines(f"{text}\n" for text in texts[:200])
    chatting.stdin.flush()
    received: list[str] = []
    for at, fault in enumerate(faults, 2):
        received += [json.loads(listening.stdout.readline())["text"] for _ in range(100)]
        fault()
        chatting.stdin.writelines(f"{text}\n" for text in texts[at * 100 : (at + 1) * 100])
        chatting.stdin.flush()
    chatting.stdin.close()
    received += [json.loads(line)["text"] for line in listening.stdout]
    assert received == texts
    assert chatting.wait(60) == 0
    assert bob.texts(1, timeout=1) == []


def bring_back(server: Server) -> None:
    """Start a process again, and wait until the proxy sends people to it."""
    server.spawn()
    server.wait()
    time.sleep(PROXY_LOOKS)


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


def test_with_redis_away_people_talk_and_a_suspended_device_is_off_all_the_same(
    full: Stack, pair: tuple[Person, Person], tmp_path: Path
) -> None:
    Person("erin", tmp_path, full.url()).register()
    [erin] = wires(full, "erin")
    assert full.redis is not None
    full.redis.stop()
    with erin.online(full.url(1)) as socket:
        assert erin.call(full.url(0), f"devices/{erin.device}/suspend", {}).status == 204
        assert socket.rest(within=OFF_WITHIN) == ([], 4403)
    converse(pair)
    full.redis.start()


def test_with_redis_silent_nobody_waits_for_it(full: Stack, pair: tuple[Person, Person]) -> None:
    assert full.redis is not None
    secret = "a" * 32
    form = urllib.request.Request(
        f"{full.url()}/accounts/signup/check",
        data=b"username=frank",
        headers={"Cookie": f"csrftoken={secret}", "X-CSRFToken": secret},
    )
    with full.redis.silent():
        with urllib.request.urlopen(form, timeout=OFF_WITHIN) as answer:
            assert json.load(answer) == {"errors": []}
        converse(pair)


def test_processes_that_die_one_after_the_other_lose_nothing(full: Stack, pair: tuple[Person, Person]) -> None:
    one, other = full.servers

    def swap() -> None:
        bring_back(one)
        other.kill()

    converse(pair, one.kill, swap)
    bring_back(other)


def test_processes_that_are_replaced_one_after_the_other_drain_and_lose_nothing(
    full: Stack, pair: tuple[Person, Person]
) -> None:
    def replace(server: Server) -> None:
        assert server.terminate() == 0
        bring_back(server)

    converse(pair, *(partial(replace, server) for server in full.servers))
