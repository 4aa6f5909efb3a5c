"""A group chat's title, description and picture, sealed under the group key. The server reads none of it.

PROTOCOL.md, Groups. The sealed map is padded as a content is, so that a title's length does not show either.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from . import cbor, form
from .body import Attachment, read_map
from .entropy import SYSTEM, Entropy
from .errors import BadKey, Malformed, ProtocolError, Undecryptable
from .group_state import GroupState
from .ids import GroupId
from .limits import MAX_META
from .padding import pad, unpad
from .primitives import KEY_SIZE, copen, cseal
from .secret import Secret
from .sender_key import GroupKey

MAX_COLOUR = 0xFFFFFF  # red, green, blue

_LABEL = "meta"


@dataclass(frozen=True, slots=True)
class Meta:
    """What people see of a group chat. What is None is not said."""

    title: str = field(repr=False)
    description: str | None = field(default=None, repr=False)
    colour: int | None = None
    avatar: Attachment | None = None

    def to_map(self) -> dict[int, cbor.Value]:
        fields: dict[int, cbor.Value] = {
            0: self.title,
            1: self.description,
            2: self.colour,
            3: None if self.avatar is None else self.avatar.to_map(),
        }
        return {key: value for key, value in fields.items() if value is not None}

    @classmethod
    def from_map(cls, value: cbor.Value) -> Meta:
        fields = read_map(value)
        return cls(
            form.text(fields.get(0)),
            form.text(fields[1]) if 1 in fields else None,
            form.unsigned(fields[2], 0, MAX_COLOUR) if 2 in fields else None,
            Attachment.from_map(fields[3]) if 3 in fields else None,
        )


def generate_group_key(state: GroupState | None, entropy: Entropy = SYSTEM) -> GroupKey:
    """Make the group key that the next operation brings: a create (`state=None`), a remove or a rekey."""
    return GroupKey(0 if state is None else state.index + 1, Secret(entropy.random(KEY_SIZE)))


def seal_meta(meta: Meta, group: GroupId, key: GroupKey, entropy: Entropy = SYSTEM) -> bytes:
    """Seal for an operation. Raises Malformed when it is too long, or would not be read."""
    data = cbor.encode(meta.to_map())
    Meta.from_map(cbor.decode(data))
    sealed = cseal(key.key, _LABEL, group, pad(data), entropy)
    if len(sealed) > MAX_META:
        raise Malformed("meta too long")
    return sealed


def open_meta(sealed: bytes, group: GroupId, key: GroupKey) -> Meta:
    """Open what an operation carries. Raises Undecryptable (another key's), Malformed, Unsupported."""
    return Meta.from_map(cbor.decode(unpad(copen(key.key, _LABEL, group, sealed))))


def read_meta(state: GroupState, key: GroupKey) -> Meta:
    """What people see: the newest meta, or the one that the group key came with where the newest does not read.

    An admin may have sealed nonsense. Raises Undecryptable, Malformed, Unsupported.
    """
    try:
        return open_meta(state.meta, state.group, key)
    except ProtocolError:
        return open_meta(state.key_meta, state.group, key)


def check_group_key(state: GroupState, key: GroupKey) -> None:
    """Accept a group key only if it opens the meta of the operation that brought it. Raises Malformed, BadKey.

    Malformed: it is not of the version of that state. What the meta says does not matter here.
    """
    if key.version != state.key_version:
        raise Malformed("another version")
    try:
        copen(key.key, _LABEL, state.group, state.key_meta)
    except Undecryptable as error:
        raise BadKey("not the group's key") from error
