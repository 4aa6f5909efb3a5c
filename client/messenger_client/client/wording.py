"""What can be written, and to whom, as far as that is known before anything is stored."""

from __future__ import annotations

import unicodedata

from ..errors import WrongUse

MOST_TEXT = 60_000  # bytes of UTF-8: with keys and padding under the 64 KiB that the server takes for a device
LONGEST_NAME = 128  # characters; the server's limit is far below


def check_text(text: str) -> None:
    """Refuse what no message can hold. Raises WrongUse."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise WrongUse("That text is not valid Unicode.") from error
    if not 0 < size <= MOST_TEXT:
        raise WrongUse(f"A message has 1 to {MOST_TEXT:,} characters, fewer where they are not Latin letters.")


def check_name(name: str) -> None:
    """Refuse what is no username on any server, before it stands in the outbox. Raises WrongUse."""
    fits = 0 < len(name) <= LONGEST_NAME and name[0].isalpha()
    if not fits or not all(one in "._-" or unicodedata.category(one)[0] in "LMN" for one in name):
        raise WrongUse("That is no username: one has letters, digits, full stops, hyphens and underscores.")
