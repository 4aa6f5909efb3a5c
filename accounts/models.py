"""Accounts, their devices, sessions and contacts. Keys live in `keys`; no message is known here."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils import timezone

from messenger.lib.ids import new_id

USERNAME_LENGTH = 32  # long enough for a name, short enough for a line of a list


class User(AbstractUser):
    """An account. The username is permanent, unique and stored in its normal form (see accounts/usernames.py)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    username = models.CharField(max_length=USERNAME_LENGTH, unique=True)
    email = models.EmailField(unique=True)
    display_name = models.CharField(max_length=64, blank=True, default="")
    description = models.CharField(max_length=500, blank=True, default="")
    # Grows with each published device list and each suspension. What was decided from an older set of devices
    # is decided again: the statement that accepts a message compares it.
    devices_version = models.BigIntegerField(default=0)

    # Filled in place of the first and last name that AbstractUser brings.
    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]

    REQUIRED_FIELDS: ClassVar[list[str]] = ["email"]

    def __str__(self) -> str:
        return self.username

    @property
    def shown_name(self) -> str:
        """What people see: the display name, or the username where there is none."""
        return self.display_name or self.username


class Device(models.Model):
    """One installation that speaks for an account once it has proved its signing key."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="devices")
    name = models.CharField(max_length=64)
    platform = models.CharField(max_length=32)
    signing_key = models.BinaryField(max_length=32)  # DSK, Ed25519 public
    created_at = models.DateTimeField(default=timezone.now)
    last_seen_at = models.DateTimeField(default=timezone.now)
    suspended = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "signing_key"], name="one_device_per_account_and_signing_key"),
        ]

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


class Session(models.Model):
    """A token family: everything that was refreshed from one sign-in or one device proof."""

    class Ended(models.TextChoices):
        LIVE = "", "live"
        SIGNED_OUT = "signed_out", "signed out"
        REUSE = "reuse", "an old refresh token was used again"
        PASSWORD = "password", "password changed"
        SUSPENDED = "suspended", "device or account suspended"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sessions")
    # Null for an account session: credentials were shown, no device has proved itself.
    device = models.ForeignKey(Device, on_delete=models.CASCADE, null=True, related_name="sessions")
    generation = models.PositiveIntegerField(default=0)  # how often it was refreshed
    rotated_at = models.DateTimeField(default=timezone.now)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    ended = models.CharField(max_length=16, choices=Ended.choices, default=Ended.LIVE, blank=True)

    def __str__(self) -> str:
        return f"session {self.id}"


AccountId = uuid.UUID
DeviceId = uuid.UUID
