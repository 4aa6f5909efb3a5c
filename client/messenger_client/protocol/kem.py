"""ML-KEM-768 (FIPS 203). Private keys are 64-byte seeds. Refuses to be imported without the library."""

from __future__ import annotations

# A missing ML-KEM stops the start here: there is no suite without it.
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey

from .errors import BadKey, Malformed
from .secret import Secret

SEED_SIZE = 64
PUBLIC_SIZE = 1184
CIPHERTEXT_SIZE = 1088


def public_key(seed: bytes) -> bytes:
    """Return the encapsulation key of a seed (d ‖ z)."""
    return MLKEM768PrivateKey.from_seed_bytes(bytes(seed)).public_key().public_bytes_raw()


def check_public_key(public: bytes) -> None:
    """Raise BadKey for a key that fails FIPS 203's length or modulus check."""
    _parse(public)


def encapsulate(public: bytes) -> tuple[bytes, bytes]:
    """Return (ct, ss). Raises BadKey."""
    ss, ct = _parse(public).encapsulate()  # the library's order is the other one
    return ct, ss


def decapsulate(seed: Secret, ct: bytes) -> Secret:
    """Return ss; a tampered ct gives another ss, never an error (implicit rejection)."""
    if len(ct) != CIPHERTEXT_SIZE:
        raise Malformed("kem ciphertext")
    return Secret(MLKEM768PrivateKey.from_seed_bytes(bytes(seed)).decapsulate(ct))


def _parse(public: bytes) -> MLKEM768PublicKey:
    try:
        return MLKEM768PublicKey.from_public_bytes(public)
    except ValueError as error:
        raise BadKey("kem key") from error
