"""Two people at two terminals, through real servers: what the product is for."""

import contextlib
import json
import sqlite3
import subprocess
from pathlib import Path

import psycopg
import pytest
import redis

from tests.conftest import Join, befriend
from tests.people import PASSWORD, Person
from tests.proxy import Proxy
from tests.stacks import Stack, wait_until


@pytest.fixture
def alice(friends: tuple[Person, Person]) -> Person:
    return friends[0]


@pytest.fixture
def bob(friends: tuple[Person, Person]) -> Person:
    return friends[1]


@pytest.fixture(scope="module")
def charlie(join: Join) -> Person:
    """The outsider: alice and bob have never heard of them."""
    return join("charlie")


def rows(stack: Stack, table: str) -> int:
    """How many rows a table of the server's database has."""
    statement = f"SELECT count(*) FROM {table}"  # noqa: S608  a name of ours
    if stack.postgres:
        with psycopg.connect(stack.postgres.url) as connection:
            found = connection.execute(statement).fetchone()
    else:
        with contextlib.closing(sqlite3.connect(stack.folder / "messenger.sqlite3")) as database:
            found = database.execute(statement).fetchone()
    assert found is not None
    return int(found[0])


def test_two_people_talk_while_both_listen(alice: Person, bob: Person) -> None:
    listening = bob.start("--json", "listen", "--count", "2", "--timeout", "30")
    alice.json("send", bob.name, "one")
    alice.json("send", bob.name, "two")
    printed, _ = listening.communicate(timeout=60)
    messages = [json.loads(line) for line in printed.splitlines()]
    assert [(line["type"], line["from"], line["text"]) for line in messages] == [
        ("message", alice.name, "one"),
        ("message", alice.name, "two"),
    ]
    assert all({"type", "id", "chat", "from", "text", "sent_at"} <= line.keys() for line in messages)
    assert bob.texts(1, timeout=1) == []


def test_what_is_sent_to_a_closed_terminal_arrives_on_return(alice: Person, bob: Person) -> None:
    texts = [f"while you were away {number}" for number in range(5)]
    for text in texts:
        [sent] = alice.json("send", bob.name, text)
        assert sent["type"] == "sent"
        assert sent["state"] == "accepted"
    assert bob.texts(3) == texts[:3]
    assert bob.texts(2) == texts[3:]
    assert bob.texts(1, timeout=1) == []


def test_what_is_written_offline_leaves_by_itself(alice: Person, bob: Person) -> None:
    reachable, alice.server = alice.server, "http://127.0.0.1:9"  # the discard port: nobody answers
    done = alice.run("--json", "send", bob.name, "from the tunnel")
    assert done.returncode == 0
    assert json.loads(done.stdout)["state"] == "queued"
    alice.server = reachable
    with alice.present():
        assert bob.texts(1) == ["from the tunnel"]


def test_they_compare_a_safety_number(alice: Person, bob: Person) -> None:
    digits = alice.digits(bob.name)
    assert digits == bob.digits(alice.name)
    assert len(digits) == 60
    assert digits.isdigit()


def test_charlie_is_outside(alice: Person, bob: Person, charlie: Person) -> None:
    alice.json("send", bob.name, "not for charlie")
    assert bob.texts(1) == ["not for charlie"]
    assert charlie.texts(1, timeout=1) == []
    assert charlie.json("chats") == []
    assert "not for charlie" not in charlie.run("history", bob.name).stdout


def test_each_pair_has_a_safety_number_of_its_own(alice: Person, bob: Person, charlie: Person) -> None:
    befriend(alice, charlie)
    assert alice.digits(charlie.name) == charlie.digits(alice.name)
    assert alice.digits(bob.name) != alice.digits(charlie.name)


def test_the_server_keeps_no_text_and_no_ciphertext_once_it_is_delivered(
    alice: Person, bob: Person, stack: Stack
) -> None:
    canary = "the heron stands in the reeds at dusk"
    with contextlib.ExitStack() as watched:
        if stack.redis:
            # All that passes through Redis, not only what it happens to keep.
            monitor = subprocess.Popen(
                ["redis-cli", "-p", str(stack.redis.port), "monitor"], stdout=subprocess.PIPE, text=True
            )
            watched.callback(monitor.kill)
            assert monitor.stdout is not None
            assert monitor.stdout.readline().strip() == "OK"
        alice.json("send", bob.name, canary)
        assert rows(stack, "chats_envelope") == 1
        waiting = b"".join(found for _, found in stack.traces())
        assert bob.texts(1) == [canary]
        bob.json("send", alice.name, canary)
        assert alice.texts(1) == [canary]
        if stack.redis:
            client = redis.Redis(port=stack.redis.port)
            client.echo("everything before this was seen")
            seen = ""
            assert monitor.stdout is not None
            while "everything before this was seen" not in seen:
                seen += monitor.stdout.readline()
            assert canary not in seen
            assert "PUBLISH" in seen  # nudges were seen, so a text in them would have been
    delivered = b"".join(found for _, found in stack.traces())
    for kept in (waiting, delivered):
        assert alice.name.encode() in kept  # the search looks where the server writes
        assert canary.encode() not in kept
        assert PASSWORD.encode() not in kept
    assert rows(stack, "chats_envelope") == 0
    logs = b"".join(path.read_bytes() for path in stack.folder.glob("*.log"))
    for private in (alice.name, bob.name, "example.org"):
        assert private.encode() not in logs


def test_every_accepted_message_survives_kill_9_of_the_server(alice: Person, bob: Person, stack: Stack) -> None:
    times = 3
    texts = [f"message {number}" for number in range(1000)]
    chatting = alice.start("chat", bob.name)
    listening = bob.start("--json", "listen", "--count", str(len(texts)), "--timeout", "120")
    assert chatting.stdin is not None
    assert listening.stdout is not None
    part = len(texts) // (times + 1)
    received: list[str] = []
    for turn in range(times + 1):
        last = turn == times
        chatting.stdin.writelines(f"{text}\n" for text in texts[turn * part : None if last else (turn + 1) * part])
        chatting.stdin.flush()
        # In the middle: some of this part has arrived, the rest is at the sender, on its way, or on the server.
        received += [json.loads(listening.stdout.readline())["text"] for _ in range(part // 4)]
        if not last:
            stack.crash()
    chatting.stdin.close()
    received += [json.loads(line)["text"] for line in listening.stdout]
    assert chatting.wait(60) == 0
    assert received == texts
    assert bob.texts(1, timeout=1) == []


def test_kill_9_of_the_client_between_decrypting_and_acknowledging_shows_a_message_once(
    alice: Person, bob: Person, stack: Stack
) -> None:
    texts = [f"once {number}" for number in range(20)]
    direct = bob.server
    with Proxy(int(direct.rpartition(":")[2])) as proxy:
        bob.server = proxy.url
        listening = bob.start("--json", "listen", "--timeout", "60")
        assert listening.stdout is not None
        alice.json("send", bob.name, "are you there")
        assert json.loads(listening.stdout.readline())["text"] == "are you there"
        wait_until(lambda: rows(stack, "chats_envelope") == 0)
        proxy.hold_back_clients()
        alice.start("chat", bob.name).communicate("".join(f"{text}\n" for text in texts), timeout=60)
        shown = [json.loads(listening.stdout.readline())["text"] for _ in texts]
        assert rows(stack, "chats_envelope") == len(texts)  # decrypted, stored and shown, and no ack has left
        listening.kill()
        listening.communicate()
    bob.server = direct
    assert shown == texts
    assert bob.texts(1, timeout=3) == []
    assert [line["text"] for line in bob.json("history", alice.name) if line["text"].startswith("once")] == texts
    assert rows(stack, "chats_envelope") == 0


def test_a_stranger_with_the_password_reads_nothing(alice: Person, bob: Person, tmp_path: Path) -> None:
    alice.json("send", bob.name, "for bob's own device")
    thief = Person(bob.name, tmp_path / "thief", bob.server)
    signed_in = thief.run("login", bob.name)
    assert signed_in.returncode not in (0, 1)
    listened = thief.run("--json", "listen", "--count", "1", "--timeout", "30")
    assert listened.returncode == signed_in.returncode  # at once: it is no device of the account
    assert "for bob's own device" not in listened.stdout
    assert bob.texts(1) == ["for bob's own device"]


def test_a_stranger_s_first_message_is_a_request_and_a_block_is_silent(bob: Person, join: Join) -> None:
    stranger = join("dora")
    stranger.json("send", bob.name, "we have not met")
    assert [line["from"] for line in bob.json("requests")] == [stranger.name]
    bob.json("accept", stranger.name)
    assert bob.json("requests") == []
    assert bob.texts(1) == ["we have not met"]
    bob.json("block", stranger.name)
    [sent] = stranger.json("send", bob.name, "can you hear me")
    assert sent["state"] == "accepted"
    assert bob.texts(1, timeout=2) == []
