"""Crockford's base 32, for what people read, type and scan: no check symbol, the bits left over are zero.

PROTOCOL.md, Linking. A reader takes lower case, I and L as 1, O as 0, and passes over spaces, line ends and
hyphens; it refuses everything else.
"""

from __future__ import annotations

from .errors import Malformed

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
IGNORED = frozenset(" \t\r\n-")
_BITS = 5

_READ = {
    # Spelled out: str.upper() makes an I of a dotless i.
    **{symbol: value for value, symbol in enumerate(ALPHABET)},
    **{symbol: value for value, symbol in enumerate(ALPHABET.lower())},
    **dict.fromkeys("IiLl", 1),
    **dict.fromkeys("Oo", 0),
}


def encode(data: bytes) -> str:
    """Write bytes in upper case, five bits a character."""
    length = encoded_length(len(data))
    number = int.from_bytes(data, "big") << (length * _BITS - len(data) * 8)
    return "".join(ALPHABET[number >> shift & 31] for shift in range((length - 1) * _BITS, -1, -_BITS))


def decode(text: str, size: int) -> bytes:
    """Read exactly `size` bytes. Raises Malformed for another length, a character, or bits left over."""
    symbols = [symbol for symbol in text if symbol not in IGNORED]
    if len(symbols) != encoded_length(size):
        raise Malformed("base 32 length")
    number = 0
    for symbol in symbols:
        value = _READ.get(symbol)
        if value is None:
            raise Malformed("base 32 character")
        number = number << _BITS | value
    left_over = len(symbols) * _BITS - size * 8
    if number & ((1 << left_over) - 1):
        raise Malformed("base 32 bits left over")
    return (number >> left_over).to_bytes(size, "big")


def encoded_length(size: int) -> int:
    return -(-size * 8 // _BITS)
