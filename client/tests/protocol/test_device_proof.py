"""A device proves itself to one server, once."""

from __future__ import annotations

import pytest
from protocol_cast import Cast

from messenger_client.protocol import device_proof, errors, ids

ORIGIN, NONCE = "https://chat.example", b"n" * 32


def test_a_proof_holds_for_its_server_device_and_nonce(cast: Cast) -> None:
    own = cast.alice.own
    proof = device_proof.prove_device(own, ORIGIN, NONCE)
    device_proof.verify_proof(own.signing.public, ORIGIN, own.account, own.device, NONCE, proof)


@pytest.mark.parametrize("changed", ["origin", "account", "device", "nonce", "key"])
def test_a_proof_holds_for_nothing_else(cast: Cast, changed: str) -> None:
    own, other = cast.alice.own, cast.charlie.own
    proof = device_proof.prove_device(own, ORIGIN, NONCE)
    with pytest.raises(errors.BadSignature):
        device_proof.verify_proof(
            other.signing.public if changed == "key" else own.signing.public,
            "https://evil.example" if changed == "origin" else ORIGIN,
            other.account if changed == "account" else own.account,
            other.device if changed == "device" else own.device,
            b"m" * 32 if changed == "nonce" else NONCE,
            proof,
        )


def test_another_signature_of_the_device_is_no_proof(cast: Cast) -> None:
    own = cast.alice.own
    payload = device_proof.proof_payload(ORIGIN, own.account, own.device, NONCE)
    for label in ("spk", "devbind", "groupop"):
        with pytest.raises(errors.BadSignature):
            device_proof.verify_proof(
                own.signing.public, ORIGIN, own.account, own.device, NONCE, own.signing.sign(label, payload)
            )


@pytest.mark.parametrize("size", [0, 15, 65])
def test_a_nonce_that_could_repeat_or_is_too_long_is_not_signed(cast: Cast, size: int) -> None:
    with pytest.raises(errors.Malformed):
        device_proof.prove_device(cast.alice.own, ORIGIN, bytes(size))


def test_ids_of_another_length_are_malformed(cast: Cast) -> None:
    own = cast.alice.own
    with pytest.raises(errors.Malformed):
        device_proof.verify_proof(own.signing.public, ORIGIN, ids.AccountId(b""), own.device, NONCE, bytes(64))
