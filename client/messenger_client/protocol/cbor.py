"""Deterministic CBOR. Refuses every encoding but the one that `encode` would have made."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NoReturn

import cbor2

from . import limits
from .errors import Malformed

Value = int | bool | None | str | bytes | list["Value"] | dict[int, "Value"]


class _NoTags(dict[int, object]):
    """A table of tag decoders in which every look-up refuses."""

    def __contains__(self, tag: object) -> bool:
        return True

    def __getitem__(self, tag: int) -> NoReturn:
        raise Malformed("tag")

    def get(self, tag: int, default: object = None) -> NoReturn:
        raise Malformed("tag")


_NO_TAGS: Any = _NoTags()


def _no_tag(*_: object) -> NoReturn:
    raise Malformed("tag")


def encode(value: object) -> bytes:
    """Encode lists, maps with unsigned keys, integers, byte and text strings, true, false, null.

    Raises Malformed for anything else: what we send must decode at the other end.
    """
    _check(value)
    return dump(value)


def dump(value: object) -> bytes:
    """Encode without checking, for values made of fields that were checked already."""
    try:
        data = cbor2.dumps(value, canonical=True)
    except Exception as error:  # lone surrogates, for one
        raise Malformed("encoding") from error
    if len(data) > limits.MAX_ENCODED:
        raise Malformed("size")
    return data


def decode(data: bytes) -> Value:
    """Decode, and require that encoding the result gives the same bytes (PROTOCOL.md, Encoding)."""
    if len(data) > limits.MAX_ENCODED:
        raise Malformed("size")
    try:
        value = cbor2.loads(
            data,
            max_depth=limits.MAX_DEPTH,
            allow_indefinite=False,
            allow_duplicate_keys=False,
            # Hazard: cbor2 builds dates, decimals, patterns... out of tags unless told otherwise.
            semantic_decoders=_NO_TAGS,
            tag_hook=_no_tag,
        )
    except Exception as error:  # cbor2 wraps most errors, and lets a few through
        raise Malformed("encoding") from error
    _check(value)
    # Catches what cbor2 forgives: long integers, unsorted keys, bytes after the end.
    if cbor2.dumps(value, canonical=True) != data:
        raise Malformed("not deterministic")
    checked: Value = value
    return checked


def _check(value: object, depth: int = 0) -> None:
    # Exact types: bool is an int to isinstance, and True equals 1 as a map key.
    items: Iterable[object]
    if type(value) is list:
        items = value
    elif type(value) is dict:
        for key in value:
            if type(key) is not int or not 0 <= key <= limits.MAX_INTEGER:
                raise Malformed("map key")
        items = value.values()
    else:
        items = (value,)
        depth -= 1  # a scalar adds no container
    if depth >= limits.MAX_DEPTH:
        raise Malformed("depth")
    for item in items:
        kind = type(item)
        if kind is int:
            if not 0 <= item <= limits.MAX_INTEGER:  # type: ignore[operator]  # an int: mypy does not follow `kind`
                raise Malformed("integer out of range")
        elif kind is list or kind is dict:
            _check(item, depth + 1)
        elif not (item is None or kind is bool or kind is str or isinstance(item, bytes)):
            raise Malformed("type")
