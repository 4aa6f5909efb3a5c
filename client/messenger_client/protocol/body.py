"""The bodies of contents, one value a kind (PROTOCOL.md, Content). Refuses missing and mistyped fields.

A reader ignores unknown keys below 16 and answers Unsupported to keys of 16 and above.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from . import cbor, form
from .account_data import AccountData, History
from .errors import Unsupported
from .ids import AccountId, MessageId, SessionId
from .primitives import HASH_SIZE, KEY_SIZE
from .secret import Secret
from .sender_key import SenderKey

Map = dict[int, cbor.Value]

FIRST_CRITICAL_KEY = 16  # from here on, a key that we do not know changes what a content means


@dataclass(frozen=True, slots=True)
class Attachment:
    """Where an encrypted file lies and how it opens."""

    blob_id: bytes  # 16 bytes
    key: Secret
    size: int
    sha256: bytes  # of the ciphertext
    media_type: str
    name: str | None = field(default=None, repr=False)
    thumbnail: bytes | None = field(default=None, repr=False)

    def to_map(self) -> Map:
        return _without_none(
            {
                0: self.blob_id,
                1: bytes(self.key),
                2: self.size,
                3: self.sha256,
                4: self.media_type,
                5: self.name,
                6: self.thumbnail,
            }
        )

    @classmethod
    def from_map(cls, value: cbor.Value) -> Attachment:
        fields = read_map(value)
        return cls(
            form.identifier(fields.get(0)),
            Secret(form.octets(fields.get(1), KEY_SIZE)),
            form.unsigned(fields.get(2)),
            form.octets(fields.get(3), HASH_SIZE),
            form.text(fields.get(4)),
            form.text(fields[5]) if 5 in fields else None,
            form.any_octets(fields[6]) if 6 in fields else None,
        )


@dataclass(frozen=True, slots=True)
class Text:
    kind: ClassVar[int] = 1
    text: str = field(repr=False)  # bodies stay out of logs
    reply_to: MessageId | None = None
    mentions: tuple[AccountId, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    expiry: int | None = None  # seconds

    def to_map(self) -> Map:
        return _without_none(
            {
                0: self.text,
                1: self.reply_to,
                2: list(self.mentions) or None,
                3: [one.to_map() for one in self.attachments] or None,
                4: self.expiry,
            }
        )

    @classmethod
    def from_map(cls, fields: Map) -> Text:
        return cls(
            form.text(fields.get(0)),
            MessageId(form.identifier(fields[1])) if 1 in fields else None,
            tuple(AccountId(form.identifier(one)) for one in form.array(fields.get(2, []))),
            tuple(Attachment.from_map(one) for one in form.array(fields.get(3, []))),
            form.unsigned(fields[4]) if 4 in fields else None,
        )


@dataclass(frozen=True, slots=True)
class Edit:
    """Acts only on a message of the same account; the caller, who knows the target, checks it."""

    kind: ClassVar[int] = 2
    target: MessageId
    text: str = field(repr=False)

    def to_map(self) -> Map:
        return {0: self.target, 1: self.text}

    @classmethod
    def from_map(cls, fields: Map) -> Edit:
        return cls(MessageId(form.identifier(fields.get(0))), form.text(fields.get(1)))


@dataclass(frozen=True, slots=True)
class Delete:
    """Acts only on a message of the same account; the caller, who knows the target, checks it."""

    kind: ClassVar[int] = 3
    target: MessageId

    def to_map(self) -> Map:
        return {0: self.target}

    @classmethod
    def from_map(cls, fields: Map) -> Delete:
        return cls(MessageId(form.identifier(fields.get(0))))


@dataclass(frozen=True, slots=True)
class Reaction:
    kind: ClassVar[int] = 4
    target: MessageId
    emoji: str = field(repr=False)
    removed: bool = False

    def to_map(self) -> Map:
        return {0: self.target, 1: self.emoji, 2: self.removed}

    @classmethod
    def from_map(cls, fields: Map) -> Reaction:
        return cls(
            MessageId(form.identifier(fields.get(0))),
            form.text(fields.get(1)),
            form.boolean(fields.get(2)),
        )


@dataclass(frozen=True, slots=True)
class Timer:
    kind: ClassVar[int] = 5
    seconds: int

    def to_map(self) -> Map:
        return {0: self.seconds}

    @classmethod
    def from_map(cls, fields: Map) -> Timer:
        return cls(form.unsigned(fields.get(0)))


@dataclass(frozen=True, slots=True)
class Retry:
    """Names a message that did not decrypt, by its place in a session."""

    kind: ClassVar[int] = 7
    session_id: SessionId
    dh: bytes
    n: int

    def to_map(self) -> Map:
        return {0: self.session_id, 1: self.dh, 2: self.n}

    @classmethod
    def from_map(cls, fields: Map) -> Retry:
        return cls(
            SessionId(form.identifier(fields.get(0))),
            form.octets(fields.get(1), KEY_SIZE),
            form.unsigned(fields.get(2)),
        )


@dataclass(frozen=True, slots=True)
class Reset:
    """Says that the sender has opened a new session and gives the old ones up."""

    kind: ClassVar[int] = 8

    def to_map(self) -> Map:
        return {}

    @classmethod
    def from_map(cls, fields: Map) -> Reset:
        return cls()


@dataclass(frozen=True, slots=True)
class Opaque:
    """A control content whose fields another module reads: call."""

    kind: int
    fields: Map

    def to_map(self) -> Map:
        return self.fields

    def __repr__(self) -> str:
        return f"Opaque(kind={self.kind}, fields=<secret>)"


Body = Text | Edit | Delete | Reaction | Timer | SenderKey | Retry | Reset | AccountData | History | Opaque

CALL = 11
FIRST_CONTROL = 6  # from here on: chosen devices, no message row, no status
_READERS: dict[int, Callable[[Map], Body]] = {
    Text.kind: Text.from_map,
    Edit.kind: Edit.from_map,
    Delete.kind: Delete.from_map,
    Reaction.kind: Reaction.from_map,
    Timer.kind: Timer.from_map,
    SenderKey.kind: SenderKey.from_map,
    Retry.kind: Retry.from_map,
    Reset.kind: Reset.from_map,
    AccountData.kind: AccountData.from_map,
    History.kind: History.from_map,
}


def is_control(kind: int) -> bool:
    return kind >= FIRST_CONTROL


def read_body(kind: int, value: cbor.Value) -> Body:
    """Read a body map. Raises Malformed, Unsupported (an unknown kind or a critical key)."""
    if kind == CALL:
        return Opaque(kind, read_map(value))
    if kind not in _READERS:
        raise Unsupported("content kind")
    return _READERS[kind](read_map(value))


def read_map(value: cbor.Value) -> Map:
    """Read a map of fields. Raises Malformed, Unsupported (a key of 16 or above)."""
    fields = form.mapping(value)
    if fields and max(fields) >= FIRST_CRITICAL_KEY:
        raise Unsupported("content key")
    return fields


def _without_none(fields: Map) -> Map:
    return {key: value for key, value in fields.items() if value is not None}
