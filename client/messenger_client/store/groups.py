"""Group chats: their operations, this device's own sender chains and those of others, and what came too early."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping

from ..protocol import cbor, form
from ..protocol.announced_chain import AnnouncedChain
from ..protocol.ids import AccountId, DeviceId
from ..protocol.limits import DAY, MAX_CHAINS
from ..protocol.sender_key import OwnChain, Recipient
from .database import Transaction, Value
from .group_records import Early, Group
from .repairs import LOG_KEPT

EARLY_KEPT = 7 * DAY  # ms
MOST_EARLY = 500  # a group chat
MOST_EARLY_AT_ALL = 5_000

Told = Mapping[Recipient, int]  # who was told a chain, and from which of its messages on


def get(tx: Transaction, group: bytes) -> Group | None:
    return tx.record(Group, "group_chat", _key(tx, group))


def save(tx: Transaction, value: Group) -> Group:
    tx.save_record("group_chat", _key(tx, value.id), value)
    return value


def known(tx: Transaction) -> list[Group]:
    return tx.records(Group, "group_chat")


def add_operation(tx: Transaction, group: bytes, number: int, operation_hash: bytes, signed: bytes) -> None:
    key = _operation(tx, group, operation_hash)
    tx.execute(
        "INSERT INTO group_operation VALUES (?, ?, ?, ?)",
        [_key(tx, group), number, key, tx.seal("group_operation", key, signed)],
    )


def operations_to(tx: Transaction, group: bytes, operation_hash: bytes) -> list[bytes]:
    """The operations up to the one of that hash; none if it was not taken here."""
    rows = tx.execute(
        "SELECT key, value FROM group_operation WHERE chat = ? AND number <="
        " (SELECT number FROM group_operation WHERE key = ?) ORDER BY number",
        [_key(tx, group), _operation(tx, group, operation_hash)],
    ).fetchall()
    return [tx.open_bytes("group_operation", key, value) for key, value in rows]


def has_operation(tx: Transaction, group: bytes, operation_hash: bytes) -> bool:
    key = _operation(tx, group, operation_hash)
    return tx.one("SELECT 1 FROM group_operation WHERE key = ?", [key]) is not None


# This device's own chains


def own_chain(tx: Transaction, group: bytes) -> tuple[OwnChain, Told] | None:
    """The chain in use, and who was told."""
    row = tx.one("SELECT key, value, told FROM own_chain WHERE chat = ? AND value != x''", [_key(tx, group)])
    if row is None:
        return None
    key = _bytes(row[0])
    return OwnChain.from_bytes(tx.open_bytes("own_chain", key, row[1])), _told(tx, key, row[2])


def begin_chain(tx: Transaction, chain: OwnChain) -> None:
    """Use a new chain, told to nobody yet. Of the one before, its keys are forgotten."""
    end_chain(tx, chain.group)
    key = tx.find("own_chain", chain.id)
    tx.execute(
        "INSERT INTO own_chain VALUES (?, ?, ?, ?, ?)",
        [
            key,
            _key(tx, chain.group),
            chain.created,
            tx.seal("own_chain", key, chain.to_bytes()),
            tx.seal("told", key, cbor.encode([])),
        ],
    )


def end_chain(tx: Transaction, group: bytes) -> None:
    tx.execute("UPDATE own_chain SET value = x'' WHERE chat = ?", [_key(tx, group)])


def end_chains(tx: Transaction) -> None:
    """Under new keys of its own, a device starts every chain anew."""
    tx.execute("UPDATE own_chain SET value = x''")


def move_chain(tx: Transaction, chain: OwnChain) -> None:
    key = tx.find("own_chain", chain.id)
    tx.execute("UPDATE own_chain SET value = ? WHERE key = ?", [tx.seal("own_chain", key, chain.to_bytes()), key])


def save_told(tx: Transaction, chain: OwnChain, told: Told) -> None:
    key = tx.find("own_chain", chain.id)
    rows = [[one.account, one.device, one.signing_key, n] for one, n in told.items()]
    tx.execute("UPDATE own_chain SET told = ? WHERE key = ?", [tx.seal("told", key, cbor.dump(rows)), key])


def told(tx: Transaction, chain_id: bytes) -> Told:
    """Who was told one of this device's own chains, also of one that is not in use any more."""
    key = tx.find("own_chain", chain_id)
    row = tx.one("SELECT told FROM own_chain WHERE key = ?", [key])
    return {} if row is None else _told(tx, key, row[0])


# Chains of others


def chains(tx: Transaction, group: bytes, account: bytes, device: bytes) -> list[AnnouncedChain]:
    rows = tx.execute(
        "SELECT key, value FROM announced_chain WHERE flow = ?", [tx.find("flow", group, account, device)]
    ).fetchall()
    return [AnnouncedChain.from_bytes(tx.open_bytes("announced_chain", key, value)) for key, value in rows]


def save_chain(tx: Transaction, chain: AnnouncedChain) -> None:
    key = _announced(tx, chain.group, chain.account, chain.device, chain.id)
    tx.execute(
        "INSERT INTO announced_chain VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        [
            key,
            tx.find("flow", chain.group, chain.account, chain.device),
            tx.seal("announced_chain", key, chain.to_bytes()),
        ],
    )


def drop_chains(tx: Transaction, of: AnnouncedChain, ids: Iterable[bytes]) -> None:
    for one in ids:
        key = _announced(tx, of.group, of.account, of.device, one)
        tx.execute("DELETE FROM announced_chain WHERE key = ?", [key])


def drop_device(tx: Transaction, account: bytes, device: bytes) -> None:
    """Forget the chains of a device that left its list, in every group chat."""
    for group in known(tx):
        tx.execute("DELETE FROM announced_chain WHERE flow = ?", [tx.find("flow", group.id, account, device)])


def start_over(tx: Transaction, group: bytes, devices: Iterable[tuple[bytes, bytes]]) -> None:
    """Forget the chains of devices, and how many messages they had written: one was away meanwhile."""
    for account, device in devices:
        flow = tx.find("flow", group, account, device)
        tx.execute("DELETE FROM announced_chain WHERE flow = ?", [flow])
        tx.execute("DELETE FROM flow WHERE key = ?", [flow])


# What came too early


def keep(tx: Transaction, group: bytes, value: Early, *, now: int) -> bool:
    """Keep it until what it needs is here. False: too much of its kind, messages or sender keys, is kept already.

    Of one device, sender keys take only so much room: the oldest go.
    """
    is_key = int(bool(value.padded))
    if is_key:
        of_device = [
            position
            for position, _, one in early(tx, group)
            if one.padded and (one.account, one.device) == (value.account, value.device)
        ]
        for position in of_device[: max(0, len(of_device) - MAX_CHAINS + 1)]:
            drop_early(tx, position)
    in_chat = "SELECT COUNT(*) FROM early WHERE is_key = ? AND chat = ?"
    at_all = "SELECT COUNT(*) FROM early WHERE is_key = ?"
    for row, most in (
        (tx.one(in_chat, [is_key, _key(tx, group)]), MOST_EARLY),
        (tx.one(at_all, [is_key]), MOST_EARLY_AT_ALL),
    ):
        if row is not None and isinstance(row[0], int) and row[0] >= most:
            return False
    key = secrets.token_bytes(16)
    tx.execute(
        "INSERT INTO early (key, chat, at, value, is_key) VALUES (?, ?, ?, ?, ?)",
        [key, _key(tx, group), now, tx.seal("early", key, value), is_key],
    )
    return True


def early(tx: Transaction, group: bytes) -> list[tuple[int, int, Early]]:
    """What is kept of a group chat, oldest first: position, time, value."""
    rows = tx.execute(
        "SELECT position, at, key, value FROM early WHERE chat = ? ORDER BY position", [_key(tx, group)]
    ).fetchall()
    return [(position, at, tx.open(Early, "early", key, value)) for position, at, key, value in rows]


def update_early(tx: Transaction, position: int, value: Early) -> None:
    row = tx.one("SELECT key FROM early WHERE position = ?", [position])
    if row is not None:
        key = _bytes(row[0])
        tx.execute("UPDATE early SET value = ? WHERE position = ?", [tx.seal("early", key, value), position])


def drop_early(tx: Transaction, position: int) -> None:
    tx.execute("DELETE FROM early WHERE position = ?", [position])


def drop_all_early(tx: Transaction, group: bytes) -> None:
    """Of a group chat that this account is not in, nothing is waited for."""
    tx.execute("DELETE FROM early WHERE chat = ?", [_key(tx, group)])


def tidy(tx: Transaction, *, now: int) -> None:
    """Once a day: forget what nothing can come of any more."""
    tx.execute("DELETE FROM early WHERE at <= ?", [now - EARLY_KEPT])
    tx.execute("DELETE FROM own_chain WHERE value = x'' AND at <= ?", [now - LOG_KEPT - EARLY_KEPT])
    for key, value in tx.execute("SELECT key, value FROM announced_chain").fetchall():
        chain = AnnouncedChain.from_bytes(tx.open_bytes("announced_chain", key, value))
        kept = chain.tidy(now=now)
        if kept is None:
            tx.execute("DELETE FROM announced_chain WHERE key = ?", [key])
        elif len(kept.skipped) != len(chain.skipped):
            save_chain(tx, kept)


def _told(tx: Transaction, key: bytes, sealed: Value) -> Told:
    rows = [form.array(row, 4) for row in form.array(cbor.decode(tx.open_bytes("told", key, sealed)))]
    return {
        Recipient(
            AccountId(form.identifier(account)), DeviceId(form.identifier(device)), form.any_octets(signing_key)
        ): form.unsigned(n)
        for account, device, signing_key, n in rows
    }


def _key(tx: Transaction, group: bytes) -> bytes:
    return tx.find("group_chat", group)


def _operation(tx: Transaction, group: bytes, operation_hash: bytes) -> bytes:
    return tx.find("group_operation", group, operation_hash)


def _announced(tx: Transaction, group: bytes, account: bytes, device: bytes, chain: bytes) -> bytes:
    return tx.find("announced_chain", group, account, device, chain)


def _bytes(value: Value) -> bytes:
    assert isinstance(value, bytes)  # noqa: S101 - the column is BLOB
    return value
