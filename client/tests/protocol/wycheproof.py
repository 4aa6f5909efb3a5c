"""Wycheproof's files, where they are present: MESSENGER_WYCHEPROOF_DIR, or a `shared/vectors` near the repository."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_NAMED = os.environ.get("MESSENGER_WYCHEPROOF_DIR")
_FOLDER = Path(_NAMED) if _NAMED else Path(__file__).resolve().parents[4] / "shared" / "vectors"


def cases(name: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield (group, case) of a file; skip the test, and say why, when the file is not there."""
    path = _FOLDER / name
    if not path.is_file():
        pytest.skip(f"Wycheproof is not here: {path} (set MESSENGER_WYCHEPROOF_DIR)")
    for group in json.loads(path.read_text())["testGroups"]:
        for case in group["tests"]:
            yield group, case
