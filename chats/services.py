"""Every write to chats that does not come through the group writer: contacts, reads, and the REST side of sending."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import Contact, Device, User
from chats import effects
from chats.checking import ChatToOpen, FactsMissing, check, needed
from chats.errors import ContactBlocked, DevicesChanged
from chats.facts import FactsCache, load_accounts, load_pairs, newest_lists
from chats.ids import AccountId, ChatId, DeviceId, MessageId, conversation_id
from chats.models import PrivateChat, PrivateMessage, PrivateMessageStatus
from chats.sends import Accepted, Send
from chats.writer.postgres import split_ids
from messenger.lib.clock import now_ms
from messenger.lib.errors import DomainError, NotFound, Unavailable

REQUESTED, ACCEPTED, BLOCKED = Contact.State.REQUESTED, Contact.State.ACCEPTED, Contact.State.BLOCKED


# --- deciding about a send ---


def load_facts(sends: Sequence[Send], facts: FactsCache) -> None:
    """Load what these sends are checked against, all of it anew."""
    accounts, pairs = set(), set()
    for send in sends:
        more_accounts, more_pairs = needed(send)
        accounts |= more_accounts
        pairs |= more_pairs
    if accounts:
        facts.remember(load_accounts(accounts), load_pairs(pairs))


def decide(send: Send, error: DomainError | None, facts: FactsCache) -> Accepted | None:
    """The stored answer of a message that was accepted before; None for one that may be written; else its refusal."""
    if stored := stored_answer(send):
        return stored
    if error is not None:
        raise error
    load_facts([send], facts)
    try:
        try:
            check(send, facts)
        except ChatToOpen:
            open_chat(sender=uuid.UUID(send.account), recipient=uuid.UUID(send.to))
            load_facts([send], facts)
            check(send, facts)
    except DevicesChanged as refusal:
        refusal.extra = {"accounts": newest_lists(sorted(needed(send)[0]))}
        raise
    except (FactsMissing, ChatToOpen) as changed:
        raise Unavailable("the chat keeps changing", retry_after=1) from changed
    return None


def stored_answer(send: Send) -> Accepted | None:
    """What was answered to this message when it was accepted."""
    if send.is_control:
        return None
    row = (
        PrivateMessage.objects.filter(sender_device=uuid.UUID(send.device), client_message_id=send.message_id)
        .values_list("accepted_at", "skipped")
        .first()
    )
    return Accepted(row[0], split_ids(bytes(row[1]))) if row else None


@transaction.atomic
def open_chat(*, sender: uuid.UUID, recipient: uuid.UUID) -> None:
    """The sender writes to the recipient: their chat exists, the sender accepts, a stranger is asked."""
    chat = _locked_chat(sender, recipient)
    mine, _ = Contact.objects.get_or_create(owner_id=sender, other_id=recipient, defaults={"state": ACCEPTED})
    if mine.state == BLOCKED:
        raise ContactBlocked
    Contact.objects.get_or_create(owner_id=recipient, other_id=sender, defaults={"state": REQUESTED})
    if mine.state == REQUESTED:
        _set_state(mine, ACCEPTED)
        _show_statuses(chat, to=recipient)
    _grow_version(chat.pk)
    effects.pair_changed(sender, recipient)


# --- contacts ---


@transaction.atomic
def accept_contact(*, owner: uuid.UUID, other: uuid.UUID) -> Contact:
    """Answer a request: from now on the other one sees statuses and typing, those of the past included."""
    return _change(owner, other, ACCEPTED, may_create=False)


@transaction.atomic
def block_contact(*, owner: uuid.UUID, other: uuid.UUID) -> Contact:
    """Take nothing from the other one any more. They cannot tell."""
    return _change(owner, other, BLOCKED, may_create=True)


@transaction.atomic
def unblock_contact(*, owner: uuid.UUID, other: uuid.UUID) -> Contact:
    """Take messages again, as from an accepted contact. What was sent meanwhile is not delivered."""
    return _change(owner, other, ACCEPTED, may_create=False, only_from=BLOCKED)


def _change(
    owner: uuid.UUID, other: uuid.UUID, state: int, *, may_create: bool, only_from: int | None = None
) -> Contact:
    if owner == other or not User.objects.filter(pk=other).exists():
        raise NotFound()
    chat = PrivateChat.objects.select_for_update().filter(pk=conversation_id(owner, other)).first()
    contact = Contact.objects.select_for_update().select_related("other").filter(owner=owner, other=other).first()
    if contact is None:
        if not may_create:
            raise NotFound()
        contact = Contact.objects.create(owner_id=owner, other_id=other, state=state)
    elif contact.state != state and only_from in (None, contact.state):
        _set_state(contact, state)
        if state == ACCEPTED and chat is not None:
            _show_statuses(chat, to=other)
    # By id, whether there was a chat or not: one that was opened meanwhile has to notice too.
    _grow_version(conversation_id(owner, other))
    effects.pair_changed(owner, other)
    return contact


def _set_state(contact: Contact, state: int) -> None:
    contact.state = state
    contact.changed_at = timezone.now()
    contact.save(update_fields=["state", "changed_at"])


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


# --- statuses ---


@transaction.atomic
def mark_read(*, account: AccountId, device: DeviceId, chat: ChatId, messages: Collection[MessageId]) -> None:
    """The person has seen these messages of the other one, on this device. NotFound for a stranger's chat."""
    found = PrivateChat.objects.visible_to(uuid.UUID(account)).filter(pk=chat).first()
    if found is None:
        raise NotFound()
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


def _devices_of(account: uuid.UUID) -> list[uuid.UUID]:
    return list(Device.objects.filter(user=account).values_list("pk", flat=True))


def uses_postgres() -> bool:
    return connection.vendor == "postgresql"
