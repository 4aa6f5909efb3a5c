"""The files of the pages as they are served: their addresses, their digests, and what Vite built of the scripts."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.exceptions import ImproperlyConfigured

BUILT = "js/"  # below STATIC_URL: Vite's, with hashes of its own in the names
HINT = "Run bin/setup, which builds the scripts with Vite (npx vite build)."


@dataclass(frozen=True, slots=True)
class Asset:
    """One file: where browsers find it, and the digest that they hold it to (W3C Subresource Integrity)."""

    url: str
    integrity: str


def asset(name: str) -> Asset:
    """The static file of this name. ImproperlyConfigured where there is none."""
    path = _path(name)
    return Asset(staticfiles_storage.url(name), _integrity(path, path.stat().st_mtime_ns))


def script(entry: str) -> list[Asset]:
    """The script that Vite built of the page `entry`, and after it the chunks that it loads at once."""
    chunks, key = _entry(entry)
    found: list[str] = []
    _add_with_imports(chunks, key, found)
    return [asset(BUILT + chunks[key]["file"]) for key in found]


def file_of(entry: str) -> str:
    """The path below Vite's folder of the script that it built of `entry`."""
    chunks, key = _entry(entry)
    return str(chunks[key]["file"])


def is_built() -> bool:
    """Whether Vite has left its manifest."""
    return Path(settings.VITE_MANIFEST).is_file()


def built_at() -> int:
    """When Vite built the scripts: another number after each build."""
    return _modified(settings.VITE_MANIFEST)


def _entry(entry: str) -> tuple[dict[str, Any], str]:
    chunks = _manifest(settings.VITE_MANIFEST, _modified(settings.VITE_MANIFEST))
    names = [key for key, chunk in chunks.items() if chunk.get("isEntry") and chunk.get("name") == entry]
    if len(names) != 1:
        raise ImproperlyConfigured(f"Vite built no script {entry}. {HINT}")
    return chunks, names[0]


def _add_with_imports(chunks: dict[str, Any], key: str, found: list[str]) -> None:
    if key not in found:
        found.append(key)
        for imported in chunks[key].get("imports", ()):
            _add_with_imports(chunks, imported, found)


def _modified(path: str | Path) -> int:
    """For developers, who build while the server runs. Elsewhere such a build is of the next server."""
    return Path(path).stat().st_mtime_ns if settings.DEBUG and is_built() else 0


@lru_cache(maxsize=2)
def _manifest(path: str | Path, modified: int) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads(Path(path).read_bytes())
    except FileNotFoundError as error:
        raise ImproperlyConfigured(f"The pages' scripts are not built. {HINT}") from error
    return manifest


def _path(name: str) -> Path:
    stored = getattr(staticfiles_storage, "stored_name", None)
    if stored is not None and not settings.DEBUG:
        return Path(staticfiles_storage.path(stored(name)))
    found = finders.find(name)
    if not isinstance(found, str):
        raise ImproperlyConfigured(f"There is no static file {name}.")
    return Path(found)


@lru_cache(maxsize=256)
def _integrity(path: Path, modified: int) -> str:
    digest = hashlib.sha384(path.read_bytes()).digest()
    return f"sha384-{base64.b64encode(digest).decode()}"
