"""Several devices of one account: linked by a code, in step with each other, ended, and begun anew."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browsers import Surfer
from tests.conftest import Visit
from tests.people import Person
from tests.stacks import Stack, running

ENDED_WITHIN = 5_000  # ms, of a device that its account has ended


@pytest.fixture(scope="module", params=["embedded", "full"])
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    with running(request.param, pages=True) as started:
        yield started


@pytest.fixture(scope="module")
def bob(surf: Visit) -> Surfer:
    return surf("bob")


@pytest.fixture(scope="module")
def phone(surf: Visit, bob: Surfer) -> Surfer:
    """Alice's first device, on which she and bob have written to each other."""
    phone = surf("alice")
    phone.find("bob")
    phone.write("before the laptop")
    bob.open("alice")
    bob.page.get_by_role("button", name="Accept").click()
    bob.write("and its answer")
    phone.sees("and its answer")
    return phone


@pytest.fixture(scope="module")
def laptop(visit: Visit, phone: Surfer) -> Surfer:
    """Alice's second device."""
    laptop = visit("alice")
    laptop.sign_in()
    phone.approve(laptop.link_code())
    laptop.wait_until_ready()
    return laptop


def test_a_linked_browser_shows_what_was_written_before_and_after(phone: Surfer, laptop: Surfer, bob: Surfer) -> None:
    for device in (phone, laptop):
        device.open("bob")
    laptop.sees("before the laptop")
    laptop.sees("and its answer")
    laptop.write("from the laptop")
    phone.sees("from the laptop")
    bob.sees("from the laptop")
    phone.write("from the phone")
    laptop.sees("from the phone")
    bob.write("to both")
    for device in (phone, laptop):
        device.sees("to both")
        device.sees_state("from the laptop", "read")
        device.sees_state("from the phone", "read")
    assert phone.texts() == laptop.texts() == bob.texts()
    assert phone.digits("bob") == laptop.digits("bob") == bob.digits("alice")
    expect(bob.page.get_by_text("identity has changed")).to_have_count(0)


def test_what_is_read_on_one_device_is_unread_on_none(phone: Surfer, laptop: Surfer, bob: Surfer) -> None:
    for device in (phone, laptop):
        device.open_chats()
        device.wait_until_ready()
    bob.write("read me once")
    for device in (phone, laptop):
        expect(device.page).to_have_title(re.compile(r"^\(1\) "))
    laptop.open("bob")
    laptop.sees("read me once")
    expect(phone.page).to_have_title(re.compile(r"^(?!\()"))
    phone.open("bob")


def test_a_terminal_and_a_browser_link_each_other(
    stack: Stack, phone: Surfer, bob: Surfer, visit: Visit, tmp_path: Path
) -> None:
    terminal = Person("alice", tmp_path, stack.url())
    with terminal.linking() as code:
        phone.approve(code)
    bob.write("for the terminal, too")
    assert "for the terminal, too" in [line["text"] for line in terminal.listen(1)]
    assert "before the laptop" in [line["text"] for line in terminal.json("history", "bob")]
    # The other way round: dora has a terminal first.
    dora = Person("dora", tmp_path / "dora", stack.url())
    dora.register()
    dora.json("send", "bob", "from a terminal")
    dora.json("group", "create", "Notes")
    dora.json("send", "#Notes", "in a group, from a terminal")
    page = visit("dora")
    page.sign_in()
    dora.json("link", page.link_code(), "--yes")
    page.wait_until_ready()
    page.open("bob")
    page.sees("from a terminal")
    page.open("Notes")
    page.sees("in a group, from a terminal")


def test_an_ended_device_hears_nothing_more(phone: Surfer, laptop: Surfer, bob: Surfer) -> None:
    laptop.open("bob")
    phone.page.goto(f"{phone.server}/chats/#devices")
    phone.page.get_by_role("button", name="End Chrome on Linux (2)").click()
    phone.page.get_by_role("button", name="End this device").click()
    expect(laptop.page.get_by_role("log")).to_have_count(0, timeout=ENDED_WITHIN)
    phone.page.keyboard.press("Escape")
    bob.write("not for the laptop")
    phone.open("bob")
    phone.sees("not for the laptop")
    assert "not for the laptop" not in laptop.page.inner_text("body")
    expect(bob.page.get_by_text("identity has changed")).to_have_count(0)


def test_a_new_identity_is_the_last_way_out_and_stops_whoever_writes(visit: Visit, bob: Surfer) -> None:
    old, new = visit("erin"), visit("erin")
    old.sign_up()
    old.find("bob")
    old.write("the first identity")
    bob.open("erin")
    bob.page.get_by_role("button", name="Accept").click()
    bob.write("hello erin")
    old.sees("hello erin")
    new.sign_in()
    new.link_code()
    new.page.get_by_role("button", name="I have no other device any more").click()
    new.page.get_by_role("checkbox").check()
    new.page.get_by_role("button", name="Make a new identity").click()
    new.wait_until_ready()
    expect(bob.page.get_by_text(re.compile("identity has changed")).first).to_be_visible()
    bob.write("to whom?")
    expect(bob.page.get_by_role("button", name="Send", exact=True)).to_be_disabled()
    expect(bob.composer).to_have_value("to whom?")
    expect(old.page.get_by_role("log")).to_have_count(0)
    bob.page.get_by_role("button", name="Go on without").click()
    expect(bob.page.get_by_role("button", name="Send", exact=True)).to_be_enabled()
    bob.composer.press("Enter")
    bob.sees_state("to whom?", "accepted", "delivered")
    new.open("bob")
    new.sees("to whom?")
