"""Accounts: made, entered with a password, suspended. What a password proves stops at the account token."""

from __future__ import annotations

from datetime import datetime

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F

from accounts import usernames
from accounts.errors import EmailNotVerified, EmailTaken, UsernameTaken, WrongCredentials
from accounts.models import Session, User
from accounts.services.sessions import Tokens, end, end_all_sessions, lock_user, open_session
from messenger.lib.errors import Malformed
from messenger.lib.events import DevicesChanged, publish_on_commit


@transaction.atomic
def register_user(*, username: str, email: str, password: str) -> User:
    """Make an account and its (unverified) e-mail address. Malformed names the fields; UsernameTaken, EmailTaken."""
    username, email = usernames.normalize(username), email.strip().lower()
    user = User(username=username, email=email)
    _check(user, password)
    check_free(username=username, email=email)
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError:
        check_free(username=username, email=email)  # says which of the two somebody took meanwhile
        raise
    EmailAddress.objects.create(user=user, email=email, primary=True, verified=False)
    return user


def check_free(*, username: str, email: str) -> None:
    """UsernameTaken, EmailTaken."""
    check_username_free(username)
    if User.objects.filter(email=email).exists() or EmailAddress.objects.filter(email=email).exists():
        raise EmailTaken(errors=[{"field": "email", "message": EmailTaken.title}])


def check_username_free(username: str) -> None:
    """UsernameTaken if this name is taken, reserved, or looks like one that is."""
    if usernames.is_reserved(username) or User.objects.filter(skeleton=usernames.skeleton(username)).exists():
        raise UsernameTaken(errors=[{"field": "username", "message": UsernameTaken.title}])


def _check(user: User, password: str) -> None:
    errors: list[dict[str, str]] = []
    try:
        user.clean_fields(exclude=["password", "skeleton"])
    except ValidationError as error:
        errors += [{"field": field, "message": text} for field, texts in error.message_dict.items() for text in texts]
    try:
        validate_password(password, user)
    except ValidationError as error:
        errors += [{"field": "password", "message": text} for text in error.messages]
    if errors:
        raise Malformed(errors=errors)


def find_user(name: str) -> User | None:
    """The active account with this username or e-mail address, as a person would type it."""
    by = {"email": name.strip().lower()} if "@" in name else {"username": usernames.normalize(name)}
    user: User | None = User.objects.filter(is_active=True, **by).first()
    return user


def sign_in(*, user: User | None, password: str, now: datetime) -> Tokens:
    """Open an account session for the `user` that `find_user` found. WrongCredentials, EmailNotVerified."""
    if user is None:
        make_password(password)  # The same work for a name that does not exist: the time must not tell.
        raise WrongCredentials()
    if not user.check_password(password):
        raise WrongCredentials()
    return open_account_session(user=user, now=now)


@transaction.atomic
def open_account_session(*, user: User, now: datetime) -> Tokens:
    """An account session for someone who has shown the password. EmailNotVerified where the operator asks for it."""
    locked = lock_user(user.id)
    # The password may have been changed, or the account suspended, since it was checked.
    if locked.password != user.password or not locked.is_active:
        raise WrongCredentials()
    check_verified_email(locked)
    return open_session(user=locked, device=None, now=now)


def check_verified_email(user: User) -> None:
    """EmailNotVerified where the operator asks for a verified address and nobody followed the link sent to it."""
    verified = EmailAddress.objects.filter(user=user, email=user.email, verified=True)
    if settings.ACCOUNT_EMAIL_VERIFICATION == "mandatory" and not verified.exists():
        raise EmailNotVerified()


@transaction.atomic
def change_password(*, user: User, password: str) -> None:
    """Set a new password, which has been validated. Every token family and every browser session ends."""
    lock_user(user.id)
    user.set_password(password)
    user.save(update_fields=["password"])
    end_all_sessions(user=user, reason=Session.Ended.PASSWORD)


@transaction.atomic
def suspend_user(*, user: User) -> None:
    """Silence an account: nobody can sign in to it, and all of its sessions end."""
    _set_active(user, False)
    end(Session.objects.filter(user=user), Session.Ended.SUSPENDED)


@transaction.atomic
def restore_user(*, user: User) -> None:
    """Lift a suspension. Its people sign in again."""
    _set_active(user, True)


def _set_active(user: User, active: bool) -> None:
    lock_user(user.id)
    # A suspended account has no device to encrypt to: whoever remembers its devices has to ask again.
    User.objects.filter(id=user.id).update(is_active=active, devices_version=F("devices_version") + 1)
    publish_on_commit(DevicesChanged(user.id))
    user.is_active = active
