"""What the sealed values of open chats hold: never a thing of an encrypted chat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .records import Record


@dataclass(frozen=True, slots=True, repr=False)
class OpenChat(Record):
    """An open chat, as the server tells of it. Its history is there, too."""

    id: bytes
    kind: str  # private, group
    title: str = ""
    role: str = ""  # one's own: member, admin, owner
    standing: str = "member"  # member, left, gone (the server's word)
    request: bool = False
    members: tuple[Any, ...] | list[Any] = ()  # [account, role]
    taken: int = 0  # the position up to which its messages were taken in, to be given out once
    is_new: bool = False  # none were taken in yet
    other: bytes = b""  # of a chat of two: whom it is with
    muted: bool = False  # on this device


@dataclass(frozen=True, slots=True, repr=False)
class OpenOutgoing(Record):
    """A message on its way into an open chat."""

    id: bytes
    text: str
    at: int  # ms, when it was written
    to_name: str  # who it is to, or `#` and the chat's id
    chat: bytes = b""  # empty: of two, and not known yet
    failed: str = ""  # why it was given up, in a sentence


@dataclass(frozen=True, slots=True, repr=False)
class OpenNews(Record):
    """Something that happened in an open chat, until it has been given out."""

    kind: str  # message, edited, deleted, earlier, gone
    chat: bytes
    id: bytes  # of the message, or a random one
    number: int = 0  # its position in the chat
    account: bytes = b""  # who wrote it
    text: str = ""
    at: int = 0  # ms
    request: bool = False
