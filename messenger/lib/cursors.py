"""Lists a page at a time, by cursors that what comes and goes meanwhile moves no page of."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from django.db.models import Model, Q, QuerySet

from messenger.lib import base64url
from messenger.lib.errors import Malformed

PAGE = 500  # entries that an answer has of a list of any length, as most are: others add to what one has

Row = TypeVar("Row", bound=Model)
_NUMBER, _ID = 8, 16  # bytes


@dataclass(frozen=True, slots=True)
class Asked:
    """Which page: where it starts, if it is not the first, and how many entries it has at most."""

    cursor: str | None
    limit: int


def page_by_id(rows: QuerySet[Row], name: str, asked: Asked) -> tuple[list[Row], str | None]:
    """A page by rising ids, which the field `name` has once each, and what the next one starts at.

    Raises Malformed for what is no cursor of such a list.
    """
    if asked.cursor is not None:
        rows = rows.filter(**{f"{name}__gt": uuid.UUID(bytes=_read(asked.cursor, _ID))})
    found = list(rows.order_by(name)[: asked.limit + 1])
    return _cut(found, asked.limit, lambda row: bytes(getattr(row, name).bytes))


def page_by_number(*parts: QuerySet[Row], number: str, name: str, asked: Asked) -> tuple[list[Row], str | None]:
    """The same by falling `number`, an annotation or a field; by rising ids where it is the same.

    In several parts, which share no row, where each part has an index of its own.
    """
    if asked.cursor is not None:
        data = _read(asked.cursor, _NUMBER + _ID)
        last, seen = int.from_bytes(data[:_NUMBER], "big"), uuid.UUID(bytes=data[_NUMBER:])
        if last >= 2**63:
            raise bad_cursor()
        # The first of them alone lets an index start at the place, and not at the beginning.
        after = Q(**{f"{number}__lte": last}) & (Q(**{f"{number}__lt": last}) | Q(**{f"{name}__gt": seen}))
        parts = tuple(rows.filter(after) for rows in parts)
    found = [row for rows in parts for row in rows.order_by(f"-{number}", name)[: asked.limit + 1]]
    found.sort(key=lambda row: (-getattr(row, number), getattr(row, name)))

    def place(row: Row) -> bytes:
        return int(getattr(row, number)).to_bytes(_NUMBER, "big") + bytes(getattr(row, name).bytes)

    return _cut(found, asked.limit, place)


def bad_cursor() -> Malformed:
    """For what is no cursor of such a list."""
    return Malformed(errors=[{"field": "cursor", "message": "a cursor of an earlier answer"}])


def _cut(found: list[Row], limit: int, place: Callable[[Row], bytes]) -> tuple[list[Row], str | None]:
    if len(found) <= limit:
        return found, None
    return found[:limit], base64url.encode(place(found[limit - 1]))


def _read(cursor: str, size: int) -> bytes:
    try:
        data = base64url.decode(cursor)
    except ValueError as error:
        raise bad_cursor() from error
    if len(data) != size:
        raise bad_cursor()
    return data
