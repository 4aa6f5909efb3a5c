"""Who comes to an open group chat, who goes, and who may do what there. `member_count` changes under the row's lock."""

from __future__ import annotations

import uuid

from django.db import transaction

from chats.errors import NotAllowed, TooManyMembers
from chats.ids import DeviceId
from chats.limits import OPEN_MEMBERS
from chats.models import OpenChat, OpenChatMember
from chats.services.adding import reaches, require_reachable
from chats.services.open_chats.access import Reach, Role, locked, locked_group
from chats.services.open_chats.telling import tell_chat, tell_left
from messenger.lib.errors import NotFound


@transaction.atomic
def add_open_member(*, account: uuid.UUID, device: DeviceId, chat: uuid.UUID, other: uuid.UUID) -> None:
    """An admin adds somebody, who sees all that was written before; who is in it already stays as they are.

    Raises NotFound (a stranger's chat, or somebody who cannot be written to), NotAllowed, ContactBlocked,
    TooManyMembers.
    """
    mine = locked_group(account=account, chat=chat, least=Role.ADMIN)
    if OpenChatMember.objects.filter(chat=chat, account=other).exists():
        return
    require_reachable(account, [other])
    if mine.chat.member_count >= OPEN_MEMBERS:
        raise TooManyMembers(f"at most {OPEN_MEMBERS} members")
    reach = reaches(account, [other])[other]
    OpenChatMember.objects.create(chat=mine.chat, account_id=other, reach=reach, added_by_id=account)
    _count(mine.chat, 1)
    tell_chat(mine.chat, of=account, by=device)


@transaction.atomic
def remove_open_member(*, account: uuid.UUID, device: DeviceId, chat: uuid.UUID, other: uuid.UUID) -> None:
    """An admin removes a member, the owner an admin too, or somebody leaves. An empty chat is deleted with all in it.

    An owner who leaves is followed by the admin, or else the member, who has been there longest.
    """
    mine = locked_group(account=account, chat=chat, least=Role.MEMBER)
    gone = mine if other == account else OpenChatMember.objects.filter(chat=chat, account=other).first()
    if gone is not mine:
        if mine.role == Role.MEMBER:
            raise NotAllowed("admins remove members")
        if gone is None:
            raise NotFound()
        if gone.role >= mine.role:
            raise NotAllowed("the owner alone removes admins")
    gone.delete()
    if mine.chat.member_count == 1:
        OpenChat.objects.filter(pk=chat).delete()
    else:
        _count(mine.chat, -1)
        if gone.role == Role.OWNER:
            _follow_owner(mine.chat)
        tell_chat(mine.chat, of=account, by=device)
    if gone.reach != Reach.NOTHING:
        tell_left(chat, account=other, by=device)


@transaction.atomic
def set_open_role(
    *, account: uuid.UUID, device: DeviceId, chat: uuid.UUID, other: uuid.UUID, role: OpenChatMember.Role
) -> None:
    """The owner makes a member an admin or the reverse, or the owner, and is an admin from then on."""
    mine = locked_group(account=account, chat=chat, least=Role.OWNER)
    row = OpenChatMember.objects.filter(chat=chat, account=other).first()
    if row is None:
        raise NotFound()
    if row.role == role:
        return
    if other == account:
        raise NotAllowed("make somebody else the owner instead")
    if role == Role.OWNER:  # one owner at any time: first there is none
        OpenChatMember.objects.filter(pk=mine.pk).update(role=Role.ADMIN)
    OpenChatMember.objects.filter(pk=row.pk).update(role=role)
    tell_chat(mine.chat, of=account, by=device)


@transaction.atomic
def rename_open_chat(*, account: uuid.UUID, device: DeviceId, chat: uuid.UUID, title: str) -> OpenChat:
    """An admin gives a group another title."""
    mine = locked_group(account=account, chat=chat, least=Role.ADMIN)
    if mine.chat.title != title:
        mine.chat.title = title
        mine.chat.save(update_fields=["title"])
        tell_chat(mine.chat, of=account, by=device)
    return mine.chat


@transaction.atomic
def accept_open_chat(*, account: uuid.UUID, chat: uuid.UUID) -> None:
    """The person wants to be in this group; a chat of two is accepted with the contact. NotFound for a stranger's."""
    mine = locked(account=account, chat=chat)
    if mine.chat.kind == OpenChat.Kind.PRIVATE:
        raise NotAllowed("accept the contact instead")
    OpenChatMember.objects.filter(pk=mine.pk, reach=Reach.REQUEST).update(reach=Reach.ALL)


def _count(chat: OpenChat, more: int) -> None:
    chat.member_count += more  # the row is locked, and was read under the lock
    chat.save(update_fields=["member_count"])


def _follow_owner(chat: OpenChat) -> None:
    next_one = OpenChatMember.objects.filter(chat=chat).order_by("-role", "joined_at", "pk").first()
    if next_one is not None:
        OpenChatMember.objects.filter(pk=next_one.pk).update(role=Role.OWNER)
