"""Making open chats. What is made open stays open: nothing here, or anywhere, turns one kind of chat into the other."""

from __future__ import annotations

import uuid
from collections.abc import Collection

from django.db import transaction

from chats.errors import TooManyMembers
from chats.ids import DeviceId, open_pair_id
from chats.limits import OPEN_MEMBERS
from chats.models import OpenChat, OpenChatMember
from chats.services.adding import reaches, require_reachable
from chats.services.contacts import ask_contact
from chats.services.open_chats.access import Reach, Role
from chats.services.open_chats.telling import tell_chat
from messenger.lib.errors import Malformed, NotFound


@transaction.atomic
def create_open_private(*, account: uuid.UUID, device: DeviceId, other: uuid.UUID) -> OpenChat:
    """The open chat with another account; there is one a pair, whoever asked for it first.

    Raises NotFound (somebody who cannot be written to), ContactBlocked.
    """
    if other == account:
        raise NotFound("there is no such account, or it cannot be written to")
    require_reachable(account, [other])
    chat = OpenChat.objects.filter(pk=open_pair_id(account, other)).first()
    ask_contact(sender=account, recipient=other, by=device)
    if chat is not None:
        return chat
    pk = open_pair_id(account, other)
    fields = {"kind": OpenChat.Kind.PRIVATE, "member_count": 2, "created_by_id": account, "creation_id": pk}
    chat, is_new = OpenChat.objects.get_or_create(pk=pk, defaults=fields)
    if is_new:
        _enter(chat, account, [other], owner=Role.MEMBER)
        tell_chat(chat, of=account, by=device)
    return chat


@transaction.atomic
def create_open_group(
    *, account: uuid.UUID, device: DeviceId, creation_id: uuid.UUID, title: str, members: Collection[uuid.UUID]
) -> OpenChat:
    """An open group chat with the accounts named, owned by its creator; a creation id that was taken gives the same.

    Raises NotFound (somebody who cannot be written to), ContactBlocked, TooManyMembers.
    """
    if stored := repeated_creation(account=account, creation_id=creation_id):
        return stored
    others = set(members)
    if account in others:
        raise Malformed(errors=[{"field": "members", "message": "the others, without oneself"}])
    if len(others) >= OPEN_MEMBERS:
        raise TooManyMembers(f"at most {OPEN_MEMBERS} members")
    require_reachable(account, others)
    chat, is_new = OpenChat.objects.get_or_create(
        created_by_id=account,
        creation_id=creation_id,
        defaults={"kind": OpenChat.Kind.GROUP, "title": title, "member_count": 1 + len(others)},
    )
    if is_new:
        _enter(chat, account, others, owner=Role.OWNER)
        tell_chat(chat, of=account, by=device)
    return chat


def repeated_creation(*, account: uuid.UUID, creation_id: uuid.UUID) -> OpenChat | None:
    """What an earlier call with this creation id has made, if the account is still in it."""
    return OpenChat.objects.visible_to(account).filter(created_by=account, creation_id=creation_id).first()


def _enter(chat: OpenChat, account: uuid.UUID, others: Collection[uuid.UUID], *, owner: OpenChatMember.Role) -> None:
    rows = [OpenChatMember(chat=chat, account_id=account, role=owner, reach=Reach.ALL, added_by_id=account)]
    for other, reach in reaches(account, others).items():
        rows.append(OpenChatMember(chat=chat, account_id=other, reach=reach, added_by_id=account))
    OpenChatMember.objects.bulk_create(rows)
