"""Open chats on the page: two browsers in a group and a chat of two that are not end-to-end encrypted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, expect

from tests.axe import no_fault
from tests.browsers import Surfer
from tests.stacks import Stack, running

TITLE = "Harbour"
OPEN = "Not end-to-end encrypted"


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with running("embedded", pages=True) as started:
        yield started


def choose_open(dialog: Locator, name: str) -> None:
    dialog.get_by_label("Find").fill(name)
    dialog.get_by_role("button", name=f"Choose {name}").click()
    expect(dialog.get_by_role("radio", name="End-to-end encrypted", exact=True)).to_be_checked()
    dialog.get_by_role("radio", name=OPEN).check()
    no_fault(dialog.page)


def menu(surfer: Surfer, text: str, item: str) -> None:
    line = surfer.line(text)
    line.hover()
    line.get_by_role("button", name="What you can do with this message").click()
    no_fault(surfer.page)
    surfer.page.get_by_role("menuitem", name=item).click()


def test_an_open_chat_of_two_says_so_and_its_messages_can_be_changed(surfers: tuple[Surfer, Surfer]) -> None:
    alice, bob = surfers
    page = alice.page
    page.get_by_role("button", name="New chat").click()
    dialog = page.get_by_role("dialog", name="New chat")
    choose_open(dialog, "bob")
    dialog.get_by_role("button", name="Go to the chat").click()
    expect(page.locator(".chat-head")).to_contain_text(OPEN)
    expect(alice.composer).to_have_attribute("placeholder", OPEN)
    alice.write("The boat is free")
    expect(bob.row("alice").locator(".open-mark")).to_be_attached()
    bob.row("alice").click()
    bob.page.get_by_role("button", name="Accept").click()
    bob.sees("The boat is free")
    expect(bob.page.locator(".chat-head")).to_contain_text(OPEN)

    alice.sees_state("The boat is free", "accepted", "read")  # only what the server has can be changed
    alice.composer.press("ArrowUp")
    expect(alice.composer).to_have_value("The boat is free")
    alice.write("The boat is free on Saturday")
    bob.sees("The boat is free on Saturday")
    expect(bob.line("The boat is free on Saturday")).to_contain_text("edited")
    alice.write("A slip")
    bob.sees("A slip")
    menu(alice, "A slip", "Delete")
    page.get_by_role("dialog", name="Delete this message?").get_by_role("button", name="Delete").click()
    bob.sees("Message deleted")
    expect(bob.line("A slip")).to_have_count(0)


def test_an_open_group_is_searched_at_the_server_and_ends_for_whom_is_removed(surfers: tuple[Surfer, Surfer]) -> None:
    alice, bob = surfers
    page = alice.page
    page.get_by_role("button", name="New group").click()
    dialog = page.get_by_role("dialog", name="New group")
    dialog.get_by_label("Name of the group").fill(TITLE)
    choose_open(dialog, "bob")
    dialog.get_by_role("button", name="Make the group").click()
    expect(page.get_by_role("heading", name=TITLE)).to_be_visible()
    expect(page.locator(".chat-head")).to_contain_text(OPEN)
    alice.write("We meet at the lighthouse")
    for number in range(3):
        alice.write(f"then {number}")
    alice.sees_state("then 2", "accepted", "read")

    expect(bob.row(TITLE).locator(".open-mark")).to_be_attached()
    bob.row(TITLE).click()
    bob.sees("then 2")
    asked: list[str] = []
    bob.page.on("request", lambda request: asked.append(request.url) if "open-chats/search" in request.url else None)
    bob.page.get_by_label("Search chats and people").fill("lighthouse")
    expect(bob.page.get_by_text("Nobody")).to_be_visible()
    bob.page.get_by_role("button", name="Search open chats on the server").click()
    bob.page.locator(".row-match").click()
    assert len(asked) == 1
    found = bob.line("We meet at the lighthouse")
    expect(found.locator("mark")).to_have_text("lighthouse")
    expect(found).to_be_focused()

    page.get_by_role("button", name="Details").first.click()
    details = page.get_by_role("complementary", name="Details")
    expect(details).to_contain_text("Whoever runs the server can read all of it")
    details.get_by_text("bob", exact=True).click()
    details.get_by_role("button", name="Remove from the group").click()
    page.get_by_role("dialog", name="Remove bob?").get_by_role("button", name="Remove").click()
    expect(bob.page.locator(".composer-closed")).to_contain_text("not in this group any more")
