"""What each frame of a client does. A table from type to function, and no other way in."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from accounts.services import authenticate_device
from chats import buckets, frames, group_sends, sends, services
from chats.delivery import messages, open_messages
from chats.delivery.connection import Connection
from chats.group_sends import GroupSend
from chats.ids import AccountId, ChatId, GroupId, MessageId
from chats.limits import FRAME_BYTES, MOST_ACK_PAUSE, REFUSED_UNIT
from chats.open_bodies import OpenReadFrame, OpenSendFrame
from chats.sends import Accepted, Send, Settle
from keys.errors import NotListed
from messenger.lib.clock import now_ms
from messenger.lib.errors import DomainError, Malformed, NotSignedIn, TooManyRequests, Unavailable

if TYPE_CHECKING:
    from chats.delivery.delivery import Delivery

logger = logging.getLogger(__name__)


def on_frame(delivery: Delivery, connection: Connection, raw: str) -> Awaitable[None] | None:
    """Take one text message of a socket. What is returned is to be awaited before the next one; nothing is raised."""
    if len(raw) > FRAME_BYTES:
        connection.close(4413)
        return None
    frame = frames.decode(raw)
    if isinstance(frame, frames.Refused):
        if buckets.sends.take(connection.device, buckets.clock(), 1 + len(raw) // REFUSED_UNIT):
            connection.close(1013)
            return None
        return _refused(delivery, connection, frame)
    if time.time() * 1000 > connection.expires_at and frame.type != "token":
        connection.close(4401)
        return None
    try:
        if connection.listed or frame.type == "token":
            slow = _HANDLERS[frame.type](delivery, connection, frame)
        else:
            slow = _unlisted(delivery, connection, frame)
    except DomainError as error:
        connection.send(messages.rejected(frame.id, error))
        return None
    return None if slow is None else _finish(slow, connection, getattr(frame, "id", None))


async def _finish(slow: Awaitable[None], connection: Connection, frame_id: str | None) -> None:
    try:
        await slow
    except DomainError as error:
        connection.send(messages.rejected(frame_id, error))
    except Exception:
        logger.exception("frame_failed device=%s", connection.device)
        connection.send(messages.rejected(frame_id, Unavailable(retry_after=1)))


async def _unlisted(delivery: Delivery, connection: Connection, frame: Any) -> None:
    """A frame of a device that was not on its account's list when that was last read: perhaps it is by now."""
    _within_share(connection)
    if not await delivery.listing.check(connection):
        raise NotListed
    slow = _HANDLERS[frame.type](delivery, connection, frame)
    if slow is not None:
        await slow


def _refused(delivery: Delivery, connection: Connection, refused: frames.Refused) -> Awaitable[None] | None:
    """A frame that is none. A message that was accepted before gets its answer even so: idempotency comes first."""
    message_id = refused.members.get("message_id")
    kind = refused.members.get("type")
    is_message = kind in ("message.send", "group.send", "open.send") and frames.is_id(message_id)
    if refused.id is None or not is_message or not connection.listed:
        connection.send(messages.rejected(refused.id, refused.error))
    elif kind == "open.send":
        return _finish(_open_refused(delivery, connection, refused, uuid.UUID(message_id)), connection, refused.id)
    elif kind == "group.send":
        group_send = _new_group_send(connection, refused.id, MessageId(str(message_id)))
        delivery.group_admission.refuse(group_send, refused.error)
    else:
        send = _new_send(connection, refused.id, MessageId(str(message_id)))
        delivery.admission.refuse(send, refused.error)
    return None


async def _open_refused(
    delivery: Delivery, connection: Connection, refused: frames.Refused, message_id: uuid.UUID
) -> None:
    account = uuid.UUID(connection.account)
    stored = await delivery.threads.run(services.repeated_open, account=account, message_id=message_id)
    if stored is None:
        raise refused.error
    connection.send(open_messages.accepted(str(refused.id), stored))


def _new_send(connection: Connection, frame_id: str, message_id: MessageId) -> Send:
    return Send(connection.account, connection.device, message_id, _settling(connection), frame_id)


def _new_group_send(connection: Connection, frame_id: str, message_id: MessageId) -> GroupSend:
    return GroupSend(connection.account, connection.device, message_id, _settling(connection), frame_id)


def _settling(connection: Connection) -> Settle:
    def settle(send: Send | GroupSend, outcome: Accepted | DomainError) -> None:
        if isinstance(outcome, DomainError):
            connection.send(messages.rejected(send.frame_id, outcome))
        elif send.is_control:
            connection.send(messages.done(send.frame_id))
        else:
            connection.send(messages.accepted(send, outcome))

    return settle


def _within_share(connection: Connection) -> None:
    if wait := buckets.sends.take(connection.device, buckets.clock()):
        raise TooManyRequests(retry_after=wait)


def message_send(delivery: Delivery, connection: Connection, frame: frames.MessageSendFrame) -> None:
    _within_share(connection)
    send = _new_send(connection, frame.id, MessageId(frame.message_id))
    try:
        sends.fill_message(send, frame)
    except Malformed as error:
        delivery.admission.refuse(send, error)
    else:
        delivery.admission.admit(send)


def group_send(delivery: Delivery, connection: Connection, frame: frames.GroupSendFrame) -> None:
    _within_share(connection)
    send = _new_group_send(connection, frame.id, MessageId(frame.message_id))
    try:
        group_sends.fill_group(send, frame)
    except Malformed as error:
        delivery.group_admission.refuse(send, error)
    else:
        delivery.group_admission.admit(send)


def device_send(delivery: Delivery, connection: Connection, frame: frames.DeviceSendFrame) -> None:
    _within_share(connection)
    send = _new_send(connection, frame.id, MessageId(frame.message_id))
    send.is_control = True
    sends.fill_control(send, frame)
    delivery.admission.admit(send)


def ack(delivery: Delivery, connection: Connection, frame: frames.AckFrame) -> Awaitable[None] | None:
    unreadable = frame.unreadable
    delivery.acks.count([one.cause for one in unreadable])
    strange = delivery.acks.add(connection, [*frame.envelopes, *(one.envelope for one in unreadable)], frame.id)
    if strange and (wait := buckets.acks.take(connection.device, buckets.clock(), strange)):
        # Each is a look-up that may find nothing. A client with a reason for many is slowed down, and not refused.
        return asyncio.sleep(min(wait, MOST_ACK_PAUSE))
    return None


async def message_read(delivery: Delivery, connection: Connection, frame: frames.MessageReadFrame) -> None:
    seen = [MessageId(one) for one in frame.messages]
    mark: Callable[..., None] = services.mark_read if frame.chat is not None else services.mark_group_read
    where = {"chat": ChatId(frame.chat)} if frame.chat is not None else {"group": GroupId(str(frame.group))}
    run: Callable[..., Awaitable[None]] = delivery.threads.run
    await run(mark, account=connection.account, device=connection.device, messages=seen, **where)
    if frame.id is not None:
        connection.send(messages.done(frame.id))


async def open_send(delivery: Delivery, connection: Connection, frame: OpenSendFrame) -> None:
    _within_share(connection)
    message = await delivery.threads.run(
        services.send_open_message,
        account=uuid.UUID(connection.account),
        device=connection.device,
        chat=uuid.UUID(frame.open_chat),
        message_id=uuid.UUID(frame.message_id),
        body=frame.body,
        now=now_ms(),
    )
    connection.send(open_messages.accepted(frame.id, message))


async def open_read(delivery: Delivery, connection: Connection, frame: OpenReadFrame) -> None:
    await delivery.threads.run(
        services.mark_open_read,
        account=uuid.UUID(connection.account),
        device=connection.device,
        chat=uuid.UUID(frame.open_chat),
        position=frame.position,
    )
    if frame.id is not None:
        connection.send(messages.done(frame.id))


async def typing(delivery: Delivery, connection: Connection, frame: frames.TypingFrame) -> None:
    """Relayed among those who have accepted each other; anything else is dropped, since nobody waits for it."""
    if buckets.typing.take(connection.device, buckets.clock()):
        return
    if frame.chat is not None:
        chat = ChatId(frame.chat)
        peer = await delivery.peers.accepted_peer(connection.account, chat)
        if peer is not None:
            delivery.tell_accounts([peer], messages.typing(chat, connection.account, frame.on))
        return
    if frame.open_chat is not None:
        chat_id, own = uuid.UUID(frame.open_chat), uuid.UUID(connection.account)
        said = open_messages.typing(frame.open_chat, connection.account, frame.on)
        seeing = await delivery.threads.run(services.who_sees_typing, account=own, chat=chat_id)
        delivery.tell_accounts([AccountId(str(one)) for one in seeing], said)
        return
    group = GroupId(str(frame.group))
    text = messages.group_typing(group, connection.account, frame.on)
    delivery.tell_accounts(await delivery.peers.others_in(connection.account, group), text)


async def token(delivery: Delivery, connection: Connection, frame: frames.TokenFrame) -> None:
    """A fresh token of the same device keeps the socket."""
    credentials = await delivery.threads.run(authenticate_device, frame.access)
    if str(credentials.device_id) != connection.device:
        raise NotSignedIn("a token of another device")
    if connection.browser is not None and credentials.browser != connection.browser:
        raise NotSignedIn("a token that another session opened")
    connection.session, connection.expires_at = str(credentials.session_id), credentials.expires_at
    connection.send(messages.done(frame.id))


_HANDLERS: dict[str, Callable[[Delivery, Connection, Any], Awaitable[None] | None]] = {
    "message.send": message_send,
    "group.send": group_send,
    "device.send": device_send,
    "ack": ack,
    "message.read": message_read,
    "open.send": open_send,
    "open.read": open_read,
    "typing": typing,
    "token": token,
}
assert _HANDLERS.keys() == frames.FRAMES.keys()  # noqa: S101  # a frame without a handler is a defect of this file
