"""What reaches a member whom somebody else has added: a group chat of a stranger's is a request until accepted."""

from __future__ import annotations

import uuid

from django.db import transaction
from django.db.models import F

from chats.models import GroupChat, GroupMember
from messenger.lib.errors import NotFound

Reach = GroupMember.Reach


@transaction.atomic
def accept_group(*, account: uuid.UUID, group: uuid.UUID) -> None:
    """The person wants to be in this group chat. NotFound for a stranger's."""
    chat = GroupChat.objects.visible_to(account).select_for_update().filter(pk=group).first()
    if chat is None:
        raise NotFound()
    if GroupMember.objects.filter(chat=chat, account=account, reach=Reach.REQUEST).update(reach=Reach.ALL):
        GroupChat.objects.filter(pk=chat.pk).update(version=F("version") + 1)


def let_through(*, owner: uuid.UUID, other: uuid.UUID) -> None:
    """The owner has accepted the other one, and so the group chats that the other one added them to.

    The transaction is the caller's.
    """
    held = GroupMember.objects.filter(account=owner, added_by=other).exclude(reach=Reach.ALL)
    chats = list(GroupChat.objects.filter(pk__in=held.values("chat")).order_by("pk").select_for_update())
    if chats:
        GroupMember.objects.filter(chat__in=chats, account=owner, added_by=other).update(reach=Reach.ALL)
        GroupChat.objects.filter(pk__in=[chat.pk for chat in chats]).update(version=F("version") + 1)
