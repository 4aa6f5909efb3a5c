"""The RSA key that signs tokens: made on first start, in a file of mode 600; only its public half is shown."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from messenger.lib import base64url
from messenger.lib.secret_files import read_or_create

BITS = 3072  # 128 bits of strength (NIST SP 800-57): the key lives for years


@dataclass(frozen=True)
class SigningKey:
    """A private key, its public half, and the name that token headers carry for it."""

    private: rsa.RSAPrivateKey
    public: rsa.RSAPublicKey
    kid: str

    def __repr__(self) -> str:
        return f"SigningKey(kid={self.kid!r}, private=<secret>)"

    def jwk(self) -> dict[str, str]:
        """The public half as a JSON Web Key (RFC 7517)."""
        return {**_members(self.public), "kid": self.kid, "use": "sig", "alg": "RS256"}


def current() -> SigningKey:
    """The key of this server; made when it is first asked for."""
    return _load(Path(settings.JWT_PRIVATE_KEY_FILE))


@lru_cache(maxsize=4)
def _load(path: Path) -> SigningKey:
    try:
        private = serialization.load_pem_private_key(read_or_create(path, _make), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise ImproperlyConfigured(f"JWT_PRIVATE_KEY_FILE ({path}) holds no readable private key") from error
    if not isinstance(private, rsa.RSAPrivateKey) or private.key_size < 2048:
        raise ImproperlyConfigured(f"JWT_PRIVATE_KEY_FILE ({path}) has to hold an RSA key of 2048 bits or more")
    return SigningKey(private, private.public_key(), _thumbprint(private.public_key()))


def _make() -> bytes:
    return rsa.generate_private_key(public_exponent=65537, key_size=BITS).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _members(public: rsa.RSAPublicKey) -> dict[str, str]:
    numbers = public.public_numbers()
    return {"e": _number(numbers.e), "kty": "RSA", "n": _number(numbers.n)}


def _number(value: int) -> str:
    return base64url.encode(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _thumbprint(public: rsa.RSAPublicKey) -> str:
    # RFC 7638: the required members in lexical order, no spaces.
    text = json.dumps(_members(public), separators=(",", ":"), sort_keys=True)
    return base64url.encode(hashlib.sha256(text.encode()).digest())
