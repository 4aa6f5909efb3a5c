"""The service worker: Vite's script, told which files the pages are made of."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.http import Http404, HttpRequest, HttpResponse
from django.templatetags.static import static

from messenger.pages import assets

FOLDERS = ("css/", "images/", f"{assets.BUILT}assets/")


def files() -> list[str]:
    """The addresses of all files that pages of people need, the admin's left out."""
    found = {
        f"{storage.prefix}/{name}" if getattr(storage, "prefix", None) else name
        for finder in finders.get_finders()
        for name, storage in finder.list([])
    }
    return [static(name) for name in sorted(found) if name.startswith(FOLDERS)]


def service_worker(request: HttpRequest) -> HttpResponse:
    """`/sw.js`: below the root, because a worker's reach ends at its own folder."""
    if settings.DEBUG:
        raise Http404("Files that change under their names are not kept.")
    text = _script(assets.built_at())
    return HttpResponse(text, content_type="text/javascript", headers={"Cache-Control": "no-cache"})


@lru_cache(maxsize=1)
def _script(built_at: int) -> str:
    # Browsers ask at each visit, and looking through all folders takes some milliseconds.
    code = Path(settings.VITE_MANIFEST).parents[1] / assets.file_of("service_worker")
    return f"const MESSENGER_FILES = {json.dumps(files())};\n{code.read_text()}"
