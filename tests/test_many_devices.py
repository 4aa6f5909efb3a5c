"""Two people on many devices, some away, some linked or ended meanwhile: in the end all show one conversation."""

from __future__ import annotations

import contextlib
import json
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import befriend
from tests.people import Person
from tests.stacks import Stack, running

ROUNDS = 4
LINES = 50  # in a round: 200 messages in all
SETTLED_WITHIN = 90  # seconds after the last word
SEED = 4  # another one is another conversation


@pytest.fixture(scope="module")
def full() -> Iterator[Stack]:
    with running("full") as stack:
        yield stack


@dataclass
class Device:
    """One device of one of the two."""

    name: str
    terminal: Person
    other: str

    def texts(self) -> list[str]:
        """The conversation as it is shown here."""
        shown = self.terminal.json("history", self.other, "--limit", "1000")
        return [line["text"] if line["type"] == "message" else f"({line['type']})" for line in shown]


def first_device(stack: Stack, folder: Path, username: str, other: str) -> Device:
    """Sign up. This device manages the account."""
    person = Person(username, folder / username, stack.url())
    person.register()
    return Device(username, person, other)


def link(manager: Device, name: str, folder: Path, *, history: bool = False) -> Device:
    """Sign in on one more device and have it approved, with the conversation so far or without."""
    new = Person(manager.terminal.name, folder / name, manager.terminal.server)
    assert new.run("login", new.name, "--device", name).returncode == 3  # signed in, and no device of the account yet
    waiting = new.start("--json", "link")
    assert waiting.stdout is not None
    code = json.loads(waiting.stdout.readline())["code"]
    manager.terminal.json("link", code, "--yes", "--history" if history else "--no-history")
    _, complaint = waiting.communicate(timeout=90)
    assert waiting.returncode == 0, complaint
    return Device(name, new, manager.other)


def talk(online: Sequence[Device], chance: random.Random, number: int) -> list[str]:
    """A round of lines, each from one of these devices, in the order that they were typed."""
    chats = [device.terminal.start("--json", "chat", device.other) for device in online]
    typed = []
    for at in range(number, number + LINES):
        device, chat = chance.choice(list(zip(online, chats, strict=True)))
        assert chat.stdin is not None
        typed.append(f"{device.name} {at}")
        chat.stdin.write(typed[-1] + "\n")
        chat.stdin.flush()
    for chat in chats:
        _, complaint = chat.communicate(timeout=90)
        assert chat.returncode == 0, complaint
    return typed


def some(devices: Sequence[Device], chance: random.Random) -> list[Device]:
    """Those who are online: one of them at least."""
    return chance.sample(devices, chance.randint(1, len(devices)))


def in_each_sender_s_order(texts: Sequence[str]) -> dict[str, list[str]]:
    """What there is to compare: devices agree on what each of them said, and in what order."""
    by_device: dict[str, list[str]] = {}
    for text in texts:
        by_device.setdefault(text.partition(" ")[0], []).append(text)
    return by_device


def settle(devices: Sequence[Device], said: Sequence[str], since: Mapping[str, int]) -> None:
    """All come by at the same time, so that who is asked to send something again is there to do so.

    In the end every device shows what was said since it was linked, each sender's words in their order.
    """
    wanted = {one.name: in_each_sender_s_order(said[since.get(one.name, 0) :]) for one in devices}
    deadline = time.monotonic() + SETTLED_WITHIN
    with contextlib.ExitStack() as there:
        for one in devices:
            there.enter_context(one.terminal.present())
        for one in devices:
            while (shown := in_each_sender_s_order(one.texts())) != wanted[one.name]:
                assert time.monotonic() < deadline, f"{one.name} shows {shown} for {wanted[one.name]}"


def test_two_hundred_messages_among_devices_that_come_and_go(full: Stack, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    phone, desk = first_device(full, tmp_path, "alice", "bob"), first_device(full, tmp_path, "bob", "alice")
    befriend(phone.terminal, desk.terminal)
    said = ["hello", "hello yourself"]
    laptop, tablet = (link(phone, name, tmp_path) for name in ("laptop", "tablet"))
    pocket = link(desk, "pocket", tmp_path)
    alices, bobs = [phone, laptop, tablet], [desk, pocket]
    since = dict.fromkeys(("laptop", "tablet", "pocket"), len(said))
    for turn in range(ROUNDS):
        if turn == 1:
            bobs.append(link(desk, "spare", tmp_path))
            since["spare"] = len(said)
        elif turn == 2:
            # First: what a device wrote is read by nobody who comes for it once it is off the list.
            settle([*alices, *bobs], said, since)
            phone.terminal.json("devices", "remove", "tablet", "--yes")
            alices.remove(tablet)
            alices.append(link(phone, "watch", tmp_path, history=True))
        elif turn == 3:
            settle([*alices, *bobs], said, since)
            desk.terminal.json("devices", "suspend", "pocket", "--yes")
            bobs.remove(pocket)
        said += talk(some(alices, chance) + some(bobs, chance), chance, turn * LINES)
    settle([*alices, *bobs], said, since)
    for ended in (tablet, pocket):
        assert ended.terminal.run("listen", "--timeout", "30").returncode == 3  # at once
        assert set(ended.texts()) <= set(said)
