"""Padded lengths are few, and a reader takes no other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger_client.protocol import errors, padding


@given(st.binary(max_size=3000))
def test_padding_comes_off_again(data: bytes) -> None:
    padded = padding.pad(data)
    assert padding.unpad(padded) == data
    assert len(padded) == padding.padded_length(len(data))
    assert len(padded) >= 256


# Computed by hand from the definition: E = floor(log2 L), S = floor(log2 E) + 1, the last E - S bits zero.
@pytest.mark.parametrize(
    ("length", "padded"),
    [(1, 1), (2, 2), (8, 8), (9, 10), (100, 104), (255, 256), (256, 256), (257, 272), (1000, 1024), (65537, 67584)],
)
def test_padme_gives_the_published_lengths(length: int, padded: int) -> None:
    assert padding.padme(length) == padded


@pytest.mark.parametrize(
    ("length", "padded"), [(0, 256), (255, 256), (256, 272), (271, 272), (272, 288), (511, 512), (512, 544)]
)
def test_the_mark_counts_into_the_length(length: int, padded: int) -> None:
    assert len(padding.pad(bytes(length))) == padded


def test_padding_costs_at_most_an_eighth_beyond_the_least() -> None:
    for length in range(256, 5000, 7):
        assert padding.padme(length) <= length * 1.125


@pytest.mark.parametrize(
    "padded",
    [
        b"",
        bytes(256),
        b"a" * 256,
        b"a\x80" + bytes(253),
        b"a\x80" + bytes(255),
        b"a\x80" + bytes(270),
        b"a\x80" + bytes(253) + b"\x01",
        b"a" * 255 + b"\x81",
        b"a" * 300 + b"\x80",
    ],
)
def test_any_other_padding_is_malformed(padded: bytes) -> None:
    with pytest.raises(errors.Malformed):
        padding.unpad(padded)
