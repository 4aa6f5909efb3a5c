"""The verbs of group chats: what they print, for people and for programs, and how they end."""

from __future__ import annotations

from pathlib import Path

import pytest
from relay import Relay
from test_cli import Terminal, terminal


@pytest.fixture
def alice(tmp_path: Path, relay: Relay) -> Terminal:
    return terminal("alice", tmp_path, relay)


@pytest.fixture
def bob(tmp_path: Path, relay: Relay) -> Terminal:
    return terminal("bob", tmp_path, relay)


def test_a_group_chat_has_verbs_and_lines_of_its_own(alice: Terminal, bob: Terminal) -> None:
    [made] = alice.json("group", "create", "Friends", "--member", "bob")
    assert made.keys() == {
        "type", "group", "title", "standing", "role", "request", "members", "waiting", "links", "trouble",
        "muted", "description", "colour", "members_may_add", "open_links",
    }  # fmt: skip
    assert (made["type"], made["title"], made["role"], made["standing"]) == ("group", "Friends", "owner", "member")
    members = [{"username": "alice", "role": "owner"}, {"username": "bob", "role": "member"}]
    assert sorted(made["members"], key=lambda one: one["username"]) == members
    [shown] = bob.json("groups")
    assert (shown["group"], shown["request"]) == (made["group"], True)
    [sent] = alice.json("send", "#Friends", "hello")
    assert (sent["type"], sent["state"]) == ("sent", "accepted")
    created, message = bob.json("listen", "--count", "1", "--timeout", "20")
    assert (created["type"], created["cause"]) == ("group", "created")
    assert message.keys() == {"type", "id", "chat", "from", "text", "sent_at", "group", "title"}
    assert (message["group"], message["title"], message["chat"]) == (made["group"], "Friends", made["group"])
    assert [line["text"] for line in bob.json("history", "#Friends")] == ["alice created the group chat.", "hello"]
    [chat] = bob.json("chats")
    assert (chat["with"], chat["group"], chat["title"]) == ("Friends", made["group"], "Friends")
    assert "alice: hello" in bob.run("history", "#Friends").stdout
    [renamed] = alice.json("group", "rename", "Friends", "Old friends")
    assert renamed["title"] == "Old friends"
    [promoted] = alice.json("group", "promote", "#Old friends", "bob")
    assert {one["username"]: one["role"] for one in promoted["members"]} == {"alice": "owner", "bob": "admin"}
    [demoted] = alice.json("group", "demote", made["group"][:8], "bob")
    assert {one["username"]: one["role"] for one in demoted["members"]} == {"alice": "owner", "bob": "member"}
    assert bob.json("group", "leave", "Old friends")[0]["standing"] == "left"
    assert "you left" in bob.run("groups").stdout


def test_a_link_is_made_used_and_ended(alice: Terminal, bob: Terminal) -> None:
    alice.json("group", "create", "Friends")
    [link] = alice.json("group", "link", "Friends", "--expires", "2h", "--uses", "3", "--approval")
    assert link.keys() == {"type", "link", "expires_at"}
    assert "/chats/#join/" in link["link"]
    [asked] = bob.json("group", "join", link["link"])
    assert asked["standing"] == "pending"
    assert "bob" in alice.run("group", "info", "Friends").stdout
    alice.json("group", "approve", "Friends", "bob")
    assert bob.json("groups")[0]["standing"] == "member"
    assert alice.json("group", "unlink", "Friends") == [{"type": "group_unlinked", "ended": 1}]
    assert alice.json("group", "remove", "Friends", "bob")[0]["members"] == [{"username": "alice", "role": "owner"}]
    done = bob.run("group", "join", link["link"])
    assert done.returncode == 1
    assert "leads nowhere" in done.stderr


def test_a_group_chat_is_declined_by_the_title_that_came_just_now(alice: Terminal, bob: Terminal) -> None:
    alice.json("group", "create", "Friends", "--member", "bob")
    assert bob.json("group", "leave", "Friends")[0]["standing"] == "left"
    [left] = alice.json("groups")
    assert left["members"] == [{"username": "alice", "role": "owner"}]


def test_what_makes_no_sense_is_said(alice: Terminal) -> None:
    assert alice.run("send", "#Nothing", "hello?").returncode == 2
    assert alice.run("group", "info", "Nothing").returncode == 2
    assert alice.run("group", "create", "two\nlines").returncode == 2
    assert alice.run("group", "join", "https://chat.example/").returncode == 2
    for title in ("Friends", "Friends"):
        alice.json("group", "create", title)
    done = alice.run("send", "#friends", "which?")
    assert done.returncode == 2
    assert "Several group chats" in done.stderr
    alice.json("group", "create", "Others")
    done = alice.run("group", "link", "Others", "--expires", "soon")
    assert done.returncode == 2
    assert "is no time" in done.stderr
