"""Who a socket speaks for: known from its headers where they hold a bearer token, else from a page's first frame.

A browser lets no script set headers, and sends its cookie with a socket that any page opens. So a cookie opens one only
from our own origin, and it speaks for nobody: the first frame has to be a device token that the same browser's session
has opened.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest
from django.utils import timezone

from accounts.services import DeviceCredentials, authenticate_device, recognise_browser
from chats import buckets, frames
from chats.delivery import messages
from chats.delivery.connection import Transport
from chats.errors import WrongOrigin
from chats.ids import AccountId, DeviceId
from chats.limits import HANDSHAKE_SECONDS, SMALL_FRAME
from chats.services.listing import NOBODY_LISTED, Listed, listed_devices
from messenger.lib import limits
from messenger.lib.addresses import client_address, own_origin
from messenger.lib.errors import DomainError, Malformed, NotSignedIn, TooManyRequests, Unavailable

if TYPE_CHECKING:
    from chats.delivery.delivery import Delivery

logger = logging.getLogger(__name__)
SUBPROTOCOL = "messenger.v1"
_PAGE_SCHEMES = {"ws": "http", "wss": "https"}


@dataclass(frozen=True, slots=True)
class Speaker:
    """The device behind a token, which devices its account has listed, and the browser that the socket is bound to."""

    credentials: DeviceCredentials
    listed: Listed
    browser: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A signed-in page that has not said yet which device it is."""

    account: uuid.UUID
    browser: uuid.UUID


async def greet(scope: dict[str, Any], delivery: Delivery) -> Speaker | Page:
    """Before the socket is open: who asks for it. The error of a refusal is answered over HTTP."""
    if delivery.draining:
        raise Unavailable("this process is about to end", retry_after=1)
    # Before the token is looked at: whoever has none may not ask the database without end.
    (await limits.ahit("address", address_of(scope))).require()
    if SUBPROTOCOL not in scope.get("subprotocols", ()):
        raise Malformed(f"the subprotocol is {SUBPROTOCOL}")
    given = [value for name, value in scope["headers"] if name == b"authorization"]
    if not given:
        page = await delivery.threads.run(_page_of, scope)
        _count(page.browser)
        return page
    if len(given) != 1 or not given[0].startswith(b"Bearer "):
        raise NotSignedIn
    credentials, listed = await delivery.threads.run(recognise, given[0].removeprefix(b"Bearer ").decode("latin-1"))
    _count(credentials.device_id)
    return Speaker(credentials, listed)


async def introduce(
    delivery: Delivery, page: Page, transport: Transport, receive: Callable[[], Awaitable[dict[str, Any]]]
) -> Speaker | None:
    """Take the first frame of a page, a token, and answer it. None: the socket is closed, or about to be."""
    try:
        async with asyncio.timeout(HANDSHAKE_SECONDS):
            event = await receive()
            if event["type"] == "websocket.disconnect":
                return None
            return await _take(delivery, page, transport, event.get("text"))
    except TimeoutError:
        transport.close(4401)
    except Exception:
        logger.exception("handshake_failed")
        transport.close(1013)
    return None


async def _take(delivery: Delivery, page: Page, transport: Transport, raw: str | None) -> Speaker | None:
    if raw is None or len(raw) > SMALL_FRAME:
        transport.close(4400 if raw is None else 4413)
        return None
    frame = frames.decode(raw)
    try:
        if isinstance(frame, frames.Refused):
            raise frame.error
        if not isinstance(frame, frames.TokenFrame):
            raise NotSignedIn("the first frame has to be a token")
        credentials, listed = await delivery.threads.run(recognise, frame.access)
        if (credentials.account_id, credentials.browser) != (page.account, page.browser):
            raise NotSignedIn("a token that another session opened")
        _count(credentials.device_id)
    except DomainError as error:
        transport.write(messages.rejected(getattr(frame, "id", None), error))
        transport.close(1013 if isinstance(error, TooManyRequests) else 4401)
        return None
    transport.write(messages.done(frame.id))
    if delivery.draining:
        transport.close(1012)
        return None
    return Speaker(credentials, listed, page.browser)


def address_of(scope: dict[str, Any]) -> str:
    """The network address to limit this socket by, as accounts does for requests."""
    peer, _ = scope.get("client") or ("", 0)
    forwarded = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
    return client_address(peer, ",".join(forwarded))


def recognise(access: str) -> tuple[DeviceCredentials, Listed]:
    """Who a token speaks for, and which devices the account has listed."""
    credentials = authenticate_device(access)
    account = AccountId(str(credentials.account_id))
    return credentials, listed_devices([account]).get(account, NOBODY_LISTED)


def _count(opener: uuid.UUID) -> None:
    if wait := buckets.sockets.take(DeviceId(str(opener)), buckets.clock()):
        raise TooManyRequests("too many sockets were opened", retry_after=wait)


def _page_of(scope: dict[str, Any]) -> Page:
    """The signed-in page that asks, or NotSignedIn; WrongOrigin where another site's page uses somebody's cookie."""
    scheme = _PAGE_SCHEMES.get(scope.get("scheme", "ws"), "http")
    # Some proxies forward the scheme of the socket. Django believes the header only where the operator says so.
    headers = [
        (name, b"https" if (name, value) == (b"x-forwarded-proto", b"wss") else value)
        for name, value in scope["headers"]
    ]
    # As Django reads a request: behind a proxy that is trusted, the scheme and host are those that the browser used.
    request = ASGIRequest({**scope, "method": "GET", "scheme": scheme, "headers": headers}, BytesIO())
    key = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    if key is None:
        raise NotSignedIn
    try:
        own = own_origin(request)
    except DisallowedHost as error:
        raise Malformed("this server has another name") from error
    if request.headers.get("Origin") != own:
        raise WrongOrigin
    user, browser = recognise_browser(key, now=timezone.now())
    return Page(user.pk, browser.id)
