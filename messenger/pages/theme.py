"""Light, dark, or as the system says: what a person chose is a cookie, so that the first byte of a page knows it."""

from __future__ import annotations

from django.http import HttpRequest

COOKIE = "theme"
AUTO = "auto"
THEMES = (AUTO, "light", "dark")


def of(request: HttpRequest) -> str:
    """The theme that this request's person chose; anything that is none counts as AUTO."""
    chosen = request.COOKIES.get(COOKIE, AUTO)
    return chosen if chosen in THEMES else AUTO


def context(request: HttpRequest) -> dict[str, str]:
    """The context processor: `theme`, for <html data-theme>."""
    return {"theme": of(request)}
