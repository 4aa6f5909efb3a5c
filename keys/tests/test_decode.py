"""Deterministic CBOR: one value, one encoding, and no other types than the payloads need."""

from __future__ import annotations

import pytest

from keys import cbor
from messenger.lib.errors import Malformed

REFUSED = {
    "nothing": "",
    "cut off": "8201",
    "cut off bytes": "44010203",
    "bytes after the end": "0000",
    "long integer": "1801",
    "longer integer": "190001",
    "long length of bytes": "580101",
    "long length of an array": "980100",
    "indefinite array": "9f01ff",
    "indefinite bytes": "5f4101ff",
    "indefinite text": "7f6161ff",
    "indefinite map": "bf0101ff",
    "negative integer": "20",
    "2^53": "1b0020000000000000",
    "2^64 - 1": "1bffffffffffffffff",
    "big number": "c249010000000000000000",
    "small big number": "c24101",
    "true": "f5",
    "false": "f4",
    "null": "f6",
    "undefined": "f7",
    "simple value": "f0",
    "half float": "f93c00",
    "single float": "fa3f800000",
    "double float": "fb3ff0000000000000",
    "map": "a0",
    "map of the protocol": "a10001",
    "duplicate keys": "a200010002",
    "date tag": "c074323031332d30332d32315432303a30343a30305a",
    "pattern tag": "d8236161",
    "own tag": "d9d9f701",
    "shared reference": "d81c80",
    "reference to itself": "d81c81d81d00",
    "set": "d9010280",
    "text that is not UTF-8": "61ff",
    "lone surrogate": "63eda080",
    "reserved length": "1c",
    "break": "ff",
    "float in an array": "81f93c00",
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
def test_every_other_encoding_is_refused(data: str) -> None:
    with pytest.raises(Malformed):
        cbor.decode(bytes.fromhex(data))


def test_depth_sixteen_is_read_and_seventeen_refused() -> None:
    assert cbor.encode(cbor.decode(b"\x81" * 15 + b"\x80")) == b"\x81" * 15 + b"\x80"
    with pytest.raises(Malformed):
        cbor.decode(b"\x81" * 16 + b"\x80")
    with pytest.raises(Malformed):
        cbor.decode(b"\x81" * 2_000 + b"\x80")


def test_the_largest_integer_is_read() -> None:
    assert cbor.decode(bytes.fromhex("1b001fffffffffffff")) == 2**53 - 1


def test_a_length_that_is_not_there_allocates_nothing() -> None:
    for head in ("5b7fffffffffffffff", "9b7fffffffffffffff", "7b7fffffffffffffff", "9affffffff"):
        with pytest.raises(Malformed):
            cbor.decode(bytes.fromhex(head))


WIDE = {
    "true": "f5",
    "false": "f4",
    "no entry": "a0",
    "in a list": "81a200011819f5",
    "in a map": "a100a10180",
}
REFUSED_WIDE = {
    "keys in another order": "a201000001",
    "a key twice": "a200010002",
    "one and true": "a20100f501",
    "a negative key": "a12001",
    "a key of text": "a1616101",
    "a key of bytes": "a1416101",
    "a key of 2^53": "a11b002000000000000001",
    "a long key": "a1180100",
    "null in a map": "a100f6",
    "a float in a map": "a100f93c00",
}


@pytest.mark.parametrize("data", WIDE.values(), ids=WIDE)
def test_maps_and_truth_values_are_read_where_they_belong(data: str) -> None:
    assert cbor.encode(cbor.decode_wide(bytes.fromhex(data))) == bytes.fromhex(data)


IN_WIDE = ("true", "false", "map", "map of the protocol")
STILL_REFUSED = [data for name, data in REFUSED.items() if name not in IN_WIDE]


@pytest.mark.parametrize("data", [*REFUSED_WIDE.values(), *STILL_REFUSED])
def test_no_other_encoding_of_them_is(data: str) -> None:
    with pytest.raises(Malformed):
        cbor.decode_wide(bytes.fromhex(data))


def test_a_map_is_as_deep_as_a_list() -> None:
    assert cbor.decode_wide(b"\xa1\x00" * 15 + b"\xa0")
    with pytest.raises(Malformed):
        cbor.decode_wide(b"\xa1\x00" * 16 + b"\xa0")
