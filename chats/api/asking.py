"""Who asks, and how often: what every view of chats has in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.authentication import credentials_of
from accounts.models import User
from chats import buckets
from chats.frames import is_id
from chats.ids import AccountId, DeviceId, MessageId
from chats.permissions import IsListedDevice
from chats.sends import Accepted
from messenger.lib.errors import Malformed, TooManyRequests, WrongToken


def asking(request: Request) -> tuple[AccountId, DeviceId]:
    """The account and the device that the token speaks for."""
    credentials = credentials_of(request)
    if credentials.device_id is None:
        raise WrongToken()
    return AccountId(str(credentials.account_id)), DeviceId(str(credentials.device_id))


def within_share(device: DeviceId) -> None:
    """Count a send against the device's share, which the socket counts too."""
    if wait := buckets.sends.take(device, buckets.clock()):
        raise TooManyRequests(retry_after=wait)


class ForListedDevices(APIView):
    """What every view here is: closed to a device that its account has not listed."""

    permission_classes = [IsListedDevice]


def person(user: User) -> dict[str, object]:
    """Whom to show."""
    return {"id": user.pk, "username": user.username, "display_name": user.display_name}


def stored_answer(
    body: Any, refusal: Malformed, *, device: DeviceId, repeated: Callable[..., Accepted | None]
) -> Accepted:
    """What was answered before, for a body that has the id of an accepted message and is otherwise none.

    Else the refusal is raised.
    """
    message_id = body.get("message_id") if isinstance(body, dict) else None
    stored = repeated(device=device, message_id=MessageId(str(message_id))) if is_id(message_id) else None
    if stored is None:
        raise refusal
    return stored


def taken(message_id: str, accepted: Accepted) -> dict[str, object]:
    """The answer to a message, the first time and again."""
    return {"message_id": message_id, "accepted_at": accepted.accepted_at, "skipped": list(accepted.skipped)}
