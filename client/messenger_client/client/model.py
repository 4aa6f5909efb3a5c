"""What the library gives to its callers. Frozen; ids as the usual text of UUIDs, times in ms since 1970."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ..protocol.safety_number import SafetyNumber

Role = Literal["member", "admin", "owner"]
State = Literal["queued", "accepted", "delivered", "read", "expired", "failed", "received"]


@dataclass(frozen=True, slots=True)
class Account:
    """Who this profile is."""

    username: str
    account: str
    device: str
    server: str


@dataclass(frozen=True, slots=True)
class Message:
    """A text, received or sent. `text` is what the other person wrote: print it with care for terminals."""

    id: str
    chat: str
    sender: str  # username
    text: str = field(repr=False)
    sent_at: int  # by the sender's clock
    outgoing: bool = False
    state: State = "received"
    is_request: bool = False  # from somebody who is not accepted yet
    reason: str = ""  # of failed: why, in a sentence
    position: int = field(default=0, repr=False)
    group: str = ""  # id of the group chat that it was written in; then the same as `chat`
    title: str = ""  # of that
    mentions: tuple[str, ...] = ()  # usernames of its members whom the text names
    mentioned: bool = False  # whether oneself is among them


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that a person has to know about a conversation; `text` is the plain sentence."""

    kind: Literal["unreadable", "update_needed", "gap", "expired", "identity_changed", "warning", "group"]
    id: str
    chat: str
    sender: str
    text: str
    at: int
    cause: str = ""  # of unreadable: the protocol's name for it; of group: what was done
    missing: int = 0  # of a gap: how many
    repair: Literal["", "asked", "possible", "none"] = ""  # of unreadable: asked for again, can be, cannot be
    position: int = field(default=0, repr=False)
    group: str = ""
    title: str = ""


Event = Message | Notice


@dataclass(frozen=True, slots=True)
class Sent:
    """A message on its way: `queued` here, or `accepted` by the server."""

    id: str
    state: State
    skipped: tuple[str, ...] = ()  # the recipient's devices that it could not be encrypted for


@dataclass(frozen=True, slots=True)
class Chat:
    id: str
    other: str  # username
    last: Message | Notice | None
    unseen: int
    verified: bool
    group: str = ""  # id of a group chat; `other` is its title


@dataclass(frozen=True, slots=True)
class GroupMember:
    username: str
    account: str
    role: Role


@dataclass(frozen=True, slots=True)
class GroupChat:
    """A group chat, as its signed operations have made it."""

    id: str
    title: str  # empty until a member has told the group key
    standing: Literal["member", "pending", "left", "removed", "gone"]  # gone: the server says so, and does not say why
    role: Role | None  # one's own
    members: tuple[GroupMember, ...]
    waiting: tuple[str, ...]  # who has asked to be let in
    links: int  # that are open
    is_request: bool  # somebody unknown has added one: `accept_group`, or `leave_group`
    trouble: str  # why nothing is sent to it: a sentence


@dataclass(frozen=True, slots=True)
class Contact:
    username: str
    account: str
    state: Literal["requested", "accepted", "blocked"]
    changed_at: int


@dataclass(frozen=True, slots=True)
class Device:
    """One of one's own devices. Names and times are the server's word."""

    id: str
    name: str
    platform: str
    created_at: int
    last_seen_at: int | None
    this_one: bool
    managing: bool  # known to hold the account key: it can put devices on the list and take them off
    listed: bool
    suspended: bool


@dataclass(frozen=True, slots=True)
class NewDevice:
    """Whose code was read."""

    id: str
    name: str
    platform: str


@dataclass(frozen=True, slots=True)
class ComparedNumber(SafetyNumber):
    """A safety number, and the account key that it stands for: `verify` takes that key."""

    key: bytes
