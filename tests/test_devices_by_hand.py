"""One person's second browser, linked and ended on the pages, as a person does it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browsers import Surfer
from tests.conftest import Visit
from tests.stacks import Stack, running


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with running("embedded", pages=True) as started:
        yield started


@pytest.fixture(scope="module")
def tina(surf: Visit) -> Surfer:
    """At her first browser, in which she has written to ulf."""
    surf("ulf")
    first = surf("tina")
    first.find("ulf")
    first.write("before the second browser")
    first.sees_state("before the second browser", "accepted")
    return first


@pytest.fixture(scope="module")
def second(visit: Visit, tina: Surfer) -> Surfer:
    """Signed in at another browser, which shows its code."""
    other = visit("tina")
    other.sign_in()
    expect(other.page.get_by_role("heading", name="Link this browser to your account")).to_be_visible()
    return other


def test_a_picture_of_the_code_links_a_browser_with_what_was_written_before(
    tina: Surfer, second: Surfer, tmp_path: Path
) -> None:
    picture = tmp_path / "code.png"
    second.page.get_by_role("img", name="Link code as a QR code").screenshot(path=picture)

    page = tina.page
    page.get_by_role("button", name="Your devices").click()
    page.get_by_role("button", name="Link a device").click()
    page.locator("input.picture").set_input_files(picture)
    expect(page.get_by_role("heading", name="Link this device?")).to_be_visible()
    expect(page.locator("dialog.devices")).to_contain_text("Chrome on Linux")
    page.get_by_role("button", name="Link it").click()
    expect(page.get_by_role("heading", name="is linked")).to_be_visible()
    page.get_by_role("button", name="Done").click()
    expect(page.locator(".device")).to_have_count(2)
    page.keyboard.press("Escape")

    second.wait_until_ready()
    second.open("ulf")
    second.sees("before the second browser")
    second.write("from the second browser")
    tina.sees("from the second browser")


def test_a_browser_that_may_not_link_others_says_which_may(second: Surfer) -> None:
    page = second.page
    page.get_by_role("button", name="Your devices").click()
    expect(page.locator("dialog.devices")).to_contain_text("This device cannot link others. Chrome on Linux can.")
    expect(page.get_by_role("button", name="Link a device")).to_have_count(0)
    page.keyboard.press("Escape")


def test_an_ended_browser_stops_at_once_and_says_so(tina: Surfer, second: Surfer) -> None:
    page = tina.page
    page.get_by_role("button", name="Your devices").click()
    page.get_by_role("button", name="End Chrome on Linux (2)").click()
    expect(page.get_by_role("heading", name="End “Chrome on Linux (2)”?")).to_be_visible()
    page.get_by_role("button", name="End this device").click()
    expect(page.get_by_text("Ended devices (1)")).to_be_visible()
    page.keyboard.press("Escape")

    expect(second.page.locator("#start-title")).to_be_visible()
    tina.write("without the second browser")
    tina.sees_state("without the second browser", "accepted")
