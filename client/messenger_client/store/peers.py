"""Accounts and their pins, and every device list that was accepted."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from ..protocol.device_list import DeviceList, Pin, open_list
from ..protocol.ids import DeviceId
from .database import Transaction, Value
from .records import Peer


def by_account(tx: Transaction, account: bytes) -> Peer | None:
    return tx.record(Peer, "peer", tx.find("peer", account))


def by_name(tx: Transaction, username: str) -> Peer | None:
    row = tx.one("SELECT key, value FROM peer WHERE name = ?", [_name(tx, username)])
    return None if row is None else tx.open(Peer, "peer", _bytes(row[0]), row[1])


def all_pinned(tx: Transaction) -> list[Peer]:
    return [peer for peer in tx.records(Peer, "peer") if peer.pin]


def save(tx: Transaction, peer: Peer) -> Peer:
    """Store an account's record; returns it as it is kept: under no name if another account holds that one."""
    # Which account has a name is the server's word. Once keys are pinned under it, it moves for no later word.
    before = by_account(tx, peer.account)
    if before is not None and before.pin and before.username:
        peer = replace(peer, username=before.username)
    holder = by_name(tx, peer.username) if peer.username else None
    if holder is not None and holder.account != peer.account:
        if holder.pin:
            peer = replace(peer, username="")
        else:
            _write(tx, replace(holder, username=""))
    _write(tx, peer)
    return peer


def change(tx: Transaction, account: bytes, **changes: object) -> Peer:
    """Change some fields of an account's record, made if there is none."""
    peer = replace(by_account(tx, account) or Peer(account), **changes)  # type: ignore[arg-type]  # fields of Peer
    return save(tx, peer)


def pin_of(peer: Peer | None) -> Pin | None:
    return Pin(_opened(peer.pin)) if peer is not None and peer.pin else None


def signing_key(tx: Transaction, account: bytes, device: bytes) -> bytes:
    """The DSK of a device on the newest list of its account; empty if it is not on it."""
    pin = pin_of(by_account(tx, account))
    found = None if pin is None else pin.newest.find(DeviceId(device))
    return b"" if found is None else found.signing_key


def save_list(tx: Transaction, value: DeviceList) -> None:
    key = tx.find("device_list", value.account, value.hash)
    tx.execute(
        "INSERT OR IGNORE INTO device_list VALUES (?, ?, ?)",
        [key, tx.find("peer", value.account), tx.seal("device_list", key, value.signed)],
    )


def list_named(tx: Transaction, account: bytes, list_hash: bytes) -> DeviceList | None:
    key = tx.find("device_list", account, list_hash)
    row = tx.one("SELECT value FROM device_list WHERE key = ?", [key])
    return None if row is None else _opened(tx.open_bytes("device_list", key, row[0]))


def knows_list(tx: Transaction, account: bytes, list_hash: bytes) -> bool:
    """Whether a list was ever seen, that of an identity that was given up included."""
    keys = [tx.find(table, account, list_hash) for table in ("device_list", "old_list")]
    return tx.one("SELECT 1 FROM device_list WHERE key IN (?, ?)", keys) is not None


def forget_lists(tx: Transaction, account: bytes) -> None:
    """Drop the lists of an identity that was given up: first messages that name them are not listed."""
    owner = tx.find("peer", account)
    rows = tx.execute("SELECT key, value FROM device_list WHERE account = ? AND value != x''", [owner]).fetchall()
    for key, value in rows:
        # Their names stay: what was written before the change names them, and nobody withholds a thing.
        old = tx.find("old_list", account, _opened(tx.open_bytes("device_list", key, value)).hash)
        tx.execute("UPDATE OR REPLACE device_list SET key = ?, value = x'' WHERE key = ?", [old, key])


@lru_cache(maxsize=256)
def _opened(signed: bytes) -> DeviceList:
    """Open a list; its signatures are checked once a process, not once a message."""
    return open_list(signed)


def _write(tx: Transaction, peer: Peer) -> None:
    key = tx.find("peer", peer.account)
    tx.execute(
        "INSERT INTO peer VALUES (?, ?, ?)"
        " ON CONFLICT (key) DO UPDATE SET name = excluded.name, value = excluded.value",
        [key, _name(tx, peer.username) if peer.username else None, tx.seal("peer", key, peer)],
    )


def _name(tx: Transaction, username: str) -> bytes:
    return tx.find("name", username.casefold().encode())


def _bytes(value: Value) -> bytes:
    assert isinstance(value, bytes)  # noqa: S101 - the column is NOT NULL BLOB
    return value
