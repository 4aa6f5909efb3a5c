"""What a client may say on the socket: a closed set of frames, each with types and bounds. Anything else is refused."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, NamedTuple, Self, TypeVar

import orjson
from pydantic import Field, StringConstraints, ValidationError, model_validator

from chats.closed import Closed, FrameId, Id, Position
from chats.ids import UUID_PATTERN
from chats.limits import (
    ACKS_PER_FRAME,
    BODY_BYTES,
    ENVELOPES_PER_SEND,
    ID_LENGTH,
    MESSAGES_PER_FRAME,
    OPERATION_BYTES,
    PARTS_PER_FRAME,
    SMALL_FRAME,
)
from chats.open_bodies import OpenReadFrame, OpenSendFrame
from messenger.lib import strict_json
from messenger.lib.errors import Malformed

# Its alphabet is checked where it is decoded (chats/wire.py): a pattern over every body was half of this check's cost.
Body = Annotated[str, StringConstraints(min_length=1, max_length=(BODY_BYTES * 4 + 2) // 3)]
ListHash = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{43}$")]
Cause = Literal[
    "malformed", "unsupported", "unknown_session", "unknown_prekey", "bad_signature", "bad_key", "not_listed",
    "list_refused", "identity_changed", "replayed", "duplicate", "too_far", "kem_step", "undecryptable",
    "bad_franking",
]  # fmt: skip


MOST_ERRORS = 100


class EnvelopeTo(Closed):
    device: Id
    body: Body


class EnvelopeToAccount(EnvelopeTo):
    account: Id


class MessageSend(Closed):
    message_id: Id
    to: Id
    lists: Annotated[dict[Id, ListHash], Field(min_length=2, max_length=2)]
    envelopes: Annotated[list[EnvelopeTo], Field(max_length=ENVELOPES_PER_SEND)]
    # A factory each: pydantic copies a default list deeply, for every frame that leaves it out.
    skipped: Annotated[list[Id], Field(max_length=ENVELOPES_PER_SEND, default_factory=list)]


class GroupMessageBody(Closed):
    """The body of `POST groups/{group}/messages`."""

    message_id: Id
    gsh: ListHash
    lists: ListHash  # of the hashes of all members' lists
    body: Body

    def to(self, group: str) -> GroupSend:
        return GroupSend(group=group, **self.model_dump())


class GroupSend(GroupMessageBody):
    group: Id


class DeviceSend(Closed):
    message_id: Id
    envelopes: Annotated[list[EnvelopeToAccount], Field(min_length=1, max_length=ENVELOPES_PER_SEND)]


class Unreadable(Closed):
    envelope: Position
    cause: Cause


class Ack(Closed):
    envelopes: Annotated[list[Position], Field(max_length=ACKS_PER_FRAME, default_factory=list)]
    unreadable: Annotated[list[Unreadable], Field(max_length=ACKS_PER_FRAME, default_factory=list)]


class InOne(Closed):
    """In a chat of two, or in a group chat."""

    chat: Id | None = None
    group: Id | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.chat is None) == (self.group is None):
            raise ValueError("either a chat or a group")
        return self


class MessageRead(InOne):
    messages: Annotated[list[Id], Field(min_length=1, max_length=MESSAGES_PER_FRAME)]


class _Frame(Closed):
    id: FrameId | None = None


class MessageSendFrame(MessageSend):
    type: Literal["message.send"]
    id: FrameId


class GroupSendFrame(GroupSend):
    type: Literal["group.send"]
    id: FrameId


class DeviceSendFrame(DeviceSend):
    type: Literal["device.send"]
    id: FrameId


class AckFrame(Ack, _Frame):
    type: Literal["ack"]


class MessageReadFrame(MessageRead, _Frame):
    type: Literal["message.read"]


class TypingFrame(Closed):
    type: Literal["typing"]
    chat: Id | None = None
    group: Id | None = None
    open_chat: Id | None = None
    on: bool

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if [self.chat, self.group, self.open_chat].count(None) != 2:
            raise ValueError("either a chat, a group or an open chat")
        return self


class TokenFrame(Closed):
    type: Literal["token"]
    id: FrameId
    access: Annotated[str, StringConstraints(min_length=1, max_length=8192)]


class MessagesBody(Closed):
    """The body of `POST messages/statuses`: own messages, and where a chat is named others' messages in it."""

    chat: Id | None = None
    group: Id | None = None
    messages: Annotated[list[Id], Field(min_length=1, max_length=MESSAGES_PER_FRAME)]


class SignedBytes(Closed):
    """PROTOCOL's `[payload bytes, signature]`; what is inside is read in group_operations.py."""

    payload: Annotated[str, StringConstraints(min_length=1, max_length=OPERATION_BYTES * 4 // 3 + 2)]
    signature: Annotated[str, StringConstraints(min_length=86, max_length=86)]


class OperationBody(Closed):
    """The body of `POST groups` and `POST groups/{group}/operations`."""

    operation: SignedBytes


FRAMES: dict[str, type[Closed]] = {
    "message.send": MessageSendFrame,
    "group.send": GroupSendFrame,
    "device.send": DeviceSendFrame,
    "ack": AckFrame,
    "message.read": MessageReadFrame,
    "open.send": OpenSendFrame,
    "open.read": OpenReadFrame,
    "typing": TypingFrame,
    "token": TokenFrame,
}
_VALIDATE = {name: model.__pydantic_validator__.validate_python for name, model in FRAMES.items()}


class Refused(NamedTuple):
    """A frame that is not in the set. `members` is what could be read of it, which nothing may rely on."""

    id: str | None
    error: Malformed
    members: dict[str, Any]


def decode(raw: str) -> Any | Refused:
    """The frame in a text message, as one of FRAMES, or why it is none."""
    # Before anything is built of it: a frame of 150,000 members held the event loop for a second.
    if len(raw) > SMALL_FRAME and raw.count(",") > PARTS_PER_FRAME:
        return Refused(None, Malformed("too many parts"), {})
    members: Any = {}
    try:
        members = orjson.loads(raw)
        # Cheap proof that no member came twice and no number was bent: what was read is written back the same.
        # A client that spaces or escapes in its own way takes the slower reader.
        if orjson.dumps(members) != raw.encode():
            members = strict_json.loads(raw.encode())
        return _VALIDATE[members["type"]](members)
    except ValidationError:
        return Refused(_id_of(members), Malformed(), members)
    except (KeyError, TypeError):
        return Refused(_id_of(members), Malformed("there is no frame of this type"), {})
    except ValueError:  # not JSON, or ambiguous JSON, or text that is no Unicode
        return Refused(None, Malformed("not a JSON object as it is read here"), {})


Model = TypeVar("Model", bound=Closed)


def read(model: type[Model], body: Any) -> Model:
    """A REST body as `model`, or Malformed with the fields."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise Malformed(errors=fields(error)) from error


def fields(error: ValidationError) -> list[dict[str, str]]:
    """[{"field", "message"}] without the values: they may be ciphertext or tokens."""
    if error.error_count() > MOST_ERRORS:  # each would be built before twenty of them are taken
        return []
    return [
        {"field": ".".join(str(part) for part in row["loc"]), "message": row["msg"]}
        for row in error.errors(include_url=False, include_context=False, include_input=False)[:20]
    ]


def is_id(value: object) -> bool:
    """Whether this is the canonical text of a UUID."""
    return isinstance(value, str) and re.fullmatch(UUID_PATTERN, value) is not None


def _id_of(members: Any) -> str | None:
    frame_id = members.get("id") if isinstance(members, dict) else None
    return frame_id if isinstance(frame_id, str) and 0 < len(frame_id) <= ID_LENGTH else None
