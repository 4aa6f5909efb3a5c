"""Which group chat a person means by a title or an id: an encrypted one or an open one, and never a guess."""

from __future__ import annotations

from dataclasses import dataclass

from ..api import forms
from ..errors import WrongUse
from ..store import Transaction, groups, open_chats

SHORTEST_ID = 4  # characters of an id that may stand for it
LEAST_OF_OPEN = 8  # of an open chat's, where something is written there


@dataclass(frozen=True, slots=True)
class Named:
    id: bytes
    is_open: bool
    title: str = ""
    is_there: bool = True  # one has not left it


def is_group_name(name: str) -> bool:
    return name.startswith("#")


def chat_named(tx: Transaction, name: str, *, only_open: bool = False, to_write: bool = False) -> Named:
    """The group chat that a person means. Raises WrongUse where there is none, or several.

    `only_open`: they said that it is an open one. `to_write`: a text or a title goes there. Without that word an open
    chat takes none by its title, which others choose, nor by less than LEAST_OF_OPEN characters of its id.
    """
    wanted = name.strip().removeprefix("#").casefold()
    encrypted, opened = _encrypted(tx), _open(tx)
    exact = next((one for one in [*encrypted, *opened] if forms.uuid(one.id) == wanted), None)
    if exact is not None and only_open and not exact.is_open:
        raise WrongUse(f"{name} is end-to-end encrypted: it is no open chat.")
    if exact is not None:
        return exact
    known = opened if only_open else [*encrypted, *opened]
    titled = _narrowed([one for one in known if wanted and one.title.casefold() == wanted])
    begun = [one for one in known if len(wanted) >= SHORTEST_ID and forms.uuid(one.id).startswith(wanted)]
    found = titled or begun
    if any(one.is_open for one in titled):
        found = titled + [one for one in begun if not one.is_open and one not in titled]
    if len(found) > 1:
        ids = ", ".join(forms.uuid(one.id) + (" (not end-to-end encrypted)" if one.is_open else "") for one in found)
        raise WrongUse(f"Several group chats are called {name}; name one by its id: {ids}.")
    if not found:
        kind = "open group chat" if only_open else "group chat"
        raise WrongUse(f"You have no {kind} called {name}: see `messenger groups`.")
    # Hazard: the server knows an open chat's title, and whoever made it chose it. A text for an encrypted chat whose
    # title is written in another way, or was another one before, or is not known here yet, must not go there.
    if to_write and not only_open and found[0].is_open and (titled or len(wanted) < LEAST_OF_OPEN):
        raise WrongUse(
            f"{name} is an open chat, not end-to-end encrypted. To write there, add --open, or name it by its id: "
            f"'#{forms.uuid(found[0].id)}'."
        )
    return found[0]


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
