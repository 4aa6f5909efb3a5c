"""A QR code on a terminal: two modules a character, dark on light whatever the terminal's own colours are."""

from __future__ import annotations

import segno

QUIET = 4  # modules around it, as the standard asks for
_DARK_ON_LIGHT, _AS_BEFORE = "\x1b[30;107m", "\x1b[0m"
_HALVES = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}
_INVERTED = {(False, False): "█", (True, False): "▄", (False, True): "▀", (True, True): " "}


def draw(text: str, *, colours: bool) -> list[str]:
    """The lines of the code. Without colours light is drawn, as on a terminal that is dark itself."""
    code = segno.make_qr(text, error="l", boost_error=False)
    rows = [[bool(module) for module in row] for row in code.matrix_iter(border=QUIET)]
    if len(rows) % 2:
        rows.append([False] * len(rows[0]))
    halves = _HALVES if colours else _INVERTED
    lines = [
        "".join(halves[pair] for pair in zip(upper, lower, strict=True))
        for upper, lower in zip(rows[::2], rows[1::2], strict=True)
    ]
    return [f"{_DARK_ON_LIGHT}{line}{_AS_BEFORE}" for line in lines] if colours else lines
