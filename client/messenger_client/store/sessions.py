"""Ratchet sessions and the private halves of prekeys. Read and written inside the transaction that uses them."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import StoreError
from ..protocol.errors import ProtocolError
from ..protocol.ids import AccountId, DeviceId, SessionId
from ..protocol.prekeys import PrekeyLabel, PrivatePrekey, is_spent
from ..protocol.session import Pair, Session
from .database import Transaction


def pair(tx: Transaction, account: bytes, device: bytes) -> Pair:
    rows = tx.execute("SELECT key, value FROM session WHERE pair = ?", [tx.find("pair", account, device)]).fetchall()
    found = [_opened(tx, key, value) for key, value in rows]
    return Pair.of(AccountId(account), DeviceId(device), [one for one in found if one is not None])


def drop_all(tx: Transaction) -> None:
    """Give every session up, as under a new account key: each is bound to the old one."""
    tx.execute("DELETE FROM session")


def is_known(tx: Transaction, session_id: bytes) -> bool:
    return tx.one("SELECT 1 FROM session WHERE key = ?", [tx.find("session", session_id)]) is not None


def save(tx: Transaction, account: bytes, device: bytes, session: Session) -> None:
    key = tx.find("session", session.id)
    tx.execute(
        "INSERT INTO session VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        [key, tx.find("pair", account, device), tx.seal("session", key, session.to_bytes())],
    )


def drop(tx: Transaction, ids: Iterable[SessionId]) -> None:
    for session_id in ids:
        tx.execute("DELETE FROM session WHERE key = ?", [tx.find("session", session_id)])


def drop_pair(tx: Transaction, account: bytes, device: bytes) -> None:
    tx.execute("DELETE FROM session WHERE pair = ?", [tx.find("pair", account, device)])


def save_prekey(tx: Transaction, value: PrivatePrekey) -> None:
    place = _prekey_key(value.label, value.key_id)
    sealed = tx.seal("prekey", place, value.to_bytes())
    tx.execute("INSERT INTO prekey VALUES (?, ?, ?)", [value.label, value.key_id, sealed])


def prekey(tx: Transaction, label: PrekeyLabel, key_id: int) -> PrivatePrekey | None:
    row = tx.one("SELECT value FROM prekey WHERE label = ? AND id = ?", [label, key_id])
    if row is None:
        return None
    return PrivatePrekey.from_bytes(tx.open_bytes("prekey", _prekey_key(label, key_id), row[0]))


def delete_prekey(tx: Transaction, label: PrekeyLabel, key_id: int) -> None:
    tx.execute("DELETE FROM prekey WHERE label = ? AND id = ?", [label, key_id])


def forget_prekeys(tx: Transaction) -> None:
    """Delete them all, with the H(EK)s: they belong to a device that is no more."""
    tx.execute("DELETE FROM prekey")
    tx.execute("DELETE FROM used_ek")


def delete_spent_prekeys(tx: Transaction, *, now: int) -> None:
    """Delete signed private halves past their time, and the H(EK)s that stand under them."""
    for label, key_id in tx.execute("SELECT label, id FROM prekey WHERE label IN ('spk', 'klr')").fetchall():
        found = prekey(tx, label, key_id)
        if found is not None and is_spent(found, now=now):
            delete_prekey(tx, label, key_id)
            if label == "spk":
                tx.execute("DELETE FROM used_ek WHERE spk_id = ?", [key_id])


def remember_ek(tx: Transaction, ek_hash: bytes, spk_id: int) -> None:
    tx.execute("INSERT OR IGNORE INTO used_ek VALUES (?, ?)", [tx.find("used_ek", ek_hash), spk_id])


def has_seen_ek(tx: Transaction, ek_hash: bytes) -> bool:
    return tx.one("SELECT 1 FROM used_ek WHERE key = ?", [tx.find("used_ek", ek_hash)]) is not None


def tidy_pairs(tx: Transaction, *, now: int) -> None:
    """Once a day: drop sessions unanswered for 30 days, and skipped keys as old."""
    rows = tx.execute("SELECT key, pair, value FROM session").fetchall()
    for key, pair_key, value in rows:
        session = _opened(tx, key, value)
        if session is None:
            continue
        # The ids of the pair do not matter here: `tidy` looks at the sessions alone.
        kept, dropped = Pair.of(AccountId(bytes(16)), DeviceId(bytes(16)), [session]).tidy(now=now)
        if dropped:
            tx.execute("DELETE FROM session WHERE key = ?", [key])
        elif kept.sessions and kept.sessions[0] is not session:
            sealed = tx.seal("session", key, kept.sessions[0].to_bytes())
            tx.execute("UPDATE session SET value = ? WHERE key = ? AND pair = ?", [sealed, key, pair_key])


def _opened(tx: Transaction, key: bytes, value: bytes) -> Session | None:
    """Open a stored session. A damaged one is dropped like one that never was: the peer asks, or is asked, again."""
    try:
        return Session.from_bytes(tx.open_bytes("session", key, value))
    except (StoreError, ProtocolError):
        tx.execute("DELETE FROM session WHERE key = ?", [key])
        return None


def _prekey_key(label: str, key_id: int) -> bytes:
    return f"{label}/{key_id}".encode()
