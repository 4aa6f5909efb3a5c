"""Arrays for PostgreSQL in its binary form, written by hand.

psycopg dumps a list element by element, in Python: for a batch of messages that costs more than their statement.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import Any

from psycopg.abc import AdaptContext
from psycopg.adapt import Dumper
from psycopg.pq import Format

_INT2, _INT4, _INT8, _LENGTH = struct.Struct(">ih"), struct.Struct(">ii"), struct.Struct(">iq"), struct.Struct(">i")
_NULL = _LENGTH.pack(-1)


class Array:
    """The bytes of a one-dimensional array (array_recv in PostgreSQL's arrayfuncs.c)."""

    __slots__ = ("data",)
    element_oid = 0
    oid = 0

    def __init__(self, count: int, elements: bytes, *, has_nulls: bool = False) -> None:
        dimensions = struct.pack(">ii", count, 1) if count else b""
        self.data = struct.pack(">iiI", 1 if count else 0, has_nulls, self.element_oid) + dimensions + elements


class UuidArray(Array):
    element_oid, oid = 2950, 2951


class BytesArray(Array):
    element_oid, oid = 17, 1001


class BoolArray(Array):
    element_oid, oid = 16, 1000


class Int2Array(Array):
    element_oid, oid = 21, 1005


class Int4Array(Array):
    element_oid, oid = 23, 1007


class Int8Array(Array):
    element_oid, oid = 20, 1016


def uuids(items: Sequence[bytes | None]) -> UuidArray:
    """16 bytes each, or null."""
    elements = b"".join([_NULL if item is None else b"\x00\x00\x00\x10" + item for item in items])
    return UuidArray(len(items), elements, has_nulls=None in items)


def octets(items: Sequence[bytes]) -> BytesArray:
    pack = _LENGTH.pack
    return BytesArray(len(items), b"".join([part for item in items for part in (pack(len(item)), item)]))


def booleans(items: Sequence[bool]) -> BoolArray:
    return BoolArray(
        len(items), b"".join([b"\x00\x00\x00\x01\x01" if item else b"\x00\x00\x00\x01\x00" for item in items])
    )


def int2s(items: Sequence[int]) -> Int2Array:
    return Int2Array(len(items), _packed(_INT2, 2, items))


def int4s(items: Sequence[int]) -> Int4Array:
    return Int4Array(len(items), _packed(_INT4, 4, items))


def int8s(items: Sequence[int]) -> Int8Array:
    return Int8Array(len(items), _packed(_INT8, 8, items))


def _packed(form: struct.Struct, size: int, items: Iterable[int]) -> bytes:
    pack = form.pack
    return b"".join([pack(size, item) for item in items])


class _ArrayDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Array) -> bytes:
        return obj.data


def register(context: AdaptContext) -> None:
    """Let a connection or a cursor take these arrays as parameters."""
    kinds: list[type[Array]] = [UuidArray, BytesArray, BoolArray, Int2Array, Int4Array, Int8Array]
    for kind in kinds:
        dumper: Any = type(f"{kind.__name__}Dumper", (_ArrayDumper,), {"oid": kind.oid})
        context.adapters.register_dumper(kind, dumper)
