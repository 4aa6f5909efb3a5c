"""Which group chat a person means by a title or an id: an encrypted one or an open one, and never a guess."""

from __future__ import annotations

from dataclasses import dataclass

from ..api import forms
from ..errors import WrongUse
from ..store import Transaction, groups, open_chats

SHORTEST_ID = 4  # characters of an id that may stand for it


@dataclass(frozen=True, slots=True)
class Named:
    id: bytes
    is_open: bool
    title: str = ""
    is_there: bool = True  # one has not left it


def is_group_name(name: str) -> bool:
    return name.startswith("#")


def chat_named(tx: Transaction, name: str, *, only_open: bool = False) -> Named:
    """The group chat that a person means. Raises WrongUse where there is none, or several."""
    wanted = name.strip().removeprefix("#").casefold()
    known = _open(tx) if only_open else [*_encrypted(tx), *_open(tx)]
    found = [one for one in known if wanted and wanted in (one.title.casefold(), forms.uuid(one.id))]
    found = _narrowed(found)
    if not found and len(wanted) >= SHORTEST_ID:
        found = [one for one in known if forms.uuid(one.id).startswith(wanted)]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(forms.uuid(one.id) + (" (not end-to-end encrypted)" if one.is_open else "") for one in found)
        raise WrongUse(f"Several group chats are called {name}; name one by its id: {ids}.")
    kind = "open group chat" if only_open else "group chat"
    raise WrongUse(f"You have no {kind} called {name}: see `messenger groups`.")


def group_named(tx: Transaction, name: str) -> bytes:
    """The same, of an encrypted one alone. Raises WrongUse for an open one, too."""
    found = chat_named(tx, name)
    if found.is_open:
        raise WrongUse(f"{name} is an open chat, not end-to-end encrypted: it has nothing of that.")
    return found.id


def _encrypted(tx: Transaction) -> list[Named]:
    known = [one for one in groups.known(tx) if one.standing or one.trouble]
    return [Named(one.id, False, one.title, one.standing in ("member", "pending")) for one in known]


def _open(tx: Transaction) -> list[Named]:
    known = [one for one in open_chats.known(tx) if one.kind == "group"]
    return [Named(one.id, True, one.title, one.standing == "member") for one in known]


def _narrowed(found: list[Named]) -> list[Named]:
    """One that was left does not stand in the way of one of the same title."""
    there = [one for one in found if one.is_there] or found
    # Hazard: which encrypted ones one is in is the server's word, and an open one's title, too. With both it could
    # have a text written to itself that was meant for the members of an encrypted one.
    if any(one.is_open for one in there):
        there += [one for one in found if not one.is_open and one not in there]
    return there
