"""What the library gives to its callers. Frozen; ids as the usual text of UUIDs, times in ms since 1970."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ..protocol.safety_number import SafetyNumber

Role = Literal["member", "admin", "owner"]
NoticeKind = Literal["unreadable", "update_needed", "gap", "expired", "identity_changed", "warning", "group", "earlier"]
State = Literal["queued", "accepted", "delivered", "read", "expired", "failed", "received"]


@dataclass(frozen=True, slots=True)
class Account:
    """Who this profile is."""

    username: str
    account: str
    device: str
    server: str


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a message has come with somebody."""

    username: str
    state: State  # accepted: it has not reached them, as far as is known
    at: int | None  # ms, since when; None: not known


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
    muted: bool = False  # the chat is, on this device
    reached: tuple[Reached, ...] = ()  # of an own one, where that was asked for: how far each of the others has come
    is_open: bool = False  # written in an open chat: not end-to-end encrypted
    number: int = 0  # its place in an open chat, by which it is edited and deleted
    edited_at: int = 0  # of an open chat's: when its author put this text in place of another; 0: never
    is_deleted: bool = False  # of an open chat's: then the text is empty


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that a person has to know about a conversation; `text` is the plain sentence."""

    kind: NoticeKind
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
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """A message of an open chat was edited, and `text` is what it says now; or deleted."""

    kind: Literal["edited", "deleted"]
    id: str  # of the message
    chat: str
    sender: str  # who wrote it
    text: str = field(repr=False)
    at: int
    number: int = 0
    position: int = field(default=0, repr=False)
    group: str = ""
    title: str = ""
    is_open: bool = True


@dataclass(frozen=True, slots=True)
class Typing:
    """Somebody has begun to write, or stopped. Nothing of it is kept."""

    chat: str
    username: str
    on: bool
    group: str = ""
    title: str = ""
    is_open: bool = False


Event = Message | Notice | Change


@dataclass(frozen=True, slots=True)
class Sent:
    """A message on its way: `queued` here, or `accepted` by the server."""

    id: str
    state: State
    skipped: tuple[str, ...] = ()  # the recipient's devices that it could not be encrypted for
    is_open: bool = False  # it was not encrypted for anybody


@dataclass(frozen=True, slots=True)
class Chat:
    id: str
    other: str  # username
    last: Event | None
    unseen: int
    verified: bool
    group: str = ""  # id of a group chat; `other` is its title
    muted: bool = False  # on this device
    is_open: bool = False  # not end-to-end encrypted


@dataclass(frozen=True, slots=True)
class Place:
    """Which chat a name means at this moment; `name` means it from now on, too, whatever others are called."""

    name: str
    is_open: bool  # not end-to-end encrypted


@dataclass(frozen=True, slots=True)
class GroupMember:
    username: str
    account: str
    role: Role


@dataclass(frozen=True, slots=True)
class LinkInfo:
    """An open link to join by, without its secret."""

    key: str  # by which `close_group_link` knows it
    expires_at: int | None  # ms
    uses: int | None  # how many joins are left
    approval: bool


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
    is_open: bool = False  # not end-to-end encrypted: the server reads it, and keeps all of it
    muted: bool = False  # on this device
    description: str = field(default="", repr=False)
    colour: int | None = None  # 0xRRGGBB
    members_may_add: bool = False
    open_links: tuple[LinkInfo, ...] = ()


@dataclass(frozen=True, slots=True)
class OpenPage:
    """Messages of an open chat, oldest first; those of the page before come below `before`, None: there is none."""

    messages: tuple[Message, ...]
    before: int | None  # the number of a message


@dataclass(frozen=True, slots=True)
class Hit:
    """A message of an open chat that was searched for."""

    id: str
    chat: str
    other: str  # title of a group, else a username
    number: int
    sender: str
    sent_at: int
    snippet: str = field(repr=False)
    group: str = ""


@dataclass(frozen=True, slots=True)
class Hits:
    """The newest first; `before` names the page of older ones, None: there is none."""

    found: tuple[Hit, ...]
    before: str | None


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
