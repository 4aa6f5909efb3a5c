"""Mentions: members of a group chat whom a text names, as `@` and a username."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from itertools import islice

from ..errors import WrongUse
from ..protocol.ids import AccountId
from ..store import Transaction, groups, peers
from .group_lookup import state_of
from .showing import name_of

MOST = 100  # of a message; with the longest text they still fit into what the server takes
MOST_LOOKED_UP = 1_000  # of what another device says that a message mentions

_PUNCTUATION = "._-"  # may stand in a username, and behind one


def find_mentions(tx: Transaction, group: bytes, text: str) -> tuple[bytes, ...]:
    """The members of a group chat whom a text names."""
    return called_in(text, _names(tx, group)) if "@" in text else ()


def called_in(text: str, names: Mapping[str, bytes]) -> tuple[bytes, ...]:
    """Those of the accounts, by folded username, whom a text names, in its order.

    A name begins and ends where no username could go on.
    """
    found = (account for written in _written(text) for account in _called(names, written))
    return tuple(dict.fromkeys(found))[:MOST]


def mentions_of(tx: Transaction, group: bytes, usernames: Iterable[str]) -> tuple[bytes, ...]:
    """The members of these names. Raises WrongUse where one is no member, or they are too many."""
    names, found = _names(tx, group), dict[bytes, None]()
    for username in usernames:
        account = names.get(folded(username))
        if account is None:
            raise WrongUse(f"{username} is not in it, and cannot be mentioned.")
        found[account] = None
    if len(found) > MOST:
        raise WrongUse(f"A message mentions {MOST} people at most.")
    return tuple(found)


def members_among(tx: Transaction, group: bytes, accounts: Iterable[bytes]) -> tuple[bytes, ...]:
    """Of what a received message mentions, those who are in the group chat."""
    wanted = dict.fromkeys(bytes(one) for one in accounts)
    state = state_of(groups.get(tx, group)) if wanted else None
    return tuple(one for one in wanted if state is not None and state.role(AccountId(one)) is not None)[:MOST]


def pinned_among(tx: Transaction, accounts: Iterable[bytes]) -> tuple[bytes, ...]:
    """Of what a message from before this device's time mentions, who is known here: members come and go."""
    wanted = islice(dict.fromkeys(bytes(one) for one in accounts), MOST_LOOKED_UP)
    known = (one for one in wanted if peers.pin_of(peers.by_account(tx, one)) is not None)
    return tuple(islice(known, MOST))


def _names(tx: Transaction, group: bytes) -> dict[str, bytes]:
    state = state_of(groups.get(tx, group))
    roster = state.roster if state is not None else ()
    return {folded(name_of(tx, one.account)): bytes(one.account) for one in roster}


def folded(name: str) -> str:
    """How usernames compare."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def _written(text: str) -> Iterable[str]:
    """What stands behind each `@` that ends no word, as far as a username could go."""
    for mark in re.finditer("@", text):
        start = end = mark.end()
        if mark.start() and (_is_of_a_name(text[mark.start() - 1]) or text[mark.start() - 1] == "@"):
            continue  # an e-mail address
        while end < len(text) and _is_of_a_name(text[end]):
            end += 1
        yield folded(text[start:end])


def _called(names: Mapping[str, bytes], written: str) -> Iterable[bytes]:
    """Whom it calls: with the full stop of a sentence behind the name, or without."""
    while written:
        if written in names:
            yield names[written]
            return
        if written[-1] not in _PUNCTUATION:
            return
        written = written[:-1]


def _is_of_a_name(character: str) -> bool:
    return character in _PUNCTUATION or unicodedata.category(character)[0] in "LMN"
