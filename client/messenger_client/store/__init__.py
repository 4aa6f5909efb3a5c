"""The profile on disk: SQLite, sealed at rest. Knows no network; refuses to open with another key.

`Store.transaction()` gives a `Transaction`; the modules are the nouns that are read and written in one:
settings, peers, sessions, timeline, outbox, controls, repairs, envelopes, groups, open_chats. PROTOCOL.md, State on a
client.
"""

from . import (
    controls,
    cursor,
    envelopes,
    group_records,
    groups,
    locks,
    open_chats,
    open_records,
    outbox,
    peers,
    records,
    repairs,
    sessions,
    settings,
    timeline,
)
from .database import Store, Transaction
from .profile_key import needs_passphrase

__all__ = [
    "Store",
    "Transaction",
    "controls",
    "cursor",
    "envelopes",
    "group_records",
    "groups",
    "locks",
    "needs_passphrase",
    "open_chats",
    "open_records",
    "outbox",
    "peers",
    "records",
    "repairs",
    "sessions",
    "settings",
    "timeline",
]
