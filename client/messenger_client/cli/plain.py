"""Text from others on a terminal: what could steer it is shown instead of obeyed."""

from __future__ import annotations

import unicodedata

_SPACES = {"\n": "\n", "\t": "    "}
_PICTURES = 0x2400  # the control pictures: ␀ to ␟
_DELETE = "\u2421"


def plain(text: str) -> str:
    """Neutralise control characters, escapes and marks that reorder what stands beside them; keep line ends."""
    return "".join(_SPACES.get(character) or _safe(character) for character in text)


def one_line(text: str) -> str:
    """The same on one line, for names and for what must not look like a line of our own."""
    return plain(text).replace("\n", " ⏎ ")


def _safe(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return chr(_PICTURES + code)
    if code == 0x7F:
        return _DELETE
    # Cc: C1 controls, \x9b is an escape of its own. Cf: bidirectional overrides. Zl, Zp: line ends in disguise.
    # Cs: lone surrogates. The joiners of emoji and of some scripts are harmless.
    if character not in "\u200c\u200d" and unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp", "Cs"):
        return f"<U+{code:04X}>"
    return character
