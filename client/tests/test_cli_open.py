"""Open chats on the command line: what is printed for people and programs, and that each place says what they are."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from relay import Relay
from test_cli import Terminal, terminal

from messenger_client.cli import conversation
from messenger_client.errors import Refused, Unreachable

WORDS = "ot end-to-end encrypted"


@pytest.fixture
def alice(tmp_path: Path, relay: Relay) -> Terminal:
    return terminal("alice", tmp_path, relay)


@pytest.fixture
def bob(tmp_path: Path, relay: Relay) -> Terminal:
    return terminal("bob", tmp_path, relay)


def test_every_place_says_that_it_is_not_encrypted(alice: Terminal, bob: Terminal) -> None:
    done = alice.run("group", "create", "Choir", "--open", "--member", "bob")
    assert (done.returncode, WORDS in done.stderr) == (0, True)
    alice.json("group", "create", "Friends")
    sent = alice.run("send", "--open", "#Choir", "hello")
    assert (WORDS in sent.stderr, sent.stdout.strip()) == (True, "✓")
    assert WORDS not in alice.run("send", "#Friends", "hello").stderr
    assert WORDS in alice.run("send", "--open", "bob", "hello").stderr
    for verb in ("groups", "chats"):
        lines = alice.run(verb).stdout.splitlines()
        assert {WORDS in line for line in lines if "Choir" in line} == {True}
        assert {WORDS in line for line in lines if "Friends" in line} == {False}
    assert WORDS in alice.run("group", "info", "Choir").stdout
    assert WORDS not in alice.run("group", "info", "Friends").stdout
    assert WORDS in alice.run("history", "#Choir").stderr
    assert WORDS in alice.run("history", "--open", "bob").stderr
    _, said = alice.start("chat", "--open", "#Choir").communicate("", timeout=30)
    assert WORDS in said
    assert "[Choir, open] alice: hello" in bob.run("listen", "--count", "2", "--timeout", "20").stdout


def test_programs_are_told_in_every_line(alice: Terminal, bob: Terminal) -> None:
    [made] = alice.json("group", "create", "Choir", "--open", "--member", "bob")
    assert (made["open"], made["title"], made["role"]) == (True, "Choir", "owner")
    assert [one["open"] for one in bob.json("groups")] == [True]
    [sent] = alice.json("send", "--open", "#Choir", "hello")
    assert sent == {"type": "sent", "id": sent["id"], "state": "accepted", "open": True}
    [message] = bob.json("listen", "--count", "1", "--timeout", "20")
    assert message.keys() == {
        "type", "id", "chat", "from", "text", "sent_at", "group", "title", "open", "number"
    }  # fmt: skip
    assert (message["id"], message["chat"], message["open"]) == (sent["id"], made["group"], True)
    [edited] = alice.json("edit", "--open", "#Choir", str(message["number"]), "hello again")
    expected = {"type": "edited", "id": sent["id"], "chat": made["group"], "number": message["number"], "open": True}
    assert edited == expected
    [line] = bob.json("history", "#Choir")
    assert (line["text"], line["edited_at"] > 0, line["state"]) == ("hello again", True, "received")
    [chat] = bob.json("chats")
    assert (chat["open"], chat["last"], chat["unseen"]) == (True, "hello again", 0)
    [hit] = bob.json("search", "again", "hello")
    assert (hit["type"], hit["number"], hit["snippet"], hit["title"]) == ("hit", line["number"], "hello again", "Choir")
    assert alice.json("delete", "#Choir", sent["id"]) == [{"type": "deleted", "number": line["number"], "open": True}]
    assert bob.json("history", "#Choir")[0]["deleted"]
    assert "(deleted)" in bob.run("history", "#Choir").stdout


def test_history_shows_numbers_and_pages(alice: Terminal, bob: Terminal) -> None:
    for text in ("one", "two", "three"):
        alice.json("send", "--open", "bob", text)
    done = bob.run("history", "--open", "alice", "--limit", "2")
    assert [line.split("alice: ")[1] for line in done.stdout.splitlines()] == ["two  (request)", "three  (request)"]
    assert "] alice: two" in done.stdout
    before = done.stderr.rsplit("--before ", 1)[1].strip()
    done = bob.run("history", "--open", "alice", "--before", before)
    assert "one" in done.stdout
    assert "--before" not in done.stderr
    page, *lines = bob.json("history", "--open", "alice", "--limit", "2")
    assert page == {"type": "page", "before": int(before)}
    assert [line["text"] for line in lines] == ["two", "three"]


def test_what_an_encrypted_chat_has_not_is_said(alice: Terminal, bob: Terminal) -> None:
    alice.json("group", "create", "Friends")
    alice.json("send", "#Friends", "hello")
    for verb in (["edit", "#Friends", "1", "x"], ["delete", "#Friends", "1"], ["edit", "bob", "1", "x"]):
        done = alice.run(*verb)
        assert (done.returncode, "edited or deleted yet" in done.stderr) == (2, True)
    assert alice.run("search", "hello", "--in", "#Friends").returncode == 2
    assert alice.run("history", "#Friends", "--before", "AA").returncode == 2
    assert alice.run("history", "--open", "bob").returncode == 2
    assert alice.run("send", "--open", "#Friends", "hello").returncode == 2
    assert "Nothing found" in alice.run("search", "hello").stderr
    alice.json("group", "create", "Choir", "--open")
    done = alice.run("group", "link", "Choir")
    assert (done.returncode, "open chat" in done.stderr) == (2, True)
    assert alice.run("group", "create", "Other", "--open", "--members-may-add").returncode == 2
    assert bob


def test_a_title_of_both_kinds_is_never_guessed(alice: Terminal, relay: Relay) -> None:
    [encrypted] = alice.json("group", "create", "Friends")
    [open_one] = alice.json("group", "create", "Friends", "--open")
    done = alice.run("send", "#Friends", "which?")
    assert (done.returncode, "Several group chats" in done.stderr) == (2, True)
    assert "open" not in alice.json("send", f"#{encrypted['group']}", "this one")[0]
    assert alice.json("send", f"#{open_one['group']}", "that one")[0]["open"]
    [chat] = relay.open_chats.of.values()
    assert [one["body"] for one in chat.messages] == ["that one"]


def test_lines_typed_into_an_open_chat_go_there_and_nowhere_else(alice: Terminal, bob: Terminal, relay: Relay) -> None:
    alice.start("chat", "--open", "bob").communicate("one\ntwo\n", timeout=30)
    [chat] = relay.open_chats.of.values()
    assert [one["body"] for one in chat.messages] == ["one", "two"]
    assert relay.bodies("messages") == []
    assert [line["text"] for line in bob.json("listen", "--count", "2", "--timeout", "20")] == ["one", "two"]


def test_who_is_removed_while_talking_is_told_so_line_by_line(alice: Terminal, bob: Terminal, relay: Relay) -> None:
    [made] = alice.json("group", "create", "Choir", "--open", "--member", "bob")
    bob.json("group", "accept", "Choir")
    chatting = bob.start("--json", "chat", "--open", "#Choir")
    assert chatting.stdin is not None
    assert chatting.stdout is not None
    chatting.stdin.write("one\n")
    chatting.stdin.flush()
    relay.wait_for(lambda: bool(relay.open_chats.of[made["group"]].messages))
    alice.json("group", "remove", "Choir", "bob")
    kinds = (json.loads(line)["type"] for line in chatting.stdout)
    assert next(kind for kind in kinds if kind != "sent") == "warning"
    _, said = chatting.communicate("two\nthree\n", timeout=30)
    assert said.count("You are no longer in “Choir”.") == 2
    assert chatting.returncode == 1
    assert [one["body"] for one in relay.open_chats.of[made["group"]].messages] == ["one"]


async def test_what_a_chat_that_is_gone_does_not_take_is_not_offered_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "READ_EVERY", 0.01)
    asked: list[list[str]] = []
    answers = [Unreachable("Not now."), Refused("There is no such chat.", "not_found"), None]
    done = asyncio.Event()

    class Reader:
        async def mark_read(self, batch: list[str]) -> None:
            asked.append(batch)
            if not answers:
                done.set()
                return
            answer = answers.pop(0)
            if answer is None:
                unread.append("third")
                return
            unread.append("second")
            raise answer

    unread = ["first"]
    task = asyncio.create_task(conversation._mark_read(Reader(), unread))  # type: ignore[arg-type]  # for a client
    async with asyncio.timeout(20):
        await done.wait()
    task.cancel()
    assert asked == [["first"], ["first", "second"], ["second"], ["third"]]
