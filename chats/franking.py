"""The server's stamp on a message, by which a later report can be checked. The key never leaves this process."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from functools import cache

from django.conf import settings

from messenger.lib.clock import Milliseconds
from messenger.lib.secret_files import read_or_create

KEY_LENGTH = 32


@cache
def _key() -> bytes:
    return read_or_create(settings.FRANKING_KEY_FILE, lambda: secrets.token_bytes(KEY_LENGTH))


@cache
def key_id() -> str:
    """Which key made a stamp: it may be replaced, and old stamps are still to be checked."""
    return hashlib.sha256(b"msgr/1/franking-key\x00" + _key()).hexdigest()[:16]


def stamp(tag: bytes, sender: bytes, conversation: bytes, accepted_at: Milliseconds) -> bytes:
    """HMAC(Ks, F ‖ sender account ‖ conversation ‖ accepted time) (PROTOCOL.md, Content). Ids are their 16 bytes."""
    return hmac.digest(_key(), tag + sender + conversation + accepted_at.to_bytes(8, "big"), "sha256")
