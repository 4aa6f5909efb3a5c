"""Usernames: one normal form, one script, and no two that look alike. They are permanent and public."""

from __future__ import annotations

import re
import unicodedata

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

MIN_LENGTH = 3
MAX_LENGTH = 32  # long enough for a name, short enough for a line of a list
_MARKS = "._-"
_DIGITS = "0123456789"

# Scripts that write names with letters alone. Unicode's name of a letter starts with its script.
_SCRIPTS = {"LATIN", "GREEK", "CYRILLIC", "HEBREW", "ARABIC", "HANGUL"}
_JAPANESE = {"CJK", "HIRAGANA", "KATAKANA"}  # one writing system of three scripts

# What a reader takes for a Latin letter (a part of Unicode TR 39's table, after case folding).
_LOOK_ALIKES = str.maketrans(
    {
        **dict(zip("авгеёзкмнорстухіїјѕԁһԛԝӏьґ", "abree3kmhopctyxiijsdhqwlbr", strict=True)),
        **dict(zip("αβγεικνορτυχωηµ", "abyeikvoptuxwnu", strict=True)),
        **dict(zip("ıłøđħŧəɑɡɩ", "ilodhteagi", strict=True)),
        **dict(zip("ىکھ", "يكه", strict=True)),
        **dict.fromkeys("_.", "-"),
        "0": "o",
        "1": "l",
        "æ": "ae",
        "œ": "oe",
    }
)
_TO_ONE = (("rn", "m"), ("vv", "w"), ("i", "l"))

_RESERVED = (
    "admin administrator root support help helpdesk messenger system security staff team moderator moderation mod "
    "official info abuse contact billing postmaster hostmaster webmaster mailer-daemon noreply no-reply api www mail "
    "guest guests anonymous deleted unknown everyone here all nobody null none undefined self account accounts "
    "device devices server service bot login logout signup register settings"
)


def normalize(text: str) -> str:
    """The one form in which a username is stored and looked up: NFKC, case-folded."""
    # Twice: folding can bring forth what NFKC would compose (Unicode's toNFKC_Casefold does the same).
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text.strip()).casefold())


def skeleton(username: str) -> str:
    """What a username looks like. Two names with one skeleton can be taken for each other."""
    decomposed = unicodedata.normalize("NFD", normalize(username))
    plain = "".join(char for char in decomposed if unicodedata.category(char) != "Mn").translate(_LOOK_ALIKES)
    for these, one in _TO_ONE:
        plain = plain.replace(these, one)
    return re.sub("-+", "-", plain)


def validate(username: str) -> None:
    """ValidationError unless `username` is in its normal form and well formed. Reserved names pass."""
    if username != normalize(username):
        raise ValidationError(_("A username is written in lower case."), code="invalid")
    if not MIN_LENGTH <= len(username) <= MAX_LENGTH:
        raise ValidationError(
            _("A username has %(min)d to %(max)d characters.") % {"min": MIN_LENGTH, "max": MAX_LENGTH}, code="invalid"
        )
    letters = [char for char in username if char not in _MARKS and char not in _DIGITS]
    if not letters or username[0] != letters[0] or not all(char.isalpha() for char in letters):
        raise ValidationError(
            _("A username starts with a letter and has letters, digits, full stops, hyphens and underscores."),
            code="invalid",
        )
    scripts = {unicodedata.name(char, "UNKNOWN").split()[0].split("-")[0] for char in letters}
    if not (scripts <= _JAPANESE or (len(scripts) == 1 and scripts <= _SCRIPTS)):
        raise ValidationError(_("A username is written in one script."), code="invalid")


def is_reserved(username: str) -> bool:
    """Whether this name, or one that looks like it, is kept for the service itself."""
    return skeleton(username) in _RESERVED_SKELETONS


_RESERVED_SKELETONS = frozenset(skeleton(name) for name in _RESERVED.split())
