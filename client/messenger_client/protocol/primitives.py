"""The primitives as PROTOCOL.md (Encoding) defines them. Refuses weak points; signs only under a label."""

from __future__ import annotations

import hashlib
import hmac as _hmac
from dataclasses import dataclass

import nacl.bindings as sodium
import nacl.exceptions

from .entropy import SYSTEM, Entropy
from .errors import BadKey, BadSignature, Undecryptable
from .secret import Secret

PREFIX = b"msgr/1/"  # P

KEY_SIZE = 32
SIGNATURE_SIZE = 64
HASH_SIZE = 32
NONCE_SIZE = 24
TAG_SIZE = 16
CSEAL_OVERHEAD = NONCE_SIZE + 32 + TAG_SIZE

_FIELD_PRIME = 2**255 - 19


@dataclass(frozen=True, slots=True)
class DhKey:
    """An X25519 key pair."""

    private: Secret
    public: bytes

    @classmethod
    def generate(cls, entropy: Entropy = SYSTEM) -> DhKey:
        return cls.from_private(entropy.random(KEY_SIZE))

    @classmethod
    def from_private(cls, private: bytes) -> DhKey:
        return cls(Secret(private), sodium.crypto_scalarmult_base(bytes(private)))


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An Ed25519 key pair; the private key is its 32-byte seed."""

    seed: Secret
    public: bytes

    @classmethod
    def generate(cls, entropy: Entropy = SYSTEM) -> SigningKey:
        return cls.from_seed(entropy.random(KEY_SIZE))

    @classmethod
    def from_seed(cls, seed: bytes) -> SigningKey:
        return cls(Secret(seed), sodium.crypto_sign_seed_keypair(bytes(seed))[0])

    def sign(self, label: str, message: bytes) -> bytes:
        """Sign(k, label, m): Ed25519 over P ‖ label ‖ 00 ‖ m."""
        signed: bytes = sodium.crypto_sign(labelled(label) + message, bytes(self.seed) + self.public)
        return signed[:SIGNATURE_SIZE]


def labelled(label: str) -> bytes:
    """P ‖ label ‖ 00."""
    return PREFIX + label.encode("ascii") + b"\x00"


def verify(public: bytes, label: str, message: bytes, signature: bytes) -> None:
    """Check a signature with libsodium and nothing else, or raise BadSignature.

    libsodium refuses small-order and non-canonical keys, and s not below the group's order.
    """
    if len(public) != KEY_SIZE or len(signature) != SIGNATURE_SIZE:
        raise BadSignature(label)
    try:
        sodium.crypto_sign_open(signature + labelled(label) + message, public)
    except nacl.exceptions.BadSignatureError as error:
        raise BadSignature(label) from error


def x25519(private: Secret, public: bytes) -> Secret:
    """X25519, refusing a non-canonical public key and an all-zero result (BadKey)."""
    check_x25519(public)
    try:
        shared: bytes = sodium.crypto_scalarmult(bytes(private), public)
    except nacl.exceptions.RuntimeError as error:  # libsodium's answer to a point of small order
        raise BadKey("small order") from error
    if _hmac.compare_digest(shared, bytes(KEY_SIZE)):
        raise BadKey("small order")
    return Secret(shared)


def check_x25519(public: bytes) -> None:
    """Raise BadKey for a public key with the high bit set or u >= 2^255-19."""
    # The high bit is worth 2^255, so one comparison refuses both.
    if len(public) != KEY_SIZE or int.from_bytes(public, "little") >= _FIELD_PRIME:
        raise BadKey("not canonical")


def sha256(data: bytes) -> bytes:
    """H."""
    return hashlib.sha256(data).digest()


def hmac(key: bytes, data: bytes) -> bytes:
    return _hmac.digest(key, data, "sha256")


def hkdf(ikm: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    """HKDF-SHA-256 (RFC 5869). An empty salt is 32 zero bytes, as HMAC has it."""
    if length > 255 * HASH_SIZE:
        raise ValueError("HKDF gives at most 255 blocks")
    prk = _hmac.digest(salt, ikm, "sha256")
    block = okm = b""
    counter = 1
    while len(okm) < length:
        block = _hmac.digest(prk, block + info + bytes((counter,)), "sha256")
        okm += block
        counter += 1
    return okm[:length]


def cseal(key: bytes, label: str, ad: bytes, plaintext: bytes, entropy: Entropy = SYSTEM) -> bytes:
    """Seal committing to the key: n ‖ kc ‖ XChaCha20-Poly1305.

    The nonce is random even for keys used once: a state restored from an old copy uses a key twice.
    """
    nonce = entropy.random(NONCE_SIZE)
    okm = hkdf(key, nonce, labelled(label) + sha256(ad), 64)
    sealed = sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, ad, nonce, okm[:32])
    return b"".join((nonce, okm[32:], sealed))


def copen(key: bytes, label: str, ad: bytes, sealed: bytes) -> bytes:
    """Open what `cseal` made, or raise Undecryptable. The commitment is compared first, in constant time."""
    if len(sealed) < CSEAL_OVERHEAD:
        raise Undecryptable("short")
    nonce = sealed[:NONCE_SIZE]
    okm = hkdf(key, nonce, labelled(label) + sha256(ad), 64)
    if not _hmac.compare_digest(okm[32:], sealed[NONCE_SIZE : NONCE_SIZE + 32]):
        raise Undecryptable("commitment")
    try:
        opened: bytes = sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(
            sealed[NONCE_SIZE + 32 :], ad, nonce, okm[:32]
        )
    except nacl.exceptions.CryptoError as error:
        raise Undecryptable("tag") from error
    return opened
