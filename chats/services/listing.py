"""Which devices are on their account's newest list. The others have proved a key of their own, and nothing more."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass

from accounts.models import User
from chats.ids import AccountId, DeviceId
from keys import verify
from keys.errors import NotListed
from keys.models import DeviceList


@dataclass(frozen=True, slots=True)
class Listed:
    """The devices on the newest list of an account, suspended ones too, as of a version of its device set."""

    version: int
    devices: frozenset[DeviceId]


NOBODY_LISTED = Listed(-1, frozenset())


def listed_devices(accounts: Collection[AccountId]) -> dict[AccountId, Listed]:
    """Who is listed, of each account that has published a list; in one query."""
    newest = DeviceList.objects.newest([uuid.UUID(account) for account in accounts])
    return {
        AccountId(str(account)): Listed(
            version, frozenset(DeviceId(str(device)) for device in verify.listed_ids(bytes(payload)))
        )
        for account, payload, version in newest.values_list("account_id", "payload", "account__devices_version")
    }


def list_versions(accounts: Collection[AccountId]) -> dict[AccountId, int]:
    """The versions of the accounts' device sets, which grow with each change."""
    found = User.objects.filter(pk__in=[uuid.UUID(account) for account in accounts])
    return {AccountId(str(account)): version for account, version in found.values_list("pk", "devices_version")}


def require_listed(*, account: AccountId, device: DeviceId) -> None:
    """NotListed unless the device is on its account's newest list."""
    if device not in listed_devices([account]).get(account, NOBODY_LISTED).devices:
        raise NotListed()
