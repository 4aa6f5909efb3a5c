"""People at browsers: Debian's Chromium, with a profile folder each, so that it can be closed and come back."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import BrowserContext, Locator, Page, Playwright, expect

from tests.people import PASSWORD

SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SECONDS = 20_000  # ms that anything on the page may take on a busy machine
PAUSE = 30_000  # ms at most between two attempts to connect: static/ts/stream/backoff.ts
# What the browser itself says of a line that is down. Everything else on the console is a defect.
EXPECTED = re.compile(
    r"ERR_(CONNECTION|EMPTY_RESPONSE|INTERNET|SOCKET|NETWORK)|WebSocket connection to|status of 50[23]"
)
expect.set_options(timeout=SECONDS)


def chromium() -> str:
    """The path of Debian's Chromium."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    assert found, "Chromium is not installed: run bin/services"
    return found


@dataclass
class Surfer:
    """One person's browser: an account, a profile on disk, and the page that is open."""

    playwright: Playwright
    name: str
    folder: Path
    server: str
    complaints: list[str] = field(default_factory=list)
    width: int = 1280

    def __post_init__(self) -> None:
        self._context: BrowserContext | None = None
        self.page: Page = self.open_browser()

    def open_browser(self) -> Page:
        """Start the browser with the profile as it was left."""
        self._context = self.playwright.chromium.launch_persistent_context(
            str(self.folder),
            executable_path=chromium(),
            args=SWITCHES,
            viewport={"width": self.width, "height": 900},
            locale="en-GB",
        )
        self._context.set_default_timeout(SECONDS)
        self._context.on("page", self._watch)
        self.page = self._context.pages[0] if self._context.pages else self._context.new_page()
        self._watch(self.page)
        return self.page

    def _watch(self, page: Page) -> None:
        page.on("console", lambda said: self._note(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self._note(str(error)))
        page.on("crash", lambda _: self._note("the page crashed"))

    def _note(self, text: str) -> None:
        if not EXPECTED.search(text):
            self.complaints.append(text)

    def new_tab(self) -> Page:
        assert self._context is not None
        return self._context.new_page()

    def close_browser(self) -> None:
        if self._context is not None:
            with contextlib.suppress(Exception):
                self._context.close()
            self._context = None

    def sign_up(self) -> None:
        page = self.page
        page.goto(f"{self.server}/accounts/signup/")
        page.get_by_label("Username").fill(self.name)
        page.get_by_label(re.compile("^E-?mail", re.I)).fill(f"{self.name}@example.org")
        page.locator("input[type=password]").fill(PASSWORD)
        page.get_by_role("main").get_by_role("button", name=re.compile("sign up|create", re.I)).click()
        page.wait_for_url(re.compile(r"/chats/"))
        self.wait_until_ready()

    def sign_in(self) -> None:
        page = self.page
        page.goto(f"{self.server}/accounts/login/")
        page.get_by_label(re.compile("username", re.I)).fill(self.name)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("main").get_by_role("button", name=re.compile("sign in", re.I)).click()
        page.wait_for_url(re.compile(r"/chats/"))

    def open_chats(self) -> None:
        self.page.goto(f"{self.server}/chats/")

    def wait_until_ready(self) -> None:
        """The store is open, and this browser is a device of its account."""
        expect(self.page.locator("messenger-app .panes")).to_be_visible()
        expect(self.page.locator(".skeleton")).to_have_count(0)

    # The list

    def row(self, name: str) -> Locator:
        return (
            self.page.get_by_role("navigation", name="Chats")
            .locator("a.row")
            .filter(has=self.page.locator(".row-name", has_text=re.compile(f"^{re.escape(name)}$")))
        )

    def find(self, name: str) -> None:
        """Find somebody by username and open the conversation with them."""
        self.page.get_by_label("Search chats and people").fill(name)
        self.page.locator(f"button.row-person:has(.row-name:text-is('{name}'))").click()
        expect(self.composer).to_be_visible()

    def open(self, name: str) -> None:
        self.row(name).click()
        expect(self.page.get_by_role("log", name=f"Messages with {name}")).to_be_visible()

    # Devices

    def link_code(self) -> str:
        """What this browser shows before it is one of its account's devices."""
        code = self.page.locator(".linking-code")
        code.get_by_text("Show the code as text").click()
        groups = re.findall(r"\b[0-9A-Z]{5}\b", code.inner_text())
        assert len(groups) == 40
        return "".join(groups)

    def approve(self, code: str, *, history: bool = True) -> None:
        """Link the device that shows this code, and send it what was written before, or not."""
        self.page.goto(f"{self.server}/chats/#link")
        dialog = self.page.locator("dialog.devices")
        dialog.get_by_label("paste the code").fill(code)
        dialog.get_by_role("button", name="Go on").click()
        dialog.get_by_label("Send it my earlier messages").set_checked(history)
        dialog.get_by_role("button", name="Link it").click()
        dialog.get_by_role("button", name="Done").click(timeout=2 * SECONDS)
        self.page.keyboard.press("Escape")

    # The conversation

    @property
    def composer(self) -> Locator:
        return self.page.locator(".composer textarea")

    def write(self, text: str) -> None:
        self.composer.fill(text)
        self.composer.press("Enter")

    def line(self, text: str) -> Locator:
        return self.page.locator("[data-line]").filter(
            has=self.page.locator(".bubble-text", has_text=re.compile(f"^{re.escape(text)}$"))
        )

    def sees(self, text: str) -> None:
        expect(self.line(text)).to_have_count(1)

    def sees_state(self, text: str, *states: str) -> None:
        """The line with this text gets into one of these states; before it is stored, it is in none but "storing"."""
        expect(self.line(text)).to_have_attribute("data-state", re.compile("|".join(states)))

    def texts(self) -> list[str]:
        """What is in the page of the conversation."""
        # Not as it is seen: a line that was never painted is not laid out, and has no inner text.
        return self.page.locator("[data-line] .bubble-text").all_text_contents()

    def all_texts(self) -> list[str]:
        """The whole conversation, for which the log is scrolled to its beginning."""
        log, beginning = self.page.get_by_role("log"), self.page.get_by_text("This is where your conversation")
        for _ in range(50):
            if beginning.count():
                break
            log.evaluate("log => { log.scrollTop = 0; }")
            self.page.wait_for_timeout(50)
        return self.texts()

    def states(self) -> dict[str, str]:
        """What the page says of each message, by its text."""
        lines = self.page.locator("[data-line]:has(.bubble-text)")
        found = lines.evaluate_all(
            "lines => lines.map(line => [line.querySelector('.bubble-text').textContent, line.dataset.state])"
        )
        return dict(found)

    def digits(self, name: str = "") -> str:
        """The safety number with somebody, or with whomever the open conversation is with."""
        if name:
            self.open(name)
        self.page.get_by_role("button", name="Details").first.click()
        shown = self.page.get_by_role("group", name="Safety number, sixty digits")
        expect(shown).to_have_text(re.compile(r"(\d\s*){60}"))
        return re.sub(r"\D", "", shown.inner_text())

    # The connection

    def is_offline(self) -> None:
        """The page says that it is not connected."""
        shown = self.page.locator(".connection[data-shown=waiting], .connection[data-shown=offline]")
        expect(shown).to_be_visible()

    def is_online(self) -> None:
        """The page has connected by itself, which it tries twice a minute at least."""
        expect(self.page.locator(".connection[data-shown=nothing]")).to_be_attached(timeout=PAUSE + SECONDS)


@contextlib.contextmanager
def surfing(playwright: Playwright, name: str, folder: Path, server: str, *, width: int = 1280) -> Iterator[Surfer]:
    """A person at a browser; at the end the console must have had nothing to complain about."""
    person = Surfer(playwright, name, folder, server, width=width)
    try:
        yield person
    finally:
        person.close_browser()
    assert person.complaints == []
