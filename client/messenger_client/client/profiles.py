"""Where profiles and the server are when nobody says so."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

DEFAULT_SERVER = "http://127.0.0.1:8000"  # what `bin/run` serves


def default_directory() -> Path:
    """MESSENGER_HOME, else the data directory of the person (XDG)."""
    named = os.environ.get("MESSENGER_HOME")
    return Path(named).expanduser() if named else platformdirs.user_data_path("messenger", appauthor=False)


def directory_of(profile: str | Path | None) -> Path:
    return default_directory() if profile is None else Path(profile).expanduser()


def server_of(named: str | None, used_before: str | None) -> str:
    """What was named, else MESSENGER_SERVER, else what the profile used before."""
    return named or os.environ.get("MESSENGER_SERVER") or used_before or DEFAULT_SERVER
