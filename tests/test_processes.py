"""Two server processes are one server: what happens at one holds at the other, without any poll."""

import contextlib
import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import psycopg
import pytest

from tests.conftest import befriend
from tests.people import PASSWORD, Person
from tests.proxy import Proxy
from tests.stacks import ROOT, Stack, running, wait_until
from tests.wire import Wire, call, wires

SEND_BURST = 60
METRICS_TOKEN = "for the operator"
LONG_AGO = 40 * 24 * 3_600_000  # ms: past the retention of everything


@pytest.fixture(scope="module")
def unpolled() -> Iterator[Stack]:
    """Two processes that never poll: only a nudge can bring a message across. A share is soon used up, and stays so."""
    with running(
        "full", POLL_SECONDS="100000", SEND_BURST=str(SEND_BURST), SEND_RATE="0.001", METRICS_TOKEN=METRICS_TOKEN
    ) as stack:
        yield stack


@pytest.fixture(scope="module")
def pair(unpolled: Stack, tmp_path_factory: pytest.TempPathFactory) -> tuple[Person, Person]:
    """Alice at one process and bob at the other, past the proxy, which would choose for them."""
    alice = Person("alice", tmp_path_factory.mktemp("alice"), unpolled.url(0))
    bob = Person("bob", tmp_path_factory.mktemp("bob"), unpolled.url(1))
    for person in (alice, bob):
        person.register()
    befriend(alice, bob)
    return alice, bob


@pytest.fixture(scope="module")
def dora(unpolled: Stack, tmp_path_factory: pytest.TempPathFactory) -> Person:
    """Somebody who has had enough of it at the end."""
    person = Person("dora", tmp_path_factory.mktemp("dora"), unpolled.url())
    person.register()
    return person


@pytest.fixture(scope="module")
def on_the_wire(unpolled: Stack, pair: tuple[Person, Person], dora: Person) -> tuple[Wire, Wire, Wire]:
    alice, bob, other = wires(unpolled, "alice", "bob", "dora")
    return alice, bob, other


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


def test_typing_crosses_and_only_the_newest_socket_of_a_device_hears_of_it(
    unpolled: Stack, on_the_wire: tuple[Wire, Wire, Wire]
) -> None:
    alice, bob, dora = on_the_wire
    [chat] = alice.call(unpolled.url(1), "chats").body["chats"]
    with (
        alice.online(unpolled.url(0)) as a,
        dora.online(unpolled.url(1)) as d,
        bob.online(unpolled.url(0)) as older,
        bob.online(unpolled.url(1)) as newer,
    ):
        assert older.rest(within=5) == ([], 4409)
        a.say({"type": "typing", "chat": chat["id"], "on": True})
        assert newer.get("typing")["account"] == alice.account
        assert d.rest(within=0.3) == ([], None)


def test_a_send_repeated_at_the_other_process_is_the_same_message(pair: tuple[Person, Person], unpolled: Stack) -> None:
    alice, bob = pair
    with Proxy(unpolled.servers[0].port) as line:
        alice.server = line.url
        chatting = alice.start("chat", "bob")
        assert chatting.stdin is not None
        chatting.stdin.write("the line is good\n")
        chatting.stdin.flush()
        assert bob.texts(1) == ["the line is good"]
        line.hold_back_servers()
        chatting.stdin.write("is the line still good?\n")
        chatting.stdin.flush()
        assert bob.texts(1) == ["is the line still good?"]  # so it was accepted, which alice cannot know
        chatting.kill()
        chatting.communicate()
    known = accepted_by(unpolled)
    alice.server = unpolled.url(1)
    last = alice.json("history", "bob")[-1]
    assert (last["text"], last["state"]) == ("is the line still good?", "delivered")
    assert accepted_by(unpolled) == known
    assert bob.texts(1, timeout=1) == []
    alice.server = unpolled.url(0)


def accepted_by(stack: Stack) -> int:
    """How many messages the server has accepted."""
    assert stack.postgres is not None
    with psycopg.connect(stack.postgres.url) as connection:
        found = connection.execute("SELECT count(*) FROM chats_privatemessage").fetchone()
    assert found is not None
    return int(found[0])


def test_a_token_of_one_process_is_good_at_the_other_until_it_is_ended_at_either(
    unpolled: Stack, pair: tuple[Person, Person]
) -> None:
    one, other = unpolled.url(0), unpolled.url(1)
    signed_in = call(one, "auth/token", {"username": "alice", "password": PASSWORD}).body
    renewed = call(other, "auth/token/refresh", {"refresh": signed_in["refresh"]}).body
    for url in (one, other):
        assert call(url, "devices", access=renewed["access"]).status == 200
    assert call(other, "auth/logout", {}, access=renewed["access"]).status == 204
    for url in (one, other):
        assert call(url, "devices", access=renewed["access"]).status == 401


def test_wrong_passwords_are_counted_together_whatever_a_client_says_of_where_it_comes_from(
    unpolled: Stack, pair: tuple[Person, Person]
) -> None:
    body = {"username": "bob", "password": "not the password"}
    answers = [
        call(unpolled.url(), "auth/token", body, x_forwarded_for=f"10.0.0.{number}, 10.0.1.{number}").status
        for number in range(14)
    ]
    assert answers == [401] * 10 + [429] * 4
    for url in (unpolled.url(0), unpolled.url(1)):
        # The processes take the proxy's word, and anybody's who gets past it.
        assert call(url, "auth/token", body, x_forwarded_for="127.0.0.1").status == 429
        assert call(url, "auth/token", body, x_forwarded_for="10.0.0.1").status == 401


def test_a_share_that_was_used_up_at_one_process_is_used_up_at_the_other(
    unpolled: Stack, on_the_wire: tuple[Wire, Wire, Wire]
) -> None:
    alice, _, dora = on_the_wire
    for _ in range(SEND_BURST):
        assert dora.call(unpolled.url(0), "messages", {}).status == 400  # what is malformed costs a share, too
    asked = 0
    while dora.call(unpolled.url(1), "messages", {}).status != 429:  # word of it goes round once a second
        asked += 1
        assert asked < SEND_BURST / 2, "what is asked here does not use it up"
        time.sleep(0.2)
    for url in (unpolled.url(1), unpolled.url(0), unpolled.url()):
        assert dora.call(url, "messages", {}).status == 429
    assert alice.call(unpolled.url(1), "messages", {}).status == 400


def test_jobs_are_done_by_the_workers_alone_and_what_they_do_is_told_once(
    unpolled: Stack, pair: tuple[Person, Person], on_the_wire: tuple[Wire, Wire, Wire]
) -> None:
    alice, bob = pair
    alice.json("send", "bob", "nobody comes for this")
    assert unpolled.postgres is not None
    with psycopg.connect(unpolled.postgres.url) as connection:
        connection.execute("UPDATE chats_envelope SET created_at = created_at - %s", [LONG_AGO])
    command = [sys.executable, "manage.py", "jobs", "--once"]
    with on_the_wire[0].online(unpolled.url(1)) as socket, contextlib.ExitStack() as workers:
        for _ in range(2):
            worker = subprocess.Popen(
                command, cwd=ROOT, env=unpolled.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            workers.callback(worker.kill)
        socket.get("message.expired", within=30)
        assert socket.rest(within=3) == ([], None)
    assert [line["type"] for line in bob.json("history", "alice")].count("expired") == 1
    assert unpolled.worker is not None
    assert "jobs_done" in unpolled.worker.log.read_text()
    assert not [server for server in unpolled.servers if "jobs_done" in server.log.read_text()]


def test_numbers_are_each_process_s_own_and_the_proxy_shows_them_to_nobody(
    unpolled: Stack, on_the_wire: tuple[Wire, Wire, Wire]
) -> None:
    urls = [unpolled.url(0), unpolled.url(1)]
    wait_until(lambda: [open_sockets(url) for url in urls] == [0, 0])
    with on_the_wire[0].online(unpolled.url(0)):
        assert [open_sockets(url) for url in urls] == [1, 0]
    for path in ("/metrics", "/%6detrics"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            metrics(unpolled.url() + path)
        assert refused.value.code == 404


def metrics(url: str) -> str:
    """What an operator's monitor is told there."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {METRICS_TOKEN}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(answer.read().decode())


def open_sockets(url: str) -> int:
    found = re.search(r"^messenger_sockets (\d+)", metrics(f"{url}/metrics"), re.M)
    assert found is not None
    return int(found[1])


def test_a_device_suspended_at_one_process_is_off_at_the_other_at_once(
    unpolled: Stack, pair: tuple[Person, Person], dora: Person, on_the_wire: tuple[Wire, Wire, Wire]
) -> None:
    alice, _, lost = on_the_wire
    with lost.online(unpolled.url(1)) as socket, alice.online(unpolled.url(1)) as a:
        assert lost.call(unpolled.url(0), f"devices/{lost.device}/suspend", {}).status == 204
        kinds, code = socket.rest(within=1)  # sooner than any sweep
        assert code == 4403
        assert set(kinds) <= {"devices.changed"}
        assert a.rest(within=0.3) == ([], None)
    for url in (unpolled.url(0), unpolled.url(1)):
        assert lost.call(url, "chats").status == 401
    assert dora.run("listen", "--timeout", "30").returncode == 3  # at once
