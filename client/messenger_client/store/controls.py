"""Control contents on their way to single devices, in order. A row leaves when the server has taken it."""

from __future__ import annotations

import secrets

from .database import Transaction
from .records import Control


def add(tx: Transaction, control: Control) -> None:
    key = secrets.token_bytes(16)
    tx.execute(
        "INSERT INTO control (key, device, value) VALUES (?, ?, ?)",
        [key, _device(tx, control.device), tx.seal("control", key, control)],
    )


def pending(tx: Transaction, *, after: int = 0, limit: int = 50) -> list[tuple[int, Control]]:
    """What waits behind a position, oldest first."""
    rows = tx.execute(
        "SELECT position, key, value FROM control WHERE position > ? ORDER BY position LIMIT ?", [after, limit]
    ).fetchall()
    return [(position, tx.open(Control, "control", key, value)) for position, key, value in rows]


def get(tx: Transaction, position: int) -> Control | None:
    row = tx.one("SELECT key, value FROM control WHERE position = ?", [position])
    if row is None or not isinstance(row[0], bytes):
        return None  # another process has sent it
    return tx.open(Control, "control", row[0], row[1])


def update(tx: Transaction, position: int, control: Control) -> None:
    row = tx.one("SELECT key FROM control WHERE position = ?", [position])
    if row is not None and isinstance(row[0], bytes):
        sealed = tx.seal("control", row[0], control)
        tx.execute("UPDATE control SET value = ? WHERE position = ?", [sealed, position])


def remove(tx: Transaction, position: int) -> None:
    tx.execute("DELETE FROM control WHERE position = ?", [position])


def count(tx: Transaction, device: bytes) -> int:
    """How many wait for one device."""
    row = tx.one("SELECT COUNT(*) FROM control WHERE device = ?", [_device(tx, device)])
    return row[0] if row is not None and isinstance(row[0], int) else 0


def _device(tx: Transaction, device: bytes) -> bytes:
    return tx.find("control device", device)
