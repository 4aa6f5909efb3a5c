"""Searching open chats over HTTP (docs/api.md, Open chats): input, one call, output."""

from __future__ import annotations

import uuid

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import credentials_of
from chats import services
from chats.api.asking import ForListedDevices
from chats.api.open_messages import open_page_asked
from chats.frames import is_id
from chats.limits import MOST_OPEN_PAGE
from messenger.lib import limits
from messenger.lib.errors import Malformed
from messenger.lib.paging import page_parameters, paged


class OpenSearchView(ForListedDevices):
    @extend_schema(
        parameters=[
            OpenApiParameter("q", str, required=True, description="words that a message has all of"),
            OpenApiParameter("chat", uuid.UUID, description="in this chat alone"),
            *page_parameters(MOST_OPEN_PAGE),
        ],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        """Find messages in one's open chats, newest first."""
        before, limit = open_page_asked(request, ("q", "chat"))
        account, asked = credentials_of(request).account_id, request.query_params
        chat = asked.get("chat")
        if chat is not None and not is_id(chat):
            raise Malformed(errors=[{"field": "chat", "message": "the id of an open chat"}])
        limits.hit("open_search", str(account)).require()
        found = services.search_open(
            account=account,
            chat=None if chat is None else uuid.UUID(chat),
            text=asked.get("q", ""),
            before=before,
            limit=limit,
        )
        hits = [
            {
                "open_chat": one.chat_id,
                "position": one.position,
                "message_id": one.client_message_id,
                "sender": one.sender_id,
                "accepted_at": one.accepted_at,
                "snippet": services.snippet(one.body, found.words),
            }
            for one in found.history.messages
        ]
        return paged(request, {"messages": hits}, found.history.next)
