"""Session set-up: PQXDH, suite 1. One secret from both sides' keys, bound to all that either side knows.

PROTOCOL.md, Session set-up. Refuses weak keys; who may start a session is `session`'s matter.
"""

from __future__ import annotations

from dataclasses import dataclass

from . import cbor, kem
from .device_list import ListedDevice
from .entropy import Entropy
from .ids import AccountId, DeviceId, SessionId
from .keys import OwnDevice
from .prekeys import PrivatePrekey, VerifiedBundle
from .primitives import DhKey, hkdf, labelled, sha256, x25519
from .secret import Secret
from .wire import PSK_ID_SIZE, SUITE, Init

_DOMAIN = "msgr/1/pqxdh"
_FILL = b"\xff" * 32  # no X25519 key encodes so: the input is unlike any other use of the keys
_NO_SALT = bytes(32)


@dataclass(frozen=True, slots=True)
class Party:
    """One side, by all its public names: leaving any out would allow an unknown key share."""

    account: AccountId
    device: DeviceId
    account_key: bytes
    signing_key: bytes
    identity_key: bytes

    @classmethod
    def of_own(cls, own: OwnDevice) -> Party:
        return cls(own.account, own.device, own.account_key, own.signing.public, own.identity.public)

    @classmethod
    def of_listed(cls, account: AccountId, account_key: bytes, peer: ListedDevice) -> Party:
        return cls(account, peer.device, account_key, peer.signing_key, peer.identity_key)


@dataclass(frozen=True, slots=True)
class Agreement:
    """What both sides hold after set-up."""

    transcript: bytes  # T
    secret: Secret  # SK

    @property
    def session_id(self) -> SessionId:
        return SessionId(self.transcript[:16])


def psk_id(psk: bytes) -> bytes:
    """H(s)[:16], the name by which init refers to a pre-shared key."""
    return sha256(psk)[:PSK_ID_SIZE]


def initiate(
    own: OwnDevice, own_list_hash: bytes, bundle: VerifiedBundle, psk: Secret | None, entropy: Entropy
) -> tuple[Agreement, Init]:
    """A's side. Raises BadKey."""
    ephemeral = DhKey.generate(entropy)
    ct, ss = entropy.encapsulate(bundle.kem_key)
    init = Init(
        own.account,
        own.device,
        own_list_hash,
        ephemeral.public,
        bundle.spk_id,
        bundle.opk_id,
        bundle.kem_label,
        bundle.kem_id,
        ct,
        None if psk is None else psk_id(psk),
    )
    shares = [
        x25519(own.identity.private, bundle.spk),
        x25519(ephemeral.private, bundle.peer.identity_key),
        x25519(ephemeral.private, bundle.spk),
    ]
    if bundle.opk is not None:
        shares.append(x25519(ephemeral.private, bundle.opk))
    peer = Party.of_listed(bundle.account, bundle.account_key, bundle.peer)
    hashed = transcript(Party.of_own(own), peer, init, bundle.spk, bundle.opk, bundle.kem_key)
    return _agree(hashed, shares, ss, psk), init


def respond(
    own: OwnDevice,
    peer: Party,
    init: Init,
    spk: PrivatePrekey,
    opk: PrivatePrekey | None,
    kem_key: PrivatePrekey,
    psk: Secret | None,
) -> Agreement:
    """B's side; a tampered init gives another session id, never an error of its own. Raises BadKey."""
    shares = [
        x25519(spk.private, peer.identity_key),
        x25519(own.identity.private, init.ek),
        x25519(spk.private, init.ek),
    ]
    if opk is not None:
        shares.append(x25519(opk.private, init.ek))
    ss = kem.decapsulate(kem_key.private, init.ct)
    opk_public = None if opk is None else opk.public
    hashed = transcript(peer, Party.of_own(own), init, spk.public, opk_public, kem_key.public)
    return _agree(hashed, shares, ss, psk)


def transcript(initiator: Party, responder: Party, init: Init, spk: bytes, opk: bytes | None, kem_key: bytes) -> bytes:
    """T = H(CBOR["msgr/1/pqxdh", 1, A, B, EK, SPKb, OPKb|null, KEMek, ct, psk id|null])."""
    return sha256(
        cbor.encode(
            [
                _DOMAIN,
                SUITE,
                _party_fields(initiator),
                _party_fields(responder),
                init.ek,
                spk,
                opk,
                kem_key,
                init.ct,
                init.psk_id,
            ]
        )
    )


def _party_fields(party: Party) -> list[bytes]:
    return [party.account, party.device, party.account_key, party.signing_key, party.identity_key]


def _agree(hashed: bytes, shares: list[Secret], ss: bytes, psk: Secret | None) -> Agreement:
    material = _FILL + b"".join(shares) + ss + (b"" if psk is None else psk)
    return Agreement(hashed, Secret(hkdf(material, _NO_SALT, labelled("pqxdh") + hashed, 32)))
