"""Input of the key directory: bounded, typed, nothing undocumented. Refuses what DRF would convert in silence."""

from __future__ import annotations

import re
import uuid
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.serializers import DeviceAnswer, StrictSerializer
from keys import models, verify
from keys.values import Target
from messenger.lib import base64url

MOST_OF_A_KIND = 100  # one-time keys in one upload
MOST_TARGETS = 20  # devices in one claim: both sides' lists are ten at most

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


def read_id(text: object) -> uuid.UUID:
    """An id in its usual text form, lower case, and in no other spelling. ValueError."""
    if not isinstance(text, str) or not _UUID.fullmatch(text):
        raise ValueError("not an id")
    return uuid.UUID(text)


@extend_schema_field(OpenApiTypes.UUID)
class IdField(serializers.Field[uuid.UUID, object, str, Any]):
    """A UUID in text form."""

    def to_internal_value(self, data: object) -> uuid.UUID:
        try:
            return read_id(data)
        except ValueError as error:
            raise serializers.ValidationError("An id is a UUID in its usual text form.") from error

    def to_representation(self, value: uuid.UUID) -> str:
        return str(value)


@extend_schema_field(OpenApiTypes.STR)
class BytesField(serializers.Field[bytes, object, str, Any]):
    """Bytes as base64url without padding, at most `most` of them, or exactly `exactly`."""

    def __init__(self, *, most: int = 0, exactly: int | None = None, **kwargs: Any) -> None:
        self.most = most if exactly is None else exactly
        self.least = 1 if exactly is None else exactly
        super().__init__(**kwargs)

    def to_internal_value(self, data: object) -> bytes:
        # The length of the text first: nothing oversized is decoded.
        if not isinstance(data, str) or len(data) > (self.most * 4 + 2) // 3:
            raise serializers.ValidationError("This is not a short enough text.")
        try:
            value = base64url.decode(data)
        except ValueError as error:
            raise serializers.ValidationError("This is not base64url without padding.") from error
        if not self.least <= len(value) <= self.most:
            raise serializers.ValidationError("The number of bytes is wrong.")
        return value

    def to_representation(self, value: bytes) -> str:
        return base64url.encode(value)


class SignedObject(StrictSerializer):
    """`[payload bytes, signature]` of PROTOCOL.md."""

    signature = BytesField(exactly=verify.SIGNATURE_SIZE)

    def to_internal_value(self, data: Any) -> verify.SignedObject:
        members = super().to_internal_value(data)
        return verify.SignedObject(members["payload"], members["signature"])


class SignedList(SignedObject):
    payload = BytesField(most=verify.MAX_LIST_PAYLOAD)


class PublishList(StrictSerializer):
    """The body of PUT keys/device-list: a signed list, and the hash of the one whose chain it ends."""

    payload = BytesField(most=verify.MAX_LIST_PAYLOAD)
    signature = BytesField(exactly=verify.SIGNATURE_SIZE)
    replaces = BytesField(exactly=verify.HASH_SIZE, required=False)


class SignedPrekeyObject(SignedObject):
    payload = BytesField(most=verify.MAX_PREKEY_PAYLOAD)


def several(
    child: serializers.Serializer[Any], *, most: int, least: int = 0, required: bool = True
) -> serializers.ListSerializer[Any]:
    """A list that is counted before any of its members is looked at: a ListField counts afterwards."""
    return serializers.ListSerializer(child=child, min_length=least, max_length=most, required=required)


class PublishPrekeys(StrictSerializer):
    """The body of POST keys/prekeys."""

    signed_prekey = SignedPrekeyObject(required=False)
    last_resort = SignedPrekeyObject(required=False)
    one_time = several(SignedPrekeyObject(), most=MOST_OF_A_KIND, required=False)
    one_time_kem = several(SignedPrekeyObject(), most=MOST_OF_A_KIND, required=False)


class ClaimTarget(StrictSerializer):
    account = IdField()
    device = IdField()

    def to_internal_value(self, data: Any) -> Target:
        members = super().to_internal_value(data)
        return Target(members["account"], members["device"])


class Claim(StrictSerializer):
    """The body of POST keys/claim."""

    devices = several(ClaimTarget(), least=1, most=MOST_TARGETS)

    def validate_devices(self, targets: list[Target]) -> list[Target]:
        if len(set(targets)) != len(targets):
            raise serializers.ValidationError("A device is named twice.")
        return targets


class OwnDevice(DeviceAnswer):
    listed = serializers.BooleanField(help_text="on the account's newest device list")


class OwnDevices(serializers.Serializer[Any]):
    devices = OwnDevice(many=True)
    next = serializers.CharField(allow_null=True)


class LinkOffer(StrictSerializer):
    """The body of PUT keys/links/{device}/offer."""

    offer = BytesField(most=models.MAX_OFFER)


class LinkAnswer(StrictSerializer):
    """The body of PUT keys/links/{device}/answer."""

    answer = BytesField(most=models.MAX_ANSWER)


class Link(serializers.Serializer[Any]):
    """The relay slot of a device."""

    offer = BytesField(most=models.MAX_OFFER)
    answer = BytesField(most=models.MAX_ANSWER, allow_null=True)
    expires_at = serializers.IntegerField(help_text="milliseconds since 1970")


class Published(serializers.Serializer[Any]):
    seq = serializers.IntegerField()
    hash = BytesField(exactly=verify.HASH_SIZE)


class Left(serializers.Serializer[Any]):
    one_time = serializers.IntegerField()
    one_time_kem = serializers.IntegerField()


class Counts(Left):
    signed_prekey = serializers.IntegerField(allow_null=True)
    last_resort = serializers.IntegerField(allow_null=True)


class PublicPrekeys(serializers.Serializer[Any]):
    """The current prekeys of a device, as everybody may see them."""

    device = IdField()
    signed_prekey = SignedPrekeyObject(allow_null=True)
    last_resort = SignedPrekeyObject(allow_null=True)


class DirectoryEntry(serializers.Serializer[Any]):
    account = IdField()
    lists = SignedList(many=True)
    suspended = serializers.ListField(child=IdField())
    devices = PublicPrekeys(many=True)


class Directory(serializers.Serializer[Any]):
    accounts = DirectoryEntry(many=True)


class Kem(SignedPrekeyObject):
    label = serializers.ChoiceField(choices=[verify.OKPK, verify.KLR])  # type: ignore[assignment]  # hides Field.label


class BundleEntry(serializers.Serializer[Any]):
    account = IdField()
    device = IdField()
    signed_prekey = SignedPrekeyObject()
    one_time = SignedPrekeyObject(allow_null=True)
    kem = Kem()


class SkippedEntry(serializers.Serializer[Any]):
    account = IdField()
    device = IdField()
    reason = serializers.ChoiceField(choices=["not_listed", "suspended", "no_prekeys", "rate_limited"])
    retry_after = serializers.IntegerField(required=False)


class Bundles(serializers.Serializer[Any]):
    bundles = BundleEntry(many=True)
    skipped = SkippedEntry(many=True)
