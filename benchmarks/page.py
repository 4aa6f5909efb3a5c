"""The chat page in Chromium: first paint, a backlog taken in, a long chat opened and scrolled, a message written.

One server on the embedded default, one browser, and a terminal's client that writes to it. Each figure is printed with
the one to reach and how far it is from it: above 1 it is reached. Times are taken in the page by its own clock.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from messenger_client import Client
from tests.browsers import Surfer
from tests.people import PASSWORD
from tests.stacks import running

BACKLOG = 1_000
STORED = 10_000

# Waits, frame by frame, until something is on the page; gives the ms since `started`.
UNTIL = """const until = (there, started) => new Promise((done, fail) => {
    const look = () => {
      if (there()) done(performance.now() - started);
      else if (performance.now() - started > 60000) fail(new Error('it did not show within a minute'));
      else requestAnimationFrame(look);
    };
    look();
  });
  const line = text => [...document.querySelectorAll('[data-line] .bubble-text')].some(one => one.textContent === text);
"""
# When the list names this text, in ms since the page was asked for.
SHOWN = f"""text => {{ {UNTIL}
  return until(() => [...document.querySelectorAll('.row-text')].some(row => row.textContent.includes(text)), 0);
}}"""
# Open the chat, and wait until this line is on the page; in ms.
OPEN = f"""text => {{ {UNTIL}
  const started = performance.now();
  document.querySelector('a.row').click();
  return until(() => line(text), started);
}}"""
# From Enter to the line on the page, in ms.
WRITE = f"""async text => {{ {UNTIL}
  const field = document.querySelector('.composer textarea');
  field.value = text;
  field.dispatchEvent(new Event('input', {{ bubbles: true }}));
  await new Promise(requestAnimationFrame);
  const started = performance.now();
  field.dispatchEvent(new KeyboardEvent('keydown', {{ key: 'Enter', bubbles: true, cancelable: true }}));
  return until(() => line(text), started);
}}"""
# Scroll upwards for some seconds as fast as pages come in; the frames' lengths in ms, and how many lines came by.
SCROLL = """seconds => new Promise(done => {
  const log = document.querySelector('[role=log]');
  const frames = [], seen = new Set(), began = performance.now();
  let last = began;
  const step = now => {
    frames.push(now - last);
    last = now;
    for (const line of log.querySelectorAll('[data-line]')) seen.add(line.dataset.line);
    log.scrollTop -= 600;
    if (now - began < seconds * 1000) requestAnimationFrame(step);
    else done([frames.slice(1), seen.size]);
  };
  requestAnimationFrame(step);
})"""
PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0].startTime"


@dataclass(frozen=True)
class Figure:
    """One measured thing, in `unit`; smaller is better."""

    name: str
    measured: float
    reach: float
    unit: str = "ms"

    @property
    def ratio(self) -> float:
        return self.reach / max(self.measured, 0.001)


def _beside(work: Coroutine[Any, Any, None]) -> None:
    """Run in a thread of its own: Playwright has this one's event loop."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work).result()


def _quiet(_: str) -> None:
    """What the writer would like to know is of no interest here."""


class Writer:
    """Somebody at a terminal who writes a lot."""

    def __init__(self, name: str, folder: Path, server: str) -> None:
        self._name, self._folder, self._server = name, folder, server

    def register(self) -> None:
        async def work() -> None:
            async with Client.open(self._folder, server=self._server, notify=_quiet) as client:
                await client.register(self._name, f"{self._name}@example.org", PASSWORD)

        _beside(work())

    def write(self, to: str, texts: Sequence[str]) -> None:
        async def work() -> None:
            # Over the socket: it takes many at once.
            async with Client.open(self._folder, server=self._server, notify=_quiet) as client, client.connected():
                for text in texts:
                    await client.write_down(to, text)
                while await client.waiting():  # noqa: ASYNC110  # it tells nobody when it has sent the last
                    await asyncio.sleep(0.1)

        _beside(work())


def measure(options: argparse.Namespace) -> list[Figure]:
    figures: list[Figure] = []
    with (
        tempfile.TemporaryDirectory(prefix="messenger-page-") as folder,
        running("embedded", pages=True) as stack,
        sync_playwright() as playwright,
    ):
        writer = Writer("walter", Path(folder) / "terminal", stack.url())
        writer.register()
        reader = Surfer(playwright, "rosa", Path(folder) / "browser", stack.url())
        try:
            reader.sign_up()
            writer.write(reader.name, ["hello"])
            reader.open(writer_name := "walter")
            reader.page.get_by_role("button", name="Accept").click()
            reader.write("hello yourself")
            reader.sees_state("hello yourself", "accepted", "delivered")
            taken = []
            for run in range(options.runs):
                leave(reader.page, stack.url())
                writer.write(reader.name, [f"backlog {run} {number}" for number in range(options.backlog)])
                reader.open_chats()
                taken.append(float(reader.page.evaluate(SHOWN, f"backlog {run} {options.backlog - 1}")))
            figures.append(Figure(f"{options.backlog} queued messages shown", statistics.median(taken), 2_000))
            rest = options.stored - options.backlog * options.runs
            writer.write(reader.name, [f"stored {number}" for number in range(rest)])
            last = f"stored {rest - 1}" if rest > 0 else f"backlog {options.runs - 1} {options.backlog - 1}"
            reader.page.evaluate(SHOWN, last)
            reader.open(writer_name)  # at the first unread line: read them all
            reader.page.locator(".newest").click()
            reader.sees(last)
            paints, opened = [], []
            for _ in range(options.opens):
                leave(reader.page, stack.url())
                reader.open_chats()
                reader.page.evaluate(SHOWN, last)
                paints.append(float(reader.page.evaluate(PAINT)))
                opened.append(float(reader.page.evaluate(OPEN, last)))
                assert reader.row(writer_name).count() == 1
            figures.append(Figure("first paint of the page", statistics.median(paints), 1_000))
            figures.append(Figure(f"a chat of {options.stored} messages opened", statistics.median(opened), 100))
            frames, lines = reader.page.evaluate(SCROLL, options.seconds)
            figures.append(Figure("longest frame while scrolling", max(frames), 50))
            figures.append(Figure("99th of 100 frames while scrolling", sorted(frames)[len(frames) * 99 // 100], 34))
            reader.page.locator(".newest").click()
            written = [float(reader.page.evaluate(WRITE, f"written {number}")) for number in range(20)]
            figures.append(Figure("own message shown after Enter", statistics.median(written), 34))
            print(f"{lines} lines came by in {options.seconds} s of scrolling", file=sys.stderr)
        finally:
            reader.close_browser()
    return figures


def leave(page: Page, server: str) -> None:
    """Go to a page that lets go of the store."""
    page.goto(f"{server}/settings/")


def main(argv: Sequence[str]) -> int:
    options = argparse.ArgumentParser(prog="page", description=__doc__)
    options.add_argument("--json", action="store_true", help="one object a line")
    options.add_argument("--backlog", type=int, default=BACKLOG)
    options.add_argument("--stored", type=int, default=STORED)
    options.add_argument("--runs", type=int, default=3, help="backlogs taken in")
    options.add_argument("--opens", type=int, default=5)
    options.add_argument("--seconds", type=float, default=5.0, help="of scrolling")
    chosen = options.parse_args(argv)
    for figure in measure(chosen):
        if chosen.json:
            print(json.dumps(vars(figure) | {"ratio": round(figure.ratio, 2)}))
        else:
            print(
                f"{figure.name:<42} {figure.measured:>9,.1f} {figure.unit}   to reach {figure.reach:,.0f}"
                f"   {figure.ratio:.2f}"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
