"""Sealing at rest: values open only with the profile key, and only in the row they were sealed for.

What stays in clear: which tables there are, how many rows, their order, and keyed hashes of ids. An id
itself would tell a thief of the disk who talks to whom; its keyed hash is as good for finding a row.
"""

from __future__ import annotations

import os
from hashlib import blake2b

import nacl.bindings as sodium
import nacl.exceptions

from ..errors import StoreError
from ..protocol.secret import Secret

KEY_SIZE = 32
_NONCE = sodium.crypto_aead_xchacha20poly1305_ietf_NPUBBYTES


class Sealer:
    """Seals values and hashes ids under one profile key."""

    def __init__(self, profile_key: Secret) -> None:
        self._seal_key = blake2b(key=bytes(profile_key), person=b"msgr-store-seal", digest_size=32).digest()
        self._hash_key = blake2b(key=bytes(profile_key), person=b"msgr-store-find", digest_size=32).digest()

    def __repr__(self) -> str:
        return "Sealer(<secret>)"

    def seal(self, place: bytes, value: bytes) -> bytes:
        """Seal a value for one place: the table and the row's key."""
        # 24 random bytes: a restored backup of the profile never repeats a key stream.
        nonce = os.urandom(_NONCE)
        return nonce + sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(value, place, nonce, self._seal_key)

    def open(self, place: bytes, sealed: bytes) -> bytes:
        """Open a value. Raises StoreError: another key, another row, or altered bytes."""
        try:
            return sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(
                sealed[_NONCE:], place, sealed[:_NONCE], self._seal_key
            )
        except (nacl.exceptions.CryptoError, ValueError) as error:
            raise StoreError("The profile's key does not open its data.") from error

    def find(self, table: str, *parts: bytes) -> bytes:
        """The keyed hash that stands for an id (of several parts) in a table."""
        digest = blake2b(key=self._hash_key, person=table.encode()[:16], digest_size=16)
        for part in parts:
            digest.update(len(part).to_bytes(4, "big") + part)
        return digest.digest()
