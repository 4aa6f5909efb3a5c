"""Accounts, their devices, sessions and contacts. Keys live in `keys`; no message is known here."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts import usernames
from messenger.lib.collation import ByCharacters
from messenger.lib.ids import new_id

USERNAME_LENGTH = usernames.MAX_LENGTH
SIGNING_KEY_BYTES = 32  # Ed25519 public


class SkeletonField(models.CharField):  # type: ignore[type-arg]  # Django's own class takes none
    """What the username looks like, kept from the username at each save."""

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        value = usernames.skeleton(model_instance.username)  # type: ignore[attr-defined]  # a User
        setattr(model_instance, self.attname, value)
        return value


class UserQuerySet(models.QuerySet["User"]):
    """Reads of accounts."""

    def visible(self) -> UserQuerySet:
        """Those that others may see: suspended accounts are nobody."""
        return self.filter(is_active=True)

    def beginning_with(self, prefix: str) -> UserQuerySet:
        """Those whose username begins with this, which is in its normal form."""
        return self.filter(username__startswith=prefix).order_by(ByCharacters("username"))

    def called(self, who: str) -> User | None:
        """The one with this id (in its usual text form) or this username."""
        try:
            # A username is shorter than the text of an id, so no name can pose as one.
            return self.filter(id=uuid.UUID(who)).first() if len(who) == 36 else self._named(who)
        except ValueError:
            return None

    def _named(self, username: str) -> User | None:
        return self.filter(username=usernames.normalize(username)).first()


class PeopleManager(UserManager.from_queryset(UserQuerySet)):  # type: ignore[misc]  # a class made at run time
    """Django's create_user and create_superuser, with our reads."""

    use_in_migrations = False


class User(AbstractUser):
    """An account. The username is permanent, unique and stored in its normal form (see accounts/usernames.py)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    username = models.CharField(max_length=USERNAME_LENGTH, unique=True, validators=[usernames.validate])
    # Unique, so that nobody takes a name that could be mistaken for another one.
    skeleton = SkeletonField(max_length=2 * USERNAME_LENGTH, unique=True, editable=False)
    email = models.EmailField(unique=True)
    display_name = models.CharField(max_length=64, blank=True, default="")
    description = models.CharField(max_length=500, blank=True, default="")
    # Grows with each published device list and each suspension. What was decided from an older set of devices
    # is decided again: the statement that accepts a message compares it.
    devices_version = models.BigIntegerField(default=0)
    # Grows when every session of the account ends; the browser's sessions carry its value.
    sessions_epoch = models.IntegerField(default=0)

    # Filled in place of the first and last name that AbstractUser brings.
    first_name = None  # type: ignore[assignment]  # as Django's manual has it
    last_name = None  # type: ignore[assignment]  # as Django's manual has it

    REQUIRED_FIELDS: ClassVar[list[str]] = ["email"]

    objects: ClassVar[PeopleManager] = PeopleManager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="email_is_stored_in_lower_case"),
        ]
        # Found by how they begin, and in order: without it ten are looked for among all, or all that fit are sorted.
        indexes: ClassVar = [models.Index(ByCharacters("username"), name="username_by_characters")]

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        # Django's own hash covers the password alone: signing out everywhere has to end browsers too.
        value = f"{self.sessions_epoch}.{self.password}"
        return salted_hmac("accounts.User.session", value, secret=secret, algorithm="sha256").hexdigest()

    def __str__(self) -> str:
        return self.username

    def get_full_name(self) -> str:
        return self.shown_name

    def get_short_name(self) -> str:
        return self.shown_name

    @property
    def shown_name(self) -> str:
        """What people see: the display name, or the username where there is none."""
        return self.display_name or self.username


class Device(models.Model):
    """One installation that speaks for an account once it has proved its signing key."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, db_index=False, related_name="devices")
    name = models.CharField(max_length=64)
    platform = models.CharField(max_length=32)
    signing_key = models.BinaryField(max_length=SIGNING_KEY_BYTES)  # DSK, Ed25519 public
    created_at = models.DateTimeField(default=timezone.now)
    last_seen_at = models.DateTimeField(default=timezone.now)
    suspended = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "signing_key"], name="one_device_per_account_and_signing_key"),
        ]
        # Suspended ones stay, so that there may be any number: a page is read, and not all of them.
        indexes: ClassVar = [models.Index(fields=["user", "id"], name="devices_of_an_account")]

    def __str__(self) -> str:
        return f"{self.name} ({self.id})"


class Contact(models.Model):
    """What `owner` thinks of `other`. The absence of a row is "nothing yet"."""

    class State(models.IntegerChoices):
        REQUESTED = 1, "requested"  # other wrote first, owner has not answered
        ACCEPTED = 2, "accepted"
        BLOCKED = 3, "blocked"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="contacts")
    other = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    state = models.SmallIntegerField(choices=State.choices)
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["owner", "other"], name="one_contact_per_owner_and_other"),
            models.CheckConstraint(condition=~models.Q(owner=models.F("other")), name="nobody_is_their_own_contact"),
        ]

    def __str__(self) -> str:
        return f"{self.owner_id} {self.get_state_display()} {self.other_id}"


class DeviceChallenge(models.Model):
    """A nonce that a device has to sign, once, within a minute."""

    nonce = models.BinaryField(primary_key=True, max_length=32)
    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="challenges")
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"challenge for {self.device_id}"


class SessionQuerySet(models.QuerySet["Session"]):
    """Reads of token families."""

    def live(self, now: datetime) -> SessionQuerySet:
        """Those that speak for somebody: not ended, not expired, the account active, the device not suspended."""
        return self.filter(ended=Session.Ended.LIVE).in_good_standing(now)

    def recoverable(self, now: datetime) -> SessionQuerySet:
        """Those whose refresh token may start a new family together with the device's own proof."""
        return self.filter(ended__in=Session.RECOVERABLE).in_good_standing(now)

    def in_good_standing(self, now: datetime) -> SessionQuerySet:
        """Not expired, the account active, the device (if there is one) not suspended."""
        device = models.Q(device=None) | models.Q(device__suspended=False)
        return self.filter(device, expires_at__gt=now, user__is_active=True)


class Session(models.Model):
    """A token family: everything that was refreshed from one sign-in or one device proof."""

    class Ended(models.TextChoices):
        LIVE = "", "live"
        SIGNED_OUT = "signed_out", "signed out"
        REUSE = "reuse", "an old refresh token was used again"
        PASSWORD = "password", "password changed"
        SUSPENDED = "suspended", "device or account suspended"

    # An old refresh token is used again by a thief, or by an owner to whom the answer was lost.
    RECOVERABLE: ClassVar = (Ended.LIVE, Ended.REUSE)

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sessions")
    # Null for an account session: credentials were shown, no device has proved itself.
    device = models.ForeignKey(Device, on_delete=models.CASCADE, null=True, related_name="sessions")
    # The browser's session that it was opened from and ends with (accounts/services/browsers.py); else null.
    browser = models.UUIDField(null=True, db_index=True)
    generation = models.PositiveIntegerField(default=0)  # how often it was refreshed
    rotated_at = models.DateTimeField(default=timezone.now)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(db_index=True)
    ended = models.CharField(max_length=16, choices=Ended.choices, default=Ended.LIVE, blank=True)

    objects = SessionQuerySet.as_manager()

    def __str__(self) -> str:
        return f"session {self.id}"
