"""The chats of an account a page at a time, by cursors that what comes and goes meanwhile moves no page of."""

from __future__ import annotations

import uuid
from typing import TypeVar

from django.db.models import Model, Q, QuerySet

from chats.limits import CHATS_PER_PAGE
from messenger.lib import base64url
from messenger.lib.errors import Malformed

Row = TypeVar("Row", bound=Model)
_NUMBER, _ID = 8, 16  # bytes


def page_of_chats(rows: QuerySet[Row], number: str, cursor: str | None) -> tuple[list[Row], str | None]:
    """A page of memberships by falling `number`, an annotation or a field of theirs, and what the next one starts at.

    Raises Malformed for a cursor that no earlier answer had.
    """
    if cursor is not None:
        last, chat = _place(cursor)
        rows = rows.filter(Q(**{f"{number}__lt": last}) | Q(**{number: last}, chat__gt=chat))
    found = list(rows.order_by(f"-{number}", "chat")[: CHATS_PER_PAGE + 1])
    if len(found) <= CHATS_PER_PAGE:
        return found, None
    last_one = found[CHATS_PER_PAGE - 1]
    chat_id: uuid.UUID = last_one.chat_id  # type: ignore[attr-defined]  # each row is of a chat
    place = getattr(last_one, number).to_bytes(_NUMBER, "big") + chat_id.bytes
    return found[:CHATS_PER_PAGE], base64url.encode(place)


def _place(cursor: str) -> tuple[int, uuid.UUID]:
    try:
        data = base64url.decode(cursor)
    except ValueError:
        data = b""
    number = int.from_bytes(data[:_NUMBER], "big")
    if len(data) != _NUMBER + _ID or number >= 2**63:
        raise Malformed(errors=[{"field": "cursor", "message": "a cursor of an earlier answer"}])
    return number, uuid.UUID(bytes=data[_NUMBER:])
