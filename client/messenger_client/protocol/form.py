"""Checks of the form of decoded fields: types and ranges, before any cryptography (PROTOCOL.md, Encoding)."""

from __future__ import annotations

from . import cbor, limits
from .errors import Malformed
from .ids import ID_SIZE


def array(value: object, length: int | None = None) -> list[cbor.Value]:
    if type(value) is not list or (length is not None and len(value) != length):
        raise Malformed("array")
    return value


def mapping(value: object) -> dict[int, cbor.Value]:
    if type(value) is not dict:
        raise Malformed("map")
    return value


def octets(value: object, length: int) -> bytes:
    if type(value) is not bytes or len(value) != length:
        raise Malformed("byte string")
    return value


def any_octets(value: object, least: int = 0, most: int = limits.MAX_ENCODED) -> bytes:
    if type(value) is not bytes or not least <= len(value) <= most:
        raise Malformed("byte string")
    return value


def identifier(value: object) -> bytes:
    return octets(value, ID_SIZE)


def unsigned(value: object, least: int = 0, most: int = limits.MAX_INTEGER) -> int:
    # type(), not isinstance(): true is no number.
    if type(value) is not int or not least <= value <= most:
        raise Malformed("integer")
    return value


def text(value: object) -> str:
    if type(value) is not str:
        raise Malformed("text")
    return value


def boolean(value: object) -> bool:
    if type(value) is not bool:
        raise Malformed("boolean")
    return value
