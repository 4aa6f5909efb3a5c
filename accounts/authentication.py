"""Who is asking: bearer tokens on the API. Cookies mean nothing here, so no request can be forged by a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.authentication import BaseAuthentication, get_authorization_header

from accounts import services
from accounts.models import User
from accounts.services import Credentials
from messenger.lib import limits
from messenger.lib.addresses import address_of
from messenger.lib.errors import NotSignedIn

if TYPE_CHECKING:  # rest_framework.views imports this module through its settings
    from rest_framework.request import Request


def user_of(request: Request) -> User:
    """The account that this request speaks for. NotSignedIn where nobody is."""
    if not isinstance(request.user, User):
        raise NotSignedIn()
    return request.user


def credentials_of(request: Request) -> Credentials:
    """What the bearer token of this request says. NotSignedIn where there is none."""
    if not isinstance(request.auth, Credentials):
        raise NotSignedIn()
    return request.auth


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer <access token>` gives `request.user` and, as `request.auth`, its Credentials."""

    def authenticate(self, request: Request) -> tuple[User, Credentials] | None:
        scheme, _, token = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        # Counted before the token is looked at: wrong ones cost a signature check, too.
        limits.hit("address", address_of(request._request)).require()
        try:
            text = token.strip().decode("ascii")
        except UnicodeDecodeError as error:
            raise NotSignedIn("this is not a valid access token") from error
        return services.authenticate(text)

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"
