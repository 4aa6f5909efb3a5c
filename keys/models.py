"""Public key material: every device list ever published, and the prekeys still to be given out.

Private keys never reach this process. Rows hold signed bytes as they came; the other columns repeat what the bytes
say, for look-ups. What may be written is decided in services.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from typing import ClassVar

from django.db import models
from django.db.models import OuterRef, Q, Subquery
from django.utils import timezone

from accounts.models import Device, User
from keys import verify
from messenger.lib.clock import Milliseconds
from messenger.lib.ids import new_id

HASH_LENGTH = verify.HASH_SIZE
MAX_OFFER = 16 * 1024  # a sealed account key and device list take about 2,000 bytes
MAX_ANSWER = 1024  # a sealed signature takes 136


class DeviceListQuerySet(models.QuerySet["DeviceList"]):
    def newest(self, account_ids: Collection[uuid.UUID]) -> DeviceListQuerySet:
        """The newest list of each of the accounts that has published one."""
        # From the accounts: one step into the index each, however many lists an account has had.
        newest = DeviceList.objects.filter(account=OuterRef("pk")).order_by("-chain", "-seq").values("pk")[:1]
        accounts = User.objects.filter(pk__in=account_ids).values(newest=Subquery(newest))
        return self.filter(pk__in=accounts)

    def following(self, since: Mapping[uuid.UUID, tuple[int, int]], *, most: int) -> DeviceListQuerySet:
        """The lists of each account after the given chain and seq in that chain, oldest first, at most `most` each."""
        wanted = Q(pk__in=())
        for account_id, (chain, seq) in since.items():
            # Without gaps by construction, so a range of seqs is a number of lists.
            wanted |= Q(account=account_id, chain=chain, seq__gt=seq, seq__lte=seq + most)
        return self.filter(wanted).order_by("account", "seq")


class DeviceList(models.Model):
    """One version of an account's signed device list. All are kept: old operations are checked against them.

    A new account key starts a new chain, whose seqs count from one again. The newest list is that of the highest seq
    in the highest chain.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    account = models.ForeignKey(User, on_delete=models.CASCADE, related_name="device_lists")
    account_key = models.BinaryField(max_length=verify.KEY_SIZE)  # AK
    chain = models.IntegerField(default=1, db_default=1)
    seq = models.BigIntegerField()
    hash = models.BinaryField(max_length=HASH_LENGTH)  # H(payload)
    payload = models.BinaryField(max_length=verify.MAX_LIST_PAYLOAD)
    signature = models.BinaryField(max_length=verify.SIGNATURE_SIZE)
    published_at = models.DateTimeField(default=timezone.now)

    objects = DeviceListQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account", "chain", "seq"], name="one_device_list_per_account_chain_and_seq"
            ),
            models.CheckConstraint(condition=Q(seq__gte=1), name="device_lists_count_from_one"),
            models.CheckConstraint(condition=Q(chain__gte=1), name="chains_of_device_lists_count_from_one"),
        ]

    def __str__(self) -> str:
        return f"device list {self.chain}.{self.seq} of {self.account_id}"

    @property
    def signed(self) -> verify.SignedObject:
        return verify.SignedObject(bytes(self.payload), bytes(self.signature))


class _Prekey(models.Model):
    """What both kinds share. `created` is the client's time, in milliseconds since 1970."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    key_id = models.BigIntegerField()
    payload = models.BinaryField(max_length=verify.MAX_PREKEY_PAYLOAD)
    signature = models.BinaryField(max_length=verify.SIGNATURE_SIZE)

    class Meta:
        abstract = True

    @property
    def signed(self) -> verify.SignedObject:
        return verify.SignedObject(bytes(self.payload), bytes(self.signature))


class SignedPrekey(_Prekey):
    """The current signed prekey, or the current last-resort key, of a device. Given to everyone who asks."""

    class Label(models.TextChoices):
        SPK = verify.SPK, "signed prekey"
        KLR = verify.KLR, "last-resort key"

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="signed_prekeys")
    label = models.CharField(max_length=4, choices=Label.choices)
    created = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["device", "label"], name="one_signed_prekey_per_device_and_label"),
        ]

    def __str__(self) -> str:
        return f"{self.label} {self.key_id} of {self.device_id}"


class OneTimePrekey(_Prekey):
    """A prekey that is given out once: the transaction that hands it out deletes it."""

    class Label(models.TextChoices):
        OPK = verify.OPK, "one-time X25519"
        OKPK = verify.OKPK, "one-time ML-KEM"

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="one_time_prekeys")
    label = models.CharField(max_length=4, choices=Label.choices)

    class Meta:
        constraints: ClassVar = [
            # Its index is also the order of claims.
            models.UniqueConstraint(
                fields=["device", "label", "key_id"], name="one_one_time_prekey_per_device_label_and_key_id"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label} {self.key_id} of {self.device_id}"


class OneTimeSeries(models.Model):
    """How far the one-time ids of a device have counted, which outlives the keys that were given out."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="one_time_series")
    label = models.CharField(max_length=4, choices=OneTimePrekey.Label.choices)
    highest = models.BigIntegerField()
    # H over the last batch. An upload whose answer was lost is recognised, though its first keys are gone already.
    last_batch = models.BinaryField(max_length=HASH_LENGTH)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["device", "label"], name="one_one_time_series_per_device_and_label"),
        ]

    def __str__(self) -> str:
        return f"{self.label} of {self.device_id} up to {self.highest}"


class LinkSlotQuerySet(models.QuerySet["LinkSlot"]):
    def live(self, now: Milliseconds) -> LinkSlotQuerySet:
        """Those that have not run out, of devices that are not suspended."""
        return self.filter(expires_at__gt=now, device__suspended=False)


class LinkSlot(models.Model):
    """What a managing device has left for a new one, and the new one's answer (empty: none yet). Sealed, both."""

    device = models.OneToOneField(Device, primary_key=True, on_delete=models.CASCADE, related_name="link_slot")
    offer = models.BinaryField(max_length=MAX_OFFER)
    answer = models.BinaryField(max_length=MAX_ANSWER, default=b"")
    expires_at = models.BigIntegerField(db_index=True)  # milliseconds since 1970

    objects = LinkSlotQuerySet.as_manager()

    def __str__(self) -> str:
        return f"link slot of {self.device_id}"
