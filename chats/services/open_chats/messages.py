"""What is written in open chats. Bodies stay in the database; they are in no log, and no other chat can hold one."""

from __future__ import annotations

import uuid

from django.db import transaction

from accounts.models import Contact
from chats.errors import NotAllowed
from chats.ids import DeviceId
from chats.models import OpenChat, OpenChatMember, OpenMessage
from chats.services.adding import require_reachable
from chats.services.contacts import ask_contact
from chats.services.open_chats.access import BLOCKED, Reach, Role, blocked_by, locked, membership
from chats.services.open_chats.telling import tell_changed, tell_read, tell_written
from messenger.lib.clock import Milliseconds
from messenger.lib.errors import NotFound


@transaction.atomic
def send_open_message(
    *, account: uuid.UUID, device: DeviceId, chat: uuid.UUID, message_id: uuid.UUID, body: str, now: Milliseconds
) -> OpenMessage:
    """Store a message and tell the members; for an id that the account has sent before, what was stored then.

    Raises NotFound (a stranger's chat, or the other one of the two cannot be written to), ContactBlocked.
    """
    if stored := repeated_open(account=account, message_id=message_id):
        return stored
    _accept_by_writing(membership(account=account, chat=chat), device)
    mine = locked(account=account, chat=chat)
    message, is_new = OpenMessage.objects.get_or_create(
        sender_id=account,
        client_message_id=message_id,
        defaults={"chat": mine.chat, "body": body, "accepted_at": now, "hidden": _is_hidden(mine)},
    )
    if is_new:
        tell_written(mine.chat, message, by=device)
    return message


def repeated_open(*, account: uuid.UUID, message_id: uuid.UUID) -> OpenMessage | None:
    """The message of this id that the account has sent before, if it has."""
    return OpenMessage.objects.filter(sender=account, client_message_id=message_id).first()


@transaction.atomic
def edit_open_message(
    *, account: uuid.UUID, device: DeviceId, chat: uuid.UUID, position: int, body: str, now: Milliseconds
) -> OpenMessage:
    """The author puts another text in place of a message's. NotFound for a deleted one.

    While the other one of two blocks the author, that hides the message from them for good, as if it were sent now.
    """
    mine = locked(account=account, chat=chat)
    message = _message(mine, position)
    if message.sender_id != account:
        raise NotAllowed("authors edit their messages")
    if message.deleted:
        raise NotFound()
    if message.body != body:
        message.body, message.edited_at = body, now
        message.hidden = message.hidden or _is_hidden(mine)
        message.save(update_fields=["body", "edited_at", "hidden"])
        tell_changed(mine.chat, message, of=account, by=device)
    return message


@transaction.atomic
def delete_open_message(*, account: uuid.UUID, device: DeviceId, chat: uuid.UUID, position: int) -> None:
    """The author, or an admin, empties a message for everybody; that there was one stays."""
    mine = locked(account=account, chat=chat)
    message = _message(mine, position)
    if message.sender_id != account and mine.role == Role.MEMBER:
        raise NotAllowed("authors and admins delete messages")
    if not message.deleted:
        message.body, message.deleted = "", True
        message.save(update_fields=["body", "deleted"])
        tell_changed(mine.chat, message, of=account, by=device)


@transaction.atomic
def mark_open_read(*, account: uuid.UUID, device: DeviceId, chat: uuid.UUID, position: int) -> None:
    """The person has seen all up to a position, which has to be a message's. It never falls.

    It stays as it is while they block the other one of two, who could tell by anything else.
    """
    mine = membership(account=account, chat=chat)
    _message(mine, position)
    if mine.chat.kind == OpenChat.Kind.PRIVATE and blocked_by(account, [_peer(mine)]):
        return
    further = OpenChatMember.objects.filter(pk=mine.pk, read_position__lt=position)
    if further.update(read_position=position):
        tell_read(mine, position, by=device)


def _message(mine: OpenChatMember, position: int) -> OpenMessage:
    found = OpenMessage.objects.filter(chat=mine.chat_id, pk=position).shown_to(mine.account_id).first()
    if found is None:
        raise NotFound()
    return found


def _accept_by_writing(mine: OpenChatMember, device: DeviceId) -> None:
    # Before the chat is locked: whoever accepts a contact locks that first, too.
    if mine.chat.kind == OpenChat.Kind.GROUP:
        OpenChatMember.objects.filter(pk=mine.pk, reach=Reach.REQUEST).update(reach=Reach.ALL)
        return
    other = _peer(mine)
    require_reachable(mine.account_id, [other])
    if not Contact.objects.filter(owner=mine.account_id, other=other, state=Contact.State.ACCEPTED).exists():
        ask_contact(sender=mine.account_id, recipient=other, by=device)


def _is_hidden(mine: OpenChatMember) -> bool:
    if mine.chat.kind == OpenChat.Kind.GROUP:
        return False
    members = OpenChatMember.objects.filter(chat=mine.chat_id).values("account")  # or oneself alone, by now
    return Contact.objects.filter(owner__in=members, other=mine.account_id, state=BLOCKED).exists()


def _peer(mine: OpenChatMember) -> uuid.UUID:
    others = OpenChatMember.objects.filter(chat=mine.chat_id).exclude(account=mine.account_id)
    other = others.values_list("account", flat=True).first()
    if other is None:
        raise NotFound()  # the account is gone
    return other
