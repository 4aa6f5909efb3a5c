"""How a device proves its signing key to this server (PROTOCOL, label `session`). Public keys only."""

from __future__ import annotations

import uuid

import cbor2
from nacl.bindings import crypto_core_ed25519_is_valid_point
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from accounts.models import SIGNING_KEY_BYTES

NONCE_BYTES = 32
SIGNATURE_BYTES = 64
_PREFIX = b"msgr/1/session\x00"


def signed_bytes(*, origin: str, account_id: uuid.UUID, device_id: uuid.UUID, nonce: bytes) -> bytes:
    """What the device signs: the label, then deterministic CBOR of [origin, account, device, nonce]."""
    return _PREFIX + cbor2.dumps([origin, account_id.bytes, device_id.bytes, nonce], canonical=True)


def is_signing_key(key: bytes) -> bool:
    """Whether `key` is a canonical Ed25519 point of the main subgroup, not of low order (RFC 8032 section 5.1.7)."""
    return len(key) == SIGNING_KEY_BYTES and crypto_core_ed25519_is_valid_point(key)


def is_proof(
    *, signing_key: bytes, signature: bytes, origin: str, account_id: uuid.UUID, device_id: uuid.UUID, nonce: bytes
) -> bool:
    """Whether `signature` is by `signing_key` over exactly this origin, account, device and nonce."""
    if len(signature) != SIGNATURE_BYTES:
        return False
    message = signed_bytes(origin=origin, account_id=account_id, device_id=device_id, nonce=nonce)
    try:
        VerifyKey(signing_key).verify(message, signature)
    except BadSignatureError:
        return False
    return True
