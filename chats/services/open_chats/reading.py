"""Reading open chats: pages, newest first, by cursors that no message which comes meanwhile can move."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from chats.models import OpenChat, OpenChatMember, OpenMessage
from chats.services.open_chats.access import Reach, blocked_by, hearers, membership
from messenger.lib import base64url
from messenger.lib.cursors import Asked, bad_cursor, page_by_number
from messenger.lib.errors import NotFound

NEWEST = 2**63 - 1  # before it is everything
_SIZE = 8


@dataclass(frozen=True, slots=True)
class History:
    """Messages, newest first, and where the next page starts, if there is one."""

    messages: list[OpenMessage]
    next: str | None


def open_history(*, account: uuid.UUID, chat: uuid.UUID, before: int, limit: int) -> History:
    """The messages of a chat below a position. NotFound for a stranger's."""
    membership(account=account, chat=chat)
    return paged(list(OpenMessage.objects.page_of(chat, account, before)[: limit + 1]), limit)


def open_history_after(*, account: uuid.UUID, chat: uuid.UUID, after: int, limit: int) -> History:
    """The messages of a chat above a position, oldest first, and no cursor. NotFound for a stranger's."""
    membership(account=account, chat=chat)
    return History(list(OpenMessage.objects.page_after(chat, account, after)[:limit]), None)


def paged(rows: list[OpenMessage], limit: int) -> History:
    """A page of rows of which one more than the limit was asked for."""
    more = len(rows) > limit
    return History(rows[:limit], cursor(rows[limit - 1].position) if more else None)


def cursor(position: int) -> str:
    """What stands for a position in an address. Nobody is to count with it."""
    return base64url.encode(position.to_bytes(_SIZE, "big"))


def position_of(text: str) -> int:
    """The position that a cursor stands for."""
    try:
        data = base64url.decode(text)
    except ValueError as error:
        raise bad_cursor() from error
    position = int.from_bytes(data, "big")
    if len(data) != _SIZE or position > NEWEST:
        raise bad_cursor()
    return position


def members_of(mine: OpenChatMember) -> list[tuple[OpenChatMember, bool]]:
    """Who is in the chat, and whether the account may see how far they have read."""
    rows = OpenChatMember.objects.filter(chat=mine.chat_id).select_related("account").order_by("account")
    return [(row, row.account_id == mine.account_id or row.reach == Reach.ALL) for row in rows]


def listed_open_chats(*, account: uuid.UUID, asked: Asked) -> tuple[list[OpenChatMember], str | None]:
    """A page of the account's chats, that with the newest message first, and the cursor of the next one.

    Each with `newest`, and without those of two with somebody whom the account blocks. Raises Malformed.
    """
    mine = OpenChatMember.objects.heard_by(account).with_newest(account).select_related("chat")
    rows, following = page_by_number(mine, number="newest", name="chat_id", asked=asked)
    pairs = [row.chat_id for row in rows if row.chat.kind == OpenChat.Kind.PRIVATE]
    others = OpenChatMember.objects.filter(chat__in=pairs).exclude(account=account)
    peers = dict(others.values_list("chat", "account"))
    blocked = blocked_by(account, peers.values())
    return [row for row in rows if peers.get(row.chat_id) not in blocked], following


def open_chat_details(
    *, account: uuid.UUID, chat: uuid.UUID
) -> tuple[OpenChatMember, list[tuple[OpenChatMember, bool]]]:
    """One of them, and its members as `members_of` gives them. NotFound for a stranger's."""
    mine = OpenChatMember.objects.heard_by(account).filter(chat=chat).with_newest(account).select_related("chat")
    row = mine.first()
    if row is None:
        raise NotFound()
    return row, members_of(row)


def who_sees_typing(*, account: uuid.UUID, chat: uuid.UUID) -> list[uuid.UUID]:
    """The others of a chat, if the account is in it and has accepted that; else nobody. In a chat of two both have."""
    mine = OpenChatMember.objects.filter(account=account, chat=chat, reach=Reach.ALL).select_related("chat").first()
    if mine is None:
        return []
    heard = hearers(mine.chat, of=account)
    is_private = mine.chat.kind == OpenChat.Kind.PRIVATE
    others = {one for one, reach in heard.items() if one != account and (reach == Reach.ALL or not is_private)}
    return sorted(others - blocked_by(account, others))
