"""What a client may say of open chats, over REST and on the socket. As closed as frames.py."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from chats.closed import Closed, FrameId, Id, Line, Position, Text
from chats.limits import OPEN_BODY, OPEN_MEMBERS, OPEN_TITLE

Body = Annotated[Text, StringConstraints(min_length=1, max_length=OPEN_BODY)]
Title = Annotated[Line, StringConstraints(min_length=1, max_length=OPEN_TITLE)]
Role = Literal["member", "admin", "owner"]


class OpenPrivateBody(Closed):
    """The body of `POST open-chats` for a chat of two."""

    kind: Literal["private"]
    account: Id


class OpenGroupBody(Closed):
    """The body of `POST open-chats` for a group. `creation_id` is the client's own: the key to repeat the call by."""

    kind: Literal["group"]
    creation_id: Id
    title: Title
    members: Annotated[list[Id], Field(max_length=OPEN_MEMBERS - 1, default_factory=list)]


class OpenTitleBody(Closed):
    title: Title


class OpenMemberBody(Closed):
    account: Id


class OpenRoleBody(Closed):
    role: Role


class OpenTextBody(Closed):
    body: Body


class OpenReadBody(Closed):
    position: Position


class OpenMessageBody(OpenTextBody):
    message_id: Id


class OpenSendFrame(OpenMessageBody):
    type: Literal["open.send"]
    id: FrameId
    open_chat: Id


class OpenReadFrame(OpenReadBody):
    type: Literal["open.read"]
    id: FrameId | None = None
    open_chat: Id
