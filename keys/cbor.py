"""Deterministic CBOR of signed payloads (PROTOCOL.md, Encoding). Refuses every encoding but the canonical one.

Payloads of this app are lists of integers, byte strings, text and lists; maps, tags, floats and simple values have
no place in them and are refused with everything else. Operations of group chats have maps and truth values besides.
"""

from __future__ import annotations

from typing import Any, NoReturn

import cbor2

from messenger.lib.errors import Malformed

MAX_DEPTH = 16  # the outermost container is depth 1
MAX_INTEGER = 2**53 - 1  # the largest that a JavaScript number holds exactly

Value = int | str | bytes | list["Value"]
Wide = int | str | bytes | list["Wide"] | dict[int, "Wide"]  # of integers, true and false are two here


class _NoTags(dict[int, object]):
    """A table of tag decoders in which every look-up refuses: cbor2 builds dates, patterns, fractions otherwise."""

    def __contains__(self, tag: object) -> bool:
        return True

    def __getitem__(self, tag: int) -> NoReturn:
        raise ValueError("tag")

    def get(self, tag: int, default: object = None) -> NoReturn:
        raise ValueError("tag")


_NO_TAGS: Any = _NoTags()


def _refuse_tag(*_: object) -> NoReturn:
    raise ValueError("tag")


def encode(value: Value | Wide) -> bytes:
    """The one encoding of a value that was checked already."""
    data: bytes = cbor2.dumps(value, canonical=True)
    return data


def decode(data: bytes) -> Value:
    """Decode, and require that encoding the result gives the same bytes. The caller has bounded the size.

    Raises Malformed.
    """
    checked = _check(_load(data), 1)
    _require_same(checked, data)
    return checked


def decode_wide(data: bytes) -> Wide:
    """As `decode`, with maps from unsigned integers, true and false."""
    checked = _check_wide(_load(data), 1)
    _require_same(checked, data)
    return checked


def _load(data: bytes) -> object:
    try:
        value: object = cbor2.loads(
            data,
            max_depth=MAX_DEPTH,
            allow_indefinite=False,
            allow_duplicate_keys=False,
            semantic_decoders=_NO_TAGS,
            tag_hook=_refuse_tag,
        )
    except Exception as error:  # cbor2 wraps most errors, and lets a few through
        raise Malformed("the payload is not CBOR") from error
    return value


def _require_same(checked: Value | Wide, data: bytes) -> None:
    # Catches what the decoder forgives: long integers, bytes after the end.
    if encode(checked) != data:
        raise Malformed("the payload is not deterministic CBOR")


def _check(value: object, depth: int) -> Value:
    # Exact types: to isinstance, true is an integer.
    if type(value) is int:
        if not 0 <= value <= MAX_INTEGER:
            raise Malformed("an integer of the payload is out of range")
        return value
    if type(value) is bytes or type(value) is str:
        return value
    if type(value) is list and depth <= MAX_DEPTH:
        return [_check(item, depth + 1) for item in value]
    raise Malformed("the payload holds a type that does not belong there")


def _check_wide(value: object, depth: int) -> Wide:
    if type(value) is bool:
        return value
    if type(value) is list and depth <= MAX_DEPTH:
        return [_check_wide(item, depth + 1) for item in value]
    if type(value) is dict and depth <= MAX_DEPTH:
        return {_check_key(key): _check_wide(item, depth + 1) for key, item in value.items()}
    checked: Wide = _check(value, MAX_DEPTH + 1)  # type: ignore[assignment]  # no list: too deep for one
    return checked


def _check_key(key: object) -> int:
    if type(key) is not int or not 0 <= key <= MAX_INTEGER:
        raise Malformed("a key of the payload is no unsigned integer")
    return key
