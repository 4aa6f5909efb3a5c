"""Axe on a page of which nothing moves any more: it reads colours as they are at that moment."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

# What goes on for ever, such as the dots of somebody who types, has no end to wait for.
STILL = """() => document.getAnimations().every(
  (one) => one.playState !== "running" || one.effect.getComputedTiming().endTime === Infinity,
)"""


def wait_until_still(page: Page) -> None:
    """Wait for the end of every transition."""
    page.wait_for_function(STILL)


def no_fault(page: Page, where: str = "") -> None:
    """Axe finds nothing."""
    wait_until_still(page)
    found = Axe().run(page)
    assert found.violations_count == 0, f"{where}:\n{found.generate_report()}"
