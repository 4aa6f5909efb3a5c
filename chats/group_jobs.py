"""The periodic work on group chats; see jobs.py, which calls it."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection

from django.db import transaction
from django.db.models import Exists, OuterRef

from chats import effects
from chats.delivery import messages as frames
from chats.ids import AccountId, DeviceId, GroupId, MessageId
from chats.models import Envelope, GroupChat, GroupMessage, GroupMessageStatus, GroupOperation
from chats.services.groups import shown_statuses
from messenger.lib.clock import Milliseconds

AT_ONCE = 500  # rows in a transaction
EXPIRED = GroupMessageStatus.Status.EXPIRED


def enter_expired(rows: Collection[Envelope], *, now: Milliseconds) -> None:
    """These envelopes have expired: enter it, and tell the senders who may know. The transaction is the caller's."""
    lost = [
        (row.group_message_id, row.device_id)
        for row in rows
        if row.kind == Envelope.Kind.GROUP and row.group_message_id
    ]
    GroupMessageStatus.objects.bulk_create(
        [GroupMessageStatus(message_id=message, device_id=device, status=EXPIRED, at=now) for message, device in lost],
        ignore_conflicts=True,
    )
    told: dict[tuple[uuid.UUID, uuid.UUID, uuid.UUID, uuid.UUID], list[MessageId]] = defaultdict(list)
    for to, shown in shown_statuses([message for message, _ in lost], status=EXPIRED, at=now):
        told[to, shown.chat, shown.account, shown.device].append(MessageId(str(shown.message)))
    for (to, chat, account, device), ids in told.items():
        where, who = GroupId(str(chat)), AccountId(str(account))
        text = frames.group_status("message.expired", where, ids, who, DeviceId(str(device)), now)
        effects.account_told(AccountId(str(to)), text)


@transaction.atomic
def forget_ciphertexts(*, before: Milliseconds) -> int:
    """Empty what nobody can fetch any more: its envelopes have expired."""
    old = GroupMessage.objects.filter(pk__lt=_bound(before)).exclude(ciphertext=b"").order_by("pk")
    ids = list(old.select_for_update().values_list("pk", flat=True)[:AT_ONCE])
    GroupMessage.objects.filter(pk__in=ids).update(ciphertext=b"")
    return len(ids)


@transaction.atomic
def forget_group_messages(*, before: Milliseconds) -> int:
    """Delete the metadata and statuses of old messages, but for those that a device is still to be told of."""
    waiting = Envelope.objects.filter(created_at__lt=before, group_message__isnull=False).values("group_message")
    old = GroupMessage.objects.filter(pk__lt=_bound(before)).exclude(pk__in=waiting).values_list("pk", flat=True)
    ids = list(old[:AT_ONCE])
    GroupMessageStatus.objects.filter(message__in=ids).delete()
    GroupMessage.objects.filter(pk__in=ids).delete()
    return len(ids)


@transaction.atomic
def forget_group_chats(*, before: Milliseconds) -> int:
    """Delete the chains that nobody is in any more, some time after the last one has left."""
    recent = GroupOperation.objects.filter(chat=OuterRef("pk"), created_at__gte=before)
    left = GroupChat.objects.filter(member_count=0).exclude(Exists(recent)).order_by("pk")
    ids = list(left.select_for_update().values_list("pk", flat=True)[:AT_ONCE])
    GroupChat.objects.filter(pk__in=ids).delete()
    return len(ids)


def _bound(before: Milliseconds) -> uuid.UUID:
    # Ids are in time order (UUIDv7): the primary key finds the old ones.
    return uuid.UUID(int=before << 80)
