"""Whom to tell of what happens in an open chat, after the commit. What was missed is read over REST."""

from __future__ import annotations

import uuid

from chats import effects
from chats.delivery import open_messages as frames
from chats.ids import DeviceId
from chats.models import GroupMember, OpenChat, OpenChatMember, OpenMessage
from chats.services.open_chats.access import Reach, hearers


def tell_written(chat: OpenChat, message: OpenMessage, *, by: DeviceId) -> None:
    """A new message; `request` for those who have not accepted that they were added."""
    members = _hearers(chat, message, message.sender_id)
    for request in (False, True):
        accounts = [one for one, reach in members.items() if (reach == Reach.REQUEST) is request]
        effects.accounts_told(accounts, frames.written(message, request=request), but=by)


def tell_changed(chat: OpenChat, message: OpenMessage, *, of: uuid.UUID, by: DeviceId) -> None:
    """An edited or deleted message."""
    effects.accounts_told(list(_hearers(chat, message, of)), frames.changed(message), but=by)


def tell_chat(chat: OpenChat, *, of: uuid.UUID, by: DeviceId) -> None:
    """A chat that is new to somebody, or has other members, roles or another title."""
    effects.accounts_told(list(hearers(chat, of=of)), frames.chat(chat), but=by)


def tell_left(chat: uuid.UUID, *, account: uuid.UUID, by: DeviceId) -> None:
    """An account that is not in the chat any more."""
    effects.accounts_told([account], frames.left(chat), but=by)


def tell_read(mine: OpenChatMember, position: int, *, by: DeviceId) -> None:
    """How far an account has read: its own devices, and who may see it."""
    text = frames.read(mine.chat_id, mine.account_id, position)
    seeing = hearers(mine.chat, of=mine.account_id) if mine.reach == Reach.ALL else [mine.account_id]
    effects.accounts_told(list(seeing), text, but=by)


def _hearers(chat: OpenChat, message: OpenMessage, of: uuid.UUID) -> dict[uuid.UUID, GroupMember.Reach]:
    if message.hidden:
        return {message.sender_id: Reach.ALL}
    return hearers(chat, of=of)
