"""What became of messages: read, by whom and when. Shown only to a sender whom the recipient has accepted."""

from __future__ import annotations

import uuid
from collections.abc import Collection

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from accounts.models import Contact, Device
from chats import effects
from chats.ids import AccountId, ChatId, DeviceId, MessageId
from chats.models import PrivateChat, PrivateMessage, PrivateMessageStatus
from chats.services.groups import own_group_statuses, read_in_group
from chats.services.values import Status
from messenger.lib.clock import now_ms
from messenger.lib.errors import NotFound

ACCEPTED = Contact.State.ACCEPTED


def statuses_of(
    *,
    account: uuid.UUID,
    messages: Collection[uuid.UUID],
    chat: uuid.UUID | None = None,
    group: uuid.UUID | None = None,
) -> list[Status]:
    """What this account may know of its own messages, oldest first; of others' messages, nothing.

    But where a chat or a group chat is named: which of others' messages there the account's own devices have read.
    NotFound for a stranger's.
    """
    found = _of_own(account, messages) + own_group_statuses(account=account, messages=messages)
    if chat is not None:
        found += _read_here(account, messages, chat)
    if group is not None:
        found += read_in_group(account=account, messages=messages, group=group)
    return sorted(found, key=lambda one: one.at)


def _of_own(account: uuid.UUID, messages: Collection[uuid.UUID]) -> list[Status]:
    accepted = Contact.objects.filter(
        owner=OuterRef("device__user"), other=OuterRef("message__sender_device__user"), state=ACCEPTED
    )
    rows = (
        PrivateMessageStatus.objects.filter(
            message__sender_device__in=_devices_of(account), message__client_message_id__in=messages
        )
        .filter(Q(message__hidden=False) | Exists(accepted))
        .order_by("at", "status")
        .values_list("message__client_message_id", "device__user", "device", "status", "at")
    )
    names = dict(PrivateMessageStatus.Status.choices)
    return [Status(message, by, device, str(names[status]), at) for message, by, device, status, at in rows]


def _read_here(account: uuid.UUID, messages: Collection[uuid.UUID], chat: uuid.UUID) -> list[Status]:
    found = _chat_of(account, chat)
    rows = PrivateMessageStatus.objects.filter(
        message__chat=found,
        message__sender_device__in=_devices_of(found.peer_of(account)),
        message__client_message_id__in=messages,
        device__in=_devices_of(account),
        status=PrivateMessageStatus.Status.READ,
    ).values_list("message__client_message_id", "device", "at")
    return [Status(message, account, device, "read", at) for message, device, at in rows]


@transaction.atomic
def mark_read(*, account: AccountId, device: DeviceId, chat: ChatId, messages: Collection[MessageId]) -> None:
    """The person has seen these messages of the other one, on this device. NotFound for a stranger's chat."""
    found = _chat_of(uuid.UUID(account), uuid.UUID(chat))
    peer = found.peer_of(uuid.UUID(account))
    rows = list(
        PrivateMessage.objects.filter(
            chat=found, client_message_id__in=list(messages), sender_device__in=_devices_of(peer)
        ).values_list("pk", "client_message_id", "hidden")
    )
    known = set(
        PrivateMessageStatus.objects.filter(
            message__in=[pk for pk, _, _ in rows], device=uuid.UUID(device), status=PrivateMessageStatus.Status.READ
        ).values_list("message", flat=True)
    )
    fresh = [row for row in rows if row[0] not in known]
    at = now_ms()
    PrivateMessageStatus.objects.bulk_create(
        [
            PrivateMessageStatus(message_id=pk, device_id=device, status=PrivateMessageStatus.Status.READ, at=at)
            for pk, _, _ in fresh
        ],
        ignore_conflicts=True,
    )
    accepted = Contact.objects.filter(owner=uuid.UUID(account), other=peer, state=ACCEPTED).exists()
    shown = [MessageId(str(message)) for _, message, hidden in fresh if accepted or not hidden]
    if shown:
        effects.messages_read(to=AccountId(str(peer)), chat=chat, messages=shown, account=account, device=device, at=at)
    if seen := [MessageId(str(message)) for _, message, _ in fresh]:
        effects.messages_read(to=account, chat=chat, messages=seen, account=account, device=device, at=at)


def _chat_of(account: uuid.UUID, chat: uuid.UUID) -> PrivateChat:
    found = PrivateChat.objects.visible_to(account).filter(pk=chat).first()
    if found is None:
        raise NotFound()
    return found


def _devices_of(account: uuid.UUID) -> list[uuid.UUID]:
    return list(Device.objects.filter(user=account).values_list("pk", flat=True))
