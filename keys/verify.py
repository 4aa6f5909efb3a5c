"""What the server verifies of device lists and prekeys (PROTOCOL.md, Keys and the device list). Owns no state.

Refuses, in this order: form, place, time, signatures, keys. Whether an object fits what is stored is for services.
Nothing here can sign or decrypt.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from itertools import pairwise

import cbor2
import nacl.bindings as sodium
import nacl.exceptions
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey

from keys import cbor
from keys.errors import BadKey, BadSignature
from messenger.lib.clock import Milliseconds
from messenger.lib.errors import Malformed

PREFIX = b"msgr/1/"  # P
ID_SIZE = 16
HASH_SIZE = 32
KEY_SIZE = 32  # X25519 and Ed25519
SIGNATURE_SIZE = 64
KEM_PUBLIC_SIZE = 1184  # ML-KEM-768 encapsulation key
NO_PREVIOUS = bytes(HASH_SIZE)  # `prev` of the first list

MAX_DEVICES = 10  # bounds the fan-out of a send
MAX_LIST_PAYLOAD = 2_048  # ten devices take about 1,730 bytes
MAX_PREKEY_PAYLOAD = 1_280  # an ML-KEM key and 60 bytes around it

DAY = 24 * 3600 * 1000
MAX_AHEAD = DAY  # room for wrong clocks, not for a key that never ages
PREKEY_MAX_AGE = 90 * DAY  # clients refuse older ones: whoever stole the private half reads first messages

SPK, KLR, OPK, OKPK = "spk", "klr", "opk", "okpk"
PUBLIC_SIZE = {SPK: KEY_SIZE, OPK: KEY_SIZE, KLR: KEM_PUBLIC_SIZE, OKPK: KEM_PUBLIC_SIZE}

_FIELD_PRIME = 2**255 - 19
_ANY_SCALAR = bytes(range(KEY_SIZE))  # no secret: with any scalar, a low-order point gives zero


@dataclass(frozen=True, slots=True)
class SignedObject:
    """`[payload bytes, signature]` as it came."""

    payload: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class ListedDevice:
    device: uuid.UUID
    signing_key: bytes  # DSK
    identity_key: bytes  # IK
    bind: bytes


@dataclass(frozen=True, slots=True)
class VerifiedList:
    """A device list that holds in itself; its place in the chain is not known here."""

    account: uuid.UUID
    account_key: bytes  # AK
    seq: int
    previous: bytes
    devices: tuple[ListedDevice, ...]
    hash: bytes  # H(payload)


@dataclass(frozen=True, slots=True)
class VerifiedPrekey:
    """A prekey that its device signed for this label."""

    key_id: int
    created: Milliseconds
    signed: SignedObject


def device_list(signed: SignedObject, *, account: uuid.UUID, now: Milliseconds) -> VerifiedList:
    """Check a list of `account` in itself. Raises Malformed, BadSignature, BadKey."""
    _sized(signed, MAX_LIST_PAYLOAD)
    kind, owner, account_key, seq, previous, time, rows = _array(cbor.decode(signed.payload), 7)
    entries = _array(rows)
    if kind != "devlist" or not 1 <= len(entries) <= MAX_DEVICES:
        raise Malformed(f"not a device list of 1 to {MAX_DEVICES} devices")
    result = VerifiedList(
        _identifier(owner),
        _octets(account_key, KEY_SIZE),
        _unsigned(seq, 1),
        _octets(previous, HASH_SIZE),
        tuple(_entry(row) for row in entries),
        hashlib.sha256(signed.payload).digest(),
    )
    stated = _unsigned(time)
    if result.account != account:
        raise Malformed("the list belongs to another account")
    ids = [listed.device.bytes for listed in result.devices]
    if any(first >= second for first, second in pairwise(ids)):
        raise Malformed("the devices of the list are not in the order of their ids")
    if (result.seq == 1) != (result.previous == NO_PREVIOUS):
        raise Malformed("the first list, and no other, has no previous one")
    if stated - now > MAX_AHEAD:
        raise Malformed("the list is dated ahead of time")
    check_signature(result.account_key, "devlist", signed.payload, signed.signature)
    for listed in result.devices:
        bound = cbor.encode([result.account_key, account.bytes, listed.device.bytes, listed.identity_key])
        check_signature(listed.signing_key, "devbind", bound, listed.bind)
        check_x25519(listed.identity_key)
    return result


def prekey(
    signed: SignedObject,
    *,
    label: str,
    account: uuid.UUID,
    device: uuid.UUID,
    signing_key: bytes,
    now: Milliseconds,
) -> VerifiedPrekey:
    """Check a prekey that `device` publishes under `label`. Raises Malformed, BadSignature, BadKey."""
    _sized(signed, MAX_PREKEY_PAYLOAD)
    owner, owner_device, key_id_value, created_value, public_value = _array(cbor.decode(signed.payload), 5)
    key_id, created = _unsigned(key_id_value, 1), _unsigned(created_value)
    public = _octets(public_value, PUBLIC_SIZE[label])
    if (_identifier(owner), _identifier(owner_device)) != (account, device):
        raise Malformed("the prekey was made for another device")
    # The label is part of what is signed: a one-time key cannot be passed off as a signed one.
    check_signature(signing_key, label, signed.payload, signed.signature)
    if created - now > MAX_AHEAD or now - created > PREKEY_MAX_AGE:
        raise BadKey("the prekey is too old or ahead of time")
    if PUBLIC_SIZE[label] == KEY_SIZE:
        check_x25519(public)
    else:
        check_ml_kem(public)
    return VerifiedPrekey(key_id, created, signed)


def listed_since(payload: bytes) -> dict[uuid.UUID, Milliseconds]:
    """The devices named in the payload of a list that was verified when it was stored, and when each was added."""
    return {uuid.UUID(bytes=row[0]): row[3] for row in cbor2.loads(payload)[6]}


def listed_ids(payload: bytes) -> frozenset[uuid.UUID]:
    """The devices alone."""
    return frozenset(listed_since(payload))


def check_signature(public: bytes, label: str, message: bytes, signature: bytes) -> None:
    """Verify(k, label, m) by libsodium, and by nothing else: clients that disagree about a signature fork.

    libsodium refuses small-order and non-canonical keys, and s not below the group's order. Raises BadSignature.
    """
    try:
        sodium.crypto_sign_open(signature + PREFIX + label.encode("ascii") + b"\x00" + message, public)
    except nacl.exceptions.BadSignatureError as error:
        raise BadSignature(f"the signature {label} does not verify") from error


def check_x25519(public: bytes) -> None:
    """Refuse a high bit, u >= 2^255-19 and points of low order. Raises BadKey."""
    # The high bit is worth 2^255, so one comparison refuses both.
    if int.from_bytes(public, "little") >= _FIELD_PRIME:
        raise BadKey("an X25519 key is not canonical")
    try:
        shared = sodium.crypto_scalarmult(_ANY_SCALAR, public)
    except nacl.exceptions.RuntimeError as error:  # libsodium's answer to an all-zero result
        raise BadKey("an X25519 key is of low order") from error
    if shared == bytes(KEY_SIZE):
        raise BadKey("an X25519 key is of low order")


def check_ml_kem(public: bytes) -> None:
    """FIPS 203, 7.2: length and modulus check of an encapsulation key. Raises BadKey."""
    try:
        MLKEM768PublicKey.from_public_bytes(public)
    except ValueError as error:
        raise BadKey("an ML-KEM key fails the modulus check") from error


def _entry(row: cbor.Value) -> ListedDevice:
    device, signing_key, identity_key, added, caps, bind = _array(row, 6)
    _unsigned(added)
    if _unsigned(caps) != 0:
        raise Malformed("caps is 0 in this version")
    return ListedDevice(
        _identifier(device),
        _octets(signing_key, KEY_SIZE),
        _octets(identity_key, KEY_SIZE),
        _octets(bind, SIGNATURE_SIZE),
    )


def _sized(signed: SignedObject, most: int) -> None:
    if len(signed.payload) > most or len(signed.signature) != SIGNATURE_SIZE:
        raise Malformed("the signed object has the wrong size")


def _array(value: cbor.Value, length: int | None = None) -> list[cbor.Value]:
    if not isinstance(value, list) or (length is not None and len(value) != length):
        raise Malformed("an array of the payload has the wrong length")
    return value


def _octets(value: cbor.Value, length: int) -> bytes:
    if not isinstance(value, bytes) or len(value) != length:
        raise Malformed("a byte string of the payload has the wrong length")
    return value


def _identifier(value: cbor.Value) -> uuid.UUID:
    return uuid.UUID(bytes=_octets(value, ID_SIZE))


def _unsigned(value: cbor.Value, least: int = 0) -> int:
    if not isinstance(value, int) or value < least:
        raise Malformed("a number of the payload is out of range")
    return value
