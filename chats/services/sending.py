"""Deciding about a send, and the whole of it for REST: the same checks and the same statement as on the socket."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.db import transaction

from chats import effects, sends
from chats.checking import ChatToOpen, FactsMissing, check, needed
from chats.errors import DevicesChanged
from chats.facts import FactsCache, load_accounts, load_pairs, newest_lists
from chats.frames import DeviceSend, MessageSend
from chats.group_sends import GroupSend
from chats.ids import AccountId, DeviceId, MessageId
from chats.limits import ATTEMPTS
from chats.models import PrivateMessage
from chats.sends import Accepted, Send, Stale
from chats.services.contacts import open_chat
from chats.writer import on_django
from chats.writer.store import split_ids
from messenger.lib import metrics
from messenger.lib.errors import DomainError, Malformed, Unavailable


def load_facts(sends: Sequence[Send], facts: FactsCache) -> None:
    """Load what these sends are checked against, all of it anew."""
    accounts, pairs = set(), set()
    for send in sends:
        more_accounts, more_pairs = needed(send)
        accounts |= more_accounts
        pairs |= more_pairs
    if accounts:
        facts.remember(load_accounts(accounts), load_pairs(pairs))


def decide(send: Send, error: DomainError | None, facts: FactsCache) -> Accepted | None:
    """The stored answer of a message that was accepted before; None for one that may be written; else its refusal."""
    if stored := stored_answer(send):
        return stored
    if error is not None:
        raise error
    load_facts([send], facts)
    try:
        try:
            check(send, facts)
        except ChatToOpen:
            open_chat(sender=uuid.UUID(send.account), recipient=uuid.UUID(send.to), by=send.device)
            load_facts([send], facts)
            check(send, facts)
    except DevicesChanged as refusal:
        refusal.extra = {"accounts": newest_lists(sorted(needed(send)[0]))}
        raise
    except (FactsMissing, ChatToOpen) as changed:
        raise Unavailable("the chat keeps changing", retry_after=1) from changed
    return None


def stored_answer(send: Send) -> Accepted | None:
    """What was answered to this message when it was accepted."""
    return None if send.is_control else repeated(device=send.device, message_id=send.message_id)


def repeated(*, device: DeviceId, message_id: MessageId) -> Accepted | None:
    """What was answered to this message of the device, if it was accepted before."""
    row = (
        PrivateMessage.objects.filter(sender_device=uuid.UUID(device), client_message_id=message_id)
        .values_list("accepted_at", "skipped")
        .first()
    )
    return Accepted(row[0], split_ids(bytes(row[1]))) if row else None


def send_message(*, account: AccountId, device: DeviceId, message: MessageSend) -> Accepted:
    """Accept a message for delivery; the first answer again for one that was accepted before."""
    send = Send(account, device, MessageId(message.message_id), _nobody_waits)
    error: Malformed | None = None
    try:
        sends.fill_message(send, message)
    except Malformed as malformed:
        error = malformed
    return _accept(send, error)


def send_control(*, account: AccountId, device: DeviceId, message: DeviceSend) -> None:
    """Queue control contents for the devices named."""
    send = Send(account, device, MessageId(message.message_id), _nobody_waits, is_control=True)
    sends.fill_control(send, message)
    _accept(send, None)


def _accept(send: Send, error: Malformed | None) -> Accepted:
    for _ in range(ATTEMPTS):
        stored = decide(send, error, FactsCache())
        if stored is not None:
            return stored
        with transaction.atomic():
            verdict = on_django.accept(send)
            if not isinstance(verdict, Stale):
                effects.envelopes_written([parcel.device for parcel in send.outgoing])
                count_accepted(send, verdict)
                return verdict
    raise Unavailable("the devices of the chat keep changing", retry_after=1)


def count_accepted(send: Send | GroupSend, verdict: Accepted) -> None:
    """For the operator: a message that was written now, and not by an earlier send of it."""
    if verdict.positions and not send.is_control:
        metrics.accepted.inc()


def _nobody_waits(send: Send, outcome: Accepted | DomainError) -> None:
    """REST takes the outcome as a return value."""
