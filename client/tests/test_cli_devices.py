"""The verbs of one's own devices: codes, approval, ending, a new identity."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from relay import Relay
from test_cli import Terminal, terminal

from messenger_client.cli.qr import draw


@pytest.fixture
def alice(tmp_path: Path, relay: Relay) -> Terminal:
    return terminal("alice", tmp_path, relay)


@pytest.fixture
def bob(tmp_path: Path, relay: Relay) -> Terminal:
    return terminal("bob", tmp_path, relay)


def test_a_second_device_shows_a_code_and_the_first_one_approves_it(
    alice: Terminal, bob: Terminal, tmp_path: Path, relay: Relay
) -> None:
    relay.checks_lists = True
    alice.json("send", "bob", "hi")
    alice.json("group", "create", "Friends", "--member", "bob")
    alice.json("send", "#Friends", "hi, @bob")
    laptop = Terminal(tmp_path / "laptop", relay.url)
    done = laptop.run("login", "alice", "--device", "laptop")
    assert done.returncode == 3
    assert "messenger link" in done.stderr
    linking = laptop.start("--json", "link")
    assert linking.stdout is not None
    shown = json.loads(linking.stdout.readline())
    assert shown.keys() == {"type", "code"}
    assert len(shown["code"]) == 200
    groups = [shown["code"][start : start + 5].lower() for start in range(0, 200, 5)]
    asked = alice.run("link", *groups)
    assert (asked.returncode, asked.stdout) == (2, "")
    assert "laptop (" in asked.stderr
    [linked] = alice.json("link", *groups, "--yes")
    assert (linked["type"], linked["name"]) == ("device_linked", "laptop")
    printed, _ = linking.communicate(timeout=60)
    assert linking.returncode == 0
    assert json.loads(printed)["type"] == "account"
    assert [line["text"] for line in laptop.json("history", "bob")] == ["hi"]
    created, line = laptop.json("history", "#Friends")
    assert (created["cause"], line["from"], line["text"], line["mentions"]) == ("created", "alice", "hi, @bob", ["bob"])
    rows = laptop.json("devices")
    assert rows[0].keys() == {
        "type", "id", "name", "platform", "created_at", "last_seen_at", "this_one", "managing", "listed", "suspended",
    }  # fmt: skip
    assert [(row["name"], row["this_one"], row["managing"]) for row in rows] == [
        ("Terminal", False, True),
        ("laptop", True, False),
    ]
    assert alice.run("devices", "suspend").returncode == 2
    assert alice.run("devices", "suspend", "phone").returncode == 2
    [ended] = alice.json("devices", "suspend", "laptop")
    assert (ended["type"], ended["id"]) == ("device_ended", linked["id"])
    assert laptop.run("chats").returncode == 0  # what is here stays readable
    assert laptop.run("send", "bob", "hi").returncode == 3


def test_a_new_identity_is_asked_for_twice(alice: Terminal, tmp_path: Path, relay: Relay) -> None:
    laptop = Terminal(tmp_path / "laptop", relay.url)
    laptop.run("login", "alice")
    done = laptop.run("reset-identity")
    assert done.returncode == 2
    assert "has to compare safety numbers" in done.stderr
    [account] = laptop.json("reset-identity", "--yes")
    assert account["type"] == "account"
    assert alice.run("requests").returncode in (0, 3)
    assert "has a new identity" in alice.run("listen", "--timeout", "5").stderr


def test_a_link_code_is_drawn_as_a_square_that_a_camera_reads() -> None:
    lines = draw("0123456789ABCDEFGHJK" * 10, colours=False)
    assert len({len(line) for line in lines}) == 1
    assert len(lines) * 2 - len(lines[0]) in (0, 1)
    assert set("".join(lines)) == set(" ▀▄█")
    coloured = draw("0123456789ABCDEFGHJK" * 10, colours=True)
    # With colours dark is drawn, without them light: each other's opposite.
    opposite = {" ": "█", "█": " ", "▀": "▄", "▄": "▀"}
    middle = coloured[4][len("\x1b[30;107m") : -len("\x1b[0m")]
    assert "".join(opposite[one] for one in middle) == lines[4]
