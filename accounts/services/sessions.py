"""Token families: opened by a sign-in or a device's proof, rotated by each refresh, ended for good.

Rows are locked in the order user, session, device, so that no family is opened or refreshed past its account's
ending, and nobody waits for somebody who waits for them.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts import tokens
from accounts.errors import SessionEnded
from accounts.models import Device, DeviceChallenge, Session, SessionQuerySet, User
from messenger.lib.errors import NotSignedIn, WrongToken
from messenger.lib.events import SessionsEnded, publish_on_commit

GRACE = timedelta(seconds=10)  # in which the last refresh may be repeated, as when its answer was lost
MAX_FAMILIES = 20  # live ones a device, and live account sessions an account: the oldest end


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a sign-in, a proof or a refresh gives. `expires_in` is in seconds, for `access`."""

    access: str
    refresh: str
    expires_in: int
    account_id: uuid.UUID
    username: str
    device_id: uuid.UUID | None

    def __repr__(self) -> str:
        return (
            f"Tokens(account_id={self.account_id!r}, device_id={self.device_id!r}, access=<secret>, refresh=<secret>)"
        )


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who a verified access token speaks for: `request.auth`. `expires_at` is in milliseconds."""

    account_id: uuid.UUID
    session_id: uuid.UUID
    device_id: uuid.UUID | None
    kind: tokens.Kind
    expires_at: int
    browser: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class DeviceCredentials:
    """Who a socket speaks for. `expires_at` is in milliseconds; `browser` of a family that ends with a browser's."""

    account_id: uuid.UUID
    device_id: uuid.UUID
    session_id: uuid.UUID
    expires_at: int
    browser: uuid.UUID | None = None


def authenticate(access: str, *, now: datetime | None = None) -> tuple[User, Credentials]:
    """The active account and the live session behind an access token, in one query. NotSignedIn if there is none."""
    try:
        claims = tokens.read_access(access)
    except tokens.InvalidToken as error:
        raise NotSignedIn("this is not a valid access token") from error
    session = _named_by(claims).live(now or timezone.now()).select_related("user").first()
    if session is None:
        raise NotSignedIn("this session has ended")
    return session.user, Credentials(
        session.user_id, session.id, session.device_id, claims.kind, claims.expires_at, session.browser
    )


def authenticate_device(access: str, *, now: datetime | None = None) -> DeviceCredentials:
    """As `authenticate`, for a device alone: WrongToken for an account token, NotSignedIn for everything else."""
    user, credentials = authenticate(access, now=now)
    if credentials.device_id is None:
        raise WrongToken("a device has to prove its key first")
    return DeviceCredentials(
        user.id, credentials.device_id, credentials.session_id, credentials.expires_at, credentials.browser
    )


def ended_sessions(session_ids: Collection[uuid.UUID], *, now: datetime | None = None) -> set[uuid.UUID]:
    """Those of `session_ids` that speak for nobody (ended, expired, suspended, deleted), in one query."""
    live = Session.objects.filter(id__in=session_ids).live(now or timezone.now()).values_list("id", flat=True)
    return set(session_ids) - set(live)


def refresh_session(*, refresh: str, now: datetime) -> Tokens:
    """Spend a refresh token for its successor. SessionEnded for a dead family, and for one that this reuse ends."""
    try:
        claims = tokens.read_refresh(refresh)
    except tokens.InvalidToken as error:
        raise SessionEnded("this is not a valid refresh token") from error
    session = _rotate(claims, now)
    if session is None:  # Raised out here: inside the transaction it would undo the ending of the family.
        raise SessionEnded()
    return tokens_of(session)


@transaction.atomic
def _rotate(claims: tokens.Claims, now: datetime) -> Session | None:
    """The session with the generation to answer with; None if it has ended or ends now."""
    found = _named_by(claims).live(now).select_related("user").select_for_update(of=("self",))
    session = found.first()
    if session is None:
        return None
    if claims.generation == session.generation:
        session.generation += 1
        session.rotated_at = now
        if session.browser is None:  # else it ends with the browser's session, however often it is refreshed
            session.expires_at = now + settings.SESSION_LIFETIME
        session.save(update_fields=["generation", "rotated_at", "expires_at"])
        if session.device_id is not None:
            Device.objects.filter(id=session.device_id).update(last_seen_at=now)
        return session
    if claims.generation == session.generation - 1 and now - session.rotated_at <= GRACE:
        return session
    # Two hold this family: a thief, or an owner to whom an answer was lost and who can prove the device.
    end(Session.objects.filter(id=session.id), Session.Ended.REUSE)
    return None


@dataclass(frozen=True, slots=True)
class Browser:
    """A live browser session that families can be bound to: they end with it, and at its expiry at the latest."""

    id: uuid.UUID
    expires_at: datetime


def open_session(*, user: User, device: Device | None, now: datetime, browser: Browser | None = None) -> Tokens:
    """Start a family. For callers that hold the lock of the user's row and have checked what entitles to it."""
    older = Session.objects.filter(user=user, device=device).live(now).order_by("-created_at")
    surplus = list(older.values_list("id", flat=True)[MAX_FAMILIES - 1 :])
    if surplus:
        end(Session.objects.filter(id__in=surplus), Session.Ended.SIGNED_OUT)
    session = Session(
        user=user,
        device=device,
        browser=browser.id if browser else None,
        rotated_at=now,
        created_at=now,
        expires_at=browser.expires_at if browser else now + settings.SESSION_LIFETIME,
    )
    session.save(force_insert=True)
    return tokens_of(session)


@transaction.atomic
def end_session(*, session_id: uuid.UUID) -> None:
    """Sign out: the session ends, and with a device's session every family of that device."""
    session = Session.objects.filter(id=session_id).first()
    if session is None:
        return
    lock_user(session.user_id)
    of_device = Q(device=session.device_id) if session.device_id else Q(id=session_id)
    end(Session.objects.filter(of_device), Session.Ended.SIGNED_OUT)


@transaction.atomic
def end_all_sessions(*, user: User, reason: Session.Ended = Session.Ended.SIGNED_OUT) -> None:
    """Sign out everywhere: every token family of the account ends, and every browser session."""
    lock_user(user.id)
    User.objects.filter(id=user.id).update(sessions_epoch=F("sessions_epoch") + 1)
    user.refresh_from_db(fields=["sessions_epoch"])
    end(Session.objects.filter(user=user), reason)


def end(sessions: SessionQuerySet, reason: Session.Ended) -> None:
    """End those of `sessions` that are not ended for good. Inside the caller's transaction."""
    # A family that reuse has ended can be recovered: signing out takes that away too.
    endable = [Session.Ended.LIVE] if reason == Session.Ended.REUSE else Session.RECOVERABLE
    ids = list(sessions.filter(ended__in=endable).select_for_update().order_by("id").values_list("id", flat=True))
    if ids:
        Session.objects.filter(id__in=ids).update(ended=reason)
        publish_on_commit(SessionsEnded(tuple(ids)))


def purge_expired(*, now: datetime) -> int:
    """Delete token families, challenges and browsers' sessions that expired. How many of the first two there were."""
    SessionStore.clear_expired()
    sessions, _ = Session.objects.filter(expires_at__lte=now).delete()
    challenges, _ = DeviceChallenge.objects.filter(expires_at__lte=now).delete()
    return sessions + challenges


def lock_user(user_id: uuid.UUID) -> User:
    """The account's row, locked until the transaction ends. Writers that only refer to it do not wait."""
    user: User = User.objects.select_for_update(no_key=True).get(id=user_id)
    return user


def tokens_of(session: Session) -> Tokens:
    """The tokens of a session as it stands: the same each time they are asked for."""
    return Tokens(
        access=tokens.access_for(session),
        refresh=tokens.refresh_for(session),
        expires_in=tokens.seconds_left(session),
        account_id=session.user_id,
        username=session.user.username,
        device_id=session.device_id,
    )


def _named_by(claims: tokens.Claims) -> SessionQuerySet:
    return Session.objects.filter(id=claims.session_id, user=claims.account_id, device=claims.device_id)
