"""The chat page by keyboard and by the browser's own Back: the focus is never lost, and nothing jumps."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, ViewportSize, expect

from tests.browsers import Surfer
from tests.conftest import Visit
from tests.stacks import Stack, running

PHONE: ViewportSize = {"width": 390, "height": 844}
DESK: ViewportSize = {"width": 1280, "height": 900}
MANY = 120  # messages: some screens of them
# Written by the page itself, as fast as it takes them.
WRITE = """async ([from, to]) => {
  const field = document.querySelector(".composer textarea");
  for (let at = from; at <= to; at += 1) {
    field.value = `number ${at}` + (at % 5 ? "" : " and some more words".repeat(20));
    field.dispatchEvent(new InputEvent("input", { bubbles: true }));
    field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }));
    await new Promise((done) => setTimeout(done, 5));
  }
}"""
# The browser scrolls smoothly, and says at the end that it has.
HEAR_SCROLLING = """() => {
  window.scrolled = false;
  document.querySelector(".log").addEventListener("scrollend", () => { window.scrolled = true; }, { once: true });
}"""
# For as long as the page itself goes on placing lines whose height it has just learnt.
STILL = """() => new Promise((done) => {
  const log = document.querySelector(".log");
  let [was, frames] = ["", 0];
  const look = () => {
    const is = `${log.scrollTop} ${log.scrollHeight}`;
    frames = is === was ? frames + 1 : 0;
    was = is;
    if (frames === 10) done(true);
    else requestAnimationFrame(look);
  };
  look();
})"""
# Where the first line in view stands, in every frame from now on.
WATCH = """() => {
  const edge = document.querySelector(".log").getBoundingClientRect().top;
  const top = (line) => line.getBoundingClientRect().top;
  const line = [...document.querySelectorAll(".line")].find((one) => top(one) > edge);
  const start = top(line);
  window.moved = 0;
  const look = () => {
    window.moved = Math.max(window.moved, line.isConnected ? Math.abs(top(line) - start) : Infinity);
    requestAnimationFrame(look);
  };
  look();
}"""


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with running("embedded", pages=True) as started:
        yield started


@pytest.fixture(scope="module")
def people(surf: Visit) -> tuple[Surfer, Surfer]:
    """Rosa, who leaves the mouse alone, and sven, who writes to her."""
    return surf("rosa"), surf("sven")


@pytest.fixture
def rosa(people: tuple[Surfer, Surfer]) -> Surfer:
    return people[0]


@pytest.fixture
def sven(people: tuple[Surfer, Surfer]) -> Surfer:
    return people[1]


def heading(person: Surfer, name: str) -> Locator:
    return person.page.get_by_role("heading", name=name, exact=True)


def test_somebody_is_found_written_to_and_accepted_without_a_mouse(rosa: Surfer, sven: Surfer) -> None:
    keys = sven.page.keyboard
    keys.press("/")
    keys.type("rosa")
    keys.press("Enter")  # before the server has answered
    expect(sven.composer).to_be_focused()
    keys.type("hello")
    keys.press("Enter")
    expect(sven.composer).to_be_focused()

    rosa.row("sven").focus()
    rosa.page.keyboard.press("Enter")
    expect(heading(rosa, "sven")).to_be_focused()
    rosa.page.get_by_role("button", name="Accept").press("Enter")
    expect(rosa.composer).to_be_focused()
    rosa.page.keyboard.type("hello yourself")
    rosa.page.keyboard.press("Enter")
    sven.sees("hello yourself")


def test_only_what_comes_in_is_read_aloud(rosa: Surfer, sven: Surfer) -> None:
    rosa.page.reload()
    rosa.wait_until_ready()
    rosa.sees("hello")
    expect(rosa.composer).to_be_focused()
    expect(rosa.page.get_by_role("log")).to_have_attribute("aria-live", "off")
    aloud = rosa.page.locator("[aria-live=polite]")
    expect(aloud).to_have_text("")
    sven.write("are you there?")
    expect(aloud).to_have_text("sven: are you there?")
    rosa.write("I am")
    sven.sees("I am")
    expect(aloud).to_have_text("sven: are you there?")


def test_the_details_give_the_focus_back(rosa: Surfer) -> None:
    page = rosa.page
    details = page.get_by_role("button", name="Details")
    details.press("Enter")
    expect(heading(rosa, "Details")).to_be_focused()
    page.get_by_role("button", name="Mark as verified").press("Enter")
    expect(page.get_by_text("You have compared this number with sven.")).to_be_focused()
    page.get_by_role("button", name="Block sven").press("Enter")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Block sven")).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_role("dialog").get_by_role("button", name="Block", exact=True).press("Enter")
    page.get_by_role("button", name="Unblock sven").press("Enter")
    expect(page.get_by_role("button", name="Block sven")).to_be_focused()
    page.keyboard.press("Escape")
    expect(details).to_be_focused()
    expect(page.get_by_role("complementary")).to_have_count(0)


def test_back_and_forward_lead_through_the_panes_of_a_narrow_window(rosa: Surfer) -> None:
    page = rosa.page
    page.set_viewport_size(PHONE)
    rosa.open_chats()
    rosa.wait_until_ready()
    rosa.row("sven").press("Enter")
    expect(rosa.composer).to_be_focused()
    chat = page.url
    page.get_by_role("button", name="Details").press("Enter")
    expect(heading(rosa, "Details")).to_be_focused()
    page.go_back()
    expect(page).to_have_url(chat)
    expect(page.get_by_role("button", name="Details")).to_be_focused()
    page.go_back()
    expect(rosa.row("sven")).to_be_focused()
    page.go_forward()
    expect(rosa.composer).to_be_focused()
    page.go_forward()
    expect(heading(rosa, "Details")).to_be_focused()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Back to the chats").press("Enter")
    expect(rosa.row("sven")).to_be_focused()
    page.set_viewport_size(DESK)


def test_nothing_moves_under_the_eyes_of_a_reader(rosa: Surfer, sven: Surfer) -> None:
    page = rosa.page
    rosa.open("sven")
    sven.page.evaluate(WRITE, [1, MANY])
    expect(page.locator(".bubble-text", has_text=f"number {MANY}")).to_be_in_viewport()
    page.get_by_role("log").focus()
    for _ in range(3):
        page.evaluate(HEAR_SCROLLING)
        page.keyboard.press("PageUp")
        page.wait_for_function("() => window.scrolled")
    newest = page.get_by_role("button", name=re.compile("to the newest"))
    expect(newest).to_be_visible()
    page.wait_for_function(STILL)
    page.evaluate(WATCH)
    sven.page.evaluate(WRITE, [MANY + 1, 2 * MANY])
    expect(newest).to_have_accessible_name(f"{MANY} new messages, jump to the newest")
    assert page.evaluate("moved") < 1
    expect(page).to_have_title(re.compile(rf"^\({MANY}\) sven"))
    newest.press("Enter")
    expect(rosa.composer).to_be_focused()
    expect(page.locator(".bubble-text", has_text=f"number {2 * MANY}")).to_be_in_viewport()
    expect(page).to_have_title(re.compile("^sven"))


def test_a_long_message_opens_at_its_beginning_and_is_shown_to_its_end_when_asked(rosa: Surfer, sven: Surfer) -> None:
    page = rosa.page
    rosa.open_chats()
    rosa.wait_until_ready()
    text = "the beginning " + "and so on " * 5_000 + "the end"
    sven.write(text)
    expect(rosa.row("sven")).to_contain_text("1 unread message")
    rosa.open("sven")
    long = page.locator(".bubble-text", has_text="the beginning").last
    expect(page.get_by_role("separator").filter(has_text="New messages")).to_be_in_viewport()
    page.get_by_role("button", name=f"Show all {len(text):,} characters").press("Enter")
    expect(page.get_by_role("log")).to_be_focused()
    expect(long).to_have_text(text)
    page.keyboard.press("End")
    expect(page).to_have_title(re.compile("^sven"))
