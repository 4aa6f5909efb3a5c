// The tables, and how older ones become these. A migration is never edited once released: add another.
//
// The file is encrypted as a whole (sqlite.ts), so ids stand as they are; what is queried is a column, the rest of
// a record is in `value`.
import { StoreError } from "../lib/errors";

import type { Transaction } from "./transaction";

export const MIGRATIONS: readonly (readonly string[])[] = [
  [
    // One row a name: who this is, its prekey counters.
    "CREATE TABLE setting (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
    // Private halves of own prekeys.
    "CREATE TABLE prekey (label TEXT, id INTEGER, value BLOB NOT NULL, PRIMARY KEY (label, id)) WITHOUT ROWID",
    // H(EK) of accepted first messages, until their signed prekey goes.
    "CREATE TABLE used_ek (hash BLOB PRIMARY KEY, spk_id INTEGER NOT NULL) WITHOUT ROWID",
    // Accounts, one's own among them, with their pins. The name is in lower case.
    "CREATE TABLE peer (account BLOB PRIMARY KEY, name TEXT UNIQUE, value BLOB NOT NULL)",
    "CREATE TABLE device_list (account BLOB, hash BLOB, signed BLOB NOT NULL, PRIMARY KEY (account, hash))",
    "CREATE TABLE session (id BLOB PRIMARY KEY, account BLOB NOT NULL, device BLOB NOT NULL, value BLOB NOT NULL)",
    "CREATE INDEX session_by_pair ON session (account, device)",
    "CREATE TABLE chat (conversation BLOB PRIMARY KEY, account BLOB NOT NULL, counter INTEGER NOT NULL," +
      " read_to INTEGER NOT NULL, told_to INTEGER NOT NULL, draft TEXT NOT NULL)",
    // Which counter comes next from one device of a sender in one chat.
    "CREATE TABLE flow (chat BLOB, account BLOB, device BLOB, next INTEGER NOT NULL," +
      " PRIMARY KEY (chat, account, device)) WITHOUT ROWID",
    // What is shown, in the order it is shown in: position is null while a message waits for an earlier one.
    "CREATE TABLE entry (account BLOB NOT NULL, id BLOB NOT NULL, chat BLOB NOT NULL, position INTEGER UNIQUE," +
      " device BLOB NOT NULL, counter INTEGER NOT NULL, outgoing INTEGER NOT NULL, held_at INTEGER," +
      " unsettled INTEGER NOT NULL, value BLOB NOT NULL, PRIMARY KEY (account, id))",
    // The position that was given out last.
    "CREATE TABLE last (position INTEGER NOT NULL)",
    "INSERT INTO last VALUES (0)",
    "CREATE INDEX entry_by_chat ON entry (chat, position)",
    "CREATE INDEX entry_incoming ON entry (chat, position) WHERE outgoing = 0",
    "CREATE INDEX entry_unsettled ON entry (position) WHERE unsettled = 1",
    "CREATE INDEX entry_held ON entry (chat, account, device, counter) WHERE held_at IS NOT NULL",
    "CREATE TABLE outbox (position INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE," +
      " chat BLOB NOT NULL, value BLOB NOT NULL)",
    "CREATE INDEX outbox_by_chat ON outbox (chat, position)",
    // Envelopes that were dealt with: one that comes again is acknowledged and nothing else.
    "CREATE TABLE envelope (id INTEGER PRIMARY KEY, at INTEGER NOT NULL)",
    // Envelopes of senders whose identity has changed, until the person has acknowledged it.
    "CREATE TABLE parked (id INTEGER PRIMARY KEY, account BLOB NOT NULL, frame BLOB NOT NULL)",
    "CREATE INDEX parked_by_account ON parked (account)",
  ],
  [
    // Which place in a session carried which message to one device: what a retry names.
    "CREATE TABLE sent (session BLOB, dh BLOB, n INTEGER, message BLOB NOT NULL, account BLOB NOT NULL," +
      " device BLOB NOT NULL, at INTEGER NOT NULL, answered INTEGER NOT NULL, PRIMARY KEY (session, dh, n))" +
      " WITHOUT ROWID",
    "CREATE INDEX sent_by_message ON sent (message, device)",
    "CREATE INDEX sent_by_time ON sent (at)",
    // Messages that could not be read, and what was asked for. `gap`: counted in one already.
    "CREATE TABLE unreadable (account BLOB, device BLOB, message BLOB, chat BLOB NOT NULL, at INTEGER NOT NULL," +
      " gap INTEGER NOT NULL, value BLOB NOT NULL, PRIMARY KEY (account, device, message)) WITHOUT ROWID",
    // Counters of messages that were repaired before their turn in their flow came.
    "CREATE TABLE ahead (chat BLOB, account BLOB, device BLOB, counter INTEGER," +
      " PRIMARY KEY (chat, account, device, counter)) WITHOUT ROWID",
    // Control contents on their way to single devices.
    "CREATE TABLE control (position INTEGER PRIMARY KEY AUTOINCREMENT, device BLOB NOT NULL, value BLOB NOT NULL)",
  ],
  [
    // Group chats. Each has a row in `chat`, too, under its id, which stands there for the account.
    "CREATE TABLE group_chat (id BLOB PRIMARY KEY, value BLOB NOT NULL)",
    "CREATE TABLE group_operation (chat BLOB, number INTEGER, hash BLOB NOT NULL, signed BLOB NOT NULL," +
      " PRIMARY KEY (chat, number)) WITHOUT ROWID",
    // Other devices' chains, as they were announced.
    "CREATE TABLE announced_chain (chat BLOB, account BLOB, device BLOB, id BLOB, value BLOB NOT NULL," +
      " PRIMARY KEY (chat, account, device, id)) WITHOUT ROWID",
    "CREATE TABLE group_outbox (position INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE," +
      " chat BLOB NOT NULL, value BLOB NOT NULL)",
    // Messages whose chain is not known yet. `asked`: each has a line, and its device was asked for it.
    "CREATE TABLE group_waiting (envelope INTEGER PRIMARY KEY, chat BLOB NOT NULL, account BLOB NOT NULL," +
      " device BLOB NOT NULL, at INTEGER NOT NULL, asked INTEGER NOT NULL, frame BLOB NOT NULL)",
    // Sender keys that name an operation or a list that is not known yet.
    "CREATE TABLE group_key (position INTEGER PRIMARY KEY AUTOINCREMENT, chat BLOB NOT NULL, account BLOB NOT NULL," +
      " device BLOB NOT NULL, at INTEGER NOT NULL, padded BLOB NOT NULL)",
    // How many times a message of a group chat was sent again to one device.
    "CREATE TABLE group_answer (message BLOB, device BLOB, times INTEGER NOT NULL, PRIMARY KEY (message, device))" +
      " WITHOUT ROWID",
  ],
  [
    // The signing key of the device that a place was for: an id alone may be another device by now.
    "ALTER TABLE sent ADD COLUMN signing_key BLOB",
  ],
  [
    // Lines that mention the person: whether an unread one does is asked of every chat.
    "ALTER TABLE entry ADD COLUMN mentioned INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX entry_mentioned ON entry (chat, position) WHERE mentioned = 1",
  ],
  [
    // The hashes of lists of identities that were given up.
    "CREATE TABLE old_list (account BLOB, hash BLOB, PRIMARY KEY (account, hash)) WITHOUT ROWID",
  ],
  [
    // Open chats: tables of their own, so that nothing of them can be taken for something of an encrypted chat.
    "CREATE TABLE open_chat (id BLOB PRIMARY KEY, value BLOB NOT NULL)",
    "CREATE TABLE open_member (chat BLOB, account BLOB, role INTEGER NOT NULL, read_to INTEGER NOT NULL," +
      " PRIMARY KEY (chat, account)) WITHOUT ROWID",
    "CREATE INDEX open_member_by_account ON open_member (account)",
    "CREATE TABLE open_message (chat BLOB, position INTEGER, message BLOB NOT NULL, sender BLOB NOT NULL," +
      " accepted_at INTEGER NOT NULL, edited_at INTEGER NOT NULL, deleted INTEGER NOT NULL," +
      " mentioned INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (chat, position)) WITHOUT ROWID",
    "CREATE INDEX open_message_by_id ON open_message (message, sender)",
    "CREATE TABLE open_outbox (position INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE," +
      " chat BLOB NOT NULL, failed INTEGER NOT NULL, value BLOB NOT NULL)",
    "CREATE INDEX open_outbox_by_chat ON open_outbox (chat, position)",
  ],
  [
    // Who was told own chains of group chats that are used no more. `at`: when the chain was begun.
    "CREATE TABLE told_chain (id BLOB PRIMARY KEY, at INTEGER NOT NULL, value BLOB NOT NULL) WITHOUT ROWID",
  ],
];

/** What migrating needs of a database. */
export interface Migrating {
  transaction<T>(work: (tx: Transaction) => T): T;
}

/** Bring the tables up to date, a step a transaction. Throws StoreError for those of a newer program. */
export function migrate(database: Migrating, migrations: readonly (readonly string[])[] = MIGRATIONS): void {
  let done = false;
  while (!done) {
    done = database.transaction((tx) => {
      const version = Number(tx.one("PRAGMA user_version")?.[0]);
      if (version > migrations.length) {
        throw new StoreError("What is stored here was written by a newer version: reload the page.", "newer");
      }
      for (const statement of migrations[version] ?? []) tx.run(statement);
      if (version < migrations.length) tx.run(`PRAGMA user_version = ${version + 1}`);
      return version === migrations.length;
    });
  }
}
