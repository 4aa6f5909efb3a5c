"""How values look in JSON: bytes as base64url without padding, ids as UUIDs. Refuses what no contract knows."""

from __future__ import annotations

import base64
import binascii
import re
from typing import cast
from uuid import UUID

from ..errors import Defect

Json = dict[str, object]

_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(value: object) -> bytes:
    text = string(value)
    try:
        # The standard decoder skips what is not base64.
        if not _BASE64URL.fullmatch(text):
            raise ValueError
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, binascii.Error) as error:
        raise nonsense() from error


def uuid(data: bytes) -> str:
    return str(UUID(bytes=bytes(data)))


def identifier(value: object) -> bytes:
    try:
        return UUID(string(value)).bytes
    except ValueError as error:
        raise nonsense() from error


def string(value: object) -> str:
    if not isinstance(value, str):
        raise nonsense()
    return value


def integer(value: object) -> int:
    if type(value) is not int:
        raise nonsense()
    return value


def items(value: object) -> list[object]:
    if not isinstance(value, list):
        raise nonsense()
    return value


def members(value: object) -> Json:
    if not isinstance(value, dict):
        raise nonsense()
    return cast(Json, value)


def nonsense() -> Defect:
    return Defect("The server gave an answer that makes no sense.")
