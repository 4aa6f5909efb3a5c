"""Who may ask anything of chats: a device that the account itself has listed. A password lists none."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.authentication import credentials_of
from accounts.permissions import IsDevice
from chats.ids import AccountId, DeviceId
from chats.services import require_listed


class IsListedDevice(IsDevice):
    """A device token of a device on its account's newest list; NotListed for any other device."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not super().has_permission(request, view):
            return False
        credentials = credentials_of(request)
        require_listed(account=AccountId(str(credentials.account_id)), device=DeviceId(str(credentials.device_id)))
        return True
