"""Who is in an open chat, and who hears of what happens there. Whoever is outside is told NotFound, on every call."""

from __future__ import annotations

import uuid
from collections.abc import Collection

from accounts.models import Contact
from chats.errors import NotAllowed
from chats.models import GroupMember, OpenChat, OpenChatMember
from messenger.lib.errors import Malformed, NotFound

Role = OpenChatMember.Role
Reach = GroupMember.Reach
BLOCKED = Contact.State.BLOCKED


def membership(*, account: uuid.UUID, chat: uuid.UUID) -> OpenChatMember:
    """The account's own membership, with the chat."""
    found = OpenChatMember.objects.heard_by(account).filter(chat=chat).select_related("chat").first()
    if found is None:
        raise NotFound()
    return found


def locked(*, account: uuid.UUID, chat: uuid.UUID) -> OpenChatMember:
    """The same, with the chat's row locked; until the transaction ends nobody comes, goes or writes."""
    # Before the lock: a stranger makes nobody wait. And again: who was removed meanwhile is a stranger.
    membership(account=account, chat=chat)
    OpenChat.objects.select_for_update().filter(pk=chat).first()
    return membership(account=account, chat=chat)


def locked_group(*, account: uuid.UUID, chat: uuid.UUID, least: OpenChatMember.Role) -> OpenChatMember:
    """The same of a group, for whoever has that role at least."""
    mine = locked(account=account, chat=chat)
    if mine.chat.kind != OpenChat.Kind.GROUP:
        raise Malformed("a chat of two has no title and no roles, and nobody comes or goes")
    if mine.role < least:
        raise NotAllowed("your role in this chat does not allow that")
    return mine


def hearers(chat: OpenChat, *, of: uuid.UUID) -> dict[uuid.UUID, GroupMember.Reach]:
    """Whom to tell what an account does in a chat: its members, but those to whom nothing of it gets."""
    rows = OpenChatMember.objects.filter(chat=chat.pk).exclude(reach=Reach.NOTHING).values_list("account", "reach")
    members = {account: Reach(reach) for account, reach in rows}
    if chat.kind == OpenChat.Kind.PRIVATE:
        deaf = blocking(of, members)
        return {account: reach for account, reach in members.items() if account not in deaf}
    return members


def blocked_by(account: uuid.UUID, others: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Those of the others whom an account blocks."""
    rows = Contact.objects.filter(owner=account, other__in=others, state=BLOCKED)
    return set(rows.values_list("other", flat=True))


def blocking(account: uuid.UUID, others: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Those of the others who block an account."""
    rows = Contact.objects.filter(owner__in=others, other=account, state=BLOCKED)
    return set(rows.values_list("owner", flat=True))
