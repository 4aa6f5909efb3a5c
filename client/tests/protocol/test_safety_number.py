"""Safety numbers are libsignal's, over our keys."""

from __future__ import annotations

from protocol_cast import Cast, make_cast

from messenger_client.protocol import safety_number

# libsignal, rust/protocol/src/fingerprint.rs: what its own tests expect of these keys and identifiers.
ALICE = (b"+14152222222", bytes.fromhex("0506863bc66d02b40d27b8d49ca7c09e9239236f9d7d25d6fcca5ce13c7064d868"))
BOB = (b"+14153333333", bytes.fromhex("05f781b6fb32fed9ba1cf2de978d4d5da28dc34046ae814402b5c0dbd96fda907b"))
DIGITS = "300354477692869396892869876765458257569162576843440918079131"
SCANNABLE = (
    "080212220a201e301a0353dce3dbe7684cb8336e85136cdc0ee96219494ada305d62a7bd61df"
    "1a220a20d62cbf73a11592015b6b9f1682ac306fea3aaf3885b84d12bca631e9d4fb3a4d"
)


def test_libsignals_published_number_comes_out() -> None:
    assert safety_number.numeric_fingerprint(*ALICE, *BOB).digits == DIGITS
    assert safety_number.numeric_fingerprint(*BOB, *ALICE).digits == DIGITS


def test_libsignals_published_code_comes_out() -> None:
    assert safety_number.numeric_fingerprint(*ALICE, *BOB).scannable.hex() == SCANNABLE


def number(cast: Cast, *, of_bob: bool = False) -> safety_number.SafetyNumber:
    alice, bob = cast.alice.account, cast.bob.account
    first, second = (bob, alice) if of_bob else (alice, bob)
    return safety_number.safety_number(first.id, first.key.public, second.id, second.key.public)


def test_both_sides_see_the_same_digits_and_scan_each_other(cast: Cast) -> None:
    mine, theirs = number(cast), number(cast, of_bob=True)
    assert mine.digits == theirs.digits
    assert len(mine.digits) == 60
    assert mine.digits.isdigit()
    assert "".join(mine.groups()) == mine.digits
    assert mine.matches(theirs.scannable)
    assert theirs.matches(mine.scannable)


def test_a_code_does_not_match_itself_nor_anything_else(cast: Cast) -> None:
    mine = number(cast)
    assert not mine.matches(mine.scannable)
    assert not mine.matches(b"")
    assert not mine.matches(number(make_cast("other"), of_bob=True).scannable)


def test_another_account_key_gives_another_number(cast: Cast) -> None:
    assert number(cast).digits != number(make_cast("other")).digits


def test_our_key_bytes_are_not_libsignals(cast: Cast) -> None:
    alice, bob = cast.alice.account, cast.bob.account
    as_libsignal = safety_number.numeric_fingerprint(
        alice.id, b"\x05" + alice.key.public, bob.id, b"\x05" + bob.key.public
    )
    assert as_libsignal.digits != number(cast).digits
