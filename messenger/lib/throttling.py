"""The limits that hold for every call of the API: of an account, and of an address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.throttling import BaseThrottle

from messenger.lib import limits
from messenger.lib.addresses import address_of

if TYPE_CHECKING:  # rest_framework.views imports this module through its settings
    from rest_framework.request import Request
    from rest_framework.views import APIView


class GeneralThrottle(BaseThrottle):
    """TooManyRequests says which limit it was and when to come back."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        if request.auth is None:
            limits.hit("address", address_of(request._request)).require()
        else:  # the address was counted when its token was read
            limits.hit("user", str(request.user.pk)).require()
        return True
