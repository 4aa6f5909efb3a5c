"""A device's proof to a server that it holds its key. Names the server: no other one can use it."""

from __future__ import annotations

from . import cbor
from .errors import Malformed
from .ids import ID_SIZE, AccountId, DeviceId
from .keys import OwnDevice
from .limits import MAX_NONCE, MIN_NONCE
from .primitives import verify

LABEL = "session"


def prove_device(own: OwnDevice, origin: str, nonce: bytes) -> bytes:
    """Sign CBOR[server origin, account, device, server nonce] with DSK.

    `origin` is the origin the client itself connected to, as in `https://chat.example`: lower case, no
    default port, no slash at the end. Never take it from the server. Raises Malformed.
    """
    return own.signing.sign(LABEL, proof_payload(origin, own.account, own.device, nonce))


def verify_proof(
    signing_key: bytes, origin: str, account: AccountId, device: DeviceId, nonce: bytes, signature: bytes
) -> None:
    """Check a proof against the device's DSK. Raises Malformed, BadSignature."""
    verify(signing_key, LABEL, proof_payload(origin, account, device, nonce), signature)


def proof_payload(origin: str, account: AccountId, device: DeviceId, nonce: bytes) -> bytes:
    if len(account) != ID_SIZE or len(device) != ID_SIZE or not MIN_NONCE <= len(nonce) <= MAX_NONCE:
        raise Malformed("device proof")
    return cbor.encode([origin, account, device, nonce])
