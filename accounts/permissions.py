"""What a token may do."""

from rest_framework.permissions import BasePermission


class IsDevice(BasePermission):
    """A device token: the bearer has proved a device signing key."""

    def has_permission(self, request, view):  # type: ignore[no-untyped-def]
        return False
