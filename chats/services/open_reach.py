"""What reaches a member of an open chat whom somebody else has added, as in group chats."""

from __future__ import annotations

import uuid

from accounts.models import Contact
from chats.models import GroupMember, OpenChatMember

Reach = GroupMember.Reach


def let_through_open(*, owner: uuid.UUID, other: uuid.UUID) -> None:
    """The owner has accepted the other one, and so the open chats that the other one added them to.

    The transaction is the caller's. No lock of the chat: what was sent before is there to be read.
    """
    held = OpenChatMember.objects.filter(account=owner, added_by=other).exclude(reach=Reach.ALL)
    held.update(reach=Reach.ALL)


def reach_of(account: uuid.UUID, by: uuid.UUID) -> GroupMember.Reach:
    """What is to reach an account that another one adds, by what it thinks of them."""
    state = Contact.objects.filter(owner=account, other=by).values_list("state", flat=True).first()
    if state == Contact.State.BLOCKED:
        return Reach.NOTHING
    return Reach.ALL if state == Contact.State.ACCEPTED else Reach.REQUEST
