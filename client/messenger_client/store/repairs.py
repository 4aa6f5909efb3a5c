"""What a message that cannot be read needs: the log of sends, and the lines that wait to be repaired.

PROTOCOL.md, Unable to decrypt. A retry names a message by its place: session id, ratchet key, number.
"""

from __future__ import annotations

from ..protocol.limits import DAY
from .database import Transaction
from .records import SentTo, Unreadable

LOG_KEPT = 14 * DAY  # ms
LINES_KEPT = 31 * DAY  # ms; a message that may yet come in a form that can be read takes its line's place


def log_sent(tx: Transaction, place: tuple[bytes, bytes, int], sent: SentTo, *, now: int) -> None:
    """Note which place carried a message to a device, beside those that carried it there before."""
    key, message = _place(tx, *place), _message(tx, sent)
    tx.execute(
        "INSERT OR REPLACE INTO sent VALUES"
        " (?, ?, ?, (SELECT COALESCE(MAX(answered), 0) FROM sent WHERE message = ?), ?)",
        [key, message, now, message, tx.seal("sent", key, sent)],
    )


def sent_at(tx: Transaction, session: bytes, dh: bytes, n: int, *, now: int) -> tuple[SentTo, int] | None:
    """What a place carried, and how many times that message was sent to that device again."""
    key = _place(tx, session, dh, n)
    row = tx.one("SELECT answered, value FROM sent WHERE key = ? AND at > ?", [key, now - LOG_KEPT])
    if row is None or not isinstance(row[0], int):
        return None
    return tx.open(SentTo, "sent", key, row[1]), row[0]


def count_answer(tx: Transaction, sent: SentTo) -> None:
    tx.execute("UPDATE sent SET answered = answered + 1 WHERE message = ?", [_message(tx, sent)])


def tidy(tx: Transaction, *, now: int) -> None:
    tx.execute("DELETE FROM sent WHERE at <= ?", [now - LOG_KEPT])
    tx.execute("DELETE FROM unreadable WHERE at <= ?", [now - LINES_KEPT])


def unreadable(tx: Transaction, account: bytes, device: bytes, message: bytes) -> Unreadable | None:
    return tx.record(Unreadable, "unreadable", tx.find("unreadable", account, device, message))


def behind(tx: Transaction, entry: bytes) -> Unreadable | None:
    """The message that a line (by its id) stands for."""
    row = tx.one("SELECT key, value FROM unreadable WHERE entry = ?", [tx.find("line", entry)])
    if row is None or not isinstance(row[0], bytes):
        return None
    return tx.open(Unreadable, "unreadable", row[0], row[1])


def of_chat(tx: Transaction, chat: bytes) -> list[Unreadable]:
    rows = tx.execute("SELECT key, value FROM unreadable ORDER BY at").fetchall()
    found = [tx.open(Unreadable, "unreadable", key, value) for key, value in rows]
    return [one for one in found if one.chat == chat]


def save(tx: Transaction, value: Unreadable) -> None:
    key = tx.find("unreadable", value.account, value.device, value.message)
    flow = tx.find("flow", value.chat, value.account, value.device)
    tx.execute(
        "INSERT INTO unreadable VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        # Where nothing is shown, a gap has to be.
        [key, tx.find("line", value.entry), flow, value.at, int(not value.cause), tx.seal("unreadable", key, value)],
    )


def forget(tx: Transaction, value: Unreadable) -> None:
    tx.execute(
        "DELETE FROM unreadable WHERE key = ?", [tx.find("unreadable", value.account, value.device, value.message)]
    )


def count_in_gap(tx: Transaction, flow: bytes, *, most: int) -> int:
    """How many of the messages missing in a flow are known to be unreadable; each explains one gap once."""
    rows = tx.execute("SELECT key FROM unreadable WHERE flow = ? AND gap = 0 ORDER BY at LIMIT ?", [flow, most])
    keys = [key for (key,) in rows.fetchall()]
    for key in keys:
        tx.execute("UPDATE unreadable SET gap = 1 WHERE key = ?", [key])
    return len(keys)


def _place(tx: Transaction, session: bytes, dh: bytes, n: int) -> bytes:
    return tx.find("sent", session, dh, n.to_bytes(8, "big"))


def _message(tx: Transaction, sent: SentTo) -> bytes:
    return tx.find("answered", sent.message, sent.account, sent.device)
