"""Messages of open chats over HTTP (docs/api.md, Open chats): input, one call, output. A stranger gets 404."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import QueryDict
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import credentials_of
from chats import services
from chats.api.asking import ForListedDevices, asking, within_share
from chats.delivery import open_messages as frames_out
from chats.frames import is_id, read
from chats.limits import MOST_OPEN_PAGE, OPEN_PAGE
from chats.models import OpenMessage
from chats.open_bodies import OpenMessageBody, OpenReadBody, OpenTextBody
from chats.services.open_chats.reading import NEWEST, position_of
from messenger.lib.clock import now_ms
from messenger.lib.errors import Malformed
from messenger.lib.paging import limit_asked, page_parameters, paged, require_members

MOST_DIGITS = 16  # of a position, 2^53 - 1 at most
AROUND = [
    OpenApiParameter("before", int, description="messages below this position, in place of a cursor"),
    OpenApiParameter("after", int, description="messages above this position, the oldest first, in place of a cursor"),
]


class OpenMessagesView(ForListedDevices):
    @extend_schema(parameters=[*page_parameters(MOST_OPEN_PAGE), *AROUND], responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, chat: uuid.UUID) -> Response:
        """The messages of a chat, newest first; with `after`, those above a position, oldest first."""
        before, limit = open_page_asked(request, ("before", "after"))
        account, asked = credentials_of(request).account_id, request.query_params
        if len({"cursor", "before", "after"} & set(asked)) > 1:
            raise Malformed("a page has one beginning")
        if "after" in asked:
            after = _position(asked, "after")
            page = services.open_history_after(account=account, chat=chat, after=after, limit=limit)
        else:
            before = _position(asked, "before") if "before" in asked else before
            page = services.open_history(account=account, chat=chat, before=before, limit=limit)
        messages = [frames_out.message_members(one) for one in page.messages]
        return paged(request, {"messages": messages}, page.next)

    @extend_schema(request=OpenMessageBody, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, chat: uuid.UUID) -> Response:
        """Send a message; the first answer again for one that was accepted before."""
        account, device = asking(request)
        within_share(device)
        data: Any = request.data
        own = uuid.UUID(account)
        try:
            body = read(OpenMessageBody, data)
        except Malformed as refusal:
            message = _stored(own, data, refusal)
        else:
            message_id = uuid.UUID(body.message_id)
            message = services.send_open_message(
                account=own, device=device, chat=chat, message_id=message_id, body=body.body, now=now_ms()
            )
        return Response(frames_out.taken_members(message), status=201)


class OpenMessageView(ForListedDevices):
    @extend_schema(request=OpenTextBody, responses=OpenApiTypes.OBJECT)
    def patch(self, request: Request, chat: uuid.UUID, position: int) -> Response:
        """Put another text in place of a message's."""
        account, device = asking(request)
        within_share(device)
        text = read(OpenTextBody, request.data).body
        message = services.edit_open_message(
            account=uuid.UUID(account), device=device, chat=chat, position=position, body=text, now=now_ms()
        )
        return Response(frames_out.message_members(message))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, chat: uuid.UUID, position: int) -> Response:
        """Empty a message for everybody."""
        account, device = asking(request)
        within_share(device)
        services.delete_open_message(account=uuid.UUID(account), device=device, chat=chat, position=position)
        return Response(status=204)


class OpenReadView(ForListedDevices):
    @extend_schema(request=OpenReadBody, responses={204: None})
    def post(self, request: Request, chat: uuid.UUID) -> Response:
        """Say how far the person has read."""
        account, device = asking(request)
        body = read(OpenReadBody, request.data)
        services.mark_open_read(account=uuid.UUID(account), device=device, chat=chat, position=body.position)
        return Response(status=204)


def open_page_asked(request: Request, others: tuple[str, ...]) -> tuple[int, int]:
    """Below which position, and how many. A member that is neither these nor one of the others is refused."""
    asked = request.query_params
    require_members(asked, ("cursor", "limit", *others))
    limit = limit_asked(asked, usual=OPEN_PAGE, most=MOST_OPEN_PAGE)
    return position_of(asked["cursor"]) if "cursor" in asked else NEWEST, limit


def _position(asked: QueryDict, name: str) -> int:
    text = str(asked[name])
    if not (text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS):
        raise Malformed(errors=[{"field": name, "message": "a position"}])
    return int(text)


def _stored(account: uuid.UUID, data: Any, refusal: Malformed) -> OpenMessage:
    # Idempotency comes first, as for other messages: whatever the rest says.
    message_id = data.get("message_id") if isinstance(data, dict) else None
    stored = services.repeated_open(account=account, message_id=uuid.UUID(message_id)) if is_id(message_id) else None
    if stored is None:
        raise refusal
    return stored
