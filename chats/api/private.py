"""Private chats, contacts and the queue over HTTP (docs/api.md, Chats): input, one call, output."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import credentials_of
from accounts.models import Contact, User
from chats import services
from chats.api.asking import ForListedDevices, asking, person, stored_answer, taken, within_share
from chats.delivery import messages as frames_out
from chats.frames import Ack, DeviceSend, MessageRead, MessagesBody, MessageSend, read
from chats.ids import ChatId, GroupId, MessageId
from chats.models import PrivateChat
from chats.services.fetching import MOST
from messenger.lib import metrics
from messenger.lib.errors import Malformed
from messenger.lib.paging import limit_asked, page_asked, page_parameters, paged


class MessagesView(ForListedDevices):
    @extend_schema(request=MessageSend, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        """Send a message; the first answer again for one that was accepted before."""
        account, device = asking(request)
        within_share(device)
        body: Any = request.data
        try:
            message = read(MessageSend, body)
            accepted = services.send_message(account=account, device=device, message=message)
        except Malformed as refusal:
            # Idempotency comes first, as on the socket: whatever the rest says.
            accepted = stored_answer(body, refusal, device=device, repeated=services.repeated)
        return Response(taken(body["message_id"], accepted), status=201)


class DeviceMessagesView(ForListedDevices):
    @extend_schema(request=DeviceSend, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        """Send control contents to named devices."""
        account, device = asking(request)
        within_share(device)
        services.send_control(account=account, device=device, message=read(DeviceSend, request.data))
        return Response({}, status=201)


class EnvelopesView(ForListedDevices):
    @extend_schema(parameters=[OpenApiParameter("limit", int)], responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """What waits for the asking device, oldest first. Nothing is acknowledged by reading."""
        _, device = asking(request)
        limit = limit_asked(request.query_params, usual=MOST, most=MOST)
        rows, more = services.waiting_envelopes(device=device, limit=limit)
        return Response({"envelopes": [frames_out.envelope_members(row) for row in rows], "more": more})


class AckView(ForListedDevices):
    @extend_schema(request=Ack, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request) -> Response:
        """Acknowledge envelopes of the asking device by their numbers; others' are left alone."""
        account, device = asking(request)
        body = read(Ack, request.data)
        metrics.unreadable(one.cause for one in body.unreadable)
        positions = {*body.envelopes, *(one.envelope for one in body.unreadable)}
        count = services.acknowledge(account=account, device=device, positions=positions)
        return Response({"acknowledged": count})


class ReadView(ForListedDevices):
    @extend_schema(request=MessageRead, responses={204: None})
    def post(self, request: Request) -> Response:
        """Say that the person has seen messages of a chat or a group chat."""
        account, device = asking(request)
        body = read(MessageRead, request.data)
        seen = [MessageId(message) for message in body.messages]
        if body.chat is not None:
            services.mark_read(account=account, device=device, chat=ChatId(body.chat), messages=seen)
        else:
            services.mark_group_read(account=account, device=device, group=GroupId(str(body.group)), messages=seen)
        return Response(status=204)


class StatusesView(ForListedDevices):
    @extend_schema(request=MessagesBody, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request) -> Response:
        """What became of messages of one's own, and which of others' in a chat or a group chat one has read."""
        account, _ = asking(request)
        body = read(MessagesBody, request.data)
        wanted = [uuid.UUID(message) for message in body.messages]
        chat, group = (None if one is None else uuid.UUID(one) for one in (body.chat, body.group))
        found = services.statuses_of(account=uuid.UUID(account), messages=wanted, chat=chat, group=group)
        return Response({"statuses": [asdict(status) for status in found]})


class ChatsView(ForListedDevices):
    @extend_schema(parameters=page_parameters(), responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """The chats of the account, newest first. Those with people whom it blocked are left out."""
        account = credentials_of(request).account_id
        rows, following = services.listed_chats(account=account, asked=page_asked(request))
        return paged(request, {"chats": [_chat(*row) for row in rows]}, following)


class ContactsView(ForListedDevices):
    @extend_schema(parameters=page_parameters(), responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """Who asked, who was accepted, who is blocked."""
        account = credentials_of(request).account_id
        rows, following = services.listed_contacts(account=account, asked=page_asked(request))
        return paged(request, {"contacts": [_contact(row) for row in rows]}, following)


class ContactView(ForListedDevices):
    """One verb on one contact; which one is said by the URL configuration."""

    verb: Any = None

    @extend_schema(request=None, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, account: uuid.UUID) -> Response:
        """Accept, block or unblock an account."""
        if request.data != {}:
            raise Malformed("the body is an empty object")
        owner, device = asking(request)
        contact = self.verb(owner=uuid.UUID(owner), other=account, by=device)
        return Response(_contact(contact))


def _chat(chat: PrivateChat, other: User) -> dict[str, object]:
    return {"id": chat.pk, "account": person(other), "created_at": chat.created_at}


def _contact(contact: Contact) -> dict[str, object]:
    return {
        "account": person(contact.other),
        "state": contact.get_state_display(),
        "changed_at": int(contact.changed_at.timestamp() * 1000),
    }
