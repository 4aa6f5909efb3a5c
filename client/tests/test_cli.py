"""The command line as a contract: verbs, JSON lines, exit codes, and what others can make it print."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from parties import PASSWORD
from relay import Relay
from typer.testing import CliRunner

from messenger_client.cli import app
from messenger_client.cli.plain import one_line, plain

COMMAND = str(Path(sys.executable).with_name("messenger"))


@dataclass
class Done:
    returncode: int
    stdout: str
    stderr: str


@dataclass
class Terminal:
    """One person's command line: `run` inside this process, `start` as a process of its own."""

    home: Path
    server: str

    @property
    def environment(self) -> dict[str, str]:
        return {"MESSENGER_HOME": str(self.home), "MESSENGER_SERVER": self.server}

    def run(self, *arguments: str) -> Done:
        result = CliRunner().invoke(app, arguments, env=self.environment, prog_name="messenger")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Done(result.exit_code, result.stdout, result.stderr)

    def json(self, *arguments: str) -> list[dict[str, Any]]:
        done = self.run("--json", *arguments)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [COMMAND, *arguments],
            env={**os.environ, **self.environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A test run in the background ignores Ctrl-C, and what it starts would as well.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )


def terminal(name: str, tmp_path: Path, relay: Relay) -> Terminal:
    person = Terminal(tmp_path / name, relay.url)
    person.json("register", name, "--email", f"{name}@example.org")
    return person


@pytest.fixture
def alice(tmp_path: Path, relay: Relay) -> Terminal:
    return terminal("alice", tmp_path, relay)


@pytest.fixture
def bob(tmp_path: Path, relay: Relay) -> Terminal:
    return terminal("bob", tmp_path, relay)


def test_two_people_write_to_each_other(alice: Terminal, bob: Terminal) -> None:
    [sent] = alice.json("send", "bob", "hi bob")
    assert sent.keys() == {"type", "id", "state"}
    assert (sent["type"], sent["state"]) == ("sent", "accepted")
    [message] = bob.json("listen", "--count", "1", "--timeout", "20")
    assert message.keys() == {"type", "id", "chat", "from", "text", "sent_at"}
    assert (message["type"], message["id"]) == ("message", sent["id"])
    assert (message["from"], message["text"]) == ("alice", "hi bob")
    assert abs(message["sent_at"] - time.time() * 1000) < 120_000
    assert [line["from"] for line in bob.json("requests")] == ["alice"]
    bob.json("accept", "alice")
    assert bob.json("requests") == []
    [history] = alice.json("history", "bob")
    assert (history["text"], history["state"]) == ("hi bob", "accepted")
    [chat] = bob.json("chats")
    assert (chat["with"], chat["last"], chat["unseen"]) == ("alice", "hi bob", 0)


def test_it_is_a_program_with_an_exit_status_and_lines_that_are_flushed(
    alice: Terminal, bob: Terminal, relay: Relay
) -> None:
    listening = bob.start("--json", "listen")
    relay.wait_for(lambda: relay.device_of("bob") in relay.sockets)
    sending = alice.start("send", "bob", "hi", "--json")
    printed, words = sending.communicate(timeout=60)
    assert (sending.returncode, json.loads(printed)["state"], words) == (0, "accepted", "")
    assert listening.stdout is not None
    assert json.loads(listening.stdout.readline())["text"] == "hi"
    listening.kill()
    listening.communicate()
    refused = alice.start("send", "nobody", "hi")
    assert refused.communicate(timeout=60) == ("", "There is no account called nobody.\n")
    assert refused.returncode == 1


def test_json_and_profile_and_server_stand_before_or_after_the_verb(alice: Terminal, tmp_path: Path) -> None:
    elsewhere = Terminal(tmp_path / "nobody", "http://127.0.0.1:9")
    options = ["--profile", str(alice.home), "--server", alice.server, "--json"]
    before = elsewhere.run(*options, "whoami")
    after = elsewhere.run("whoami", *options)
    assert before.stdout == after.stdout
    assert json.loads(after.stdout)["username"] == "alice"


def test_listen_prints_each_message_once_and_leaves_the_rest_for_the_next_call(alice: Terminal, bob: Terminal) -> None:
    for text in ("one", "two", "three"):
        alice.json("send", "bob", text)
    printed = [line["text"] for count in ("2", "1") for line in bob.json("listen", "--count", count, "--timeout", "20")]
    assert printed == ["one", "two", "three"]
    assert bob.json("listen", "--timeout", "1") == []


def test_listen_says_by_its_exit_status_how_it_ended(alice: Terminal, bob: Terminal, tmp_path: Path) -> None:
    assert bob.run("listen", "--timeout", "1").returncode == 0
    assert bob.run("listen", "--count", "1", "--timeout", "1").returncode == 1
    bob.server = "http://127.0.0.1:9"
    done = bob.run("listen", "--timeout", "1")
    assert done.returncode == 4
    assert "could not be reached" in done.stderr


def test_what_others_print_is_words_on_stderr_and_objects_on_stdout(alice: Terminal, bob: Terminal) -> None:
    alice.json("send", "bob", "hi")
    done = bob.run("listen", "--json", "--count", "1", "--timeout", "20")
    assert [json.loads(line)["type"] for line in done.stdout.splitlines()] == ["message"]
    assert "alice is new" in done.stderr


def test_send_never_takes_the_socket_of_a_running_listen(alice: Terminal, bob: Terminal, relay: Relay) -> None:
    listening = bob.start("--json", "listen", "--count", "1", "--timeout", "30")
    relay.wait_for(lambda: relay.device_of("bob") in relay.sockets)
    assert bob.json("send", "alice", "hello")[0]["state"] == "accepted"
    alice.json("send", "bob", "hello yourself")
    printed, _ = listening.communicate(timeout=30)
    assert json.loads(printed)["text"] == "hello yourself"


def test_without_a_network_a_message_is_queued_and_leaves_later(alice: Terminal, bob: Terminal) -> None:
    reachable, alice.server = alice.server, "http://127.0.0.1:9"
    done = alice.run("send", "bob", "from the tunnel", "--json")
    assert (done.returncode, json.loads(done.stdout)["state"]) == (0, "queued")
    assert [line["state"] for line in alice.json("history", "bob")] == ["queued"]
    assert alice.run("requests").returncode == 4
    alice.server = reachable
    alice.json("chats")
    assert [line["text"] for line in bob.json("listen", "--count", "1", "--timeout", "20")] == ["from the tunnel"]


def test_both_read_the_same_sixty_digits(alice: Terminal, bob: Terminal) -> None:
    [one], [other] = alice.json("safety-number", "bob"), bob.json("safety-number", "alice")
    assert one.keys() == {"type", "with", "digits"}
    assert (one["type"], one["with"]) == ("safety_number", "bob")
    assert one["digits"] == other["digits"]
    assert len(one["digits"]) == 60
    assert one["digits"].isdigit()
    shown = alice.run("safety-number", "bob").stdout.split()
    assert [len(group) for group in shown] == [5] * 12
    assert "".join(shown) == one["digits"]


def test_verify_asks_and_scripts_say_yes(alice: Terminal, bob: Terminal) -> None:
    alice.json("send", "bob", "hi")
    assert alice.run("verify", "bob").returncode == 2
    assert [chat["verified"] for chat in alice.json("chats")] == [False]
    assert alice.run("verify", "bob", "--yes").returncode == 2  # no number was ever shown
    alice.json("safety-number", "bob")
    alice.json("verify", "bob", "--yes")
    assert [chat["verified"] for chat in alice.json("chats")] == [True]


def test_chat_sends_what_is_typed_and_shows_what_comes(alice: Terminal, bob: Terminal, relay: Relay) -> None:
    bob.json("send", "alice", "waiting for you")
    chatting = alice.start("chat", "bob")
    assert chatting.stdout is not None
    assert chatting.stdin is not None
    assert "bob: waiting for you" in chatting.stdout.readline()
    chatting.stdin.write("here I am\n\nand again\n")
    chatting.stdin.flush()
    assert [line["text"] for line in bob.json("listen", "--count", "2", "--timeout", "20")] == [
        "here I am",
        "and again",
    ]
    chatting.communicate(timeout=30)
    assert chatting.returncode == 0
    assert alice.json("listen", "--timeout", "1") == []


def test_a_pipe_of_lines_is_sent_before_chat_ends(alice: Terminal, bob: Terminal) -> None:
    lines = [f"line {number}" for number in range(50)]
    chatting = alice.start("chat", "bob")
    chatting.communicate("\n".join(lines), timeout=60)
    assert chatting.returncode == 0
    assert [line["text"] for line in bob.json("listen", "--count", "50", "--timeout", "20")] == lines


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["send", "bob", "hi"], 3, "Nobody is signed in"),
        (["whoami"], 3, "Nobody is signed in"),
        (["listen"], 3, "Nobody is signed in"),
        (["frobnicate"], 2, "No such command"),
        (["send", "bob"], 2, "Missing argument"),
        (["whoami", "--server", "not a server"], 2, "not a server's address"),
        (["login", "nobody"], 3, "name or the password is wrong"),
    ],
)
def test_errors_are_one_plain_sentence_and_an_exit_code(
    arguments: list[str], code: int, words: str, tmp_path: Path, relay: Relay
) -> None:
    done = Terminal(tmp_path / "new", relay.url).run(*arguments)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_an_unknown_person_is_said(alice: Terminal) -> None:
    done = alice.run("send", "nobody", "hi")
    assert (done.returncode, done.stderr) == (1, "There is no account called nobody.\n")
    assert "failed There is no account called nobody." in alice.run("history", "nobody").stdout


def test_without_a_password_and_a_terminal_nothing_hangs(
    tmp_path: Path, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MESSENGER_PASSWORD")
    done = Terminal(tmp_path / "new", relay.url).run("register", "carol", "--email", "carol@example.org")
    assert done.returncode == 2
    assert "MESSENGER_PASSWORD" in done.stderr


def test_an_interrupt_ends_with_130(bob: Terminal, relay: Relay) -> None:
    listening = bob.start("listen")
    relay.wait_for(lambda: relay.device_of("bob") in relay.sockets)
    listening.send_signal(signal.SIGINT)
    _, errors = listening.communicate(timeout=30)
    assert listening.returncode == 130
    assert "Traceback" not in errors


def test_a_newer_listen_takes_over_and_says_so_to_the_older(bob: Terminal, relay: Relay) -> None:
    older = bob.start("listen")
    relay.wait_for(lambda: relay.device_of("bob") in relay.sockets)
    assert bob.run("listen", "--timeout", "2").returncode == 0
    _, errors = older.communicate(timeout=30)
    assert older.returncode == 1
    assert "took over" in errors


def test_a_second_device_is_told_what_it_lacks(alice: Terminal, tmp_path: Path, relay: Relay) -> None:
    laptop = Terminal(tmp_path / "laptop", relay.url)
    done = laptop.run("login", "alice")
    assert done.returncode == 3
    assert "linked" in done.stderr
    assert laptop.run("listen", "--timeout", "1").returncode == 3


def test_what_others_write_cannot_steer_the_terminal(alice: Terminal, bob: Terminal) -> None:
    nasty = "\x1b]0;owned\x07\x1b[2J\x9b31mred\r hidden\u202egnirts\nbob: I never said that"
    alice.json("send", "bob", nasty)
    shown = bob.run("listen", "--count", "1", "--timeout", "20").stdout
    for character in ("\x1b", "\x07", "\x9b", "\r", "\u202e"):
        assert character not in shown
    assert "\nbob:" not in shown
    [line] = bob.run("history", "alice", "--json").stdout.splitlines()
    assert line.isascii()
    assert json.loads(line)["text"] == nasty


def test_plain_keeps_what_people_write() -> None:
    assert plain("Grüße, שלום, 👩\u200d🚀 — fine\n") == "Grüße, שלום, 👩\u200d🚀 — fine\n"
    assert plain("a\x00\x1b[1m\x7f\x85") == "a␀␛[1m␡<U+0085>"
    assert plain("\ud800\u2028\u2066") == "<U+D800><U+2028><U+2066>"
    assert one_line("a\nb\tc") == "a ⏎ b    c"


def test_secrets_are_no_arguments() -> None:
    for name in ("register", "login"):
        shown = CliRunner().invoke(app, [name, "--help"]).output
        assert "--password" not in shown
    assert "MESSENGER_PASSWORD" in CliRunner().invoke(app, ["register", "--help"]).output


def test_help_teaches_and_every_verb_is_there() -> None:
    shown = CliRunner().invoke(app, ["--help"]).output
    verbs = "register login logout whoami send listen history chats requests accept block safety-number verify chat"
    for name in verbs.split():
        assert f"\n  {name}" in shown
        assert CliRunner().invoke(app, [name, "--help"]).exit_code == 0
    assert "--install-completion" in shown


def test_the_password_is_in_no_file_of_the_profile(alice: Terminal) -> None:
    for path in alice.home.iterdir():
        assert PASSWORD.encode() not in path.read_bytes()
