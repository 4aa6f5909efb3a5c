"""One value, one encoding: everything else is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger_client.protocol import cbor, errors, limits

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(0, limits.MAX_INTEGER)
    | st.binary(max_size=40)
    | st.text(max_size=20).filter(lambda text: text.isascii() or _encodes(text))
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.integers(0, 300), inner, max_size=4),
    max_leaves=12,
)


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


@given(VALUES)
def test_what_is_encoded_decodes_to_itself(value: cbor.Value) -> None:
    assert cbor.decode(cbor.encode(value)) == value


@given(st.binary(max_size=60))
def test_whatever_decodes_was_the_only_encoding(data: bytes) -> None:
    try:
        value = cbor.decode(data)
    except errors.Malformed:
        return
    assert cbor.encode(value) == data


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("nothing", ""),
        ("integer in one byte too many", "1817"),
        ("integer in eight bytes for one", "1b0000000000000001"),
        ("length in one byte too many", "580141"),
        ("array length in two bytes", "9800"),
        ("indefinite array", "9f01ff"),
        ("indefinite map", "bf0101ff"),
        ("indefinite byte string", "5f4101ff"),
        ("indefinite text", "7f6161ff"),
        ("a key twice", "a201010102"),
        ("keys out of order", "a202010101"),
        ("text key", "a1616101"),
        ("byte string key", "a1416101"),
        ("negative key", "a12001"),
        ("true as a key", "a1f501"),
        ("true and 1 as keys", "a20101f502"),
        ("array as a key", "a1810101"),
        ("half float", "f93c00"),
        ("single float", "fa3f800000"),
        ("double float", "fb3ff0000000000000"),
        ("not a number", "f97e00"),
        ("tagged date", "c074323032352d30312d30315430303a30303a30305a"),
        ("tagged time", "c101"),
        ("tagged big number", "c24101"),
        ("tagged fraction", "c4820001"),
        ("tagged pattern", "d8236161"),
        ("tagged shared value", "d81c81d81d00"),
        ("tagged set", "d9010281 01"),
        ("self-described", "d9d9f701"),
        ("unknown tag", "da0001234501"),
        ("bytes after the end", "0000"),
        ("negative integer", "20"),
        ("2^53", "1b0020000000000000"),
        ("2^64-1", "1bffffffffffffffff"),
        ("undefined", "f7"),
        ("simple value 0", "e0"),
        ("simple value 32", "f820"),
        ("false in two bytes", "f814"),
        ("lone surrogate", "63eda080"),
        ("broken utf-8", "62c328"),
        ("overlong utf-8", "62c080"),
        ("cut off array", "8201"),
        ("cut off byte string", "4401"),
        ("huge array length", "9bffffffffffffffff"),
        ("huge byte string length", "5bffffffffffffffff"),
        ("a break alone", "ff"),
        ("reserved length", "1c"),
        ("depth 17", "81" * 16 + "80"),
        ("depth 17 in maps", "a101" * 16 + "a0"),
        ("depth 100000", "81" * 100_000 + "01"),
    ],
)
def test_malformed_encodings_are_refused(name: str, data: str) -> None:
    with pytest.raises(errors.Malformed):
        cbor.decode(bytes.fromhex(data))


@pytest.mark.parametrize("data", ["81" * 15 + "80", "81" * 16 + "01", "1b001fffffffffffff", "a0", "f6"])
def test_the_edge_of_what_is_allowed_decodes(data: str) -> None:
    assert cbor.encode(cbor.decode(bytes.fromhex(data))).hex() == data


def test_a_mebibyte_is_the_most() -> None:
    most = bytes(limits.MAX_ENCODED - 5)
    assert cbor.decode(cbor.encode(most)) == most
    with pytest.raises(errors.Malformed):
        cbor.encode(bytes(limits.MAX_ENCODED))
    with pytest.raises(errors.Malformed):
        cbor.decode(b"\x5a\x00\x10\x00\x00" + bytes(limits.MAX_ENCODED))


@pytest.mark.parametrize(
    "value", [-1, 2**53, 1.0, {"a": 1}, {True: 1}, (1,), {1}, "\ud800", object(), [[-1]], {1: 0.5}]
)
def test_what_nobody_would_read_is_not_written(value: object) -> None:
    with pytest.raises(errors.Malformed):
        cbor.encode(value)


def test_the_own_depth_is_bounded_when_writing() -> None:
    value: list[object] = []
    for _ in range(16):
        value = [value]
    with pytest.raises(errors.Malformed):
        cbor.encode(value)
