"""Who the others of a chat are, and whether they have accepted each other: for what is only relayed."""

from __future__ import annotations

import time
import uuid

from accounts.models import Contact
from chats.facts import ACCEPTED, FactsCache, load_pairs
from chats.group_facts import Reach, load_groups
from chats.ids import AccountId, ChatId, GroupId
from chats.limits import CACHED_FACTS
from chats.models import PrivateChat
from chats.threads import Threads

FRESH_SECONDS = 3.0  # that memory is believed: no commit compares it, and word of a block may be lost


class Peers:
    def __init__(self, facts: FactsCache, threads: Threads) -> None:
        self._facts, self._threads = facts, threads
        self._known: dict[tuple[AccountId, ChatId], tuple[AccountId, float]] = {}  # and when it was asked for

    async def accepted_peer(self, account: AccountId, chat: ChatId) -> AccountId | None:
        """The other one, if this is a chat of the account's and both have accepted; else None."""
        peer, asked = self._known.get((account, chat), (None, 0.0))
        if peer is None or (account, peer) not in self._facts.pairs or time.monotonic() - asked > FRESH_SECONDS:
            peer = await self._threads.run(self._load, account, chat)
        pair = self._facts.pairs.get((account, peer)) if peer else None
        return peer if pair is not None and pair.mine == pair.theirs == ACCEPTED else None

    async def others_in(self, account: AccountId, group: GroupId) -> list[AccountId]:
        """The others in a group chat that the account is in and has accepted, but those whom it blocks; else nobody."""
        facts = self._facts.groups.get(group)
        if facts is None or time.monotonic() - facts.loaded > FRESH_SECONDS:
            facts = (await self._threads.run(load_groups, [group]))[group]
            self._facts.groups.remember({group: facts})
        if facts.members.get(account) != Reach.ALL:
            return []
        others = [one for one, reach in facts.members.items() if one != account and reach != Reach.NOTHING]
        blocked = await self._threads.run(_blocked_by, account, others)
        return [one for one in others if one not in blocked]

    def _load(self, account: AccountId, chat: ChatId) -> AccountId | None:
        now = time.monotonic()
        found = PrivateChat.objects.visible_to(uuid.UUID(account)).filter(pk=chat).first()
        if found is None:
            return None
        peer = AccountId(str(found.peer_of(uuid.UUID(account))))
        self._facts.remember({}, load_pairs([(account, peer)]))
        if len(self._known) > CACHED_FACTS:
            self._known.clear()
        self._known[account, chat] = peer, now
        return peer


def _blocked_by(account: AccountId, others: list[AccountId]) -> set[AccountId]:
    ids = [uuid.UUID(one) for one in others]
    rows = Contact.objects.filter(owner=uuid.UUID(account), other__in=ids, state=Contact.State.BLOCKED)
    return {AccountId(str(other)) for other in rows.values_list("other", flat=True)}
