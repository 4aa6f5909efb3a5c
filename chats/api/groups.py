"""Group chats over HTTP (docs/api.md, Group chats): input, one call, output. A stranger gets 404 throughout."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import credentials_of
from chats import services
from chats.api.asking import ForListedDevices, asking, person, stored_answer, taken, within_share
from chats.frames import GroupMessageBody, OperationBody, read
from chats.group_operations import Operation, read_operation
from chats.models import GroupMember
from keys.cbor import MAX_INTEGER
from keys.verify import KEY_SIZE, SIGNATURE_SIZE, SignedObject
from messenger.lib import base64url, limits
from messenger.lib.clock import now_ms
from messenger.lib.cursors import page_by_number
from messenger.lib.errors import Malformed, NotFound
from messenger.lib.paging import page_asked, page_parameters, paged


class GroupsView(ForListedDevices):
    @extend_schema(operation_id="groups_list", parameters=page_parameters(), responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """The group chats that the account is in or waits for, newest first."""
        mine = _memberships(credentials_of(request).account_id)
        rows, following = page_by_number(mine, number="joined_at", name="chat_id", asked=page_asked(request))
        return paged(request, {"groups": [_group(row) for row in rows]}, following)

    @extend_schema(request=OperationBody, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        """Start a group chat by its first operation."""
        account, device = asking(request)
        operation = _operation(request)
        limits.hit("group", account).require()
        services.create_group(account=uuid.UUID(account), device=uuid.UUID(device), operation=operation, now=now_ms())
        return Response(_taken(operation), status=201)


class GroupView(ForListedDevices):
    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, group: uuid.UUID) -> Response:
        """One group chat, with those in it and those who wait."""
        mine = _memberships(credentials_of(request).account_id).filter(chat=group).first()
        if mine is None:
            raise NotFound()
        rows = GroupMember.objects.filter(chat=group).select_related("account").order_by("account")
        members = [{"account": person(row.account), "role": row.role, "pending": row.pending} for row in rows]
        return Response(_group(mine) | {"members": members})


class GroupAcceptView(ForListedDevices):
    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, group: uuid.UUID) -> Response:
        """Accept a group chat that came as a request."""
        if request.data != {}:
            raise Malformed("the body is an empty object")
        services.accept_group(account=credentials_of(request).account_id, group=group)
        return Response(status=204)


class GroupOperationsView(ForListedDevices):
    @extend_schema(
        parameters=[
            OpenApiParameter("since", int, description="the number of the last operation that is known"),
            OpenApiParameter("link", str, description="the public key of a link, for who is not in it"),
            OpenApiParameter("signature", str, description="by the link's key, for the asking account"),
        ],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request, group: uuid.UUID) -> Response:
        """The operations after one, in order, and the device lists that they name."""
        since, link = _since(request), _link(request)
        account = credentials_of(request).account_id
        page = services.operations_of(account=account, group=group, since=since, link=link, now=now_ms())
        return Response(
            {
                "operations": [_signed(one) for one in page.operations],
                "lists": [{"account": of, **_signed(one)} for of, one in page.lists],
                "more": page.more,
            }
        )

    @extend_schema(request=OperationBody, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, group: uuid.UUID) -> Response:
        """Add the next operation; the first answer again for one that was taken before."""
        account, device = asking(request)
        operation = _operation(request)
        limits.hit("group_operation", account).require()
        services.add_operation(
            account=uuid.UUID(account), device=uuid.UUID(device), group=group, operation=operation, now=now_ms()
        )
        return Response(_taken(operation), status=201)


class GroupMessagesView(ForListedDevices):
    @extend_schema(request=GroupMessageBody, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, group: uuid.UUID) -> Response:
        """Send a message to a group chat; the first answer again for one that was accepted before."""
        account, device = asking(request)
        within_share(device)
        body: Any = request.data
        try:
            message = read(GroupMessageBody, body).to(str(group))
            accepted = services.send_group_message(account=account, device=device, message=message)
        except Malformed as refusal:
            accepted = stored_answer(body, refusal, device=device, repeated=services.repeated_group)
        return Response(taken(body["message_id"], accepted), status=201)


def _memberships(account: uuid.UUID) -> QuerySet[GroupMember]:
    """Of an account, each with its group chat, but those through which nothing reaches it."""
    mine = GroupMember.objects.filter(account=account).exclude(reach=GroupMember.Reach.NOTHING)
    return mine.select_related("chat")


def _group(mine: GroupMember) -> dict[str, object]:
    chat = mine.chat
    return {
        "id": chat.pk,
        "index": chat.head_index,
        "hash": base64url.encode(bytes(chat.head_hash)),
        "member_count": chat.member_count,
        "role": mine.role,
        "pending": mine.pending,
        "request": mine.reach == GroupMember.Reach.REQUEST,
        "added_by": mine.added_by_id,
        "created_at": chat.created_at,
    }


def _operation(request: Request) -> Operation:
    body = read(OperationBody, request.data).operation
    try:
        signed = SignedObject(base64url.decode(body.payload), base64url.decode(body.signature))
    except ValueError as error:
        raise Malformed("the operation is not base64url without padding") from error
    return read_operation(signed)


def _taken(operation: Operation) -> dict[str, object]:
    return {"group": operation.group, "index": operation.index, "hash": base64url.encode(operation.hash)}


def _signed(one: SignedObject) -> dict[str, object]:
    return {"payload": base64url.encode(one.payload), "signature": base64url.encode(one.signature)}


def _since(request: Request) -> int:
    text = request.query_params.get("since")
    if text is None:
        return -1
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MAX_INTEGER))):
        raise Malformed(errors=[{"field": "since", "message": "the number of an operation"}])
    return int(text)


def _link(request: Request) -> tuple[bytes, bytes] | None:
    given = [request.query_params.get(name) for name in ("link", "signature")]
    if given == [None, None]:
        return None
    try:
        key, signature = (base64url.decode(text or "") for text in given)
    except ValueError as error:
        raise Malformed("link and signature are base64url without padding") from error
    if (len(key), len(signature)) != (KEY_SIZE, SIGNATURE_SIZE):
        raise Malformed("link and signature come together, and have their lengths")
    return key, signature
