"""Two people at browsers and terminals that come and go, some linked or ended meanwhile: all show one conversation."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from tests.browsers import Surfer
from tests.conftest import Visit
from tests.people import Person
from tests.stacks import Stack, running
from tests.test_many_devices import in_each_sender_s_order

ROUNDS = 4
LINES = 50  # in a round: 200 messages in all
SEED = 11  # another one is another conversation
SETTLED_WITHIN = 90  # seconds after the last word


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with running("full", pages=True) as started:
        yield started


class Device(Protocol):
    """One device of one of the two. `come` and `leave` it, `say` something while it is there."""

    name: str

    def come(self) -> None: ...

    def leave(self) -> None: ...

    def say(self, text: str) -> None: ...

    def texts(self) -> list[str]: ...


@dataclass
class Browser:
    name: str
    surfer: Surfer
    other: str

    def come(self) -> None:
        self.surfer.close_browser()
        self.surfer.open_browser()
        self.surfer.open_chats()
        self.surfer.open(self.other)

    def leave(self) -> None:
        self.surfer.close_browser()

    def say(self, text: str) -> None:
        self.surfer.write(text)
        self.surfer.sees_state(text, "queued", "accepted", "delivered", "read")

    def texts(self) -> list[str]:
        return self.surfer.all_texts()


@dataclass
class Terminal:
    name: str
    person: Person
    other: str
    chat: subprocess.Popen[str] | None = None

    def come(self) -> None:
        if self.chat is None:
            self.chat = self.person.start("--json", "chat", self.other)

    def leave(self) -> None:
        if self.chat is not None:
            _, complaint = self.chat.communicate(timeout=90)
            assert self.chat.returncode == 0, complaint
            self.chat = None

    def say(self, text: str) -> None:
        assert self.chat is not None
        assert self.chat.stdin is not None
        self.chat.stdin.write(text + "\n")
        self.chat.stdin.flush()

    def texts(self) -> list[str]:
        shown = self.person.json("history", self.other, "--limit", "1000")
        return [line["text"] if line["type"] == "message" else f"({line['type']})" for line in shown]


def test_two_hundred_messages_among_browsers_and_terminals(stack: Stack, visit: Visit, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    phone, desk, pocket = visit("alice"), visit("bob"), visit("bob")
    phone.sign_up()
    desk.sign_up()
    phone.find("bob")
    phone.write("phone hello")
    desk.open("alice")
    desk.page.get_by_role("button", name="Accept").click()
    desk.write("desk hello")
    phone.sees("desk hello")
    said = ["phone hello", "desk hello"]

    def terminal(name: str, *, history: bool = True) -> Terminal:
        person = Person("alice", tmp_path / name, stack.url())
        with person.linking(name) as code:
            phone.approve(code, history=history)
        phone.open("bob")
        return Terminal(name, person, "bob")

    pocket.sign_in()
    desk.approve(pocket.link_code())
    desk.open("alice")
    laptop, tablet = terminal("laptop"), terminal("tablet")
    alices: list[Device] = [Browser("phone", phone, "bob"), laptop, tablet]
    bobs: list[Device] = [Browser("desk", desk, "alice"), Browser("pocket", pocket, "alice")]
    since: dict[str, int] = {}
    for turn in range(ROUNDS):
        for one in (*alices, *bobs):
            one.come()
        settled([*alices, *bobs], said, since)
        if turn == 1:
            since["watch"] = len(said)
            watch = terminal("watch", history=False)
            watch.come()
            alices.append(watch)
        elif turn == 2:
            tablet.leave()
            alices.remove(tablet)
            phone.page.get_by_role("button", name="Your devices").click()
            phone.page.get_by_role("button", name="End tablet").click()
            phone.page.get_by_role("button", name="End this device").click()
            phone.page.get_by_text("Ended devices (1)").wait_for()
            phone.page.keyboard.press("Escape")
        away = chance.sample([*alices[1:], *bobs[1:]], 1 + turn % 2)
        for one in away:
            one.leave()
        here = [one for one in (*alices, *bobs) if one not in away]
        for number in range(turn * LINES, (turn + 1) * LINES):
            speaker = chance.choice(here)
            said.append(f"{speaker.name} {number}")
            speaker.say(said[-1])
    for one in (*alices, *bobs):
        one.come()
    settled([*alices, *bobs], said, since)
    for one in (*alices, *bobs):
        one.leave()
    assert set(tablet.texts()) <= set(said)


def settled(devices: Sequence[Device], said: Sequence[str], since: Mapping[str, int]) -> None:
    """Every device shows what was said since it was linked, each sender's words in their order, and nothing else."""
    for one in devices:
        wanted = in_each_sender_s_order(said[since.get(one.name, 0) :])
        deadline = time.monotonic() + SETTLED_WITHIN
        while in_each_sender_s_order(one.texts()) != wanted and time.monotonic() < deadline:
            time.sleep(0.5)
        assert in_each_sender_s_order(one.texts()) == wanted, one.name
