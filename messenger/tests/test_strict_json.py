"""JSON that two readers could understand differently is refused, in bounded time."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from messenger.lib.strict_json import MAX_DEPTH, NotStrictJSON, loads

WHOLE = some.recursive(
    some.none() | some.booleans() | some.integers(-(2**63), 2**64 - 1) | some.text(),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text(), inner, max_size=4),
    max_leaves=12,
)


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


@given(WHOLE, some.booleans())
def test_what_json_can_say_comes_back(value: Any, ascii_only: bool) -> None:
    assert loads(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@given(some.binary(max_size=200))
def test_bytes_are_json_or_refused(data: bytes) -> None:
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        with pytest.raises(NotStrictJSON):
            loads(data)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b'{"a": 1, "a": 1}',
        b'{"a": {"b": 1, "b": 2}}',
        b'{"a": 1, "\\u0061": 2}',
        b"NaN",
        b"[Infinity, -Infinity]",
        b"1.5",
        b"1e3",
        b"-0.0",
        b"123456789012345678901",
        b"01",
        b"[1,]",
        b"{'a': 1}",
        b"\xef\xbb\xbf{}",
        b"\xff\xfe{\x00}\x00",
        b'"\xed\xa0\x80"',
        b'"\\ud800"',
        b'{"\\udfff": 1}',
        b'"a\nb"',
        b"{} {}",
        nested(MAX_DEPTH + 1),
        b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1),
        nested(200_000),
        b"[" * 200_000,
    ],
)
def test_what_is_ambiguous_or_deep_is_refused(text: bytes) -> None:
    with pytest.raises(NotStrictJSON):
        loads(text)


def test_brackets_in_strings_are_no_depth() -> None:
    text = "[" * 50 + '"' + "{" * 50 + "\\"

    assert loads(json.dumps([text, text]).encode()) == [text, text]


def test_depth_is_allowed_up_to_the_bound() -> None:
    assert loads(nested(MAX_DEPTH)) is not None
    assert loads(b"[" + b",".join([nested(3)] * 100) + b"]") is not None


def test_a_whole_surrogate_pair_is_text() -> None:
    assert loads(b'"\\ud83d\\ude00"') == "\N{GRINNING FACE}"


@pytest.mark.parametrize(
    "text",
    [b"[" * 20 + b'"' + b'\\"' * 1_000_000, b"[" * 20 + b'"' + b"\\" * 1_999_999, b"[]," * 600_000, b'"' * 2_000_000],
)
def test_hostile_bodies_are_refused_in_the_time_of_honest_ones(text: bytes) -> None:
    started = time.process_time()
    with pytest.raises(NotStrictJSON):
        loads(text)

    assert time.process_time() - started < 5, "quadratic: that would be minutes"
