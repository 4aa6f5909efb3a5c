"""Open chats over HTTP (docs/api.md, Open chats): input, one call, output. A stranger gets 404 throughout."""

from __future__ import annotations

import uuid
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import credentials_of
from chats import services
from chats.api.asking import ForListedDevices, asking, person
from chats.frames import read
from chats.models import OpenChatMember
from chats.open_bodies import OpenGroupBody, OpenMemberBody, OpenPrivateBody, OpenRoleBody, OpenTitleBody
from messenger.lib import limits
from messenger.lib.errors import Malformed
from messenger.lib.paging import page_asked, page_parameters, paged


class OpenChatsView(ForListedDevices):
    @extend_schema(operation_id="open_chats_list", parameters=page_parameters(), responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """The open chats that the account is in, that with the newest message first; not with people it blocked."""
        account = credentials_of(request).account_id
        rows, following = services.listed_open_chats(account=account, asked=page_asked(request))
        return paged(request, {"open_chats": [_chat(row) for row in rows]}, following)

    @extend_schema(request=OpenGroupBody, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        """Start an open chat of two or of a group; what was made before for a call that is repeated."""
        account, device = asking(request)
        limits.hit("open_chat", account).require()
        data: Any = request.data
        own = uuid.UUID(account)
        if isinstance(data, dict) and data.get("kind") == "private":
            pair = read(OpenPrivateBody, data)
            chat = services.create_open_private(account=own, device=device, other=uuid.UUID(pair.account))
        else:
            group = read(OpenGroupBody, data)
            chat = services.create_open_group(
                account=own,
                device=device,
                creation_id=uuid.UUID(group.creation_id),
                title=group.title,
                members=[uuid.UUID(one) for one in group.members],
            )
        return Response(_details(own, chat.pk), status=201)


class OpenChatView(ForListedDevices):
    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, chat: uuid.UUID) -> Response:
        """One open chat, with those in it."""
        return Response(_details(credentials_of(request).account_id, chat))

    @extend_schema(request=OpenTitleBody, responses=OpenApiTypes.OBJECT)
    def patch(self, request: Request, chat: uuid.UUID) -> Response:
        """Give a group another title."""
        account, device = asking(request)
        body = read(OpenTitleBody, request.data)
        limits.hit("open_change", account).require()
        services.rename_open_chat(account=uuid.UUID(account), device=device, chat=chat, title=body.title)
        return Response(_details(uuid.UUID(account), chat))


class OpenAcceptView(ForListedDevices):
    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, chat: uuid.UUID) -> Response:
        """Accept an open group chat that came as a request."""
        if request.data != {}:
            raise Malformed("the body is an empty object")
        services.accept_open_chat(account=credentials_of(request).account_id, chat=chat)
        return Response(status=204)


class OpenMembersView(ForListedDevices):
    @extend_schema(request=OpenMemberBody, responses={204: None})
    def post(self, request: Request, chat: uuid.UUID) -> Response:
        """Add somebody to a group."""
        account, device = asking(request)
        body = read(OpenMemberBody, request.data)
        limits.hit("open_change", account).require()
        other = uuid.UUID(body.account)
        services.add_open_member(account=uuid.UUID(account), device=device, chat=chat, other=other)
        return Response(status=204)


class OpenMemberView(ForListedDevices):
    @extend_schema(request=OpenRoleBody, responses={204: None})
    def patch(self, request: Request, chat: uuid.UUID, member: uuid.UUID) -> Response:
        """Give a member another role."""
        account, device = asking(request)
        role = OpenChatMember.Role[read(OpenRoleBody, request.data).role.upper()]
        limits.hit("open_change", account).require()
        services.set_open_role(account=uuid.UUID(account), device=device, chat=chat, other=member, role=role)
        return Response(status=204)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, chat: uuid.UUID, member: uuid.UUID) -> Response:
        """Remove a member, or leave."""
        account, device = asking(request)
        limits.hit("open_change", account).require()
        services.remove_open_member(account=uuid.UUID(account), device=device, chat=chat, other=member)
        return Response(status=204)


def _details(account: uuid.UUID, chat: uuid.UUID) -> dict[str, object]:
    mine, members = services.open_chat_details(account=account, chat=chat)
    return _chat(mine) | {
        "members": [
            {
                "account": person(row.account),
                "role": row.get_role_display(),
                "read_position": row.read_position if seen else None,
            }
            for row, seen in members
        ]
    }


def _chat(mine: OpenChatMember) -> dict[str, object]:
    chat = mine.chat
    return {
        "id": chat.pk,
        "kind": chat.get_kind_display(),
        "title": chat.title,
        "member_count": chat.member_count,
        "role": mine.get_role_display(),
        "request": mine.reach == OpenChatMember.Reach.REQUEST,
        "added_by": mine.added_by_id,
        "newest": mine.newest or None,  # type: ignore[attr-defined]  # an annotation
        "read_position": mine.read_position,
        "created_by": chat.created_by_id,
        "created_at": chat.created_at,
    }
