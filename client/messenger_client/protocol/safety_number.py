"""The safety number of two accounts: libsignal's numeric fingerprint over account keys.

PROTOCOL.md, Keys and the device list. Key bytes are 06 ‖ AK (libsignal's own keys start with 05), the
identifier is the account id.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from .ids import AccountId

ROUNDS = 5_200
KEY_TYPE = b"\x06"
_VERSION = b"\x00\x00"
SCANNABLE_VERSION = 2


@dataclass(frozen=True, slots=True)
class SafetyNumber:
    """What two people compare: 60 digits, or a QR code's bytes."""

    digits: str
    scannable: bytes

    def groups(self) -> tuple[str, ...]:
        """Return the digits as twelve groups of five."""
        return tuple(self.digits[start : start + 5] for start in range(0, 60, 5))

    def matches(self, scanned: bytes) -> bool:
        """Compare with what the other person's code shows: the same, seen from the other side."""
        return hmac.compare_digest(_swap(self.scannable), scanned)


def safety_number(account: AccountId, account_key: bytes, peer: AccountId, peer_account_key: bytes) -> SafetyNumber:
    """Compute the safety number; about 10 ms. Both sides get the same digits."""
    return numeric_fingerprint(account, KEY_TYPE + account_key, peer, KEY_TYPE + peer_account_key)


def numeric_fingerprint(identifier: bytes, key: bytes, peer_identifier: bytes, peer_key: bytes) -> SafetyNumber:
    """Compute libsignal's fingerprint for any identifiers and serialised keys."""
    own, other = _fingerprint(identifier, key), _fingerprint(peer_identifier, peer_key)
    digits = "".join(sorted((_digits(own), _digits(other))))
    return SafetyNumber(digits, _scannable(own[:32], other[:32]))


def _fingerprint(identifier: bytes, key: bytes) -> bytes:
    digest = hashlib.sha512(_VERSION + key + identifier + key).digest()
    for _ in range(ROUNDS - 1):
        digest = hashlib.sha512(digest + key).digest()
    return digest


def _digits(fingerprint: bytes) -> str:
    return "".join(
        f"{int.from_bytes(fingerprint[start : start + 5], 'big') % 100_000:05d}" for start in range(0, 30, 5)
    )


def _scannable(own: bytes, other: bytes) -> bytes:
    # libsignal's protocol buffer: version (field 1), own and other fingerprint (fields 2 and 3, each a
    # message whose field 1 is the 32 bytes).
    return bytes((0x08, SCANNABLE_VERSION, 0x12, 0x22, 0x0A, 0x20)) + own + b"\x1a\x22\x0a\x20" + other


def _swap(scannable: bytes) -> bytes:
    return _scannable(scannable[42:74], scannable[6:38])
