"""Three people in a group chat at their terminals, through real servers; one is removed, a fourth comes by a link."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from messenger_client.client.group_lookup import state_of
from tests.conftest import Join
from tests.people import Person
from tests.stacks import Stack
from tests.thief import Thief, group_in
from tests.wire import Wire, wires

AFTER = "nothing of this is for bob"


@dataclass
class Room:
    alice: Person  # who owns it
    bob: Person
    dora: Person
    erin: Person  # who is outside at first
    id: str


@pytest.fixture(scope="module")
def room(join: Join) -> Room:
    alice, bob, dora, erin = (join(name) for name in ("alice", "bob", "dora", "erin"))
    [made] = alice.json("group", "create", "Friends", "--member", "bob", "--member", "dora")
    for one in (bob, dora):
        [shown] = one.json("groups")
        assert (shown["request"], shown["standing"], shown["title"]) == (True, "member", "Friends")
        one.json("group", "accept", "Friends")
    return Room(alice, bob, dora, erin, made["group"])


def texts(person: Person) -> list[str]:
    return [line["text"] for line in person.json("history", "#Friends") if line["type"] == "message"]


def roster(person: Person) -> dict[str, str]:
    [info] = person.json("group", "info", "Friends")
    return {one["username"]: one["role"] for one in info["members"]}


def values_of(person: Person) -> dict[str, int]:
    """How many rows the tables of group chats have in somebody's profile."""
    with contextlib.closing(sqlite3.connect(person.home / "messages.sqlite3")) as database:
        tables = ("entry", "early", "announced_chain", "group_operation")
        return {name: database.execute(f"SELECT COUNT(*) FROM {name}").fetchone()[0] for name in tables}  # noqa: S608


def test_three_people_talk_while_they_listen(room: Room) -> None:
    listening = [one.start("--json", "listen", "--count", "2", "--timeout", "40") for one in (room.bob, room.dora)]
    room.alice.json("send", "#Friends", "one")
    room.alice.json("send", "#Friends", "two")
    for process in listening:
        printed, complaint = process.communicate(timeout=80)
        assert process.returncode == 0, complaint
        lines = [json.loads(line) for line in printed.splitlines()]
        messages = [line for line in lines if line["type"] == "message"]
        assert [(line["from"], line["text"]) for line in messages] == [("alice", "one"), ("alice", "two")]
        assert {(line["group"], line["title"]) for line in messages} == {(room.id, "Friends")}
    room.dora.json("send", f"#{room.id[:8]}", "three")
    assert [line["text"] for line in room.bob.listen(1)] == ["three"]
    assert [line["text"] for line in room.alice.listen(1)] == ["three"]
    assert texts(room.alice) == texts(room.bob) == texts(room.dora) == ["one", "two", "three"]
    assert roster(room.dora) == {"alice": "owner", "bob": "member", "dora": "member"}


def test_an_outsider_is_told_what_of_a_group_chat_that_does_not_exist(room: Room, stack: Stack) -> None:
    [erin] = wires(stack, "erin")
    none = str(uuid.uuid4())
    operation = {"operation": {"payload": "AAAA", "signature": "A" * 86}}
    message = {"message_id": str(uuid.uuid4()), "gsh": "A" * 43, "lists": "A" * 43, "body": "AAAA"}
    for path, body in (
        ("groups/{}", None),
        ("groups/{}/operations", None),
        ("groups/{}/operations?since=0", None),
        ("groups/{}/accept", {}),
        ("groups/{}/operations", operation),
        ("groups/{}/messages", message),
    ):
        one, other = (erin.call(stack.url(), path.format(group), body) for group in (room.id, none))
        assert one.status == other.status, path
        assert one.body == other.body, path
    assert erin.call(stack.url(), f"groups/{room.id}").status == 404
    with erin.online(stack.url()) as socket:
        for number, group in enumerate((room.id, none)):
            socket.say({"type": "message.read", "id": f"{number}", "group": group, "messages": [none]})
        found = [socket.get("rejected") for _ in range(2)]
        assert [one["code"] for one in found] == ["not_found", "not_found"]
    done = room.erin.run("group", "info", room.id)
    assert (done.returncode, done.stdout) == (2, "")


def test_who_is_removed_sees_nothing_after_it(room: Room, stack: Stack, tmp_path: Path) -> None:
    bob, dora = wires(stack, "bob", "dora")
    room.alice.json("send", "#Friends", "the last for bob")
    shutil.copytree(room.bob.home, tmp_path / "stolen")
    thief = Thief(tmp_path / "stolen", room.id)
    assert thief.texts(waiting(stack, dora)) == ["the last for bob"]
    assert thief.opens_title(thief.state())
    room.bob.json("listen", "--count", "1", "--timeout", "30")
    room.dora.json("listen", "--count", "1", "--timeout", "30")
    with bob.online(stack.url()) as socket:
        room.alice.json("group", "remove", "Friends", "bob")
        assert socket.get("group.changed")["removed"] is True
        before = values_of(room.bob)
        room.alice.json("send", "#Friends", AFTER)
        unread = waiting(stack, dora)
        assert "group" in [envelope["kind"] for envelope in unread]
        now = state_of(group_in(room.alice.home, room.id))
        assert now is not None
        assert thief.texts(unread, gsh=now.hash) == []
        assert not thief.opens_title(now)
        room.dora.json("send", "#Friends", AFTER)
        assert room.dora.json("history", "#Friends")[-1]["text"] == AFTER
        assert socket.rest(within=2)[0] == []
    assert waiting(stack, bob) == []
    done = room.bob.run("--json", "listen", "--timeout", "12")
    printed = done.stdout
    assert printed, done.stderr
    lines = [json.loads(line) for line in printed.splitlines()]
    assert [line["type"] for line in lines] == ["warning"]
    assert "no longer in" in lines[0]["text"]
    after = values_of(room.bob)
    assert (after["early"], after["announced_chain"]) == (0, before["announced_chain"])
    assert after["group_operation"] == before["group_operation"]
    assert after["entry"] == before["entry"] + 1  # the warning
    assert AFTER not in texts(room.bob)
    refused = room.bob.run("send", "#Friends", "let me in")
    assert refused.returncode == 1
    assert "no longer in" in refused.stderr
    for path in (f"groups/{room.id}", f"groups/{room.id}/operations"):
        assert bob.call(stack.url(), path).status == 404
    assert texts(room.alice).count(AFTER) == texts(room.dora).count(AFTER) == 2


def test_a_fourth_joins_by_a_link_once_an_admin_lets_them_in(room: Room) -> None:
    [made] = room.alice.json("group", "link", "Friends", "--approval", "--uses", "1", "--expires", "1h")
    [asked] = room.erin.json("group", "join", made["link"])
    assert (asked["standing"], asked["title"]) == ("pending", "")
    assert room.erin.run("send", f"#{room.id}", "hello?").returncode == 1
    [info] = room.alice.json("group", "info", "Friends")
    assert info["waiting"] == ["erin"]
    room.alice.json("group", "approve", "Friends", "erin")
    [mine] = room.erin.json("groups")
    assert (mine["standing"], mine["title"]) == ("member", "Friends")
    room.dora.json("send", "#Friends", "welcome, erin")
    assert [line["text"] for line in room.erin.listen(1)] == ["welcome, erin"]
    room.erin.json("send", "#Friends", "thank you")
    for one in (room.alice, room.dora):
        assert texts(one)[-1] == "thank you"
    assert texts(room.erin) == ["welcome, erin", "thank you"]
    assert room.bob.run("group", "join", made["link"]).returncode == 1  # it is used up
    assert roster(room.erin) == {"alice": "owner", "dora": "member", "erin": "member"}


def test_open_chats_are_beside_the_encrypted_ones(room: Room) -> None:
    alice, dora = room.alice, room.dora
    [made] = alice.json("group", "create", "Choir", "--open", "--member", "dora")
    dora.json("group", "accept", "Choir")
    listening = dora.start("--json", "listen", "--timeout", "40")
    assert listening.stdout is not None
    opened = (one for text in listening.stdout if (one := json.loads(text)).get("open"))
    first = alice.json("send", "--open", "#Choir", "practice on monday")[0]
    message = next(opened)
    assert (message["id"], message["group"], message["text"]) == (first["id"], made["group"], "practice on monday")
    alice.json("edit", "--open", "#Choir", first["id"], "practice on tuesday")
    edited = next(opened)
    assert (edited["type"], edited["text"]) == ("edited", "practice on tuesday")
    alice.json("delete", "#Choir", str(message["number"]))
    deleted = next(opened)
    assert (deleted["type"], deleted["number"]) == ("deleted", message["number"])
    alice.json("send", "--open", "dora", "is tuesday all right?")
    private = next(opened)
    assert (private["text"], "group" in private) == ("is tuesday all right?", False)
    listening.kill()
    listening.communicate()
    dora.json("send", "--open", "alice", "tuesday it is")
    alice.json("send", "--open", "#Choir", "tuesday then")
    assert [one["text"] for one in dora.listen(1)] == ["tuesday then"]
    assert sorted(one["snippet"] for one in dora.json("search", "TUESDAY")) == [
        "is tuesday all right?", "tuesday it is", "tuesday then",
    ]  # fmt: skip
    assert [one["snippet"] for one in dora.json("search", "tuesday", "--in", "#Choir")] == ["tuesday then"]
    lines = dora.json("history", "#Choir")
    assert [(one["text"], one.get("deleted", False)) for one in lines] == [("", True), ("tuesday then", False)]
    alice.json("group", "remove", "Choir", "dora")
    for verb in (["send", "--open", "#Choir", "wait"], ["history", "#Choir"]):
        done = dora.run(*verb)
        assert (done.returncode, "no longer in “Choir”" in done.stderr) == (1, True)
    assert [one["snippet"] for one in dora.json("search", "then")] == []
    assert "tuesday" not in str([one.json("history", "#Friends") for one in (alice, dora)])


def test_a_device_that_is_linked_later_shows_what_was_written_before(room: Room, tmp_path: Path) -> None:
    tablet = Person("dora", tmp_path / "tablet", room.dora.server)
    with tablet.linking("tablet") as code:
        room.dora.json("link", code, "--yes")
    assert AFTER in texts(tablet)
    assert sorted(lines(tablet)) == sorted(lines(room.dora))
    room.alice.json("send", "#Friends", "for the tablet, too")
    assert [one["text"] for one in tablet.listen(1)] == ["for the tablet, too"]  # what is from before is no news
    tablet.json("send", "#Friends", "from the tablet")
    for one in (room.alice, room.dora, tablet):
        assert texts(one)[-2:] == ["for the tablet, too", "from the tablet"]


def lines(person: Person) -> list[tuple[str, str]]:
    return [(line["type"], line["text"]) for line in person.json("history", "#Friends", "--limit", "1000")]


def waiting(stack: Stack, wire: Wire) -> list[Any]:
    found: list[Any] = wire.call(stack.url(), "envelopes").body["envelopes"]
    return found
