"""What is on its way out. A row leaves only when the server has answered for good."""

from __future__ import annotations

from collections.abc import Collection

from .database import Transaction
from .records import Outgoing


def add(tx: Transaction, outgoing: Outgoing, chat: bytes) -> None:
    key = tx.find("outbox", outgoing.id)
    tx.execute("INSERT INTO outbox (key, chat, value) VALUES (?, ?, ?)", [key, chat, tx.seal("outbox", key, outgoing)])


def update(tx: Transaction, outgoing: Outgoing) -> None:
    key = tx.find("outbox", outgoing.id)
    tx.execute("UPDATE outbox SET value = ? WHERE key = ?", [tx.seal("outbox", key, outgoing), key])


def move(tx: Transaction, outgoing: Outgoing, chat: bytes) -> None:
    """Put a row into its chat, now that it is known which."""
    key = tx.find("outbox", outgoing.id)
    tx.execute("UPDATE outbox SET chat = ?, value = ? WHERE key = ?", [chat, tx.seal("outbox", key, outgoing), key])


def get(tx: Transaction, message_id: bytes) -> Outgoing | None:
    return tx.record(Outgoing, "outbox", tx.find("outbox", message_id))


def remove(tx: Transaction, message_id: bytes) -> None:
    tx.execute("DELETE FROM outbox WHERE key = ?", [tx.find("outbox", message_id)])


def pending(tx: Transaction, stuck: Collection[bytes] = (), *, limit: int = 100) -> list[Outgoing]:
    """What waits, oldest first, less the chats in which one of the `stuck` messages has to leave first."""
    keys = [tx.find("outbox", message_id) for message_id in stuck]
    marks = ", ".join("?" * len(keys))
    rows = tx.execute(
        f"SELECT key, value FROM outbox WHERE chat NOT IN (SELECT chat FROM outbox WHERE key IN ({marks}))"  # noqa: S608
        " ORDER BY position LIMIT ?",
        [*keys, limit],
    ).fetchall()
    return [tx.open(Outgoing, "outbox", key, value) for key, value in rows]


def count(tx: Transaction) -> int:
    row = tx.one("SELECT COUNT(*) FROM outbox")
    return row[0] if row is not None and isinstance(row[0], int) else 0


def is_next(tx: Transaction, message_id: bytes) -> bool:
    """Tell whether nothing of the same chat stands before it."""
    row = tx.one(
        "SELECT 1 FROM outbox AS mine WHERE mine.key = ? AND NOT EXISTS"
        " (SELECT 1 FROM outbox WHERE chat = mine.chat AND position < mine.position)",
        [tx.find("outbox", message_id)],
    )
    return row is not None
