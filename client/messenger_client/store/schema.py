"""The tables, and how older ones become these. Only ids of the server's queue, orders and flags are in clear.

`key` is a keyed hash of the row's id (`Sealer.find`), `value` a sealed record. A migration is never edited
once released: add another.
"""

from __future__ import annotations

import sqlite3

from ..errors import StoreError

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        # One row a name: who this is, its tokens, its account key, settings.
        "CREATE TABLE setting (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
        # Private halves of own prekeys.
        "CREATE TABLE prekey (label TEXT, id INTEGER, value BLOB NOT NULL, PRIMARY KEY (label, id)) WITHOUT ROWID",
        # H(EK) of accepted first messages, until their signed prekey goes.
        "CREATE TABLE used_ek (key BLOB PRIMARY KEY, spk_id INTEGER NOT NULL) WITHOUT ROWID",
        # Accounts, one's own among them, with their pins.
        "CREATE TABLE peer (key BLOB PRIMARY KEY, name BLOB UNIQUE, value BLOB NOT NULL)",
        "CREATE TABLE device_list (key BLOB PRIMARY KEY, account BLOB NOT NULL, value BLOB NOT NULL)",
        "CREATE TABLE session (key BLOB PRIMARY KEY, pair BLOB NOT NULL, value BLOB NOT NULL)",
        "CREATE INDEX session_by_pair ON session (pair)",
        "CREATE TABLE chat (key BLOB PRIMARY KEY, value BLOB NOT NULL)",
        # Which counter comes next from one device of a sender in one chat.
        "CREATE TABLE flow (key BLOB PRIMARY KEY, next INTEGER NOT NULL) WITHOUT ROWID",
        # What is shown, in the order it is shown in: position is null while a message waits for an earlier one.
        "CREATE TABLE entry (key BLOB PRIMARY KEY, chat BLOB NOT NULL, position INTEGER UNIQUE, flow BLOB,"
        " held_at INTEGER, unseen INTEGER NOT NULL, unsettled INTEGER NOT NULL, value BLOB NOT NULL)",
        "CREATE INDEX entry_by_chat ON entry (chat, position)",
        "CREATE INDEX entry_unseen ON entry (position) WHERE unseen = 1",
        "CREATE INDEX entry_unsettled ON entry (position) WHERE unsettled = 1",
        "CREATE INDEX entry_held ON entry (flow) WHERE held_at IS NOT NULL",
        "CREATE TABLE outbox (position INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB NOT NULL UNIQUE,"
        " chat BLOB NOT NULL, value BLOB NOT NULL)",
        # Envelopes that were dealt with: one that comes again is acknowledged and nothing else.
        "CREATE TABLE envelope (id INTEGER PRIMARY KEY, at INTEGER NOT NULL)",
        # Envelopes of senders whose identity has changed, until the person has acknowledged it.
        "CREATE TABLE parked (id INTEGER PRIMARY KEY, account BLOB NOT NULL, value BLOB NOT NULL)",
        "CREATE INDEX parked_by_account ON parked (account)",
    ),
    (
        # Read on another own device: not unread here any more, and still given out once.
        "ALTER TABLE entry ADD COLUMN read INTEGER NOT NULL DEFAULT 0",
        # Which place in a session carried which message to one device: what a retry names. `message` is that pair.
        "CREATE TABLE sent (key BLOB PRIMARY KEY, message BLOB NOT NULL, at INTEGER NOT NULL,"
        " answered INTEGER NOT NULL, value BLOB NOT NULL) WITHOUT ROWID",
        "CREATE INDEX sent_by_message ON sent (message)",
        "CREATE INDEX sent_by_time ON sent (at)",
        # Lines that stand for a message that could not be read, and what was asked for. `gap`: counted in one already.
        "CREATE TABLE unreadable (key BLOB PRIMARY KEY, entry BLOB NOT NULL UNIQUE, flow BLOB NOT NULL,"
        " at INTEGER NOT NULL, gap INTEGER NOT NULL DEFAULT 0, value BLOB NOT NULL) WITHOUT ROWID",
        # Control contents on their way to single devices.
        "CREATE TABLE control (position INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB NOT NULL UNIQUE,"
        " device BLOB NOT NULL, value BLOB NOT NULL)",
    ),
    (
        "CREATE TABLE group_chat (key BLOB PRIMARY KEY, value BLOB NOT NULL)",
        # The operations of each, in order; the key is that of their hash.
        "CREATE TABLE group_operation (chat BLOB, number INTEGER, key BLOB NOT NULL UNIQUE, value BLOB NOT NULL,"
        " PRIMARY KEY (chat, number)) WITHOUT ROWID",
        # This device's own chains: the one in use, and of those before it who was told. An empty value: not in use.
        "CREATE TABLE own_chain (key BLOB PRIMARY KEY, chat BLOB NOT NULL, at INTEGER NOT NULL, value BLOB NOT NULL,"
        " told BLOB NOT NULL)",
        "CREATE INDEX own_chain_by_chat ON own_chain (chat)",
        "CREATE TABLE announced_chain (key BLOB PRIMARY KEY, flow BLOB NOT NULL, value BLOB NOT NULL)",
        "CREATE INDEX announced_chain_by_flow ON announced_chain (flow)",
        # What came before that which it needs: sender keys before operations, messages before sender keys.
        "CREATE TABLE early (position INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB NOT NULL UNIQUE, chat BLOB NOT NULL,"
        " at INTEGER NOT NULL, value BLOB NOT NULL)",
        "CREATE INDEX early_by_chat ON early (chat)",
    ),
    (
        # Open chats: nothing that is encrypted for people is in these three tables, nor the other way.
        "CREATE TABLE open_chat (key BLOB PRIMARY KEY, value BLOB NOT NULL)",
        "CREATE TABLE open_outbox (position INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB NOT NULL UNIQUE,"
        " failed INTEGER NOT NULL DEFAULT 0, value BLOB NOT NULL)",
        # What happened there, until it has been given out.
        "CREATE TABLE open_news (position INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB NOT NULL UNIQUE,"
        " chat BLOB NOT NULL, value BLOB NOT NULL)",
        "CREATE INDEX open_news_by_chat ON open_news (chat)",
    ),
    (
        # Messages that come early must not take the room of sender keys.
        "ALTER TABLE early ADD COLUMN is_key INTEGER NOT NULL DEFAULT 0",
        "CREATE INDEX early_by_kind ON early (is_key, chat)",
    ),
)


def migrate(connection: sqlite3.Connection, migrations: tuple[tuple[str, ...], ...] = MIGRATIONS) -> None:
    """Bring the tables up to date, a step a transaction. Raises StoreError for those of a newer program."""
    while True:
        connection.execute("BEGIN IMMEDIATE")
        try:
            # Read inside: another process may have migrated since.
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version > len(migrations):
                raise StoreError("The profile was made by a newer version of this program.")
            if version == len(migrations):
                return
            for statement in migrations[version]:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {version + 1}")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        finally:
            if connection.in_transaction:
                connection.execute("COMMIT")
