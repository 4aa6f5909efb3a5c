"""Two server processes are one server: what happens at one reaches the sockets of the other without any poll."""

import json
from collections.abc import Iterator

import pytest

from tests.conftest import befriend
from tests.people import Person
from tests.stacks import Stack, running


@pytest.fixture(scope="module")
def unpolled() -> Iterator[Stack]:
    """Two processes that never poll: only a nudge can bring a message across."""
    with running("full", POLL_SECONDS="100000") as stack:
        yield stack


@pytest.fixture(scope="module")
def pair(unpolled: Stack, tmp_path_factory: pytest.TempPathFactory) -> tuple[Person, Person]:
    alice = Person("alice", tmp_path_factory.mktemp("alice"), unpolled.url(0))
    bob = Person("bob", tmp_path_factory.mktemp("bob"), unpolled.url(1))
    for person in (alice, bob):
        person.register()
    befriend(alice, bob)
    return alice, bob


def test_a_message_sent_at_one_process_wakes_the_socket_at_the_other(pair: tuple[Person, Person]) -> None:
    alice, bob = pair
    listening = bob.start("--json", "listen", "--count", "2", "--timeout", "30")
    chatting = alice.start("chat", "bob")
    assert chatting.stdin is not None
    assert listening.stdout is not None
    chatting.stdin.write("over the socket\n")
    chatting.stdin.flush()
    assert json.loads(listening.stdout.readline())["text"] == "over the socket"
    alice.json("send", "bob", "over REST")  # bob has been listening for a while by now
    assert json.loads(listening.stdout.readline())["text"] == "over REST"
    assert listening.wait(30) == 0
    chatting.communicate(timeout=30)


def test_a_newer_socket_at_one_process_closes_the_older_at_the_other(
    pair: tuple[Person, Person], unpolled: Stack
) -> None:
    alice, bob = pair
    older = bob.start("--json", "listen")
    assert older.stdout is not None
    alice.json("send", "bob", "to the older")
    assert json.loads(older.stdout.readline())["text"] == "to the older"
    bob.server = unpolled.url(0)
    newer = bob.start("--json", "listen", "--count", "1", "--timeout", "30")
    assert older.wait(30) != 0
    alice.json("send", "bob", "to the newer")
    assert newer.stdout is not None
    assert json.loads(newer.stdout.readline())["text"] == "to the newer"
    assert newer.wait(30) == 0
    bob.server = unpolled.url(1)
