"""Which envelopes were dealt with, and which wait for a person's word about a changed identity."""

from __future__ import annotations

from .database import Transaction
from .records import Parked

KEPT = 45 * 24 * 3_600_000  # ms; the server gives an envelope up after 30 days


def is_known(tx: Transaction, envelope: int) -> bool:
    return tx.one("SELECT 1 FROM envelope WHERE id = ?", [envelope]) is not None


def remember(tx: Transaction, envelope: int, *, now: int) -> None:
    tx.execute("INSERT OR IGNORE INTO envelope VALUES (?, ?)", [envelope, now])


def tidy(tx: Transaction, *, now: int) -> None:
    tx.execute("DELETE FROM envelope WHERE at < ?", [now - KEPT])


def park(tx: Transaction, envelope: int, account: bytes, frame: bytes) -> None:
    key = _key(envelope)
    tx.execute(
        "INSERT OR IGNORE INTO parked VALUES (?, ?, ?)",
        [envelope, tx.find("peer", account), tx.seal("parked", key, Parked(frame))],
    )


def unpark(tx: Transaction, account: bytes) -> list[bytes]:
    """Take an account's parked envelopes out, oldest first."""
    rows = tx.execute(
        "SELECT id, value FROM parked WHERE account = ? ORDER BY id", [tx.find("peer", account)]
    ).fetchall()
    frames = [tx.open(Parked, "parked", _key(envelope), value).frame for envelope, value in rows]
    for envelope, _ in rows:
        tx.execute("DELETE FROM parked WHERE id = ?", [envelope])
        tx.execute("DELETE FROM envelope WHERE id = ?", [envelope])
    return frames


def _key(envelope: int) -> bytes:
    return str(envelope).encode()
