"""The primitives give what the RFCs and Wycheproof publish, and refuse more than most."""

from __future__ import annotations

import nacl.bindings as sodium
import nacl.exceptions
import pytest
import wycheproof
from protocol_cast import Dice

from messenger_client.protocol import errors, primitives
from messenger_client.protocol.primitives import DhKey, SigningKey
from messenger_client.protocol.secret import Secret

P = 2**255 - 19


def unhex(text: str) -> bytes:
    return bytes.fromhex(text)


# RFC 7748, section 5.2
@pytest.mark.parametrize(
    ("scalar", "u", "result"),
    [
        (
            "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
            "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
        ),
    ],
)
def test_x25519_gives_the_rfcs_result(scalar: str, u: str, result: str) -> None:
    assert primitives.x25519(Secret(unhex(scalar)), unhex(u)) == unhex(result)


# RFC 7748, section 6.1
def test_both_sides_of_the_rfcs_diffie_hellman_agree() -> None:
    alice = DhKey.from_private(unhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"))
    bob = DhKey.from_private(unhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"))
    assert alice.public.hex() == "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
    assert bob.public.hex() == "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
    shared = unhex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742")
    assert primitives.x25519(alice.private, bob.public) == shared
    assert primitives.x25519(bob.private, alice.public) == shared


@pytest.mark.parametrize("u", [0, 1, P - 1, P, P + 1, 2**255 - 1, 2**255, 2**255 + 9, 2**256 - 1])
def test_low_order_and_non_canonical_points_are_refused(u: int) -> None:
    with pytest.raises(errors.BadKey):
        primitives.x25519(Secret(b"\x42" * 32), u.to_bytes(32, "little"))


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_public_key_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(errors.BadKey):
        primitives.x25519(Secret(b"\x42" * 32), bytes(size))


def test_x25519_holds_against_wycheproof() -> None:
    for _, case in wycheproof.cases("x25519_test.json"):
        public, flags = unhex(case["public"]), set(case["flags"])
        # Stricter than Wycheproof's "acceptable".
        refused = flags & {"ZeroSharedSecret", "NonCanonicalPublic"} or public[31] & 0x80
        if refused:
            with pytest.raises(errors.BadKey):
                primitives.x25519(Secret(unhex(case["private"])), public)
        else:
            assert primitives.x25519(Secret(unhex(case["private"])), public).hex() == case["shared"]


# RFC 8032, section 7.1, tests 1 to 3
@pytest.mark.parametrize(
    ("seed", "public", "message", "signature"),
    [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
            "d25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
            "387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
            "4a7c15e9716ed28dc027beceea1ec40a",
        ),
    ],
)
def test_ed25519_gives_the_rfcs_signatures(seed: str, public: str, message: str, signature: str) -> None:
    key = SigningKey.from_seed(unhex(seed))
    assert key.public.hex() == public
    signed = sodium.crypto_sign(unhex(message), bytes(key.seed) + key.public)
    assert signed[:64].hex() == signature


def test_ed25519_holds_against_wycheproof() -> None:
    for group, case in wycheproof.cases("ed25519_test.json"):
        public = unhex(group["publicKey"]["pk"])
        signature = unhex(case["sig"])
        try:
            if len(signature) != 64:
                raise nacl.exceptions.BadSignatureError
            sodium.crypto_sign_open(signature + unhex(case["msg"]), public)
            verdict = "valid"
        except nacl.exceptions.BadSignatureError:
            verdict = "invalid"
        assert verdict == case["result"], case["tcId"]


def test_a_signature_counts_under_its_own_label_only() -> None:
    key = SigningKey.generate(Dice("labels"))
    signature = key.sign("spk", b"payload")
    primitives.verify(key.public, "spk", b"payload", signature)
    for label in ("opk", "sp", "spk2", "devlist", ""):
        with pytest.raises(errors.BadSignature):
            primitives.verify(key.public, label, b"payload", signature)


def test_a_label_does_not_run_into_the_message() -> None:
    key = SigningKey.generate(Dice("labels"))
    with pytest.raises(errors.BadSignature):
        primitives.verify(key.public, "sp", b"k\x00payload", key.sign("spk", b"payload"))


@pytest.mark.parametrize(
    "public",
    [
        bytes(32),
        b"\x01" + bytes(31),
        b"\xec" + b"\xff" * 30 + b"\x7f",
        unhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
        b"\xee" + b"\xff" * 30 + b"\x7f",
        b"\x01" + bytes(30) + b"\x80",
    ],
)
def test_small_order_and_non_canonical_signing_keys_verify_nothing(public: bytes) -> None:
    """Under a key of small order, R = identity and s = 0 would satisfy the plain equation."""
    with pytest.raises(errors.BadSignature):
        primitives.verify(public, "spk", b"anything", b"\x01" + bytes(63))


def test_a_signature_with_a_large_s_is_refused() -> None:
    order = 2**252 + 27742317777372353535851937790883648493
    key = SigningKey.generate(Dice("malleable"))
    signature = key.sign("spk", b"payload")
    large = int.from_bytes(signature[32:], "little") + order
    with pytest.raises(errors.BadSignature):
        primitives.verify(key.public, "spk", b"payload", signature[:32] + large.to_bytes(32, "little"))


@pytest.mark.parametrize(("key_size", "signature_size"), [(31, 64), (33, 64), (32, 63), (32, 65), (32, 0)])
def test_keys_and_signatures_of_other_lengths_are_refused(key_size: int, signature_size: int) -> None:
    with pytest.raises(errors.BadSignature):
        primitives.verify(bytes(key_size), "spk", b"", bytes(signature_size))


# RFC 5869, appendix A, tests 1 to 3
@pytest.mark.parametrize(
    ("ikm", "salt", "info", "okm"),
    [
        (
            b"\x0b" * 22,
            bytes(range(13)),
            bytes(range(0xF0, 0xFA)),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        ),
        (
            bytes(range(0x50)),
            bytes(range(0x60, 0xB0)),
            bytes(range(0xB0, 0x100)),
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09"
            "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
        ),
        (
            b"\x0b" * 22,
            b"",
            b"",
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
        ),
    ],
)
def test_hkdf_gives_the_rfcs_keys(ikm: bytes, salt: bytes, info: bytes, okm: str) -> None:
    assert primitives.hkdf(ikm, salt, info, len(okm) // 2).hex() == okm


def test_hkdf_holds_against_wycheproof() -> None:
    for _, case in wycheproof.cases("hkdf_sha256_test.json"):
        arguments = (unhex(case["ikm"]), unhex(case["salt"]), unhex(case["info"]), case["size"])
        if case["result"] == "invalid":
            with pytest.raises(ValueError, match="255"):
                primitives.hkdf(*arguments)
        else:
            assert primitives.hkdf(*arguments).hex() == case["okm"]


def test_xchacha20_poly1305_holds_against_wycheproof() -> None:
    for _, case in wycheproof.cases("xchacha20_poly1305_test.json"):
        key, nonce, ad, message = (unhex(case[name]) for name in ("key", "iv", "aad", "msg"))
        sealed = unhex(case["ct"] + case["tag"])
        if case["result"] == "valid":
            assert sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(message, ad, nonce, key) == sealed
            assert sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(sealed, ad, nonce, key) == message
        else:
            with pytest.raises((nacl.exceptions.CryptoError, nacl.exceptions.TypeError, nacl.exceptions.ValueError)):
                sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(sealed, ad, nonce, key)


def test_cseal_opens_and_every_flipped_bit_keeps_it_shut() -> None:
    sealed = primitives.cseal(b"k" * 32, "dr", b"ad", b"words", Dice("cseal"))
    assert primitives.copen(b"k" * 32, "dr", b"ad", sealed) == b"words"
    for position in range(len(sealed)):
        forged = bytearray(sealed)
        forged[position] ^= 1
        with pytest.raises(errors.Undecryptable):
            primitives.copen(b"k" * 32, "dr", b"ad", bytes(forged))


@pytest.mark.parametrize(
    ("key", "label", "ad"), [(b"K" * 32, "dr", b"ad"), (b"k" * 32, "sk", b"ad"), (b"k" * 32, "dr", b"AD")]
)
def test_cseal_is_bound_to_key_label_and_associated_data(key: bytes, label: str, ad: bytes) -> None:
    sealed = primitives.cseal(b"k" * 32, "dr", b"ad", b"words", Dice("cseal"))
    with pytest.raises(errors.Undecryptable):
        primitives.copen(key, label, ad, sealed)


@pytest.mark.parametrize("size", [0, 71])
def test_cseal_refuses_what_is_too_short_to_be_sealed(size: int) -> None:
    with pytest.raises(errors.Undecryptable):
        primitives.copen(b"k" * 32, "dr", b"", bytes(size))


def test_sealing_twice_under_one_key_repeats_no_key_stream() -> None:
    first, second = (primitives.cseal(b"k" * 32, "dr", b"", bytes(64)) for _ in range(2))
    assert first[:24] != second[:24]
    assert first[56:] != second[56:]
