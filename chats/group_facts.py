"""What a message to a group chat is checked against: who is in it, on which devices, after which operation.

As with facts of accounts (facts.py), memory decides nothing: the statement that commits compares the group chat's
version and the versions of its members' device sets, which only grow, so that their sum says whether one has changed.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from chats.ids import AccountId, DeviceId, GroupId, known_bytes
from chats.limits import CACHED_GROUP_DEVICES, GROUP_DEVICES
from chats.models import GroupChat, GroupMember
from chats.sends import GROUP, GROUP_COPY
from keys import cbor
from keys.services import recipients
from keys.values import DeviceSet
from messenger.lib import base64url

Reach = GroupMember.Reach
FANS = 16  # senders whose fans a group chat's facts hold


@dataclass(frozen=True, slots=True)
class Destination:
    """A device that a message is for. `request`: its account has not accepted the group chat yet."""

    account: AccountId
    device: DeviceId
    request: bool


@dataclass(frozen=True, slots=True)
class Fan:
    """All devices that a message of one device goes to, and their kinds of envelope; in the forms databases take."""

    destinations: tuple[Destination, ...]
    devices: tuple[bytes, ...]
    kinds: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class GroupFacts:
    """A group chat as of some moment. One that is not there has no members."""

    version: int
    devices_version: int  # of all members, summed
    gsh: str
    lists: str  # H(CBOR[[account, list hash] by account]) of the members
    members: Mapping[AccountId, int]  # and their reach
    active: frozenset[DeviceId]  # of all members
    destinations: tuple[Destination, ...]  # the active devices of those whom anything reaches, 500 at most
    skipped: tuple[DeviceId, ...]  # that the server suspended
    loaded: float  # time.monotonic()
    _fans: dict[tuple[AccountId, DeviceId], Fan] = field(default_factory=dict, repr=False)

    def fan(self, account: AccountId, device: DeviceId) -> Fan:
        """Whom a message of this device goes to. Kept: a sender writes more than once."""
        if (known := self._fans.get((account, device))) is None:
            if len(self._fans) >= FANS:
                self._fans.clear()
            others = tuple(one for one in self.destinations if one.device != device)
            kinds = tuple(GROUP_COPY if one.account == account else GROUP for one in others)
            known = Fan(others, tuple(known_bytes(one.device) for one in others), kinds)
            self._fans[account, device] = known
        return known


class GroupCache:
    """The group chats that a process remembers, oldest out first, by the number of their devices."""

    def __init__(self) -> None:
        self._groups: dict[GroupId, GroupFacts] = {}
        self._devices = 0

    def get(self, group: GroupId) -> GroupFacts | None:
        return self._groups.get(group)

    def remember(self, groups: Mapping[GroupId, GroupFacts]) -> None:
        for group, facts in groups.items():
            self.forget(group)
            self._groups[group] = facts
            self._devices += 1 + len(facts.active)
        while self._devices > CACHED_GROUP_DEVICES:
            self.forget(next(iter(self._groups)))

    def forget(self, group: GroupId) -> None:
        if known := self._groups.pop(group, None):
            self._devices -= 1 + len(known.active)


def load_groups(groups: Collection[GroupId]) -> dict[GroupId, GroupFacts]:
    """The facts of group chats, from the database."""
    ids = [uuid.UUID(group) for group in groups]
    # The versions before the rest: a change in between makes them older than what was seen, never newer.
    chats = {chat.pk: chat for chat in GroupChat.objects.filter(pk__in=ids)}
    rows = GroupMember.objects.filter(chat__in=chats, pending=False).values_list("chat", "account", "reach")
    members: dict[uuid.UUID, dict[uuid.UUID, int]] = {chat: {} for chat in chats}
    for chat, account, reach in rows:
        members[chat][account] = reach
    sets = recipients({account for of_one in members.values() for account in of_one})
    return {GroupId(str(one)): _facts(chats[one], members[one], sets) if one in chats else _NO_GROUP for one in ids}


def lists_of(group: GroupId) -> list[tuple[str, str]]:
    """The members of a group chat by account, each with the hash of its newest list."""
    rows = GroupMember.objects.filter(chat=uuid.UUID(group), pending=False).values_list("account", flat=True)
    sets = recipients(list(rows))
    return [(str(account), base64url.encode(sets[account].list_hash)) for account in sorted(sets)]


def _facts(chat: GroupChat, members: Mapping[uuid.UUID, int], sets: Mapping[uuid.UUID, DeviceSet]) -> GroupFacts:
    known = {account: sets[account] for account in sorted(members) if account in sets}
    readers = _readers(known)
    rows: list[cbor.Value] = [[account.bytes, devices.list_hash] for account, devices in known.items()]
    reached = [
        Destination(AccountId(str(account)), DeviceId(str(device)), members[account] == Reach.REQUEST)
        for account, devices in known.items()
        if members[account] != Reach.NOTHING
        for device in devices.active & readers
    ]
    return GroupFacts(
        version=chat.version,
        devices_version=sum(devices.version for devices in known.values()),
        gsh=base64url.encode(bytes(chat.head_hash)),
        lists=base64url.encode(hashlib.sha256(cbor.encode(rows)).digest()),
        members={AccountId(str(account)): reach for account, reach in members.items()},
        active=frozenset(DeviceId(str(device)) for devices in known.values() for device in devices.active),
        destinations=tuple(reached),
        skipped=tuple(
            sorted(DeviceId(str(device)) for devices in known.values() for device in devices.suspended & readers)
        ),
        loaded=time.monotonic(),
    )


def _readers(sets: Mapping[uuid.UUID, DeviceSet]) -> frozenset[uuid.UUID]:
    """Who is written to, suspended or not: where lists have grown past the bound, those that were added first."""
    # As every client does it, or what one left out would get messages that it has no key for.
    added = [(at, account.bytes, device.bytes) for account, one in sets.items() for device, at in one.added.items()]
    return frozenset(uuid.UUID(bytes=device) for _, _, device in sorted(added)[:GROUP_DEVICES])


_NO_GROUP = GroupFacts(-1, 0, "", "", {}, frozenset(), (), (), 0.0)
