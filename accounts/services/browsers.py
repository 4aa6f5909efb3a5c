"""Browsers: signed in through the page, by a cookie. The token families that a page opens end with that session.

A browser's session carries a random id, which its families carry too. It is no secret and no credential: it only says
which families to end. Their expiry is the session's, so that one that runs out needs nobody to notice.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from django.contrib import auth
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session as StoredSession
from django.db import transaction
from django.http import HttpRequest

from accounts.models import Session, User
from accounts.services.people import check_verified_email
from accounts.services.sessions import Browser, Tokens, end, lock_user, open_session
from messenger.lib.errors import NotSignedIn

_KEY = "browser"


def mark_browser(session: SessionBase) -> None:
    """Give a session that has just been signed in an id of its own."""
    session[_KEY] = str(uuid.uuid4())


def browser_of(session: SessionBase) -> uuid.UUID | None:
    """The id of a browser's session, or None of one that was never given any."""
    known = session.get(_KEY)
    return None if known is None else uuid.UUID(known)


def recognise_browser(session_key: str | None, *, now: datetime) -> tuple[User, Browser]:
    """The active account that a session's cookie speaks for, read anew. NotSignedIn if there is none."""
    stored = StoredSession.objects.filter(session_key=session_key, expire_date__gt=now).first()
    if stored is not None:
        request = HttpRequest()
        request.session = SessionStore(session_key)
        user, browser = auth.get_user(request), browser_of(request.session)
        if isinstance(user, User) and browser is not None:
            return user, Browser(browser, stored.expire_date)
    raise NotSignedIn("this browser is not signed in")


def open_browser_session(*, session_key: str | None, now: datetime) -> Tokens:
    """An account session that ends with the browser's. NotSignedIn, EmailNotVerified."""
    user, _ = recognise_browser(session_key, now=now)
    with transaction.atomic():
        locked = lock_user(user.id)
        # Read again under the lock, under which whoever signs out deletes the session and ends its families.
        _, browser = recognise_browser(session_key, now=now)
        check_verified_email(locked)
        return open_session(user=locked, device=None, now=now, browser=browser)


@transaction.atomic
def keep_browser(*, user: User, session: SessionBase) -> None:
    """The person is here: the browser's session, and with it what was opened from it, runs out later."""
    lock_user(user.id)  # as before all that locks families: a sign-out in another tab may be at them
    if browser_of(session) is None:
        mark_browser(session)
    session.modified = True
    until = session.get_expiry_date()
    Session.objects.filter(browser=browser_of(session), expires_at__lt=until).update(expires_at=until)


@transaction.atomic
def end_browser(*, user: User, browser: uuid.UUID) -> None:
    """Sign out of a browser: every family that was opened from its session ends."""
    lock_user(user.id)
    end(Session.objects.filter(user=user, browser=browser), Session.Ended.SIGNED_OUT)


def known_device(session: SessionBase) -> uuid.UUID | None:
    """The device that this browser's session spoke for last, or None."""
    families = Session.objects.filter(browser=browser_of(session), browser__isnull=False, device__isnull=False)
    return families.order_by("-created_at").values_list("device", flat=True).first()
