"""ML-KEM-768 gives the published answers, and refuses keys that fail FIPS 203's checks."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import wycheproof

from messenger_client.protocol import errors, kem
from messenger_client.protocol.secret import Secret

KNOWN = json.loads((Path(__file__).parent / "mlkem_768.json").read_text())


def unhex(text: str) -> bytes:
    return bytes.fromhex(text)


@pytest.mark.parametrize("known", KNOWN["keygen"], ids=lambda known: str(known["tcId"]))
def test_a_seed_gives_its_published_key(known: dict[str, str]) -> None:
    assert hashlib.sha256(kem.public_key(unhex(known["seed"]))).hexdigest() == known["ek_sha256"]


@pytest.mark.parametrize("known", KNOWN["decapsulate"], ids=lambda known: str(known["tcId"]))
def test_a_ciphertext_gives_its_published_secret(known: dict[str, str]) -> None:
    assert kem.decapsulate(Secret(unhex(known["seed"])), unhex(known["ct"])) == unhex(known["ss"])


def test_key_generation_holds_against_wycheproof() -> None:
    for _, case in wycheproof.cases("mlkem_768_keygen_seed_test.json"):
        assert kem.public_key(unhex(case["seed"])).hex() == case["ek"]


def test_decapsulation_holds_against_wycheproof() -> None:
    for _, case in wycheproof.cases("mlkem_768_test.json"):
        seed, ct = Secret(unhex(case["seed"])), unhex(case["c"])
        if case["result"] == "valid":
            assert kem.public_key(seed).hex() == case["ek"]
            assert kem.decapsulate(seed, ct) == unhex(case["K"])
        else:
            with pytest.raises((errors.Malformed, ValueError)):
                kem.decapsulate(seed, ct)


def test_public_keys_hold_against_wycheproof() -> None:
    for _, case in wycheproof.cases("mlkem_768_encaps_test.json"):
        public = unhex(case["ek"])
        if case["result"] == "valid":
            kem.check_public_key(public)
        else:
            with pytest.raises(errors.BadKey):
                kem.encapsulate(public)


def test_what_is_encapsulated_comes_out_again() -> None:
    seed = Secret(b"s" * 64)
    ct, ss = kem.encapsulate(kem.public_key(seed))
    assert (len(ct), len(ss)) == (kem.CIPHERTEXT_SIZE, 32)
    assert kem.decapsulate(seed, ct) == ss


def test_a_tampered_ciphertext_gives_another_secret_and_no_error() -> None:
    seed = Secret(b"s" * 64)
    ct, ss = kem.encapsulate(kem.public_key(seed))
    assert kem.decapsulate(seed, bytes([ct[0] ^ 1]) + ct[1:]) != ss


def test_a_coefficient_of_the_modulus_or_more_is_a_bad_key() -> None:
    public = bytearray(kem.public_key(b"s" * 64))
    for coefficient in (3329, 4095):
        public[0] = coefficient & 0xFF
        public[1] = public[1] & 0xF0 | coefficient >> 8
        with pytest.raises(errors.BadKey):
            kem.check_public_key(bytes(public))


@pytest.mark.parametrize("size", [0, 1183, 1185])
def test_a_key_of_another_length_is_a_bad_key(size: int) -> None:
    with pytest.raises(errors.BadKey):
        kem.check_public_key(bytes(size))
