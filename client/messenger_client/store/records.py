"""What the sealed values hold. Records print as their names only: they are made of keys and of what people write."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

import cbor2

from ..errors import StoreError


class Record:
    """A frozen dataclass of plain values, kept as a CBOR map by field name; an absent field has its default."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(<secret>)"

    def pack(self) -> bytes:
        names = [field.name for field in fields(self)]  # type: ignore[arg-type]  # each record is a dataclass
        return cbor2.dumps({name: getattr(self, name) for name in names})

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        try:
            values: dict[str, Any] = cbor2.loads(data)
            known = {field.name for field in fields(cls)}  # type: ignore[arg-type]  # likewise
            return cls(**{name: value for name, value in values.items() if name in known})
        except (cbor2.CBORDecodeError, TypeError, AttributeError) as error:
            raise StoreError("The profile's data is damaged.") from error


@dataclass(frozen=True, slots=True, repr=False)
class Me(Record):
    """Who this profile is. The keys are made before the server is told anything."""

    server: str
    signing_seed: bytes
    identity_private: bytes
    username: str = ""
    account: bytes = b""  # empty: not known to the server yet
    device: bytes = b""  # empty: not registered yet
    account_key: bytes = b""  # AK's public half; empty: not on the device list yet
    account_key_seed: bytes = b""  # on managing devices
    ready: bool = False  # listed, with prekeys published
    unlinked: str = ""  # taken off the list since (`removed`), or left behind by a new account key (`identity`)
    managing: tuple[bytes, ...] | list[bytes] = ()  # devices known to hold AK; empty: this one, if it does


@dataclass(frozen=True, slots=True, repr=False)
class Tokens(Record):
    access: str
    refresh: str
    expires_at: int  # ms, of the access token
    refreshing_since: int | None = None  # ms: an answer to a refresh is outstanding, or was lost
    ended: bool = False  # the server ended the session
    origin: str = ""  # of the server that gave them; empty: the one in `Me`


@dataclass(frozen=True, slots=True, repr=False)
class PrekeyState(Record):
    """Next ids by label, and when the signed ones were made. Written before anything is published."""

    next_ids: dict[str, int]
    signed_at: int = 0  # ms
    published_at: int = 0  # ms; 0: the newest signed ones may not be on the server
    checked_at: int = 0  # ms
    tidied_at: int = 0  # ms


@dataclass(frozen=True, slots=True, repr=False)
class Linking(Record):
    """A step that was begun: being linked, being given history, starting a new identity."""

    secret: bytes = b""  # s of the code that was shown; until it is used
    history: int = 0  # history contents that were announced
    taken: int = 0  # of those
    next_seed: bytes = b""  # AK of a list that was signed and may not have been published
    next_list: bytes = b""
    looked_at: int = 0  # ms, at one's own device list
    groups: tuple[bytes, ...] | list[bytes] | None = None  # group chats in the first list of them that was taken


@dataclass(frozen=True, slots=True, repr=False)
class Peer(Record):
    """Another account, or one's own."""

    account: bytes
    username: str = ""
    pin: bytes = b""  # Pin.to_bytes(); empty before first contact
    suspended: tuple[bytes, ...] | list[bytes] = ()  # the server's word
    seen_prekeys: dict[bytes, list[int]] | None = None  # device: [spk, klr]
    shown_key: bytes = b""  # the AK of the safety number that was shown last
    verified_key: bytes = b""  # the AK that the person has compared
    changed_lists: tuple[bytes, ...] | list[bytes] = ()  # a chain under another AK, not acknowledged yet
    changed_key: bytes = b""
    request: bool = False  # they wrote, and the person has not answered
    blocked: bool = False
    opened: dict[bytes, list[Any]] | None = None  # device: [ms, session id], of sessions opened to repair or to link


@dataclass(frozen=True, slots=True, repr=False)
class ChatState(Record):
    conversation: bytes  # empty: written to before the account was known
    account: bytes
    counter: int = 0  # of this device's last message in it
    is_group: bool = False  # then the account is empty
    muted: bool = False  # on this device


@dataclass(frozen=True, slots=True, repr=False)
class Entry(Record):
    """One line of a conversation: a message, or something that had to be said about one."""

    id: bytes  # message id, or a random one
    kind: str  # text, unreadable, update_needed, gap, expired, notice, control, group
    outgoing: bool
    account: bytes  # who wrote it; own account when outgoing
    chat: bytes  # conversation id; empty while the recipient is only a name
    sent: int  # ms, by the sender's clock
    device: bytes = b""
    to_name: str = ""  # of a message to somebody who is only a name yet
    text: str = ""
    accepted: int = 0  # ms
    counter: int = 0
    cause: str = ""  # of unreadable; why a send failed
    missing: int = 0  # of a gap: how many
    request: bool = False
    state: str = ""  # outgoing: queued, accepted, failed; then as `statuses` say
    statuses: dict[bytes, list[Any]] | None = None  # account ‖ device: [status, at]
    skipped: tuple[bytes, ...] | list[bytes] = ()  # devices left out
    padded: bytes = b""  # with fk: what a report or a retry shows
    stamp: bytes = b""
    stamp_key: str = ""
    raw: bytes = b""  # kept for a newer version
    mentions: tuple[bytes, ...] | list[bytes] = ()  # members of a group chat whom it names


@dataclass(frozen=True, slots=True, repr=False)
class Outgoing(Record):
    """One send on its way. Without `padded` it has not been encrypted yet: no keys were at hand."""

    id: bytes
    to_name: str
    sent: int
    text: str
    account: bytes = b""
    padded: bytes = b""
    lists: dict[bytes, bytes] | None = None  # account: list hash
    envelopes: tuple[Any, ...] | list[Any] = ()  # [device, body]
    skipped: tuple[bytes, ...] | list[bytes] = ()
    attempts: int = 0  # at being encrypted for changed lists
    group: bytes = b""  # then there is one envelope, for nobody in particular, and one hash of all lists
    gsh: bytes = b""
    mentions: tuple[bytes, ...] | list[bytes] = ()


@dataclass(frozen=True, slots=True, repr=False)
class SentTo(Record):
    """What one place in a session carried."""

    message: bytes
    account: bytes
    device: bytes
    signing_key: bytes = b""  # DSK of that device; empty: it was for a group chat's readers


@dataclass(frozen=True, slots=True, repr=False)
class Unreadable(Record):
    """A message that could not be read, as it is known from its outside."""

    entry: bytes  # id of the line that stands for it
    message: bytes
    account: bytes
    device: bytes
    chat: bytes
    at: int  # ms
    cause: str = ""  # empty: nothing is shown of it
    session: bytes = b""  # with dh and n: its place; empty where the outside makes no sense either
    dh: bytes = b""
    n: int = 0
    asked: int = 0  # times
    asked_at: int = 0  # ms


@dataclass(frozen=True, slots=True, repr=False)
class Control(Record):
    """A content for one device, outside of any conversation. Without `wire` it has not been encrypted yet."""

    id: bytes  # message id
    account: bytes
    device: bytes
    padded: bytes
    fresh: bool = False  # on a session opened for such things, not on the one that decrypted last
    only: bool = False  # a reset: the other sessions are given up
    logged: bool = False  # a message sent again: it may be asked for again
    psk: bytes = b""  # of the session to open
    signing_key: bytes = b""  # DSK of that device: under another one it is another device
    wire: bytes = b""


@dataclass(frozen=True, slots=True, repr=False)
class Parked(Record):
    frame: bytes  # the envelope as it came, JSON
