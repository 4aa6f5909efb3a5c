"""Bytes in JSON: base64url without padding (RFC 4648 section 5), strict in both directions."""

import binascii
import re

_ALPHABET = re.compile(r"[A-Za-z0-9_-]*")
_TO_STANDARD = str.maketrans("-_", "+/")


def encode(data: bytes) -> str:
    """Bytes to unpadded base64url text."""
    return binascii.b2a_base64(data, newline=False).rstrip(b"=").translate(_TO_URL).decode("ascii")


_TO_URL = bytes.maketrans(b"+/", b"-_")


def decode(text: str) -> bytes:
    """Unpadded base64url text to bytes. ValueError for padding, other characters or stray bits."""
    if not _ALPHABET.fullmatch(text):
        raise ValueError("not base64url without padding")
    data = binascii.a2b_base64(text.translate(_TO_STANDARD) + "=" * (-len(text) % 4), strict_mode=True)
    # One text for one value: stray bits in the last character would give the same bytes a second spelling.
    if len(text) % 4 and encode(data) != text:
        raise ValueError("not canonical base64url")
    return data
