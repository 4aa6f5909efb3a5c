"""Who asks, and how often: what every view of chats has in common."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.authentication import credentials_of
from accounts.models import User
from chats import buckets
from chats.ids import AccountId, DeviceId
from chats.permissions import IsListedDevice
from messenger.lib.errors import TooManyRequests, WrongToken


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
