"""How the chat page looks: pictures of each of its states for people to judge; axe finds nothing; nothing overflows.

The pictures are kept in DATA_DIR/screenshots.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.axe import no_fault, wait_until_still
from tests.browsers import Surfer
from tests.conftest import Visit
from tests.stacks import ROOT, Stack, running

WIDE, NARROW = (1280, 900), (390, 844)
LONG = "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz" * 3


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with running("embedded", pages=True) as started:
        yield started


@pytest.fixture(scope="module")
def people(surf: Visit) -> tuple[Surfer, Surfer]:
    """Nora, whose page is looked at, and omar, who writes to her."""
    return surf("nora"), surf("omar")


def look(page: Page, name: str, prepare: Callable[[], object] = lambda: None) -> None:
    """Both themes and both widths: a picture is kept, nothing is too wide, axe finds nothing."""
    pictures = Path(os.environ.get("DATA_DIR", ROOT / "var")) / "screenshots"
    pictures.mkdir(parents=True, exist_ok=True)
    for width, height in (WIDE, NARROW):
        page.set_viewport_size({"width": width, "height": height})
        prepare()
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce")
            wait_until_still(page)
            page.screenshot(path=pictures / f"chat-{name}-{theme}-{width}.png")
            no_fault(page, f"{name} {theme} {width}")
            overflow = page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth")
            assert overflow <= 0, f"{name} is {overflow} px too wide at {width}"
    page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})


def test_the_chat_page_looks_right_in_every_state(people: tuple[Surfer, Surfer]) -> None:
    nora, omar = people
    page = nora.page
    expect(page.get_by_role("heading", name="Welcome, nora")).to_be_visible()
    look(page, "welcome")

    omar.find("nora")
    omar.write("Hello Nora, it is Omar from the harbour. Is the boat free on Saturday?")
    expect(nora.row("omar")).to_contain_text("Request")
    nora.open("omar")
    look(page, "request")

    page.get_by_role("button", name="Accept").click()
    for writer, text in (
        (nora, "It is! From ten in the morning."),
        (nora, "Bring a jacket, there is wind: https://example.org/forecast"),
        (omar, "Will do.\nHow many of us fit in?"),
        (omar, LONG),
        (nora, "Four 🙂"),
    ):
        writer.write(text)
        (omar if writer is nora else nora).sees(text)
    nora.sees_state("Four 🙂", "read")
    look(page, "conversation")

    if page.get_by_role("complementary").count() == 0:
        page.get_by_role("button", name="Details").first.click()
    expect(page.get_by_role("group", name="Safety number, sixty digits")).to_be_visible()
    look(page, "details")

    page.get_by_role("button", name="Close").first.click()
    nora.open_chats()
    nora.wait_until_ready()
    look(page, "list")
    page.get_by_label("Search chats and people").fill("om")
    expect(page.locator(".rows-title").first).to_be_visible()
    look(page, "search")
    page.get_by_label("Search chats and people").fill("")
    nora.open("omar")
    page.get_by_role("button", name="Keyboard shortcuts").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    look(page, "shortcuts")
    page.keyboard.press("Escape")


def test_a_tab_that_has_to_wait_looks_right(people: tuple[Surfer, Surfer]) -> None:
    nora, _ = people
    second = nora.new_tab()
    second.goto(f"{nora.server}/chats/")
    expect(second.get_by_role("heading", name="Your messages are open in another tab")).to_be_visible()
    look(second, "open-elsewhere")
    second.close()


def test_the_line_of_a_lost_connection_looks_right(people: tuple[Surfer, Surfer], stack: Stack) -> None:
    nora, _ = people
    nora.open_chats()
    nora.wait_until_ready()
    nora.open("omar")
    stack.servers[0].kill()
    nora.is_offline()
    nora.write("Written without a line")
    nora.sees_state("Written without a line", "queued")
    look(nora.page, "offline")
    stack.start()
    nora.is_online()
    nora.sees_state("Written without a line", "accepted", "delivered", "read")
