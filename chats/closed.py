"""What every body and frame of a client is made of: closed models, canonical ids, and text that databases take."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from chats.ids import UUID_PATTERN
from chats.limits import ID_LENGTH

# Canonical text only: an id that could be written in two ways would be two keys of one thing.
Id = Annotated[str, StringConstraints(pattern=UUID_PATTERN)]
Position = Annotated[int, Field(ge=1, le=2**53 - 1)]  # as far as clients count without loss
FrameId = Annotated[str, StringConstraints(min_length=1, max_length=ID_LENGTH)]


class Closed(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


def _storable(text: str) -> str:
    if "\0" in text or not text.strip():  # PostgreSQL keeps no zero in a text
        raise ValueError("text that is not blank, without zeros")
    return text


def _one_line(text: str) -> str:
    if any(ord(character) < 32 or 127 <= ord(character) < 160 for character in text):
        raise ValueError("one line without control characters")
    return text


Text = Annotated[str, AfterValidator(_storable)]
Line = Annotated[str, AfterValidator(_storable), AfterValidator(_one_line)]
