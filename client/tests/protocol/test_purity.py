"""The core does no I/O, so it cannot: none of the modules that could are imported."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import messenger_client.protocol

FOLDER = Path(messenger_client.protocol.__file__).parent
ALLOWED = {
    "__future__",
    "cbor2",
    "collections.abc",
    "cryptography.hazmat.primitives.asymmetric.mlkem",
    "dataclasses",
    "functools",
    "hashlib",
    "hmac",
    "itertools",
    "nacl.bindings",
    "nacl.exceptions",
    "typing",
}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.name)
def test_a_module_imports_nothing_that_reaches_outside(path: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            imported.add(str(node.module))
    # The operating system's generator is the only way out, and stands in one file.
    assert imported <= ALLOWED | ({"os"} if path.name == "entropy.py" else set())
