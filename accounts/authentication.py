"""Who is asking: bearer tokens on the API. Cookies mean nothing but to the one call that exchanges them for a token,
so no other request can be forged by a page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponse
from rest_framework.authentication import BaseAuthentication, CSRFCheck, get_authorization_header

from accounts import services
from accounts.errors import CsrfFailed
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


def browser_session_of(request: Request) -> str:
    """The key of the browser's session that this request came with. NotSignedIn where there is none."""
    if not isinstance(request.auth, str):
        raise NotSignedIn()
    return request.auth


def _answer_nothing(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


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


class BrowserAuthentication(BaseAuthentication):
    """The cookie of a signed-in page, and its CSRF token: gives `request.user` and, as `request.auth`, the session."""

    def authenticate(self, request: Request) -> tuple[User, str]:
        django = request._request
        limits.hit("address", address_of(django)).require()
        user, key = django.user, django.session.session_key
        if not isinstance(user, User) or key is None:
            raise NotSignedIn("this browser is not signed in")
        check = CSRFCheck(_answer_nothing)
        check.process_request(django)
        if refused := check.process_view(django, _answer_nothing, (), {}):
            raise CsrfFailed(str(refused))
        return user, key
