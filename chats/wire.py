"""The outside of a ciphertext: enough to find its franking tag. The server reads no further, and could not."""

from __future__ import annotations

import binascii

from messenger.lib import base64url

TAG_LENGTH = 32
_START = b"\x86\x01\x50"  # CBOR: an array of six, the type 1, sixteen bytes of session id

_GROUP_START = b"\x85\x02"  # an array of five, the type 2
_SIGNATURE, _TAG = b"\x58\x40", b"\x58\x20"  # heads of byte strings of 64 and of 32


_TO_STANDARD = bytes.maketrans(b"-_", b"+/")


class NotAnEnvelope(ValueError):
    """The bytes are not [1, session id, hdr, body, F, init or null], or [2, hdr, body, sig, F] for a group chat."""


def decode_body(text: str) -> bytes:
    """What base64url.decode gives, as strictly, and three times as fast for the length of a ciphertext."""
    if "+" in text or "/" in text or "=" in text:
        raise ValueError("not base64url without padding")
    stray = len(text) % 4
    data = binascii.a2b_base64(text.encode("ascii").translate(_TO_STANDARD) + b"=" * (-stray % 4), strict_mode=True)
    if stray and base64url.encode(data[1 - stray :]) != text[-stray:]:
        raise ValueError("not canonical base64url")
    return data


def franking_tag(ciphertext: bytes) -> bytes:
    """F, after a check of the outer shape. What is inside the byte strings is for the recipient to judge."""
    if not ciphertext.startswith(_START):
        raise NotAnEnvelope
    end = _skip_bytes(ciphertext, _skip_bytes(ciphertext, 19))
    start = end + 2
    after = start + TAG_LENGTH
    if ciphertext[end:start] != b"\x58\x20" or after >= len(ciphertext):
        raise NotAnEnvelope
    if ciphertext[after] == 0xF6:  # null: no init
        if after + 1 != len(ciphertext):
            raise NotAnEnvelope
    elif _skip_bytes(ciphertext, after) != len(ciphertext):
        raise NotAnEnvelope
    return ciphertext[start:after]


def group_franking_tag(ciphertext: bytes) -> bytes:
    """F of a group chat's message, [2, hdr, body, sig, F] (PROTOCOL.md, Groups), after a check of the outer shape."""
    if not ciphertext.startswith(_GROUP_START):
        raise NotAnEnvelope
    end = _skip_bytes(ciphertext, _skip_bytes(ciphertext, 2))
    start = end + 2 + 64 + 2
    if ciphertext[end : end + 2] != _SIGNATURE or ciphertext[start - 2 : start] != _TAG:
        raise NotAnEnvelope
    if len(ciphertext) != start + TAG_LENGTH:
        raise NotAnEnvelope
    return ciphertext[start:]


def _skip_bytes(data: bytes, at: int) -> int:
    """The offset after the byte string that starts at `at`, in its shortest form (RFC 8949, 4.2.1)."""
    try:
        head = data[at]
        if 0x40 <= head < 0x58:
            return at + 1 + head - 0x40
        if head == 0x58 and data[at + 1] >= 24:
            return at + 2 + data[at + 1]
        if head == 0x59 and data[at + 1]:
            return at + 3 + (data[at + 1] << 8) + data[at + 2]
        if head == 0x5A and (data[at + 1] or data[at + 2]):
            return at + 5 + int.from_bytes(data[at + 1 : at + 5], "big")
    except IndexError:
        pass
    raise NotAnEnvelope
