"""The public directory: lists, suspensions and current prekeys of accounts. Reads only, and consumes nothing."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from accounts.models import User
from keys.models import DeviceList, SignedPrekey
from keys.services import recipients
from keys.values import DeviceSet
from keys.verify import KLR, SPK, SignedObject

MOST_ACCOUNTS = 100  # a question
MOST_LISTS = 100  # of an account, an answer; the next call goes on from there


@dataclass(frozen=True, slots=True)
class Since:
    """What whoever asks knows of an account already: the lists up to `seq`, under `account_key` where one is named."""

    seq: int
    account_key: bytes | None = None


@dataclass(frozen=True, slots=True)
class PublicPrekeys:
    device: uuid.UUID
    signed_prekey: SignedObject | None
    last_resort: SignedObject | None


@dataclass(frozen=True, slots=True)
class Entry:
    """What everybody may know of an account. Without a published list, nothing."""

    account: uuid.UUID
    lists: tuple[SignedObject, ...]
    suspended: tuple[uuid.UUID, ...]  # devices of the newest list
    devices: tuple[PublicPrekeys, ...]  # the others of the newest list


def read(wanted: Mapping[uuid.UUID, Since | None]) -> list[Entry]:
    """An entry for each account that exists: the lists of the newest chain that are not known yet, or the newest one.

    Whoever knows another account key than the newest chain's knows none of that chain.
    """
    known = set(User.objects.filter(pk__in=wanted).values_list("pk", flat=True))
    sets = recipients(known)
    lists: dict[uuid.UUID, list[SignedObject]] = defaultdict(list)
    for row in _lists({account: wanted[account] for account in sets}, sets):
        lists[row.account_id].append(row.signed)
    served = [device for devices in sets.values() for device in devices.active]
    prekeys = {(row.device_id, row.label): row.signed for row in SignedPrekey.objects.filter(device__in=served)}
    entries = []
    for account in wanted:
        if account not in known:
            continue
        devices = sets.get(account)
        active = sorted(devices.active) if devices else []
        entries.append(
            Entry(
                account,
                tuple(lists[account]),
                tuple(sorted(devices.suspended)) if devices else (),
                tuple(PublicPrekeys(one, prekeys.get((one, SPK)), prekeys.get((one, KLR))) for one in active),
            )
        )
    return entries


def _lists(wanted: Mapping[uuid.UUID, Since | None], sets: Mapping[uuid.UUID, DeviceSet]) -> list[DeviceList]:
    newest = [account for account, since in wanted.items() if since is None]
    following = {
        account: (sets[account].chain, since.seq if since.account_key in (None, sets[account].account_key) else 0)
        for account, since in wanted.items()
        if since is not None
    }
    found = list(DeviceList.objects.newest(newest)) if newest else []
    return found + (list(DeviceList.objects.following(following, most=MOST_LISTS)) if following else [])
