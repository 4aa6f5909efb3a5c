"""Byte strings that must not reach a log."""

from __future__ import annotations


class Secret(bytes):
    """Bytes that print as `<secret>`. Slices and sums are plain bytes again: wrap them anew."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<secret>"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "<secret>"
