"""The profile's database: opening it, and transactions. Holds the lock for one transaction and no longer."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from ..errors import StoreError
from ..protocol.secret import Secret
from .profile_key import DESCRIPTION, open_profile_key
from .records import Record
from .schema import migrate
from .sealing import Sealer

DATABASE = "messages.sqlite3"
_OURS = ("profile.", "tokens.lock", DATABASE)  # how the names of a profile's files begin
BUSY = 30.0  # seconds to wait for another process's transaction

R = TypeVar("R", bound=Record)
Value = bytes | int | str | None


class Transaction:
    """What runs between BEGIN and COMMIT; the modules beside this one say what."""

    def __init__(self, connection: sqlite3.Connection, sealer: Sealer) -> None:
        self._connection = connection
        self._sealer = sealer

    def execute(self, statement: str, values: Sequence[Value] = ()) -> sqlite3.Cursor:
        return self._connection.execute(statement, values)

    def one(self, statement: str, values: Sequence[Value] = ()) -> tuple[Value, ...] | None:
        row: tuple[Value, ...] | None = self._connection.execute(statement, values).fetchone()
        return row

    def find(self, table: str, *parts: bytes) -> bytes:
        """The key that a row of this id has in this table."""
        return self._sealer.find(table, *parts)

    def seal(self, table: str, key: bytes, value: Record | bytes) -> bytes:
        plain = value.pack() if isinstance(value, Record) else bytes(value)
        return self._sealer.seal(table.encode() + b"\x00" + key, plain)

    def open_bytes(self, table: str, key: bytes, sealed: Value) -> bytes:
        if not isinstance(sealed, bytes):
            raise StoreError("The profile's data is damaged.")
        return self._sealer.open(table.encode() + b"\x00" + key, sealed)

    def open(self, kind: type[R], table: str, key: bytes, sealed: Value) -> R:
        return kind.unpack(self.open_bytes(table, key, sealed))

    # Tables of a key and a sealed value, whatever other columns they have

    def record(self, kind: type[R], table: str, key: bytes) -> R | None:
        row = self.one(f"SELECT value FROM {table} WHERE key = ?", [key])  # noqa: S608  a name of ours
        return None if row is None else self.open(kind, table, key, row[0])

    def records(self, kind: type[R], table: str) -> list[R]:
        rows = self.execute(f"SELECT key, value FROM {table}").fetchall()  # noqa: S608  a name of ours
        return [self.open(kind, table, key, value) for key, value in rows]

    def save_record(self, table: str, key: bytes, value: Record) -> None:
        """In a table that has no other columns."""
        self.execute(
            f"INSERT INTO {table} VALUES (?, ?)"  # noqa: S608  a name of ours
            " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            [key, self.seal(table, key, value)],
        )


class Store:
    """One profile. Not shared between threads; any number of processes may have it open."""

    def __init__(self, directory: Path, connection: sqlite3.Connection, sealer: Sealer, notice: str | None) -> None:
        self.directory = directory
        self.notice = notice  # what the person should know, once
        self._connection = connection
        self._sealer = sealer
        self._turn = threading.RLock()  # the connection knows one transaction: another thread's waits for its end

    @classmethod
    def open(cls, directory: Path, passphrase: Secret | None = None) -> Store:
        """Open a profile, made if there is none. Raises StoreError."""
        try:
            _make(directory)
        except OSError as error:
            raise StoreError(f"The profile {directory} cannot be used: {error.strerror}.") from error
        profile_key = open_profile_key(directory, passphrase)
        path = directory / DATABASE
        # Made here, so that it and its companions (-wal, -shm take its mode) are never readable by others.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        connection = sqlite3.connect(path, timeout=BUSY, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            # Forward secrecy on the disk: an old ratchet state does not stay in a free page.
            connection.execute("PRAGMA secure_delete = ON")
            migrate(connection)
            store = cls(directory, connection, Sealer(profile_key.key), profile_key.notice)
            store._check_key()
        except sqlite3.DatabaseError as error:
            connection.close()
            raise StoreError(f"The profile {directory} cannot be read: {error}.") from error
        except StoreError:
            connection.close()
            raise
        return store

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[Transaction]:
        """Read and write in one step; commits at the end, or changes nothing at all.

        `durable=False` skips the wait for the disk: what it writes survives a killed process, and not
        always a loss of power. Only for what can be done twice without harm.
        """
        with self._turn:
            if not durable:
                self._connection.execute("PRAGMA synchronous = NORMAL")
            try:
                self._begin()
                try:
                    yield Transaction(self._connection, self._sealer)
                    self._connection.execute("COMMIT")
                except BaseException:
                    if self._connection.in_transaction:
                        self._connection.execute("ROLLBACK")
                    raise
            finally:
                if not durable:
                    self._connection.execute("PRAGMA synchronous = FULL")

    def data_version(self) -> int:
        """A number that changes when another process has written."""
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        return int(version)

    def close(self) -> None:
        self._connection.close()

    def _begin(self) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise StoreError("Another program keeps the profile busy; try again.", "busy") from error

    def _check_key(self) -> None:
        with self.transaction() as tx:
            row = tx.one("SELECT value FROM setting WHERE name = 'check'")
            if row is None:
                tx.execute("INSERT INTO setting VALUES ('check', ?)", [tx.seal("setting", b"check", b"check")])
            else:
                tx.open_bytes("setting", b"check", row[0])


def _make(directory: Path) -> None:
    """Make the profile's directory, for its owner only. One that is there stays as it is. Raises OSError."""
    try:
        directory.mkdir(parents=True, mode=0o700)
    except FileExistsError:
        # Without a description, a profile that another process is making at this moment, or was killed at.
        if not (directory / DESCRIPTION).exists() and any(
            not path.name.startswith(_OURS) for path in directory.iterdir()
        ):
            raise StoreError(f"{directory} is no profile and holds other files: name another directory.") from None
    else:
        directory.chmod(0o700)
