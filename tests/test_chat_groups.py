"""A group chat on the page: two browsers and a terminal talk in it, and one of them is removed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.browsers import Surfer
from tests.conftest import Visit
from tests.people import Person
from tests.stacks import Stack, running

TITLE = "Walks"
AFTER = "nothing of this is for bob"


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with running("embedded", pages=True) as started:
        yield started


def make_group(surfer: Surfer, *names: str) -> None:
    page = surfer.page
    page.get_by_role("button", name="New group").click()
    dialog = page.get_by_role("dialog", name="New group")
    dialog.get_by_label("Name of the group").fill(TITLE)
    dialog.get_by_text("Description and colour").click()
    dialog.get_by_label("What it is about").fill("On Sundays")
    dialog.get_by_role("radio", name="Rust").check()
    for name in names:
        dialog.get_by_label("Find people").fill(name)
        dialog.get_by_role("button", name=f"Choose {name}").click()
    dialog.get_by_role("button", name="Make the group").click()
    expect(page.get_by_role("heading", name=TITLE)).to_be_visible()


def mention(surfer: Surfer, letters: str, text: str) -> None:
    """Write a message that begins with the name of whom these letters complete to."""
    surfer.composer.press_sequentially(f"@{letters}")
    expect(surfer.page.get_by_role("option")).to_have_count(1)
    surfer.composer.press("Enter")
    surfer.composer.press_sequentially(text)
    surfer.composer.press("Enter")


def accept(surfer: Surfer) -> None:
    """Stay in the group that somebody unknown has added one to: its name is known from then on."""
    surfer.page.locator("a.row").filter(has_text="Request").click()
    surfer.page.get_by_role("button", name="Accept").click()
    expect(surfer.composer).to_be_visible()
    expect(surfer.row(TITLE)).to_be_visible()


def texts(person: Person) -> set[str]:
    return {line["text"] for line in person.json("history", f"#{TITLE}") if line["type"] == "message"}


def test_a_group_made_on_the_page_is_one_for_browsers_and_terminals(
    stack: Stack, surfers: tuple[Surfer, Surfer], tmp_path: Path
) -> None:
    alice, bob = surfers
    dora = Person("dora", tmp_path, stack.url())
    dora.register()
    make_group(alice, "bob", "dora")
    accept(bob)
    dora.json("groups")
    dora.json("group", "accept", TITLE)

    expect(bob.page.locator(".chat-head .avatar")).to_have_attribute("data-colour", "2")
    mention(alice, "bo", "to the lake?")
    bob.sees("@bob to the lake?")
    expect(bob.page.locator(".mention[data-own]")).to_have_text("@bob")
    expect(bob.page.locator(".line-author")).to_have_text(re.compile("^alice"))
    bob.composer.press_sequentially("at nine")
    expect(alice.page.locator(".typing-who")).to_have_text("bob is typing")
    bob.composer.press("Enter")
    alice.sees("at nine")
    expect(alice.page.locator(".typing-who")).to_have_count(0)
    dora.json("send", f"#{TITLE}", "I bring the bread")
    for one in (alice, bob):
        one.sees("I bring the bread")
    assert texts(dora) == {"@bob to the lake?", "at nine", "I bring the bread"}

    page = alice.page
    alice.line("@bob to the lake?").get_by_role("button", name="Who has this message").click()
    receipts = page.get_by_role("dialog", name="Who has this message")
    expect(receipts.get_by_role("region", name="Read by 1")).to_contain_text("bob")
    page.keyboard.press("Escape")

    page.get_by_role("button", name="Details").first.click()
    details = page.get_by_role("complementary", name="Details")
    expect(details.locator(".details-about")).to_have_text("On Sundays")
    details.get_by_text("bob", exact=True).click()
    details.get_by_role("button", name="Remove from the group").click()
    page.get_by_role("dialog", name="Remove bob?").get_by_role("button", name="Remove").click()
    expect(details.get_by_role("heading", name="2 members")).to_be_visible()
    expect(bob.page.locator(".composer-closed")).to_contain_text("not in this group any more")
    alice.write(AFTER)
    alice.sees_state(AFTER, "accepted", "delivered")
    assert AFTER in texts(dora)
    expect(bob.line(AFTER)).to_have_count(0)


def test_a_browser_that_is_linked_later_shows_the_group_as_it_was(surf: Visit, visit: Visit) -> None:
    erin, frank = surf("erin"), surf("frank")
    make_group(erin, "frank")
    accept(frank)
    frank.write("before the laptop")
    erin.sees("before the laptop")
    mention(erin, "fr", "also before it")
    frank.sees("@frank also before it")
    erin.sees_state("@frank also before it", "read")
    laptop = visit("erin")
    laptop.sign_in()
    erin.approve(laptop.link_code())
    laptop.wait_until_ready()
    laptop.open(TITLE)
    before = ["You made this group.", "before the laptop", "@frank also before it"]
    expect(said(laptop)).to_have_text(before)
    laptop.sees_state("@frank also before it", "read")
    expect(laptop.page.locator(".mention")).to_have_text("@frank")
    expect(laptop.page.locator(".line-author")).to_have_text(re.compile("^frank"))
    frank.write("to both")
    laptop.sees("to both")
    laptop.write("from the laptop")
    erin.open(TITLE)
    for device in (erin, laptop):
        expect(said(device)).to_have_text([*before, "to both", "from the laptop"])


def said(surfer: Surfer) -> Locator:
    """The open conversation, with what happened to its group."""
    return surfer.page.locator("[data-line] :is(.bubble-text, .line-what)")
