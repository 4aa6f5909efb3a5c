"""The sealed store: what is on the disk, who can read it, and what a killed process leaves."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from messenger_client import Client
from messenger_client.errors import StoreError
from messenger_client.protocol.secret import Secret
from messenger_client.store import Store, settings
from messenger_client.store.records import Entry, PrekeyState, Tokens
from messenger_client.store.schema import MIGRATIONS, migrate


def test_a_value_opens_only_in_the_row_it_was_sealed_for(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    with store.transaction() as tx:
        sealed = tx.seal("setting", b"one", b"value")
        assert tx.open_bytes("setting", b"one", sealed) == b"value"
        with pytest.raises(StoreError):
            tx.open_bytes("setting", b"two", sealed)
        with pytest.raises(StoreError):
            tx.open_bytes("chat", b"one", sealed)
        with pytest.raises(StoreError):
            tx.open_bytes("setting", b"one", sealed[:-1] + bytes([sealed[-1] ^ 1]))
    store.close()


def test_a_transaction_of_another_thread_waits_for_its_turn(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    order: list[str] = []
    inside = threading.Event()

    def first() -> None:
        with store.transaction():
            inside.set()
            time.sleep(0.2)
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    assert inside.wait(10)
    with store.transaction():
        order.append("second")
    thread.join()
    assert order == ["first", "second"]
    store.close()


async def test_nothing_that_matters_is_readable_in_any_file_of_the_profile(
    alice: Client, bob: Client, tmp_path: Path
) -> None:
    canary = "the heron stands in the reeds at dusk"
    await alice.send("bob", canary)
    await bob.sync()
    await bob.send("alice", canary)
    await alice.sync()
    with alice._context.store.transaction() as tx:
        me, tokens = settings.me(tx), settings.tokens(tx)
    assert me is not None
    assert tokens is not None
    secrets = [canary, "bob", "example.org", "127.0.0.1", tokens.refresh, tokens.access]
    keys = [me.signing_seed, me.identity_private, me.account_key_seed, me.account, me.device]
    sought = [text.encode() for text in secrets] + keys
    searched = 0
    for path in (tmp_path / "alice").iterdir():
        data = path.read_bytes()
        searched += len(data)
        assert not [one for one in sought if one in data], path
    assert searched > 100_000


async def test_folder_and_files_are_for_their_owner_only(alice: Client, tmp_path: Path) -> None:
    await alice.chats()
    assert (tmp_path / "alice").stat().st_mode & 0o777 == 0o700
    assert {path.name: oct(path.stat().st_mode & 0o077) for path in (tmp_path / "alice").iterdir()} == {
        path.name: "0o0" for path in (tmp_path / "alice").iterdir()
    }


def test_another_key_is_refused(tmp_path: Path) -> None:
    Store.open(tmp_path / "one").close()
    Store.open(tmp_path / "two").close()
    (tmp_path / "two" / "profile.key").replace(tmp_path / "one" / "profile.key")
    with pytest.raises(StoreError):
        Store.open(tmp_path / "one")


def test_a_key_in_a_file_is_announced_once(tmp_path: Path) -> None:
    first, second = Store.open(tmp_path), Store.open(tmp_path)
    assert first.notice is not None
    assert second.notice is None


def test_a_passphrase_opens_what_it_sealed_and_nothing_else_does(tmp_path: Path) -> None:
    store = Store.open(tmp_path, Secret(b"correct horse"))
    assert store.notice is None
    store.close()
    assert not (tmp_path / "profile.key").exists()
    Store.open(tmp_path, Secret(b"correct horse")).close()
    for wrong in (Secret(b"battery staple"), None):
        with pytest.raises(StoreError):
            Store.open(tmp_path, wrong)


def test_a_passphrase_weakened_on_the_disk_is_refused(tmp_path: Path) -> None:
    Store.open(tmp_path, Secret(b"correct horse")).close()
    description = tmp_path / "profile.json"
    description.write_text(description.read_text().replace(str(256 << 20), str(1 << 20)))
    with pytest.raises(StoreError, match="out of bounds"):
        Store.open(tmp_path, Secret(b"correct horse"))


def test_a_profile_of_a_newer_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    Store.open(tmp_path).close()
    database = sqlite3.connect(tmp_path / "messages.sqlite3")
    database.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    database.close()
    with pytest.raises(StoreError, match="newer"):
        Store.open(tmp_path)


def test_a_migration_keeps_what_was_there(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "old", isolation_level=None)
    first = ("CREATE TABLE note (text TEXT)",)
    migrate(connection, (first,))
    connection.execute("INSERT INTO note VALUES ('kept')")
    migrate(connection, (first, ("ALTER TABLE note ADD COLUMN at INTEGER DEFAULT 7",)))
    assert connection.execute("SELECT * FROM note").fetchall() == [("kept", 7)]
    assert connection.execute("PRAGMA user_version").fetchone() == (2,)


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "old", isolation_level=None)
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, (("CREATE TABLE note (text TEXT)", "CREATE NONSENSE"),))
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == []


def test_records_do_not_print_what_they_hold() -> None:
    entry = Entry(b"1", "text", False, b"2", b"3", 4, text="canary")
    for shown in (repr(entry), str(entry), f"{entry}", repr(Tokens("canary", "canary", 1)), repr([entry])):
        assert "canary" not in shown


COUNTING = """
import sys
from dataclasses import replace
from pathlib import Path
from messenger_client.store import Store, settings
store = Store.open(Path(sys.argv[1]))
for _ in range(int(sys.argv[2])):
    with store.transaction(durable=False) as tx:
        state = settings.prekey_state(tx)
        settings.save_prekey_state(tx, replace(state, signed_at=state.signed_at + 1))
"""


def test_processes_take_turns_by_transaction(tmp_path: Path) -> None:
    Store.open(tmp_path).close()
    running = [subprocess.Popen([sys.executable, "-c", COUNTING, tmp_path, "100"]) for _ in range(3)]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    with Store.open(tmp_path).transaction() as tx:
        assert settings.prekey_state(tx).signed_at == 300


DYING = """
import os, signal, sys
from pathlib import Path
from messenger_client.store import Store, settings
from messenger_client.store.records import PrekeyState
store = Store.open(Path(sys.argv[1]))
with store.transaction() as tx:
    settings.save_prekey_state(tx, PrekeyState({}, signed_at=1))
with store.transaction() as tx:
    settings.save_prekey_state(tx, PrekeyState({}, signed_at=2))
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_process_leaves_whole_transactions_and_no_lock(tmp_path: Path) -> None:
    assert subprocess.run([sys.executable, "-c", DYING, tmp_path], check=False).returncode == -signal.SIGKILL
    with Store.open(tmp_path).transaction() as tx:
        assert settings.prekey_state(tx) == PrekeyState({}, signed_at=1)
