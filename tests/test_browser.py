"""The conversation on a page: browser to browser and browser to terminal, through real servers."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Playwright, expect

from tests.browsers import Surfer, surfing
from tests.conftest import Visit
from tests.people import Person
from tests.proxy import Proxy
from tests.stacks import Stack, contents, running

CANARY = "the heron stands in the reeds"
MARKUP = "<img src=x onerror=alert(1)><script>alert(2)</script><b>bold</b>"


@pytest.fixture(scope="module", params=["embedded", "full"])
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Both ways to run a server: one process on SQLite, and two on PostgreSQL and Redis behind a proxy."""
    with running(request.param, pages=True) as started:
        yield started


@pytest.fixture(scope="module")
def friends(surf: Visit) -> tuple[Surfer, Surfer]:
    """Alice and bob, who have written to each other."""
    alice, bob = surf("alice"), surf("bob")
    alice.find("bob")
    alice.write("hello")
    bob.open("alice")
    bob.sees("hello")
    bob.page.get_by_role("button", name="Accept").click()
    bob.write("hello yourself")
    alice.sees("hello yourself")
    return alice, bob


@pytest.fixture
def alice(friends: tuple[Surfer, Surfer]) -> Surfer:
    return friends[0]


@pytest.fixture
def bob(friends: tuple[Surfer, Surfer]) -> Surfer:
    return friends[1]


def accepted_by(stack: Stack) -> int:
    """How many messages the server has accepted."""
    statement = "SELECT count(*) FROM chats_privatemessage"
    if stack.postgres:
        with psycopg.connect(stack.postgres.url) as connection:
            found = connection.execute(statement).fetchone()
    else:
        with contextlib.closing(sqlite3.connect(stack.folder / "messenger.sqlite3")) as database:
            found = database.execute(statement).fetchone()
    assert found is not None
    return int(found[0])


def test_two_browsers_talk_and_see_what_was_delivered_and_read(alice: Surfer, bob: Surfer) -> None:
    alice.write("one")
    bob.sees("one")
    bob.write("two")
    alice.sees("two")
    alice.sees_state("one", "read")
    bob.sees_state("two", "read")
    assert alice.texts() == bob.texts()


def test_the_outsider_sees_nothing_and_is_asked_before_anything_is_read(surf: Visit, alice: Surfer) -> None:
    charlie = surf("charlie")
    expect(charlie.page.locator(".row-name")).to_have_count(0)
    charlie.find("alice")
    charlie.write("do we know each other?")
    charlie.sees_state("do we know each other?", "accepted")
    expect(alice.row("charlie")).to_contain_text("Request")
    alice.open("charlie")
    alice.sees("do we know each other?")
    alice.page.get_by_role("button", name="Block", exact=True).click()
    expect(alice.page.get_by_role("button", name="Unblock")).to_be_visible()
    charlie.write("hello?")
    charlie.sees_state("hello?", "accepted")
    alice.open("bob")
    assert "hello?" not in alice.page.inner_text("body")
    assert charlie.states() == {"do we know each other?": "accepted", "hello?": "accepted"}


def test_what_is_written_reaches_no_file_of_the_server_and_none_of_the_browser(
    stack: Stack, alice: Surfer, bob: Surfer
) -> None:
    alice.write(CANARY)
    bob.sees(CANARY)
    bob.write(f"{CANARY} too")
    alice.sees(f"{CANARY} too")
    alice.sees_state(CANARY, "read")
    canary = CANARY.encode()
    assert [path for path, found in stack.traces() if canary in found] == []
    kept = [(path, found) for path, found in contents(alice.folder) if "File System" in path.parts]
    assert kept, "the browser keeps its store somewhere else now"
    assert [path for path, found in kept if canary in found] == []


def test_markup_is_shown_as_text(alice: Surfer, bob: Surfer) -> None:
    alice.write(MARKUP)
    bob.sees(MARKUP)
    for person in (alice, bob):
        expect(person.page.locator("messenger-app img, messenger-app script, .bubble b")).to_have_count(0)
        expect(person.page.locator(".row-text", has_text="<img src=x")).to_have_count(1)


def test_the_browser_asks_before_a_page_is_left_whose_message_is_not_stored_yet(alice: Surfer) -> None:
    leave = """() => {
        const event = new Event("beforeunload", { cancelable: true });
        return !window.dispatchEvent(event);
    }"""
    assert alice.page.evaluate(leave) is False
    alice.composer.fill("at the last moment")
    # In one task: the store has a thread of its own, and its answer cannot have come.
    assert alice.composer.evaluate(f"field => {{ field.form.requestSubmit(); return ({leave})(); }}") is True
    alice.sees_state("at the last moment", "accepted", "delivered", "read")
    assert alice.page.evaluate(leave) is False


def test_a_reload_and_a_restart_keep_everything(alice: Surfer, bob: Surfer) -> None:
    alice.write("before the reload")
    bob.sees("before the reload")
    before = bob.texts()
    bob.page.reload()
    bob.sees("before the reload")
    assert bob.texts() == before
    bob.close_browser()
    alice.write("while the browser was closed")
    alice.sees_state("while the browser was closed", "accepted")
    bob.open_browser()
    bob.open_chats()
    bob.open("alice")
    bob.sees("while the browser was closed")
    assert bob.texts() == [*before, "while the browser was closed"]
    alice.sees_state("while the browser was closed", "delivered", "read")


def test_a_line_cut_in_the_middle_of_twenty_sends_loses_and_repeats_nothing(
    playwright: Playwright, stack: Stack, alice: Surfer, tmp_path: Path
) -> None:
    with (
        Proxy(stack.port) as proxy,
        surfing(playwright, "dora", tmp_path, proxy.url) as dora,
    ):
        dora.sign_up()
        dora.find("alice")
        dora.write("twenty follow")
        dora.sees_state("twenty follow", "accepted")
        alice.open("dora")
        alice.page.get_by_role("button", name="Accept").click()
        texts = [f"message {number}" for number in range(1, 21)]
        before = accepted_by(stack)
        for number, text in enumerate(texts):
            if number == 10:
                proxy.cut()
            dora.write(text)
            states = dora.states()
            shown = sum(states.get(one) in ("accepted", "delivered", "read") for one in texts)
            assert shown <= accepted_by(stack) - before, "something is shown as sent that the server does not have"
        dora.is_offline()
        for text in texts[11:]:
            dora.sees_state(text, "queued")
        proxy.restore()
        dora.is_online()
        for text in texts:
            dora.sees_state(text, "delivered", "read")
            alice.sees(text)
        assert alice.texts() == ["twenty follow", *texts]
        assert dora.texts() == ["twenty follow", *texts]
    alice.open("bob")


def test_what_is_written_while_the_servers_are_dead_leaves_by_itself(stack: Stack, alice: Surfer, bob: Surfer) -> None:
    for server in stack.servers:
        server.kill()
    bob.write("into the void")
    bob.is_offline()
    bob.sees_state("into the void", "queued")
    stack.start()
    bob.is_online()
    bob.sees_state("into the void", "accepted", "delivered", "read")
    alice.sees("into the void")
    assert alice.texts().count("into the void") == 1


def test_the_page_opens_without_a_network_and_goes_on_by_itself(
    playwright: Playwright, stack: Stack, alice: Surfer, tmp_path: Path
) -> None:
    with (
        Proxy(stack.port) as proxy,
        surfing(playwright, "emil", tmp_path, proxy.url) as emil,
    ):
        emil.sign_up()
        emil.find("alice")
        emil.write("written with a network")
        emil.sees_state("written with a network", "accepted")
        emil.page.evaluate("() => navigator.serviceWorker.ready.then(() => true)")
        proxy.cut()
        emil.page.reload()
        emil.sees("written with a network")
        emil.write("written without one")
        emil.sees_state("written without one", "queued")
        emil.page.goto(f"{proxy.url}/settings/")
        expect(emil.page.get_by_role("heading", name="There is no connection")).to_be_visible()
        emil.page.get_by_role("link", name="Go to the chats").click()
        emil.open("alice")
        emil.sees("written without one")
        proxy.restore()
        emil.is_online()
        emil.sees_state("written without one", "accepted")
        alice.open("emil")
        alice.sees("written without one")
        assert alice.texts() == ["written with a network", "written without one"]
    alice.open("bob")


def test_a_second_tab_offers_to_take_over(alice: Surfer, bob: Surfer) -> None:
    first, second = alice.page, alice.new_tab()
    second.goto(first.url)
    expect(second.get_by_role("heading", name="Your messages are open in another tab")).to_be_visible()
    second.get_by_role("button", name="Use it here").click()
    expect(second.get_by_role("log")).to_be_visible()
    expect(first.get_by_role("heading", name="Your messages went to another tab")).to_be_visible()
    alice.page = second
    alice.write("from the second tab")
    bob.sees("from the second tab")
    first.get_by_role("button", name="Use it here").click()
    expect(first.get_by_role("log")).to_be_visible()
    alice.page = first
    second.close()
    bob.write("welcome back")
    alice.sees("welcome back")


def test_a_page_that_is_reloaded_again_and_again_is_no_second_tab(alice: Surfer, bob: Surfer) -> None:
    for number in range(6):
        bob.write(f"reload {number}")
        stored = bob.page.locator("[data-line]:not([data-line^=pending])").filter(has_text=f"reload {number}")
        expect(stored).to_have_count(1)
        bob.page.reload()  # the Worker is at work
        expect(bob.composer).to_be_visible()
    for number in range(6):
        alice.sees(f"reload {number}")
        bob.sees(f"reload {number}")


def test_a_browser_and_a_terminal_talk_and_compare_the_same_number(stack: Stack, surf: Visit, tmp_path: Path) -> None:
    erin = surf("erin")
    frank = Person("frank", tmp_path, stack.url())
    frank.register()
    erin.find("frank")
    erin.write("from the page")
    erin.sees_state("from the page", "accepted")
    assert frank.texts(1) == ["from the page"]
    frank.json("accept", "erin")
    frank.json("send", "erin", "from the terminal")
    erin.sees("from the terminal")
    erin.sees_state("from the page", "delivered", "read")
    assert erin.digits() == frank.digits("erin")
    erin.page.get_by_role("button", name="Mark as verified").click()
    expect(erin.page.locator(".chat-head")).to_contain_text("Verified")
    # The terminal begins, too.
    grace = Person("grace", tmp_path / "grace", stack.url())
    grace.register()
    grace.json("send", "erin", "a stranger at a terminal")
    expect(erin.row("grace")).to_contain_text("Request")


def test_typing_is_seen_and_a_draft_is_kept(alice: Surfer, bob: Surfer) -> None:
    bob.composer.press_sequentially("half a tho", delay=20)
    expect(alice.page.get_by_text("bob is typing").first).to_be_attached()
    bob.page.reload()
    expect(bob.composer).to_have_value("half a tho")
    bob.composer.press("End")
    bob.composer.press_sequentially("ught")
    bob.composer.press("Enter")
    alice.sees("half a thought")


def test_the_title_counts_what_is_unread(alice: Surfer, bob: Surfer) -> None:
    alice.open_chats()
    alice.wait_until_ready()
    bob.write("look at the title")
    expect(alice.page).to_have_title(re.compile(r"^\(1\) "))
    bob.sees_state("look at the title", "delivered")
    alice.open("bob")
    alice.sees("look at the title")
    expect(alice.page).to_have_title(re.compile(r"^(?!\()"))
    bob.sees_state("look at the title", "read")


def test_a_store_that_the_browser_has_lost_is_said_plainly(surf: Visit) -> None:
    heidi = surf("heidi")
    page = heidi.page
    page.goto(f"{heidi.server}/settings/")  # lets go of the store
    session = page.context.new_cdp_session(page)
    session.send(
        "Storage.clearDataForOrigin",
        {"origin": heidi.server, "storageTypes": "file_systems,indexeddb,local_storage"},
    )
    heidi.open_chats()
    expect(page.get_by_role("heading", name="This browser has lost its messages")).to_be_visible()


def test_signing_out_ends_the_page_and_erases_where_that_was_asked(surf: Visit) -> None:
    ivan = surf("ivan")
    page = ivan.page
    page.goto(f"{ivan.server}/accounts/logout/")
    page.get_by_label(re.compile("erase", re.I)).check()
    page.get_by_role("main").get_by_role("button", name=re.compile("sign out", re.I)).click()
    page.wait_for_url(f"{ivan.server}/")
    left = page.evaluate(
        "async () => { const names = []; const root = await navigator.storage.getDirectory();"
        " for await (const name of root.keys()) names.push(name); return names.concat("
        "(await indexedDB.databases()).map(one => one.name)); }"
    )
    assert left == []
    page.goto(f"{ivan.server}/chats/")
    expect(page).to_have_url(re.compile("/accounts/login/"))
