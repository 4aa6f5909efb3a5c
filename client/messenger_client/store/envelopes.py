"""Which envelopes were dealt with, and which wait for a person's word about a changed identity."""

from __future__ import annotations

from .database import Transaction
from .records import Parked, Peer

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


def parked(tx: Transaction) -> list[tuple[int, bytes]]:
    """Parked envelopes, oldest first, of the senders whose identity is settled: numbers and frames. All stay."""
    # Both tables know an account by the same keyed hash.
    rows = tx.execute("SELECT key, value FROM peer WHERE key IN (SELECT account FROM parked)").fetchall()
    found: list[tuple[int, bytes]] = []
    for account, value in rows:
        if not tx.open(Peer, "peer", account, value).changed_lists:
            kept = tx.execute("SELECT id, value FROM parked WHERE account = ?", [account]).fetchall()
            found += [(envelope, tx.open(Parked, "parked", _key(envelope), frame).frame) for envelope, frame in kept]
    return sorted(found)


def unpark(tx: Transaction, envelope: int) -> None:
    """Have an envelope taken as if it had just come; nothing happens if it is not parked."""
    if tx.execute("DELETE FROM parked WHERE id = ?", [envelope]).rowcount:
        tx.execute("DELETE FROM envelope WHERE id = ?", [envelope])


def _key(envelope: int) -> bytes:
    return str(envelope).encode()
