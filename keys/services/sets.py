"""Whom to send to, and who is on the newest list of an account."""

from __future__ import annotations

import uuid
from collections.abc import Collection

from keys import sql, verify
from keys.models import DeviceList
from keys.values import DeviceSet


def recipients(account_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, DeviceSet]:
    """The device set of each account that has published a list, as of one moment. Others are absent."""
    sets = {}
    for one in sql.newest_sets(account_ids):
        added = verify.listed_since(one.payload)
        devices = frozenset(added)
        stopped = devices & one.suspended if one.is_active else devices
        sets[one.account] = DeviceSet(one.list_hash, devices, added, stopped, one.version, one.chain, one.account_key)
    return sets


def listed_devices(account_id: uuid.UUID) -> frozenset[uuid.UUID]:
    """The devices on the account's newest list, suspended ones too; none where no list was published."""
    newest = DeviceList.objects.newest([account_id]).values_list("payload", flat=True).first()
    return frozenset() if newest is None else verify.listed_ids(bytes(newest))
