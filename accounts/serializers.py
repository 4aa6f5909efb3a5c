"""The shapes of sign-in's bodies. A member that is not documented is refused, every length is bounded."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts import usernames
from accounts.device_proof import NONCE_BYTES, SIGNATURE_BYTES
from accounts.models import SIGNING_KEY_BYTES
from accounts.tokens import MAX_TOKEN_LENGTH
from messenger.lib import base64url

MAX_EMAIL_LENGTH = 254  # RFC 5321 section 4.5.3.1
MIN_PREFIX = 2  # one letter would list a part of everybody
MAX_PASSWORD_LENGTH = 256  # hashing takes the time of its input


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses members that it does not know."""

    def to_internal_value(self, data: Any) -> Any:
        value = super().to_internal_value(data)
        if unknown := sorted(set(data) - set(self.fields)):
            raise serializers.ValidationError({name[:64]: ["There is no such member here."] for name in unknown[:8]})
        return value


class TextField(serializers.CharField):
    """A string as it was sent: numbers and booleans are not turned into one."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


@extend_schema_field(OpenApiTypes.STR)
class BytesField(serializers.Field[bytes, str, str, Any]):
    """Exactly `length` bytes, as base64url without padding."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self.length = length

    def to_internal_value(self, data: Any) -> bytes:
        message = f"This has to be {self.length} bytes as base64url without padding."
        if not isinstance(data, str) or len(data) > self.length * 2:
            raise serializers.ValidationError(message)
        try:
            value = base64url.decode(data)
        except ValueError as error:
            raise serializers.ValidationError(message) from error
        if len(value) != self.length:
            raise serializers.ValidationError(message)
        return value

    def to_representation(self, value: bytes) -> str:
        return base64url.encode(value)


def password_field() -> TextField:
    # Spaces at the ends belong to a password.
    return TextField(max_length=MAX_PASSWORD_LENGTH, trim_whitespace=False)


class Nothing(StrictSerializer):
    """{}"""


class Registration(StrictSerializer):
    username = TextField(max_length=4 * usernames.MAX_LENGTH)  # before it is normalised
    email = serializers.EmailField(max_length=MAX_EMAIL_LENGTH)
    password = password_field()


class NameAndPassword(StrictSerializer):
    username = TextField(max_length=MAX_EMAIL_LENGTH)
    password = password_field()


class Refresh(StrictSerializer):
    refresh = TextField(max_length=MAX_TOKEN_LENGTH)


class NewDevice(StrictSerializer):
    name = TextField(max_length=64)
    platform = TextField(max_length=32)
    signing_key = BytesField(SIGNING_KEY_BYTES)


class Challenge(StrictSerializer):
    device = serializers.UUIDField()


class Proof(StrictSerializer):
    device = serializers.UUIDField()
    nonce = BytesField(NONCE_BYTES)
    signature = BytesField(SIGNATURE_BYTES)
    refresh = TextField(max_length=MAX_TOKEN_LENGTH, required=False)


class Search(StrictSerializer):
    prefix = TextField(max_length=4 * usernames.MAX_LENGTH)

    def validate_prefix(self, value: str) -> str:
        prefix = usernames.normalize(value)
        if len(prefix) < MIN_PREFIX:
            raise serializers.ValidationError(f"This has to have at least {MIN_PREFIX} characters.")
        return prefix


class TokensAccount(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    username = serializers.CharField()


class TokensAnswer(serializers.Serializer[Any]):
    """*tokens* of docs/api.md."""

    access = serializers.CharField()
    refresh = serializers.CharField()
    expires_in = serializers.IntegerField(help_text="seconds")
    account = TokensAccount()
    device = serializers.UUIDField(allow_null=True)


class ChallengeAnswer(serializers.Serializer[Any]):
    nonce = serializers.CharField()
    expires_in = serializers.IntegerField(help_text="seconds")


class DeviceAnswer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    platform = serializers.CharField()
    created_at = serializers.IntegerField(help_text="milliseconds since 1970")
    last_seen_at = serializers.IntegerField(help_text="milliseconds since 1970")
    suspended = serializers.BooleanField()


class ProfileAnswer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    username = serializers.CharField()
    display_name = serializers.CharField()


class PeopleAnswer(serializers.Serializer[Any]):
    accounts = ProfileAnswer(many=True)


class OwnProfileAnswer(ProfileAnswer):
    email = serializers.EmailField()
