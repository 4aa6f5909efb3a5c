"""Signed tokens (RFC 8725): how they are written and read. Whether their session still lives, the database knows.

A token is a function of its session, generation and kind: asked again for the same three, the same bytes come out.
That is what lets a refresh whose answer was lost be repeated.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, ClassVar

import jwt
from django.conf import settings
from django.utils import timezone
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError, TokenError
from rest_framework_simplejwt.tokens import Token

from accounts import signing_key
from accounts.models import Session

MAX_TOKEN_LENGTH = 4096  # ours have about 1,000 characters
REQUIRED_CLAIMS = ["exp", "iat", "jti", "aud", "iss", "sub"]
CLOCK_SKEW_SECONDS = 5  # between the machines of one service


class Kind(StrEnum):
    """What a token is for. One kind is never taken for another."""

    ACCOUNT = "account"
    DEVICE = "device"
    REFRESH = "refresh"


class InvalidToken(Exception):
    """Not a token of ours, or one that has expired."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token says. `expires_at` is in milliseconds."""

    kind: Kind
    account_id: uuid.UUID
    session_id: uuid.UUID
    device_id: uuid.UUID | None
    generation: int
    expires_at: int


class Backend(TokenBackend):
    """simplejwt's backend with the algorithm pinned, the key named in the header, and every claim required."""

    @cached_property
    def key(self) -> signing_key.SigningKey:
        return signing_key.current()

    def encode(self, payload: dict[str, Any]) -> str:
        claims = {**payload, "aud": self.audience, "iss": self.issuer}
        return jwt.encode(claims, self.key.private, algorithm=self.algorithm, headers={"kid": self.key.kid})

    def decode(self, token: Any, verify: bool = True) -> dict[str, Any]:
        try:
            if jwt.get_unverified_header(token).get("kid") != self.key.kid:
                raise TokenBackendError("unknown key")
            return jwt.decode(
                token,
                self.key.public,
                # Pinned: the header must not choose (alg none, or HMAC keyed with the public key).
                algorithms=[self.algorithm],
                audience=self.audience,
                issuer=self.issuer,
                leeway=CLOCK_SKEW_SECONDS,
                # PyJWT takes a token without `exp` for one that never ends, unless told otherwise.
                options={"require": REQUIRED_CLAIMS},
            )
        except jwt.InvalidTokenError as error:
            raise TokenBackendError("invalid token") from error


def _backend() -> Backend:
    backend = Backend("RS256", audience=settings.JWT_AUDIENCE, issuer=settings.JWT_ISSUER, leeway=CLOCK_SKEW_SECONDS)
    return backend


class _SessionToken(Token):
    """A token of a session's present generation."""

    token_type = ""  # set at each token: see `kinds`
    lifetime = settings.ACCESS_TOKEN_LIFETIME
    kinds: ClassVar[frozenset[Kind]]

    def get_token_backend(self) -> TokenBackend:
        return _backend()

    def verify_token_type(self) -> None:
        if self.payload.get("token_type") not in self.kinds:
            raise TokenError("a token of another kind")

    @classmethod
    def of(cls, session: Session, kind: Kind) -> str:
        """The signed text for this session as it stands."""
        token = cls()
        token.set_iat(at_time=session.rotated_at)
        token.set_exp(from_time=session.rotated_at, lifetime=cls.lifetime)
        token.payload |= {
            "token_type": kind.value,
            "sub": str(session.user_id),
            "sid": str(session.id),
            "gen": session.generation,
            # Not random: the very same successor has to come out when a refresh is repeated.
            "jti": f"{session.id}.{session.generation}.{kind.value}",
        }
        if session.device_id is not None:
            token.payload["dev"] = str(session.device_id)
        return str(token)

    def claims(self) -> Claims:
        """What this verified token says."""
        kind, device = Kind(self.payload["token_type"]), self.payload.get("dev")
        if kind != Kind.REFRESH and (kind == Kind.DEVICE) != (device is not None):
            raise TokenError("the kind and the device contradict each other")
        return Claims(
            kind=kind,
            account_id=uuid.UUID(str(self.payload["sub"])),
            session_id=uuid.UUID(str(self.payload["sid"])),
            device_id=None if device is None else uuid.UUID(str(device)),
            generation=int(self.payload["gen"]),
            expires_at=int(self.payload["exp"]) * 1000,
        )


class AccessToken(_SessionToken):
    kinds = frozenset({Kind.ACCOUNT, Kind.DEVICE})
    lifetime = settings.ACCESS_TOKEN_LIFETIME


class RefreshToken(_SessionToken):
    kinds = frozenset({Kind.REFRESH})
    lifetime = settings.SESSION_LIFETIME


def access_for(session: Session) -> str:
    """The access token of this session: a device's where one has proved itself, else the account's."""
    return AccessToken.of(session, Kind.ACCOUNT if session.device_id is None else Kind.DEVICE)


def refresh_for(session: Session) -> str:
    """The refresh token of this session's present generation."""
    return RefreshToken.of(session, Kind.REFRESH)


def read_access(text: str) -> Claims:
    """The claims of an access token of either kind. InvalidToken for everything else."""
    return _read(AccessToken, text)


def read_refresh(text: str) -> Claims:
    """The claims of a refresh token. InvalidToken for everything else."""
    return _read(RefreshToken, text)


def _read(cls: type[_SessionToken], text: str) -> Claims:
    if len(text) > MAX_TOKEN_LENGTH:
        raise InvalidToken("too long")
    try:
        return cls(text).claims()  # type: ignore[arg-type]  # simplejwt means the text
    except (TokenError, KeyError, TypeError, ValueError) as error:
        raise InvalidToken("not a token of this kind") from error


def seconds_left(session: Session) -> int:
    """For how long the access token of this session as it stands still works."""
    ends = session.rotated_at + settings.ACCESS_TOKEN_LIFETIME
    return max(0, int((ends - timezone.now()).total_seconds()))
