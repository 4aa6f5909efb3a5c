"""Conversations as they are shown: every sender device's messages in the order of their counters.

PROTOCOL.md, Content: not the wire, not a clock, the counter decides. A message whose predecessor is missing
waits for GAP_WAIT; then the gap is a line of its own. Positions only grow: what is shown later stands later. Only
what is from before this device's time stands by the server's clock, in front of all that came here.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from . import repairs
from .database import Transaction
from .records import ChatState, Entry

GAP_WAIT = 10_000  # ms

# Positions of what is from before this device's time: below 0, and whole numbers to JavaScript, too.
PAST = -(1 << 52)
PLACES = 1 << 9  # a millisecond
PAST_ENDS = 1 << 42  # ms, in the year 2109
HELD = "held_at IS NOT NULL"


def chat_key(tx: Transaction, entry: Entry) -> bytes:
    if entry.chat:
        return tx.find("chat", entry.chat)
    return tx.find("chat", b"name", entry.to_name.casefold().encode())


def entry_key(tx: Transaction, account: bytes, message_id: bytes) -> bytes:
    return tx.find("entry", account, message_id)


def flow_key(tx: Transaction, entry: Entry) -> bytes:
    """The row that counts one device's messages in one chat."""
    return tx.find("flow", entry.chat, entry.account, entry.device)


def add(tx: Transaction, entry: Entry, *, unseen: bool = False, hidden: bool = False, unsettled: bool = False) -> bool:
    """Add a line at the end. False: it is there already. A hidden one (control) is kept and never shown."""
    position = None if hidden else next_position(tx)
    return _insert(tx, entry, position=position, unseen=unseen, unsettled=unsettled)


def place(tx: Transaction, entry: Entry, *, now: int) -> None:
    """Add a message of another device where its counter says, and release what waited for it.

    One of another own device is no news, and its fate is open.
    """
    news = {"unseen": not entry.outgoing, "unsettled": entry.outgoing}
    flow = flow_key(tx, entry)
    row = tx.one("SELECT next FROM flow WHERE key = ?", [flow])
    expected = _int(row[0]) if row else 1
    if entry.counter > expected:
        _insert(tx, entry, position=None, flow=flow, held_at=now, **news)
        return
    add(tx, entry, **news)
    if entry.counter < expected:
        return  # one that came after its gap was shown, or a second copy
    # A second copy may be the first one counted: what came as history of a group chat begins no flow.
    _save_flow(tx, flow, entry.counter + 1)
    _release(tx, flow, entry.counter + 1, now=None)


def begin_flow(tx: Transaction, entry: Entry) -> None:
    """Count a sender device's messages from this one on, where none was counted: none before can come."""
    tx.execute("INSERT OR IGNORE INTO flow VALUES (?, ?)", [flow_key(tx, entry), entry.counter])


def add_past(tx: Transaction, entry: Entry, *, unsettled: bool = False) -> bool:
    """Add a line from before this device's time, where the server's clock says. It is counted in no flow."""
    return _insert(tx, entry, position=past_position(tx, entry.accepted), unsettled=unsettled)


def add_history(
    tx: Transaction, entry: Entry, *, position: int, unsettled: bool, begin: bool, unseen: bool = False
) -> None:
    """Add a message that another own device has told: what its device wrote later follows it.

    `begin`: even if none of it was counted yet.
    """
    if not _insert(tx, entry, position=position, unseen=unseen, unsettled=unsettled):
        return
    flow = flow_key(tx, entry)
    row = tx.one("SELECT next FROM flow WHERE key = ?", [flow])
    if row is None and not begin:
        return
    if entry.counter >= (_int(row[0]) if row else 1):
        _save_flow(tx, flow, entry.counter + 1)
        _release(tx, flow, entry.counter + 1, now=None)


def newest(tx: Transaction, chat: bytes) -> int | None:
    """The server's time of the last line that has one, of what a conversation shows behind its history."""
    rows = tx.execute(
        "SELECT key, value FROM entry WHERE chat = ? AND position > 0 ORDER BY position DESC", [tx.find("chat", chat)]
    )
    return next((at for key, value in rows if (at := tx.open(Entry, "entry", key, value).accepted)), None)


def messages(tx: Transaction, chat: bytes) -> list[tuple[Entry, bool]]:
    """A conversation's texts, oldest first, those that wait for an earlier one last; and whether each is unread."""
    rows = tx.execute(
        "SELECT key, value, unseen = 1 AND read = 0 FROM entry WHERE chat = ?"  # noqa: S608
        f" AND (position IS NOT NULL OR {HELD}) ORDER BY position IS NULL, position",
        [tx.find("chat", chat)],
    ).fetchall()
    found = [(tx.open(Entry, "entry", key, value), bool(unread)) for key, value, unread in rows]
    return [(entry, unread) for entry, unread in found if entry.kind == "text"]


def mark_read(tx: Transaction, account: bytes, message_id: bytes) -> None:
    """Somebody's message was read on another own device."""
    tx.execute("UPDATE entry SET read = 1 WHERE key = ? AND read = 0", [entry_key(tx, account, message_id)])


def unread(tx: Transaction, *, limit: int) -> list[Entry]:
    """Incoming messages that were read nowhere, as far as is known here; the newest first."""
    rows = tx.execute(
        "SELECT key, value FROM entry WHERE unseen = 1 AND read = 0 AND position IS NOT NULL"
        " ORDER BY position DESC LIMIT ?",
        [limit],
    ).fetchall()
    return [tx.open(Entry, "entry", key, value) for key, value in rows]


def release_due(tx: Transaction, *, now: int) -> None:
    """Show the gaps that have waited long enough, and what stands behind them."""
    due = tx.execute(f"SELECT DISTINCT flow FROM entry WHERE {HELD} AND held_at <= ?", [now - GAP_WAIT])  # noqa: S608
    for (flow,) in due.fetchall():
        row = tx.one("SELECT next FROM flow WHERE key = ?", [flow])
        _release(tx, flow, _int(row[0]) if row else None, now=now)


def next_due(tx: Transaction) -> int | None:
    """When (ms) the next gap will have waited long enough."""
    row = tx.one(f"SELECT MIN(held_at) FROM entry WHERE {HELD}")  # noqa: S608
    return None if row is None or row[0] is None else _int(row[0]) + GAP_WAIT


def unseen(tx: Transaction, *, after: int, limit: int, chat: bytes | None = None) -> list[tuple[int, Entry]]:
    """Incoming lines that nobody was shown, in order, from behind a position."""
    where, values = ("", []) if chat is None else (" AND chat = ?", [tx.find("chat", chat)])
    rows = tx.execute(
        f"SELECT position, key, value FROM entry WHERE unseen = 1 AND position > ?{where}"  # noqa: S608
        " ORDER BY position LIMIT ?",
        [after, *values, limit],
    ).fetchall()
    return [(position, tx.open(Entry, "entry", key, value)) for position, key, value in rows]


def mark_seen(tx: Transaction, positions: Sequence[int]) -> None:
    for position in positions:
        tx.execute("UPDATE entry SET unseen = 0 WHERE position = ? AND unseen = 1", [position])


def count_unseen(tx: Transaction, chat: bytes, *, after: int) -> int:
    row = tx.one(
        "SELECT COUNT(*) FROM entry WHERE unseen = 1 AND read = 0 AND chat = ? AND position > ?",
        [tx.find("chat", chat), after],
    )
    return _int(row[0]) if row else 0


def history(tx: Transaction, chat: bytes, *, limit: int) -> list[Entry]:
    """The last lines of a conversation, oldest first."""
    return _history(tx, tx.find("chat", chat), limit)


def history_by_name(tx: Transaction, username: str, *, limit: int) -> list[Entry]:
    """The same for somebody who is only a name yet."""
    return _history(tx, tx.find("chat", b"name", username.casefold().encode()), limit)


def get(tx: Transaction, account: bytes, message_id: bytes) -> Entry | None:
    return tx.record(Entry, "entry", entry_key(tx, account, message_id))


def update(tx: Transaction, entry: Entry, *, unsettled: bool) -> None:
    """Write a changed line back; `unsettled`: its fate at the recipient is still open."""
    key = entry_key(tx, entry.account, entry.id)
    tx.execute(
        "UPDATE entry SET chat = ?, unsettled = ?, value = ? WHERE key = ?",
        [chat_key(tx, entry), int(unsettled), tx.seal("entry", key, entry), key],
    )


def take_back(tx: Transaction, account: bytes, line: bytes) -> None:
    """Show a line no more."""
    # The row keeps its position: given to another line, that one would count as seen.
    tx.execute("UPDATE entry SET chat = x'', unseen = 0 WHERE key = ?", [entry_key(tx, account, line)])


def vacate(tx: Transaction, account: bytes, line: bytes) -> tuple[int, bool] | None:
    """Show a line no more; what is to stand in its place gets its position, and is unseen if it was."""
    key = entry_key(tx, account, line)
    row = tx.one("SELECT position, unseen FROM entry WHERE key = ? AND position IS NOT NULL", [key])
    if row is None:
        return None
    tx.execute("UPDATE entry SET chat = x'', position = NULL, unseen = 0 WHERE key = ?", [key])
    return _int(row[0]), bool(row[1])


def unsettled(tx: Transaction, *, limit: int) -> list[Entry]:
    """Own messages whose fate is open, newest first."""
    rows = tx.execute(
        "SELECT key, value FROM entry WHERE unsettled = 1 ORDER BY position DESC LIMIT ?", [limit]
    ).fetchall()
    return [tx.open(Entry, "entry", key, value) for key, value in rows]


def note(
    tx: Transaction, kind: str, *, account: bytes, chat: bytes, sent: int, missing: int = 0, text: str = ""
) -> None:
    """Add a line that is no message: a gap, a warning."""
    entry = Entry(
        id=secrets.token_bytes(16), kind=kind, outgoing=False, account=account, chat=chat, sent=sent,
        missing=missing, text=text,
    )  # fmt: skip
    add(tx, entry, unseen=True)


def chat(tx: Transaction, conversation: bytes) -> ChatState | None:
    return tx.record(ChatState, "chat", tx.find("chat", conversation))


def save_chat(tx: Transaction, state: ChatState) -> None:
    tx.save_record("chat", tx.find("chat", state.conversation), state)


def chats(tx: Transaction) -> list[ChatState]:
    return tx.records(ChatState, "chat")


def _history(tx: Transaction, key: bytes, limit: int) -> list[Entry]:
    rows = tx.execute(
        "SELECT key, value FROM entry WHERE chat = ? AND position IS NOT NULL ORDER BY position DESC LIMIT ?",
        [key, limit],
    ).fetchall()
    return [tx.open(Entry, "entry", found, value) for found, value in reversed(rows)]


def _release(tx: Transaction, flow: bytes, expected: int | None, *, now: int | None) -> None:
    """Release what follows without a gap; with `now` also what has waited long enough behind one."""
    rows = tx.execute(f"SELECT key, held_at, value FROM entry WHERE flow = ? AND {HELD}", [flow]).fetchall()  # noqa: S608
    held = sorted(((tx.open(Entry, "entry", key, value), at, key) for key, at, value in rows), key=_counter)
    while held:
        entry, _, key = held[0]
        first_contact = expected is None
        if first_contact or entry.counter > (expected or 0):
            # A gap is known from the first message behind it, whichever that was.
            if now is None or min(at for _, at, _ in held) > now - GAP_WAIT:
                return
            # A device that never wrote here before may have started long ago: no gap to speak of.
            missing = 0 if first_contact else entry.counter - (expected or 0)
            # What came and could not be read has a line of its own.
            missing -= repairs.count_in_gap(tx, flow, most=missing)
            if missing:
                note(tx, "gap", account=entry.account, chat=entry.chat, sent=now, missing=missing)
        tx.execute("UPDATE entry SET position = ?, held_at = NULL WHERE key = ?", [next_position(tx), key])
        expected = max(entry.counter + 1, expected or 0)
        held.pop(0)
        _save_flow(tx, flow, expected)


def _insert(
    tx: Transaction,
    entry: Entry,
    *,
    position: int | None,
    flow: bytes | None = None,
    held_at: int | None = None,
    unseen: bool = False,
    unsettled: bool = False,
) -> bool:
    key = entry_key(tx, entry.account, entry.id)
    cursor = tx.execute(
        "INSERT OR IGNORE INTO entry (key, chat, position, flow, held_at, unseen, unsettled, value)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [key, chat_key(tx, entry), position, flow, held_at, int(unseen), int(unsettled), tx.seal("entry", key, entry)],
    )
    return cursor.rowcount == 1


def next_position(tx: Transaction) -> int:
    """The end, for what is shown next."""
    row = tx.one("SELECT COALESCE(MAX(MAX(position), 0), 0) + 1 FROM entry")  # history stands below 0
    return _int(row[0]) if row else 1


def past_position(tx: Transaction, at: int) -> int:
    """The first that is free from a time on."""
    wanted = PAST + min(at, PAST_ENDS) * PLACES
    if tx.one("SELECT 1 FROM entry WHERE position = ?", [wanted]) is None:
        return wanted
    row = tx.one(
        "SELECT position + 1 FROM entry AS taken WHERE position >= ?"
        " AND NOT EXISTS (SELECT 1 FROM entry WHERE position = taken.position + 1) ORDER BY position LIMIT 1",
        [wanted],
    )
    return _int(row[0]) if row else wanted


def _save_flow(tx: Transaction, flow: bytes, following: int) -> None:
    tx.execute("INSERT INTO flow VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET next = excluded.next", [flow, following])


def _counter(held: tuple[Entry, int, bytes]) -> int:
    return held[0].counter


def _int(value: object) -> int:
    assert isinstance(value, int)  # noqa: S101 - the column is INTEGER
    return value
