"""The single rows: who this profile is, its tokens, its prekey counters."""

from __future__ import annotations

from typing import TypeVar

from .database import Transaction
from .records import Linking, Me, PrekeyState, Record, Tokens

R = TypeVar("R", bound=Record)


def me(tx: Transaction) -> Me | None:
    return _get(tx, Me, "me")


def save_me(tx: Transaction, value: Me) -> None:
    _put(tx, "me", value)


def tokens(tx: Transaction) -> Tokens | None:
    return _get(tx, Tokens, "tokens")


def save_tokens(tx: Transaction, value: Tokens | None) -> None:
    if value is None:
        tx.execute("DELETE FROM setting WHERE name = 'tokens'")
    else:
        _put(tx, "tokens", value)


def prekey_state(tx: Transaction) -> PrekeyState:
    return _get(tx, PrekeyState, "prekeys") or PrekeyState(next_ids={})


def save_prekey_state(tx: Transaction, value: PrekeyState) -> None:
    _put(tx, "prekeys", value)


def linking(tx: Transaction) -> Linking:
    return _get(tx, Linking, "linking") or Linking()


def save_linking(tx: Transaction, value: Linking) -> None:
    _put(tx, "linking", value)


def _get(tx: Transaction, kind: type[R], name: str) -> R | None:
    row = tx.one("SELECT value FROM setting WHERE name = ?", [name])
    return None if row is None else tx.open(kind, "setting", name.encode(), row[0])


def _put(tx: Transaction, name: str, value: Record) -> None:
    sealed = tx.seal("setting", name.encode(), value)
    tx.execute(
        "INSERT INTO setting VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", [name, sealed]
    )
