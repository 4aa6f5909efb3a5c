"""Open chats: which there are, what is on its way into them, and what happened there and was not given out yet.

Tables of their own: nothing of an encrypted chat comes into these, and nothing of these into an encrypted chat.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace

from .database import Transaction
from .open_records import OpenChat, OpenNews, OpenOutgoing

FAILED_KEPT = 7 * 24 * 3_600_000  # ms that a message which was given up is shown


def get(tx: Transaction, chat: bytes) -> OpenChat | None:
    return tx.record(OpenChat, "open_chat", _key(tx, chat))


def save(tx: Transaction, value: OpenChat) -> OpenChat:
    tx.save_record("open_chat", _key(tx, value.id), value)
    return value


def known(tx: Transaction) -> list[OpenChat]:
    return tx.records(OpenChat, "open_chat")


# On their way


def enqueue(tx: Transaction, outgoing: OpenOutgoing) -> None:
    key = _outbox(tx, outgoing.id)
    tx.execute("INSERT INTO open_outbox (key, value) VALUES (?, ?)", [key, tx.seal("open_outbox", key, outgoing)])


def outgoing(tx: Transaction) -> list[OpenOutgoing]:
    """What waits, and what was given up, oldest first."""
    rows = tx.execute("SELECT key, value FROM open_outbox ORDER BY position").fetchall()
    return [tx.open(OpenOutgoing, "open_outbox", key, value) for key, value in rows]


def pending(tx: Transaction) -> OpenOutgoing | None:
    """What is to leave next."""
    rows = tx.execute("SELECT key, value FROM open_outbox WHERE failed = 0 ORDER BY position LIMIT 1").fetchall()
    return next((tx.open(OpenOutgoing, "open_outbox", key, value) for key, value in rows), None)


def find_outgoing(tx: Transaction, message_id: bytes) -> OpenOutgoing | None:
    return tx.record(OpenOutgoing, "open_outbox", _outbox(tx, message_id))


def update_outgoing(tx: Transaction, value: OpenOutgoing) -> None:
    key = _outbox(tx, value.id)
    tx.execute(
        "UPDATE open_outbox SET value = ?, failed = ? WHERE key = ?",
        [tx.seal("open_outbox", key, value), int(bool(value.failed)), key],
    )


def remove_outgoing(tx: Transaction, message_id: bytes) -> None:
    tx.execute("DELETE FROM open_outbox WHERE key = ?", [_outbox(tx, message_id)])


def count_outgoing(tx: Transaction) -> int:
    row = tx.one("SELECT COUNT(*) FROM open_outbox WHERE failed = 0")
    return row[0] if row is not None and isinstance(row[0], int) else 0


def forget_failed(tx: Transaction, *, now: int) -> None:
    for one in outgoing(tx):
        if one.failed and one.at < now - FAILED_KEPT:
            remove_outgoing(tx, one.id)


# What happened


def take(tx: Transaction, chat: OpenChat, news: Sequence[OpenNews], *, upto: int) -> OpenChat:
    """Keep messages of a chat to be given out, those that were not taken before; all up to a position are, then."""
    # Read again: another process may have been faster.
    current = get(tx, chat.id) or chat
    for one in news:
        if one.number > current.taken:
            add_news(tx, one)
    return save(tx, replace(current, taken=max(current.taken, upto), is_new=False))


def add_news(tx: Transaction, news: OpenNews) -> None:
    key = secrets.token_bytes(16)
    tx.execute(
        "INSERT INTO open_news (key, chat, value) VALUES (?, ?, ?)",
        [key, _key(tx, news.chat), tx.seal("open_news", key, news)],
    )


def news(tx: Transaction, *, after: int, limit: int, chat: bytes | None = None) -> list[tuple[int, OpenNews]]:
    """What nobody was given, in order, from behind a place in the queue; of all chats, or of one."""
    where, values = ("", []) if chat is None else (" AND chat = ?", [_key(tx, chat)])
    rows = tx.execute(
        f"SELECT position, key, value FROM open_news WHERE position > ?{where} ORDER BY position LIMIT ?",  # noqa: S608
        [after, *values, limit],
    ).fetchall()
    return [(position, tx.open(OpenNews, "open_news", key, value)) for position, key, value in rows]


def drop_news(tx: Transaction, positions: Sequence[int]) -> None:
    for position in positions:
        tx.execute("DELETE FROM open_news WHERE position = ?", [position])


def _key(tx: Transaction, chat: bytes) -> bytes:
    return tx.find("open_chat", chat)


def _outbox(tx: Transaction, message_id: bytes) -> bytes:
    return tx.find("open_outbox", message_id)
