"""What the tests of open chats do with people."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from messenger_client import Client, Message

ENCRYPTED = ("entry", "outbox", "chat", "flow", "group_chat", "session", "control", "sent", "early")


async def choir(alice: Client, bob: Client) -> str:
    """Alice owns the open group `Choir`, bob is in it and knows it; returns its id."""
    made = await alice.create_group("Choir", ["bob"], open_chat=True)
    await bob.sync()
    await bob.accept_group("Choir")
    return made.id


async def written(client: Client, name: str = "#Choir") -> list[str]:
    return [one.text for one in (await client.open_history(name)).messages]


async def numbered(client: Client, text: str, name: str = "#Choir") -> str:
    """The number of a message."""
    return str(next(one.number for one in (await client.open_history(name)).messages if one.text == text))


def only_messages(events: list[object]) -> list[Message]:
    found = [event for event in events if isinstance(event, Message)]
    assert len(found) == len(events)
    return found


def rows(profile: Path) -> dict[str, int]:
    """How many rows the tables of a profile have."""
    with closing(sqlite3.connect(profile / "messages.sqlite3")) as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {one: database.execute(f"SELECT COUNT(*) FROM {one}").fetchone()[0] for one in names}  # noqa: S608
