"""What people think of each other, and the chat that opens when one writes. Each change grows the chat's version."""

from __future__ import annotations

import uuid

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import Contact, User
from chats import effects
from chats.errors import ContactBlocked
from chats.ids import AccountId, DeviceId, conversation_id
from chats.models import PrivateChat, PrivateMessage, PrivateMessageStatus
from chats.services.groups import let_through
from chats.services.open_reach import let_through_open
from messenger.lib.errors import NotFound

REQUESTED, ACCEPTED, BLOCKED = Contact.State.REQUESTED, Contact.State.ACCEPTED, Contact.State.BLOCKED


@transaction.atomic
def open_chat(*, sender: uuid.UUID, recipient: uuid.UUID, by: DeviceId | None = None) -> None:
    """The sender writes to the recipient: their chat exists, the sender accepts, a stranger is asked."""
    _ask(_locked_chat(sender, recipient), sender, recipient, by)


@transaction.atomic
def ask_contact(*, sender: uuid.UUID, recipient: uuid.UUID, by: DeviceId | None = None) -> None:
    """The same where the sender does so in an open chat: what the two think of each other is one thing."""
    chat = PrivateChat.objects.select_for_update().filter(pk=conversation_id(sender, recipient)).first()
    _ask(chat, sender, recipient, by)


@transaction.atomic
def accept_contact(*, owner: uuid.UUID, other: uuid.UUID, by: DeviceId | None = None) -> Contact:
    """Answer a request: from now on the other one sees statuses and typing, those of the past included."""
    return _change(owner, other, by, ACCEPTED, may_create=False)


@transaction.atomic
def block_contact(*, owner: uuid.UUID, other: uuid.UUID, by: DeviceId | None = None) -> Contact:
    """Take nothing from the other one any more. They cannot tell."""
    return _change(owner, other, by, BLOCKED, may_create=True)


@transaction.atomic
def unblock_contact(*, owner: uuid.UUID, other: uuid.UUID, by: DeviceId | None = None) -> Contact:
    """Take messages again, as from an accepted contact. What was sent meanwhile is not delivered."""
    return _change(owner, other, by, ACCEPTED, may_create=False, only_from=BLOCKED)


def who_accepted(account: AccountId) -> list[AccountId]:
    """Those who have accepted an account as a contact."""
    rows = Contact.objects.filter(other=uuid.UUID(account), state=ACCEPTED).values_list("owner", flat=True)
    return [AccountId(str(owner)) for owner in rows]


def _change(
    owner: uuid.UUID,
    other: uuid.UUID,
    by: DeviceId | None,
    state: int,
    *,
    may_create: bool,
    only_from: int | None = None,
) -> Contact:
    if owner == other or not User.objects.filter(pk=other).exists():
        raise NotFound()
    chat = PrivateChat.objects.select_for_update().filter(pk=conversation_id(owner, other)).first()
    changed = False
    contact = Contact.objects.select_for_update().select_related("other").filter(owner=owner, other=other).first()
    if contact is None:
        if not may_create:
            raise NotFound()
        # Not a plain insert: the other one's first message may be making this row at the same moment.
        contact, changed = Contact.objects.select_related("other").get_or_create(
            owner_id=owner, other_id=other, defaults={"state": state}
        )
    if contact.state != state and only_from in (None, contact.state):
        _set_state(contact, state)
        changed = True
        if state == ACCEPTED and chat is not None:
            _show_statuses(chat, to=other)
    # By id, whether there was a chat or not: one that was opened meanwhile has to notice too.
    _grow_version(conversation_id(owner, other))
    effects.pair_changed(owner, other)
    if changed:
        effects.contact_changed(owner, other, contact.get_state_display(), by=by)
    return contact


def _ask(chat: PrivateChat | None, sender: uuid.UUID, recipient: uuid.UUID, by: DeviceId | None) -> None:
    # Locked: where there is no chat row to hold, a block at the same moment would be written over. In one order: both
    # may write at once.
    contacts, states, rows = Contact.objects.select_for_update(), {sender: ACCEPTED, recipient: REQUESTED}, {}
    for owner, other in sorted(((sender, recipient), (recipient, sender))):
        rows[owner] = contacts.get_or_create(owner_id=owner, other_id=other, defaults={"state": states[owner]})
    mine, is_new = rows[sender]
    if mine.state == BLOCKED:
        raise ContactBlocked
    if is_new:
        _let_through(owner=sender, other=recipient)
    if mine.state == REQUESTED:
        _set_state(mine, ACCEPTED)
        if chat is not None:
            _show_statuses(chat, to=recipient)
        effects.contact_changed(sender, recipient, mine.get_state_display(), by=by)
    # By id, whether there was a chat or not: one that was opened meanwhile has to notice too.
    _grow_version(conversation_id(sender, recipient))
    effects.pair_changed(sender, recipient)


def _set_state(contact: Contact, state: int) -> None:
    contact.state = state
    contact.changed_at = timezone.now()
    contact.save(update_fields=["state", "changed_at"])
    if state == ACCEPTED:
        _let_through(owner=contact.owner_id, other=contact.other_id)


def _let_through(*, owner: uuid.UUID, other: uuid.UUID) -> None:
    let_through(owner=owner, other=other)
    let_through_open(owner=owner, other=other)


def _locked_chat(one: uuid.UUID, other: uuid.UUID) -> PrivateChat:
    lower, higher = sorted((one, other))
    chat, _ = PrivateChat.objects.get_or_create(
        pk=conversation_id(one, other), defaults={"lower_id": lower, "higher_id": higher}
    )
    return PrivateChat.objects.select_for_update().get(pk=chat.pk)


def _grow_version(chat: uuid.UUID) -> None:
    PrivateChat.objects.filter(pk=chat).update(version=F("version") + 1)


def _show_statuses(chat: PrivateChat, *, to: uuid.UUID) -> None:
    """Show the sender `to` what became of the messages that were hidden until now."""
    hidden = PrivateMessage.objects.filter(chat=chat, hidden=True, sender_device__user=to)
    rows = PrivateMessageStatus.objects.filter(message__in=hidden).values_list(
        "message__client_message_id", "device", "status", "at"
    )
    effects.statuses_shown(to=to, chat=chat.pk, by=chat.peer_of(to), rows=list(rows))
    hidden.update(hidden=False)
