"""What the sealed values of group chats hold."""

from __future__ import annotations

from dataclasses import dataclass

from .records import Record


@dataclass(frozen=True, slots=True, repr=False)
class Group(Record):
    """One group chat, as its operations have made it."""

    id: bytes
    state: bytes = b""  # GroupState.to_bytes(); empty: none of its operations was taken yet
    standing: str = ""  # member, pending, left, removed, gone (the server's word); empty: not taken yet
    title: str = ""
    key: bytes = b""  # the group key, and its version
    key_version: int = 0
    next_key: bytes = b""  # that of an operation of our own, from before it leaves
    next_version: int = 0
    request: bool = False  # the server's word: somebody unknown has added us, and the person has not answered
    trouble: str = ""  # why nothing is sent: a sentence
    withheld: tuple[tuple[bytes, bytes], ...] | list[list[bytes]] = ()  # gsh that a member knows and we are not shown
    fresh: bool = False  # its chain was never yet followed to its end without trouble
    rekey_due: bool = False  # somebody has left, who still has the group key


@dataclass(frozen=True, slots=True, repr=False)
class Early(Record):
    """What came before that which it needs: a message's frame, or the padded content of a sender key."""

    account: bytes
    device: bytes
    frame: bytes = b""  # JSON
    padded: bytes = b""
    asked: bool = False  # a line stands for it
