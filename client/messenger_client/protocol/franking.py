"""Message franking: a tag that lets a receiver, and nobody else, show a moderator what was sent.

PROTOCOL.md, Content. One fk, content, padded and F for all devices of all recipients, and for retries.
"""

from __future__ import annotations

from hmac import compare_digest

from .errors import BadFranking, Malformed
from .ids import ID_SIZE, AccountId, ConversationId
from .primitives import HASH_SIZE, KEY_SIZE, hmac, labelled

_LABEL = labelled("frank")


def frank(padded: bytes) -> bytes:
    """F = HMAC(fk, P‖"frank"‖00‖padded[32:]), fk being padded's first 32 bytes. Raises Malformed."""
    if len(padded) < KEY_SIZE:
        raise Malformed("no franking key")
    return hmac(padded[:KEY_SIZE], _LABEL + padded[KEY_SIZE:])


def check_frank(padded: bytes, tag: bytes) -> None:
    """Raise BadFranking unless the tag is that of the padded content."""
    if not compare_digest(frank(padded), tag):
        raise BadFranking


def stamp(server_key: bytes, tag: bytes, sender: AccountId, conversation: ConversationId, accepted: int) -> bytes:
    """The server's stamp: HMAC(Ks, F ‖ sender ‖ conversation ‖ accepted time in ms, 8 bytes big-endian)."""
    if (len(tag), len(sender), len(conversation)) != (HASH_SIZE, ID_SIZE, ID_SIZE):
        raise Malformed("stamp")
    return hmac(server_key, tag + sender + conversation + accepted.to_bytes(8, "big"))
