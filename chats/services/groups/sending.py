"""Deciding about a message to a group chat, and the whole of it for REST: as on the socket."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.db import transaction

from chats import effects
from chats.checking import ChatToOpen, FactsMissing
from chats.errors import DevicesChanged, GroupChanged
from chats.facts import FactsCache, load_accounts
from chats.frames import GroupSend as Frame
from chats.group_facts import lists_of, load_groups
from chats.group_sends import GroupSend, check_group, fill_group
from chats.ids import AccountId, DeviceId, GroupId, MessageId
from chats.limits import ATTEMPTS
from chats.models import GroupChat, GroupMessage, GroupOperation
from chats.sends import Accepted, Stale
from chats.services.groups.chain import group_changed
from chats.services.groups.reach import accept_group
from chats.writer import on_django
from chats.writer.store import split_ids
from messenger.lib import base64url, metrics
from messenger.lib.errors import DomainError, Malformed, Unavailable


def load_group_facts(sends: Sequence[GroupSend], facts: FactsCache) -> None:
    """Load what these sends are checked against, all of it anew."""
    if groups := {send.group for send in sends}:
        facts.groups.remember(load_groups(groups))
        # The senders' too: who knows that all their devices are here tells no other process of each status.
        facts.remember(load_accounts({send.account for send in sends}), {})


def decide_group(send: GroupSend, error: DomainError | None, facts: FactsCache) -> Accepted | None:
    """The stored answer of a message that was accepted before; None for one that may be written; else its refusal."""
    if stored := repeated_group(device=send.device, message_id=send.message_id):
        return stored
    if error is not None:
        raise error
    load_group_facts([send], facts)
    try:
        try:
            check_group(send, facts)
        except ChatToOpen:
            accept_group(account=uuid.UUID(send.account), group=uuid.UUID(send.group))
            load_group_facts([send], facts)
            check_group(send, facts)
    except GroupChanged as refusal:
        refusal.extra = _since(send.group, base64url.decode(send.gsh))
        raise
    except DevicesChanged as refusal:
        refusal.extra = {"members": lists_of(send.group)}
        raise
    except (FactsMissing, ChatToOpen) as changed:
        raise Unavailable("the group chat keeps changing", retry_after=1) from changed
    return None


def repeated_group(*, device: DeviceId, message_id: MessageId) -> Accepted | None:
    """What was answered to this message of the device, if it was accepted before."""
    row = (
        GroupMessage.objects.filter(sender_device=uuid.UUID(device), client_message_id=message_id)
        .values_list("accepted_at", "skipped")
        .first()
    )
    return Accepted(row[0], split_ids(bytes(row[1]))) if row else None


def send_group_message(*, account: AccountId, device: DeviceId, message: Frame) -> Accepted:
    """Accept a message for delivery; the first answer again for one that was accepted before."""
    send = GroupSend(account, device, MessageId(message.message_id), _nobody_waits)
    error: Malformed | None = None
    try:
        fill_group(send, message)
    except Malformed as malformed:
        error = malformed
    for _ in range(ATTEMPTS):
        stored = decide_group(send, error, FactsCache())
        if stored is not None:
            return stored
        with transaction.atomic():
            verdict = on_django.accept_group(send)
            if not isinstance(verdict, Stale):
                effects.envelopes_written([one.device for one in send.outgoing])
                if verdict.positions:
                    metrics.accepted.inc()
                return verdict
    raise Unavailable("the group chat keeps changing", retry_after=1)


def _since(group: GroupId, gsh: bytes) -> dict[str, object]:
    """What has happened since an operation that a sender takes for the newest; all of it if there is no such one."""
    chat = GroupChat.objects.get(pk=uuid.UUID(group))
    known = GroupOperation.objects.filter(chat=chat, hash=gsh).values_list("index", flat=True).first()
    return group_changed(chat, -1 if known is None else known)


def _nobody_waits(send: GroupSend, outcome: Accepted | DomainError) -> None:
    """REST takes the outcome as a return value."""
