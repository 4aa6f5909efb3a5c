"""Finding words in open chats. Each database has an index of its own; nothing is read that is not shown."""

from __future__ import annotations

import unicodedata
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import F

from chats.limits import SEARCH_CHATS, SEARCH_LENGTH, SEARCH_WORDS
from chats.models import OpenChatMember, OpenMessage
from chats.services.open_chats.access import membership
from chats.services.open_chats.reading import History, paged
from messenger.lib.errors import Malformed

CHATS_AT_ONCE = 100
MOST_LOOKED_UP = 1_000
BEFORE, AFTER = 40, 120  # characters of a snippet around what was found

# PostgreSQL knows how often a word is written, and not in which chat: of one that is common elsewhere and never written
# here it would look at every message here. So a chat's messages with the words are looked up, up to a number; only
# where there are more of them the newest are found by walking down the chat.
_MATCHES = """
    to_tsvector('simple', body) || array_to_tsvector(ARRAY['#' || chat_id::text])
    @@ (plainto_tsquery('simple', %s) && %s::tsquery) AND numnode(plainto_tsquery('simple', %s)) > 0
"""
LOOK_UP = f"""
    (SELECT chat_id, position, NOT hidden OR sender_id = %s FROM chats_openmessage WHERE {_MATCHES} LIMIT %s)
"""  # noqa: S608  # no text of anybody's
WALK = f"""
    (SELECT position FROM chats_openmessage
    WHERE {_MATCHES} AND chat_id = %s AND -position > %s AND (NOT hidden OR sender_id = %s)
    ORDER BY -position LIMIT %s)
"""  # noqa: S608  # in the order of the index (OpenMessageQuerySet.newest_first)
# CROSS JOIN: in this order. The table of words gives rows by falling number, and is read no further than the limit.
SQLITE = """
    SELECT message.position FROM chats_openmessage_words AS words
    CROSS JOIN chats_openmessage AS message ON message.position = words.rowid
    WHERE words.chats_openmessage_words MATCH %s AND words.rowid < %s
      AND (NOT message.hidden OR message.sender_id = %s)
    ORDER BY words.rowid DESC LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class Found:
    """Messages that have all the words, newest first, and where the next page starts."""

    history: History
    words: tuple[str, ...]


def search_open(*, account: uuid.UUID, chat: uuid.UUID | None, text: str, before: int, limit: int) -> Found:
    """The messages below a position with all the words, in one chat or in the account's liveliest ones.

    NotFound for a stranger's chat, Malformed for a text without words.
    """
    words = words_of(text)
    if chat is not None:
        chats = [membership(account=account, chat=chat).chat_id]
    else:
        mine = OpenChatMember.objects.heard_by(account).with_newest(account).order_by(F("newest").desc(), "chat")
        chats = list(mine.values_list("chat", flat=True)[:SEARCH_CHATS])
    find = _on_postgresql if connection.vendor == "postgresql" else _on_sqlite
    positions: list[int] = []
    for start in range(0, len(chats), CHATS_AT_ONCE):
        some = chats[start : start + CHATS_AT_ONCE]
        positions += find(some, words, account=account, before=before, limit=limit + 1)
        # The order of the sequence is the order of time, in one chat and across them.
        positions = sorted(positions)[-limit - 1 :]
    rows = list(OpenMessage.objects.filter(pk__in=positions).order_by("-position"))
    return Found(paged(rows, limit), words)


def words_of(text: str) -> tuple[str, ...]:
    """What to look for: whatever stands between white space and has a letter or a digit."""
    words = tuple(word for word in text.split() if any(unicodedata.category(one)[0] in "LN" for one in word))
    if not words or len(words) > SEARCH_WORDS or len(text) > SEARCH_LENGTH or "\0" in text:
        raise Malformed(errors=[{"field": "q", "message": f"1 to {SEARCH_WORDS} words"}])
    return words


def _on_postgresql(
    chats: Collection[uuid.UUID], words: Sequence[str], *, account: uuid.UUID, before: int, limit: int
) -> list[int]:
    found: dict[uuid.UUID, list[int]] = {chat: [] for chat in chats}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # the index has what is asked for, whatever seems cheaper
        cursor.execute(*look_up(chats, words, account=account))
        rows = cursor.fetchall()
        for chat, position, shown in rows:
            found[chat].append(position if shown else before)
        common = [chat for chat, positions in found.items() if len(positions) > MOST_LOOKED_UP]
        positions = [one for chat in found.keys() - set(common) for one in found[chat] if one < before]
        if common:
            cursor.execute(*walk(common, words, account=account, before=before, limit=limit))
            positions += [row[0] for row in cursor.fetchall()]
    return positions


def look_up(chats: Collection[uuid.UUID], words: Sequence[str], *, account: uuid.UUID) -> tuple[str, list[Any]]:
    """The statement that gives messages of each chat by the index of words, in no order, and its parameters."""
    text, each = " ".join(words), []
    for chat in chats:
        each += [account, text, f"'#{chat}'", text, MOST_LOOKED_UP + 1]
    return "UNION ALL".join([LOOK_UP] * len(chats)), each


def walk(
    chats: Collection[uuid.UUID], words: Sequence[str], *, account: uuid.UUID, before: int, limit: int
) -> tuple[str, list[Any]]:
    """The statement that finds the newest of each chat among its newest, and its parameters."""
    text, each = " ".join(words), []
    for chat in chats:
        each += [text, f"'#{chat}'", text, chat, -before, account, limit]
    return "UNION ALL".join([WALK] * len(chats)), each


def _on_sqlite(
    chats: Collection[uuid.UUID], words: Sequence[str], *, account: uuid.UUID, before: int, limit: int
) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(SQLITE, [match(chats, words), before, account.hex, limit])
        return [row[0] for row in cursor.fetchall()]


def match(chats: Collection[uuid.UUID], words: Sequence[str]) -> str:
    """What FTS5 is asked for. Quoted, a word is text, whatever it looks like."""
    quoted = " AND ".join('"' + word.replace('"', '""') + '"' for word in words)
    of_chats = " OR ".join(f'"{chat.hex}"' for chat in chats)
    return f"chat_id : ({of_chats}) AND body : ({quoted})"


def snippet(body: str, words: Sequence[str]) -> str:
    """The part of a body around the first word that was looked for, on one line. Plain text."""
    folded = body.casefold()
    places = [place for word in words if (place := folded.find(word.casefold())) >= 0]
    start = max(0, min(places, default=0) - BEFORE)
    end = start + BEFORE + AFTER
    shown = " ".join(body[start:end].split())
    return ("… " if start else "") + shown + (" …" if end < len(body) else "")
