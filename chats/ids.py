"""Ids as delivery carries them: the canonical text of a UUID.

Text and not uuid.UUID, because ids arrive and leave as text and are dictionary keys in between: a str hashes once
and compares in C, a UUID does both in Python, dozens of times a message.
"""

from __future__ import annotations

import hashlib
import uuid
from functools import lru_cache
from typing import NewType

import uuid_utils

AccountId = NewType("AccountId", str)
DeviceId = NewType("DeviceId", str)
ChatId = NewType("ChatId", str)
GroupId = NewType("GroupId", str)
OpenChatId = NewType("OpenChatId", str)
MessageId = NewType("MessageId", str)  # the one that the client chose

UUID_PATTERN = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"


def to_bytes(text: str) -> bytes:
    """The 16 bytes of a canonical UUID text."""
    return bytes.fromhex(text.replace("-", ""))


# For ids that come again and again. Not for message ids, which would only push those out.
known_bytes = lru_cache(maxsize=1 << 16)(to_bytes)


def new_id_bytes() -> bytes:
    """The bytes of a fresh UUIDv7: what messenger.lib.ids.new_id gives, without the object."""
    return uuid_utils.uuid7().bytes


def to_text(data: bytes) -> str:
    """The canonical UUID text of 16 bytes."""
    digits = data.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def to_hex(text: str) -> str:
    """How Django keeps a UUID on SQLite: 32 digits."""
    return text.replace("-", "")


def from_hex(digits: str) -> str:
    """The canonical UUID text of 32 digits."""
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def conversation_id(one: uuid.UUID, other: uuid.UUID) -> uuid.UUID:
    """The id of the private chat of two accounts (PROTOCOL.md, Content): H("msgr/1/dm" 00 lower higher)[:16]."""
    lower, higher = sorted((one.bytes, other.bytes))
    return uuid.UUID(bytes=hashlib.sha256(b"msgr/1/dm\x00" + lower + higher).digest()[:16])


def open_pair_id(one: uuid.UUID, other: uuid.UUID) -> uuid.UUID:
    """The id of the open chat of two accounts: one a pair, whoever makes it, and never that of their private chat."""
    lower, higher = sorted((one.bytes, other.bytes))
    return uuid.UUID(bytes=hashlib.sha256(b"msgr/1/open\x00" + lower + higher).digest()[:16])
