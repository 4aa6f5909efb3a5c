"""What claims and sends ask of the database, by hand: the newest device sets, and one bundle of each of many devices.

The ORM can neither take the first free row of each device nor delete what it reads. It needed nine queries for a
claim, each of half a millisecond of processor time, most of it to build the same SQL anew.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from keys.verify import SignedObject
from messenger.lib.clock import Milliseconds

# A row for each suspended device of an account, or one without.
NEWEST_SETS = """
SELECT u.id, list.hash, list.payload, list.chain, list.account_key, u.devices_version, u.is_active, suspended.id
FROM accounts_user u
JOIN keys_devicelist list ON list.id = (
    -- From the accounts: one step into the index each, however many lists an account has had.
    SELECT l.id FROM keys_devicelist l WHERE l.account_id = u.id ORDER BY l.chain DESC, l.seq DESC LIMIT 1)
LEFT JOIN accounts_device suspended ON suspended.user_id = u.id AND suspended.suspended
WHERE u.id IN (%s)
"""


@dataclass(frozen=True, slots=True)
class NewestSet:
    """The newest list of an account, and those of the account's devices that are suspended."""

    account: uuid.UUID
    list_hash: bytes
    payload: bytes
    chain: int
    account_key: bytes
    version: int  # User.devices_version
    is_active: bool
    suspended: set[uuid.UUID] = field(default_factory=set)


def newest_sets(accounts: Collection[uuid.UUID]) -> list[NewestSet]:
    """One for each of the accounts that has published a list, all as of one moment."""
    if not accounts:
        return []
    asked = [_parameter(account) for account in accounts]
    found: dict[Any, NewestSet] = {}
    with connection.cursor() as cursor:
        cursor.execute(NEWEST_SETS % ", ".join(["%s"] * len(asked)), asked)
        for account, list_hash, payload, chain, key, version, is_active, suspended in cursor.fetchall():
            if (one := found.get(account)) is None:
                one = NewestSet(
                    _id(account), bytes(list_hash), bytes(payload), chain, bytes(key), version, bool(is_active)
                )
                found[account] = one
            if suspended is not None:
                one.suspended.add(_id(suspended))
    return list(found.values())


@dataclass(frozen=True, slots=True)
class Taken:
    """What a device gave, and the one-time keys that it has left. Without `signed_prekey` it gave nothing."""

    signed_prekey: SignedObject | None
    one_time: SignedObject | None
    one_time_kem: SignedObject | None
    last_resort: SignedObject | None
    left: tuple[int, int]  # opk, okpk


# Of each device the oldest key of a kind that no other transaction is taking. SKIP LOCKED: claims of one device do
# not wait for each other. MATERIALIZED: each choice is made once, however the rest is planned.
POSTGRES = """
WITH current AS (
    SELECT asked.device, spk.payload AS spk, spk.signature AS spk_signature,
           klr.payload AS klr, klr.signature AS klr_signature
    FROM unnest(%s::uuid[]) AS asked(device)
    LEFT JOIN keys_signedprekey spk ON spk.device_id = asked.device AND spk.label = 'spk' AND spk.created >= %s
    LEFT JOIN keys_signedprekey klr ON klr.device_id = asked.device AND klr.label = 'klr' AND klr.created >= %s
), kem AS MATERIALIZED (
    SELECT chosen.id, current.device FROM current CROSS JOIN LATERAL (
        SELECT id FROM keys_onetimeprekey WHERE device_id = current.device AND label = 'okpk'
        ORDER BY key_id LIMIT 1 FOR UPDATE SKIP LOCKED
    ) chosen WHERE current.spk IS NOT NULL
), dh AS MATERIALIZED (
    SELECT chosen.id FROM current CROSS JOIN LATERAL (
        SELECT id FROM keys_onetimeprekey WHERE device_id = current.device AND label = 'opk'
        ORDER BY key_id LIMIT 1 FOR UPDATE SKIP LOCKED
    ) chosen
    WHERE current.spk IS NOT NULL AND (current.klr IS NOT NULL OR current.device IN (SELECT device FROM kem))
), taken AS (
    DELETE FROM keys_onetimeprekey WHERE id IN (SELECT id FROM kem UNION ALL SELECT id FROM dh)
    RETURNING device_id, label, payload, signature
)
SELECT current.device, current.spk, current.spk_signature, current.klr, current.klr_signature,
       opk.payload, opk.signature, okpk.payload, okpk.signature,
       (SELECT count(*) FROM keys_onetimeprekey k WHERE k.device_id = current.device AND k.label = 'opk'),
       (SELECT count(*) FROM keys_onetimeprekey k WHERE k.device_id = current.device AND k.label = 'okpk')
FROM current
LEFT JOIN taken opk ON opk.device_id = current.device AND opk.label = 'opk'
LEFT JOIN taken okpk ON okpk.device_id = current.device AND okpk.label = 'okpk'
"""

# SQLite has no row locks and needs none: its transactions that write take turns (transaction_mode).
SQLITE = """
SELECT asked.value, spk.payload, spk.signature, klr.payload, klr.signature,
       opk.payload, opk.signature, okpk.payload, okpk.signature,
       (SELECT count(*) FROM keys_onetimeprekey k WHERE k.device_id = asked.value AND k.label = 'opk'),
       (SELECT count(*) FROM keys_onetimeprekey k WHERE k.device_id = asked.value AND k.label = 'okpk'),
       opk.id, okpk.id
FROM json_each(%s) AS asked
LEFT JOIN keys_signedprekey spk ON spk.device_id = asked.value AND spk.label = 'spk' AND spk.created >= %s
LEFT JOIN keys_signedprekey klr ON klr.device_id = asked.value AND klr.label = 'klr' AND klr.created >= %s
LEFT JOIN keys_onetimeprekey okpk ON spk.id IS NOT NULL AND okpk.id = (
    SELECT k.id FROM keys_onetimeprekey k WHERE k.device_id = asked.value AND k.label = 'okpk'
    ORDER BY k.key_id LIMIT 1)
LEFT JOIN keys_onetimeprekey opk ON spk.id IS NOT NULL AND (klr.id IS NOT NULL OR okpk.id IS NOT NULL) AND opk.id = (
    SELECT k.id FROM keys_onetimeprekey k WHERE k.device_id = asked.value AND k.label = 'opk'
    ORDER BY k.key_id LIMIT 1)
"""
SQLITE_DELETE = "DELETE FROM keys_onetimeprekey WHERE id IN (SELECT value FROM json_each(%s))"


def take(devices: Sequence[uuid.UUID], *, created_since: Milliseconds) -> dict[uuid.UUID, Taken]:
    """Take a bundle's keys of each device, each device named once. The transaction is the caller's.

    Signed keys that are older than `created_since` are not given out. A device that has no signed prekey, or neither
    kind of KEM key, keeps its one-time keys.
    """
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(POSTGRES, [list(devices), created_since, created_since])
            return {row[0]: _taken(row) for row in cursor.fetchall()}
        cursor.execute(SQLITE, [json.dumps([_parameter(device) for device in devices]), created_since, created_since])
        rows = cursor.fetchall()
        cursor.execute(SQLITE_DELETE, [json.dumps([key for row in rows for key in row[11:] if key])])
        return {_id(row[0]): _taken(row) for row in rows}


def _taken(row: Sequence[Any]) -> Taken:
    spk, klr, opk, okpk = (_signed(*row[at : at + 2]) for at in (1, 3, 5, 7))
    # Counted as it was before this statement.
    return Taken(spk, opk, okpk, klr, (row[9] - (opk is not None), row[10] - (okpk is not None)))


def _signed(payload: Any, signature: Any) -> SignedObject | None:
    return None if payload is None else SignedObject(bytes(payload), bytes(signature))


def _parameter(one: uuid.UUID) -> uuid.UUID | str:
    """Django keeps ids on SQLite as 32 digits."""
    return one if connection.features.has_native_uuid_field else one.hex


def _id(column: Any) -> uuid.UUID:
    return column if isinstance(column, uuid.UUID) else uuid.UUID(column)
