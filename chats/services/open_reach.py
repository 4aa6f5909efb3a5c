"""What reaches a member of an open chat whom somebody else has added, as in group chats."""

from __future__ import annotations

import uuid

from chats.models import GroupMember, OpenChatMember

Reach = GroupMember.Reach


def let_through_open(*, owner: uuid.UUID, other: uuid.UUID) -> None:
    """The owner has accepted the other one, and so the open chats that the other one added them to.

    The transaction is the caller's. No lock of the chat: what was sent before is there to be read.
    """
    held = OpenChatMember.objects.filter(account=owner, added_by=other).exclude(reach=Reach.ALL)
    held.update(reach=Reach.ALL)
