"""Prekeys and bundles. Refuses keys that are rolled back, stale, misplaced, or signed as something else.

PROTOCOL.md, Keys and the device list. A prekey travels as `CBOR[payload bytes, signature]`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from . import cbor, form, kem
from .device_list import DeviceList, ListedDevice
from .entropy import SYSTEM, Entropy
from .errors import BadKey, Malformed, NotListed
from .ids import AccountId, DeviceId
from .keys import OwnDevice
from .limits import PREKEY_MAX_AGE, PREKEY_MAX_AHEAD, PREKEY_RETENTION
from .primitives import KEY_SIZE, SIGNATURE_SIZE, DhKey, check_x25519, verify
from .secret import Secret

PrekeyLabel = Literal["spk", "klr", "opk", "okpk"]

SPK: PrekeyLabel = "spk"  # signed prekey, X25519, a new one every 7 days
KLR: PrekeyLabel = "klr"  # last-resort ML-KEM-768 key, likewise
OPK: PrekeyLabel = "opk"  # one-time X25519
OKPK: PrekeyLabel = "okpk"  # one-time ML-KEM-768

ONE_TIME: frozenset[str] = frozenset({OPK, OKPK})
_PUBLIC_SIZE: dict[str, int] = {SPK: KEY_SIZE, OPK: KEY_SIZE, KLR: kem.PUBLIC_SIZE, OKPK: kem.PUBLIC_SIZE}
_PRIVATE_SIZE: dict[str, int] = {SPK: KEY_SIZE, OPK: KEY_SIZE, KLR: kem.SEED_SIZE, OKPK: kem.SEED_SIZE}


@dataclass(frozen=True, slots=True)
class PrivatePrekey:
    """The private half, for the store of the device that made it."""

    label: PrekeyLabel
    key_id: int
    created: int  # ms
    private: Secret  # X25519 private key, or ML-KEM seed
    public: bytes

    def to_bytes(self) -> Secret:
        return Secret(cbor.encode([self.label, self.key_id, self.created, bytes(self.private), self.public]))

    @classmethod
    def from_bytes(cls, data: bytes) -> PrivatePrekey:
        label_value, key_id, created, private, public = form.array(cbor.decode(bytes(data)), 5)
        label = read_label(label_value)
        return cls(
            label,
            form.unsigned(key_id, 1),
            form.unsigned(created),
            Secret(form.octets(private, _PRIVATE_SIZE[label])),
            form.octets(public, _PUBLIC_SIZE[label]),
        )


@dataclass(frozen=True, slots=True)
class SignedPrekey:
    """A prekey as it travels; its form has been read, its signature has not."""

    account: AccountId
    device: DeviceId
    key_id: int
    created: int  # ms
    public: bytes
    payload: bytes
    signature: bytes

    def to_bytes(self) -> bytes:
        return cbor.encode([self.payload, self.signature])

    @classmethod
    def from_bytes(cls, label: PrekeyLabel, data: bytes) -> SignedPrekey:
        """Read the form of a prekey. Raises Malformed."""
        return _read_prekey(label, cbor.decode(data))


@dataclass(frozen=True, slots=True)
class Prekey:
    """Both halves, as they leave `generate_prekeys`: store `private`, publish `signed`."""

    private: PrivatePrekey
    signed: SignedPrekey


@dataclass(frozen=True, slots=True)
class Bundle:
    """What the server hands out to start one session: read, not yet verified."""

    account: AccountId
    device: DeviceId
    spk: SignedPrekey
    opk: SignedPrekey | None
    kem_label: PrekeyLabel  # okpk, or klr when the one-time ones have run out
    kem_key: SignedPrekey

    def to_bytes(self) -> bytes:
        """CBOR[account, device, spk, opk|null, [kem label, kem key]], each prekey as [payload, signature]."""
        opk = self.opk and [self.opk.payload, self.opk.signature]
        return cbor.encode(
            [
                self.account,
                self.device,
                [self.spk.payload, self.spk.signature],
                opk,
                [self.kem_label, [self.kem_key.payload, self.kem_key.signature]],
            ]
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Bundle:
        """Read the form of a bundle. Raises Malformed."""
        account, device, spk, opk, labelled_kem = form.array(cbor.decode(data), 5)
        label_value, kem_key = form.array(labelled_kem, 2)
        label = read_kem_label(label_value)
        return cls(
            AccountId(form.identifier(account)),
            DeviceId(form.identifier(device)),
            _read_prekey(SPK, spk),
            None if opk is None else _read_prekey(OPK, opk),
            label,
            _read_prekey(label, kem_key),
        )


@dataclass(frozen=True, slots=True)
class SeenPrekeys:
    """The highest ids seen from one device: a lower one is a rollback. Stored with the device's pin."""

    spk: int = 0
    klr: int = 0


@dataclass(frozen=True, slots=True)
class VerifiedBundle:
    """A bundle that may start a session, with the keys of the device as the signed list shows them."""

    account: AccountId
    account_key: bytes  # AK
    peer: ListedDevice
    list_hash: bytes  # of the list it was checked against
    spk_id: int
    spk: bytes
    opk_id: int | None
    opk: bytes | None
    kem_label: PrekeyLabel
    kem_id: int
    kem_key: bytes
    seen: SeenPrekeys  # store this for the device


def generate_prekeys(
    own: OwnDevice,
    label: PrekeyLabel,
    *,
    first_id: int,
    count: int,
    now: int,
    entropy: Entropy = SYSTEM,
) -> tuple[Prekey, ...]:
    """Make `count` prekeys with ids from `first_id` up. Ids start at 1 and never come again per label.

    Hazard: store the next id before anything is published; an id that is used twice looks like an attack.
    """
    return tuple(_generate(own, label, first_id + offset, now, entropy) for offset in range(count))


def is_spent(private: PrivatePrekey, *, now: int) -> bool:
    """Tell whether a signed or last-resort private half (and the H(EK)s under it) is to be deleted.

    90 days in which senders take it, and 31 in which their messages may still arrive. One-time keys: never.
    """
    return private.label not in ONE_TIME and now - private.created > PREKEY_RETENTION


def verify_bundle(
    bundle: Bundle, newest: DeviceList, device: DeviceId, seen: SeenPrekeys, *, now: int
) -> VerifiedBundle:
    """Check a claimed bundle for `device` against the account's newest accepted list.

    Raises NotListed (another device than asked for, or none on the list), BadSignature, BadKey (not a
    valid key; another device's; rolled back, older than 90 days, over 24 hours ahead). A device without
    a usable bundle is left out of the send and named to the sender; it never blocks the others.
    """
    peer = newest.find(device)
    if peer is None or (bundle.account, bundle.device) != (newest.account, device):
        raise NotListed
    _verify_prekey(SPK, bundle.spk, newest.account, peer)
    if bundle.opk is not None:
        _verify_prekey(OPK, bundle.opk, newest.account, peer)
    _verify_prekey(bundle.kem_label, bundle.kem_key, newest.account, peer)
    _check_age(bundle.spk, seen.spk, now)
    if bundle.kem_label == KLR:
        _check_age(bundle.kem_key, seen.klr, now)
    return VerifiedBundle(
        account=newest.account,
        account_key=newest.account_key,
        peer=peer,
        list_hash=newest.hash,
        spk_id=bundle.spk.key_id,
        spk=bundle.spk.public,
        opk_id=bundle.opk.key_id if bundle.opk else None,
        opk=bundle.opk.public if bundle.opk else None,
        kem_label=bundle.kem_label,
        kem_id=bundle.kem_key.key_id,
        kem_key=bundle.kem_key.public,
        seen=SeenPrekeys(spk=bundle.spk.key_id, klr=bundle.kem_key.key_id if bundle.kem_label == KLR else seen.klr),
    )


def read_label(value: cbor.Value) -> PrekeyLabel:
    for label in (SPK, KLR, OPK, OKPK):
        if value == label:
            return label
    raise Malformed("prekey label")


def read_kem_label(value: cbor.Value) -> PrekeyLabel:
    label = read_label(value)
    if label not in (KLR, OKPK):
        raise Malformed("kem label")
    return label


def _generate(own: OwnDevice, label: PrekeyLabel, key_id: int, now: int, entropy: Entropy) -> Prekey:
    if label in (SPK, OPK):
        pair = DhKey.generate(entropy)
        private, public = pair.private, pair.public
    else:
        private = Secret(entropy.random(kem.SEED_SIZE))
        public = kem.public_key(private)
    payload = cbor.encode([own.account, own.device, key_id, now, public])
    signature = own.signing.sign(label, payload)
    return Prekey(
        PrivatePrekey(label, key_id, now, private, public),
        SignedPrekey(own.account, own.device, key_id, now, public, payload, signature),
    )


def _read_prekey(label: PrekeyLabel, value: cbor.Value) -> SignedPrekey:
    payload_value, signature = form.array(value, 2)
    payload = form.any_octets(payload_value)
    account, device, key_id, created, public = form.array(cbor.decode(payload), 5)
    return SignedPrekey(
        AccountId(form.identifier(account)),
        DeviceId(form.identifier(device)),
        form.unsigned(key_id, 1),
        form.unsigned(created),
        form.octets(public, _PUBLIC_SIZE[label]),
        payload,
        form.octets(signature, SIGNATURE_SIZE),
    )


def _verify_prekey(label: PrekeyLabel, prekey: SignedPrekey, account: AccountId, peer: ListedDevice) -> None:
    # The label is in what is signed: an opk passed off as an spk fails here.
    verify(peer.signing_key, label, prekey.payload, prekey.signature)
    if (prekey.account, prekey.device) != (account, peer.device):
        raise BadKey("made for another device")
    if label in (SPK, OPK):
        check_x25519(prekey.public)
    else:
        kem.check_public_key(prekey.public)


def _check_age(prekey: SignedPrekey, highest: int, now: int) -> None:
    if prekey.key_id < highest:
        raise BadKey("rolled back")
    if now - prekey.created > PREKEY_MAX_AGE or prekey.created - now > PREKEY_MAX_AHEAD:
        raise BadKey("too old or ahead of time")
