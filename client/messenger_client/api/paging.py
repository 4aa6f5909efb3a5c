"""Lists that come in pages (docs/api.md), read to the last one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import quote

from . import forms
from .forms import Json

MOST_PAGES = 1_000  # of a list: nobody has as many
MOST_ENTRIES = 500  # of a page

Call = Callable[[str, str, Json | None], Awaitable[Json]]


async def listed(call: Call, path: str, name: str) -> list[object]:
    """The entries of a list, the member `name` of its answers. Raises Defect for pages, or a page, without end."""
    found: list[object] = []
    query = ""
    for _ in range(MOST_PAGES):
        answer = await call("GET", f"{path}{query}", None)
        page = forms.items(answer.get(name))
        if len(page) > MOST_ENTRIES:
            break
        found += page
        following = following_page(answer)
        if following is None:
            return found
        query = f"?cursor={quote(following, safe='')}"
    raise forms.nonsense()


def following_page(answer: Json) -> str | None:
    """The cursor of the page after an answer, if there is one."""
    following = answer.get("next")
    return None if following is None else forms.string(following)
