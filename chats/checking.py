"""May this be sent, to these devices? One answer for every edge, from facts that the commit compares again."""

from __future__ import annotations

from chats.errors import ContactBlocked, DevicesChanged
from chats.facts import ACCEPTED, BLOCKED, AccountFacts, FactsCache, PairFacts
from chats.ids import AccountId
from chats.sends import COPY, MESSAGE, Send, Target
from keys.errors import NotListed
from messenger.lib.errors import NotFound


class FactsMissing(Exception):
    """The facts of these accounts and pairs have to be loaded first."""


class ChatToOpen(Exception):
    """All is well, but the sender has to open the chat, or to accept the other one by writing, first."""


def check(send: Send, facts: FactsCache) -> None:
    """Raise the refusal, or fill in what the commit needs: whom each parcel is for, versions, visibility."""
    if send.is_control:
        _check_control(send, facts)
    else:
        _check_message(send, facts)


def _check_message(send: Send, facts: FactsCache) -> None:
    try:
        own, theirs, pair = facts.accounts[send.account], facts.accounts[send.to], facts.pairs[send.account, send.to]
    except KeyError:
        raise FactsMissing from None
    if not theirs.active:
        # Suspended as a whole, too: what is accepted has somebody to be delivered to.
        raise NotFound("there is no such account, or it cannot be written to")
    if send.device not in own.active:
        raise NotListed
    if pair.mine == BLOCKED:
        raise ContactBlocked
    _check_device_sets(send, own, theirs)
    if pair.version < 0 or pair.mine != ACCEPTED:
        raise ChatToOpen
    send.account_version, send.to_version, send.chat_version = own.version, theirs.version, pair.version
    send.skipped = theirs.suspended + own.suspended
    _judge(send, pair)


def _check_device_sets(send: Send, own: AccountFacts, theirs: AccountFacts) -> None:
    named = set(send.left_out)
    for parcel in send.parcels:
        if parcel.device in theirs.active:
            parcel.account, parcel.kind = send.to, MESSAGE
        else:
            parcel.account, parcel.kind = send.account, COPY
        named.add(parcel.device)
    named.add(send.device)
    if (
        send.lists[send.to] != theirs.list_hash
        or send.lists[send.account] != own.list_hash
        or named != theirs.active | own.active
    ):
        raise DevicesChanged


def _judge(send: Send, pair: PairFacts) -> None:
    send.hidden = pair.theirs != ACCEPTED
    send.request = pair.theirs != ACCEPTED
    # A recipient who blocked the sender: accepted, delivered to nobody, and the sender cannot tell. Copies reach the
    # sender's own devices as ever.
    blocked = pair.theirs == BLOCKED
    send.outgoing = [parcel for parcel in send.parcels if parcel.kind == COPY or not blocked]


def _check_control(send: Send, facts: FactsCache) -> None:
    targets = dict.fromkeys(parcel.account for parcel in send.parcels)
    try:
        own = facts.accounts[send.account]
        known = {account: facts.accounts[account] for account in targets}
        pairs = {account: facts.pairs[send.account, account] for account in targets if account != send.account}
    except KeyError:
        raise FactsMissing from None
    if any(not one.list_hash for one in known.values()):
        raise NotFound("there is no such account, or it cannot be written to yet")
    if send.device not in own.active:
        raise NotListed
    if any(pair.mine == BLOCKED for pair in pairs.values()):
        raise ContactBlocked
    if any(parcel.device not in known[parcel.account].active for parcel in send.parcels):
        raise DevicesChanged
    send.account_version = own.version
    send.targets = [Target(account, known[account].version, pair.mine, pair.theirs) for account, pair in pairs.items()]
    blocked = {account for account, pair in pairs.items() if pair.theirs == BLOCKED}
    send.outgoing = [parcel for parcel in send.parcels if parcel.account not in blocked]


def needed(send: Send) -> tuple[set[AccountId], set[tuple[AccountId, AccountId]]]:
    """The accounts and pairs whose facts a send is checked against."""
    others = {parcel.account for parcel in send.parcels} if send.is_control else {send.to}
    return others | {send.account}, {(send.account, other) for other in others - {send.account}}
