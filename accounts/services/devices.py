"""Devices: registered with an account token, proved by their own signature, suspended by their owner or moderators."""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from accounts import device_proof, tokens
from accounts.errors import BadKey, SessionEnded, TooManyDevices, WrongProof
from accounts.models import Device, DeviceChallenge, Session, SessionQuerySet, User
from accounts.services.sessions import Browser, Credentials, Tokens, end, lock_user, open_session
from messenger.lib.errors import NotFound, NotSignedIn
from messenger.lib.events import DevicesChanged, publish_on_commit

MAX_DEVICES = 20  # unsuspended ones an account: each message is encrypted for each of them
CHALLENGE_LIFETIME = timedelta(seconds=60)


@transaction.atomic
def register_device(*, user: User, name: str, platform: str, signing_key: bytes) -> Device:
    """The account's device with this Ed25519 key, made if there is none. BadKey, TooManyDevices."""
    if not device_proof.is_signing_key(signing_key):
        raise BadKey("signing_key is not a canonical Ed25519 public key of full order")
    lock_user(user.id)  # Counted under the lock: two registrations must not both be the twentieth.
    if known := user.devices.filter(signing_key=signing_key).first():
        return known
    if user.devices.filter(suspended=False).count() >= MAX_DEVICES:
        raise TooManyDevices(f"an account has at most {MAX_DEVICES} devices")
    return Device.objects.create(user=user, name=name, platform=platform, signing_key=signing_key)


def create_challenge(*, device_id: uuid.UUID, now: datetime) -> bytes:
    """A fresh nonce for this device to sign, once, within CHALLENGE_LIFETIME.

    A device that does not exist gets one too, which nothing can answer: the nonce tells nobody which devices exist.
    """
    nonce = secrets.token_bytes(device_proof.NONCE_BYTES)
    if Device.objects.filter(id=device_id, suspended=False, user__is_active=True).exists():
        DeviceChallenge.objects.create(nonce=nonce, device_id=device_id, expires_at=now + CHALLENGE_LIFETIME)
    return nonce


def prove_device(
    *,
    device_id: uuid.UUID,
    nonce: bytes,
    signature: bytes,
    origin: str,
    authority: Credentials | str,
    now: datetime,
) -> Tokens:
    """Open a device's session. `authority` is a live account session, or the device's refresh token.

    The refresh token may belong to a family that reuse has ended, as it is when the answer to a refresh was lost; not
    to one that was signed out, suspended or ended by a new password. NotFound for a device that is not the account's,
    SessionEnded, NotSignedIn, WrongProof.
    """
    entitling = _entitling(authority, device_id, now)
    session = entitling.first()
    if session is None:
        raise SessionEnded() if isinstance(authority, str) else NotSignedIn("this session has ended")
    device = Device.objects.filter(id=device_id, user=session.user_id, suspended=False).first()
    if device is None:
        raise NotFound()
    # Spent before it is looked at, in a transaction of its own: one nonce, one answer, right or wrong. The count of
    # the DELETE decides between two that come at once.
    spent, _ = DeviceChallenge.objects.filter(nonce=nonce, device=device, expires_at__gt=now).delete()
    proved = spent == 1 and device_proof.is_proof(
        signing_key=bytes(device.signing_key),
        signature=signature,
        origin=origin,
        account_id=device.user_id,
        device_id=device.id,
        nonce=nonce,
    )
    if not proved:
        raise WrongProof()
    with transaction.atomic():
        user = lock_user(device.user_id)
        # Asked again under the lock: the account may have signed out while the proof was on its way.
        session = entitling.first()
        if session is None or not Device.objects.filter(id=device.id, suspended=False).exists():
            raise NotSignedIn("this session has ended")
        # Bound to what its authority is bound to: a proof must not outlive the sign-out of its browser.
        browser = None if session.browser is None else Browser(session.browser, session.expires_at)
        opened = open_session(user=user, device=device, now=now, browser=browser)
        Device.objects.filter(id=device.id).update(last_seen_at=now)
        return opened


def _entitling(authority: Credentials | str, device_id: uuid.UUID, now: datetime) -> SessionQuerySet:
    """The session that lets this device ask for a family of its own, or nothing."""
    if isinstance(authority, Credentials):
        return Session.objects.filter(id=authority.session_id, device=None).live(now)
    try:
        claims = tokens.read_refresh(authority)
    except tokens.InvalidToken:
        return Session.objects.none()
    if claims.device_id is None or claims.device_id != device_id:
        return Session.objects.none()
    sessions = Session.objects.filter(id=claims.session_id, user=claims.account_id, device=device_id)
    return sessions.recoverable(now)


@transaction.atomic
def suspend_device(*, device: Device) -> None:
    """Silence a device: its sessions end, its requests and refreshes get 401, and nothing is encrypted for it."""
    lock_user(device.user_id)
    end(Session.objects.filter(device=device), Session.Ended.SUSPENDED)
    _set_suspended(device, True)


@transaction.atomic
def suspend_own_device(*, user: User, device_id: uuid.UUID) -> None:
    """The owner ends a device, which holds no more than this account's trust. NotFound for anybody else's."""
    device = user.devices.filter(id=device_id).first()
    if device is None:
        raise NotFound()
    suspend_device(device=device)


@transaction.atomic
def restore_device(*, device: Device) -> None:
    """Lift a suspension. The device has to sign in and prove its key again."""
    lock_user(device.user_id)
    _set_suspended(device, False)


def _set_suspended(device: Device, suspended: bool) -> None:
    if Device.objects.filter(id=device.id, suspended=not suspended).update(suspended=suspended):
        User.objects.filter(id=device.user_id).update(devices_version=F("devices_version") + 1)
        publish_on_commit(DevicesChanged(device.user_id))
    device.suspended = suspended
