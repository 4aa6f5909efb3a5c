"""What a token may do: the password alone opens nothing but the way to prove a device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.permissions import BasePermission

from accounts.services import Credentials

if TYPE_CHECKING:  # rest_framework.views imports this module through its settings
    from rest_framework.request import Request
    from rest_framework.views import APIView


class IsSignedIn(BasePermission):
    """Either kind of access token."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.auth, Credentials)


class IsDevice(BasePermission):
    """A device token: the bearer has proved a device signing key."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.auth, Credentials) and request.auth.device_id is not None


class IsAccount(BasePermission):
    """An account token: the bearer knew the password."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.auth, Credentials) and request.auth.device_id is None
