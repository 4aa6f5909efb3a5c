"""JSON as everything here reads it: no duplicate keys, no NaN, no floats where ids go, bounded depth and numbers."""

import json
import re
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from messenger.lib.errors import TooLarge

MAX_DEPTH = 16  # the deepest documented body has 5
MAX_CONTAINERS = 20_000  # objects and arrays; the largest documented body has some hundreds
MAX_NUMBER_LENGTH = 20  # digits of the largest unsigned 64 bit integer

# A string is taken whole, so that brackets inside do not count. The closing quote is optional, so that an open string
# is taken to the end once, and not anew from each of its escaped quotes.
_STRUCTURE = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class NotStrictJSON(ValueError):
    """The text is not JSON, or is JSON that two readers could understand differently."""


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise NotStrictJSON("an object has the same member twice")
    return members


def _integer(digits: str) -> int:
    if len(digits) > MAX_NUMBER_LENGTH:
        raise NotStrictJSON("a number is too long")
    return int(digits)


def _refuse_float(text: str) -> Any:
    raise NotStrictJSON("numbers are whole numbers here")


_decoder = json.JSONDecoder(
    object_pairs_hook=_members, parse_int=_integer, parse_float=_refuse_float, parse_constant=_refuse_float
)


def _check_depth(text: str) -> None:
    # Before parsing, so that a deep body cannot exhaust the parser's stack.
    depth = 0
    for token in _STRUCTURE.finditer(text):
        bracket = token[0]
        if bracket in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise NotStrictJSON("the body is nested too deeply")
        elif bracket in "]}":
            depth -= 1


def loads(data: bytes) -> Any:
    """The value of a JSON text in UTF-8. NotStrictJSON says what is wrong with it."""
    try:
        text = data.decode("utf-8")
        containers = text.count("[") + text.count("{")
        if containers > MAX_CONTAINERS:
            raise NotStrictJSON("the body has too many parts")
        if containers > MAX_DEPTH:
            _check_depth(text)
        value = _decoder.decode(text)
        if _ESCAPED_SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except UnicodeError as error:  # half a surrogate pair, written as an escape, is not text either
        raise NotStrictJSON("the body is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise NotStrictJSON("the body is not JSON") from error
    except RecursionError as error:
        raise NotStrictJSON("the body is nested too deeply") from error


class StrictJSONParser(BaseParser):
    """DRF's parser for every JSON body."""

    media_type = "application/json"

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None) -> Any:
        # Bounded here: reading the stream passes by Django's own check of the size.
        data = stream.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
        if len(data) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise TooLarge()
        try:
            return loads(data)
        except NotStrictJSON as error:
            raise ParseError(str(error)) from error
