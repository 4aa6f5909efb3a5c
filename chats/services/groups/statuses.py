"""What became of messages in group chats: which devices have them, and who has read them.

Shown to a sender who is still in the group chat, of members who have accepted it and do not block the sender.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from accounts.models import Contact, Device
from chats import effects
from chats.ids import AccountId, DeviceId, GroupId, MessageId
from chats.models import GroupChat, GroupMember, GroupMessage, GroupMessageStatus
from chats.services.values import Status
from messenger.lib.clock import Milliseconds, now_ms
from messenger.lib.errors import NotFound

READ = GroupMessageStatus.Status.READ
Reach = GroupMember.Reach


@dataclass(frozen=True, slots=True)
class ShownStatus:
    """Whose device, of which message. `message` is the id that the client chose."""

    chat: uuid.UUID
    message: uuid.UUID
    account: uuid.UUID
    device: uuid.UUID


def own_group_statuses(*, account: uuid.UUID, messages: Collection[uuid.UUID]) -> list[Status]:
    """What this account may know of its own messages."""
    rows = GroupMessageStatus.objects.filter(
        message__sender_device__in=_devices_of(account), message__client_message_id__in=messages
    )
    names = dict(GroupMessageStatus.Status.choices)
    return [
        Status(message, by, device, str(names[status]), at)
        for message, by, device, status, at in _shown(rows, to=account).values_list(
            "message__client_message_id", "device__user", "device", "status", "at"
        )
    ]


def read_in_group(*, account: uuid.UUID, messages: Collection[uuid.UUID], group: uuid.UUID) -> list[Status]:
    """Which of others' messages in a group chat the account's own devices have read. NotFound for a stranger's."""
    rows = GroupMessageStatus.objects.filter(
        message__chat=_group_of(account, group).pk,
        message__client_message_id__in=messages,
        device__in=_devices_of(account),
        status=READ,
    ).values_list("message__client_message_id", "device", "at")
    return [Status(message, account, device, "read", at) for message, device, at in rows]


def shown_statuses(
    messages: Collection[uuid.UUID], *, status: int, at: Milliseconds
) -> Iterator[tuple[uuid.UUID, ShownStatus]]:
    """Those that were entered at that moment and that a sender may see, each with the sender's account."""
    rows = GroupMessageStatus.objects.filter(message__in=messages, status=status, at=at)
    columns = ("message__sender_device__user", "message__chat", "message__client_message_id", "device__user", "device")
    shown = _shown(rows, to=OuterRef("message__sender_device__user"))
    for to, *found in shown.values_list(*columns):
        yield to, ShownStatus(*found)


@transaction.atomic
def mark_group_read(*, account: AccountId, device: DeviceId, group: GroupId, messages: Collection[MessageId]) -> None:
    """The person has seen these messages of others, on this device. NotFound for a stranger's group chat."""
    me = uuid.UUID(account)
    member = GroupMember.objects.filter(chat=_group_of(me, uuid.UUID(group)), account=me, pending=False).first()
    if member is None:
        raise NotFound()
    theirs = GroupMessage.objects.filter(
        chat=member.chat_id, client_message_id__in=list(messages), accepted_at__gte=member.joined_at
    ).exclude(sender_device__in=_devices_of(me))
    known = GroupMessageStatus.objects.filter(message=OuterRef("pk"), device=uuid.UUID(device), status=READ)
    rows = list(theirs.exclude(Exists(known)).values_list("pk", "client_message_id", "sender_device__user"))
    at = now_ms()
    GroupMessageStatus.objects.bulk_create(
        [GroupMessageStatus(message_id=pk, device_id=uuid.UUID(device), status=READ, at=at) for pk, _, _ in rows],
        ignore_conflicts=True,
    )
    told: dict[uuid.UUID, list[MessageId]] = defaultdict(list)
    for _, message, sender in rows:
        told[sender].append(MessageId(str(message)))
    hidden = _hidden_from(member, told)
    if rows:
        told[me] = [MessageId(str(message)) for _, message, _ in rows]
    for sender, ids in told.items():
        if sender not in hidden:
            effects.group_messages_read(
                to=AccountId(str(sender)), group=group, messages=ids, account=account, device=device, at=at
            )


def _group_of(account: uuid.UUID, group: uuid.UUID) -> GroupChat:
    found = GroupChat.objects.visible_to(account).filter(pk=group).first()
    if found is None:
        raise NotFound()
    return found


def _shown(rows: QuerySet[GroupMessageStatus], *, to: uuid.UUID | OuterRef) -> QuerySet[GroupMessageStatus]:
    members = GroupMember.objects.filter(chat=OuterRef("message__chat"), pending=False)
    reader = members.filter(account=OuterRef("device__user"), reach=Reach.ALL)
    sender = members.filter(account=to).exclude(reach=Reach.NOTHING)
    blocks = Contact.objects.filter(owner=OuterRef("device__user"), other=to, state=Contact.State.BLOCKED)
    return rows.filter(Exists(reader), Exists(sender)).exclude(Exists(blocks))


def _hidden_from(reader: GroupMember, senders: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Those of the senders who may not know what a member has read."""
    if reader.reach != Reach.ALL:
        return set(senders)
    members = GroupMember.objects.filter(chat=reader.chat_id, account__in=senders, pending=False)
    still_here = set(members.exclude(reach=Reach.NOTHING).values_list("account", flat=True))
    blocked = Contact.objects.filter(owner=reader.account_id, other__in=senders, state=Contact.State.BLOCKED)
    return set(senders) - still_here | set(blocked.values_list("other", flat=True))


def _devices_of(account: uuid.UUID) -> list[uuid.UUID]:
    return list(Device.objects.filter(user=account).values_list("pk", flat=True))
