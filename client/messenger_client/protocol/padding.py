"""Padding to the lengths of Padmé, which leak few bits of the true length. Refuses every other length."""

from __future__ import annotations

from .errors import Malformed
from .limits import MIN_PADDED


def padme(length: int) -> int:
    """Return the next length that keeps as few significant bits as its own magnitude needs (PURBs)."""
    if length < 2:
        return length
    exponent = length.bit_length() - 1
    mask = (1 << (exponent - exponent.bit_length())) - 1
    return (length + mask) & ~mask


def padded_length(length: int) -> int:
    return max(MIN_PADDED, padme(length + 1))


def pad(data: bytes) -> bytes:
    """ISO/IEC 7816-4: 80, then zeros, to max(256, Padmé(len + 1))."""
    return data + b"\x80" + bytes(padded_length(len(data)) - len(data) - 1)


def unpad(padded: bytes) -> bytes:
    """Undo `pad`, or raise Malformed for a missing mark or another length than `pad` gives.

    Only ever called on authenticated bytes, so its timing tells nobody anything.
    """
    data = padded.rstrip(b"\x00")
    if not data.endswith(b"\x80"):
        raise Malformed("padding")
    data = data[:-1]
    if padded_length(len(data)) != len(padded):
        raise Malformed("padded length")
    return data
