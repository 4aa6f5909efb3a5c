"""What a send is checked against: device sets, and what two accounts think of each other.

They change rarely and are asked for with every message, so a process remembers them. Nothing is decided by memory
alone: each fact has a version, and the statement that commits a message compares it (chats/writer).
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.db.models import Q

from accounts.models import Contact
from chats.group_facts import GroupCache
from chats.ids import AccountId, ChatId, DeviceId
from chats.limits import CACHED_FACTS
from chats.models import PrivateChat
from chats.sends import private_chat_id
from keys.models import DeviceList
from keys.services import recipients
from messenger.lib import base64url

NOTHING = 0  # no Contact row: neither has said anything of the other
REQUESTED, ACCEPTED, BLOCKED = (int(state) for state in Contact.State)
PAIRS_PER_QUERY = 200  # each is two alternatives, and SQLite takes an expression no deeper than 1,000

Pair = tuple[AccountId, AccountId]


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """Whom to encrypt to. An account that cannot be written to has no list hash."""

    list_hash: str
    active: frozenset[DeviceId]
    suspended: tuple[DeviceId, ...]
    version: int


@dataclass(frozen=True, slots=True)
class PairFacts:
    """What the first of a pair thinks of the second, and the reverse. Version -1: they have no chat yet."""

    version: int
    mine: int
    theirs: int


def load_accounts(accounts: Collection[AccountId]) -> dict[AccountId, AccountFacts]:
    """The facts of accounts, from the database."""
    sets = recipients({uuid.UUID(account) for account in accounts})
    facts = {account: AccountFacts("", frozenset(), (), 0) for account in accounts}
    for account, devices in sets.items():
        facts[AccountId(str(account))] = AccountFacts(
            base64url.encode(devices.list_hash),
            frozenset(DeviceId(str(device)) for device in devices.active),
            tuple(sorted(DeviceId(str(device)) for device in devices.suspended)),
            devices.version,
        )
    return facts


def load_pairs(pairs: Collection[Pair]) -> dict[Pair, PairFacts]:
    """The facts of pairs, from the database."""
    # The version before the states: a change in between makes it older than what was seen, never newer.
    chats = {pair: private_chat_id(*pair) for pair in pairs}
    found = PrivateChat.objects.filter(pk__in=[uuid.UUID(chat) for chat in chats.values()])
    versions = {ChatId(str(chat)): version for chat, version in found.values_list("pk", "version")}
    states: dict[tuple[str, str], int] = {}
    left = iter(pairs)
    while some := list(islice(left, PAIRS_PER_QUERY)):
        wanted = Q(pk__in=())
        for one, other in some:
            wanted |= Q(owner=one, other=other) | Q(owner=other, other=one)
        rows = Contact.objects.filter(wanted).values_list("owner_id", "other_id", "state")
        states |= {(str(owner), str(other)): state for owner, other, state in rows}
    return {
        (one, other): PairFacts(
            versions.get(chats[one, other], -1),
            states.get((one, other), NOTHING),
            states.get((other, one), NOTHING),
        )
        for one, other in pairs
    }


def newest_lists(accounts: Collection[AccountId]) -> list[dict[str, object]]:
    """What `devices_changed` tells: the newest signed list of each account, and its suspended devices."""
    ids = [uuid.UUID(account) for account in accounts]
    sets = recipients(ids)
    signed = {row.account_id: row.signed for row in DeviceList.objects.newest(ids)}
    return [
        {
            "account": str(account),
            "lists": [
                {
                    "payload": base64url.encode(signed[account].payload),
                    "signature": base64url.encode(signed[account].signature),
                }
            ],
            "suspended": sorted(str(device) for device in sets[account].suspended),
        }
        for account in ids
        if account in signed and account in sets
    ]


class FactsCache:
    """The facts that a process remembers, oldest out first."""

    def __init__(self) -> None:
        self.accounts: dict[AccountId, AccountFacts] = {}
        self.pairs: dict[Pair, PairFacts] = {}
        self.groups = GroupCache()

    def remember(self, accounts: dict[AccountId, AccountFacts], pairs: dict[Pair, PairFacts]) -> None:
        self.accounts.update(accounts)
        self.pairs.update(pairs)
        _trim(self.accounts)
        _trim(self.pairs)

    def forget_account(self, account: AccountId) -> None:
        self.accounts.pop(account, None)

    def forget_pair(self, one: AccountId, other: AccountId) -> None:
        self.pairs.pop((one, other), None)
        self.pairs.pop((other, one), None)


def _trim(facts: dict[Any, Any]) -> None:
    while len(facts) > CACHED_FACTS:
        del facts[next(iter(facts))]
