"""Mentions: whom a text names, what the others get, and what is printed of it."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from uuid import UUID

import pytest
from group_parties import Friends, lines
from open_parties import choir
from parties import shown
from relay import Relay
from test_cli import terminal

from messenger_client import Client, Message
from messenger_client.cli.output import Output
from messenger_client.client import Account, group_sending, mentions
from messenger_client.client.mentions import MOST, find_mentions, mentions_of
from messenger_client.client.showing import name_of
from messenger_client.errors import WrongUse
from messenger_client.store import Transaction, groups


async def account_of(client: Client) -> Account:
    account = await client.account()
    assert account is not None
    return account


async def found(client: Client, text: str) -> list[str]:
    def work(tx: Transaction) -> list[str]:
        [group] = groups.known(tx)
        return [name_of(tx, one) for one in find_mentions(tx, group.id, text)]

    return await client._context.write(work)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("@bob hi", ["bob"]),
        ("hi @BOB.", ["bob"]),
        ("(@bob), @alice: @bob!", ["bob", "alice"]),
        ("@bobby, bob, @bob-2 and @b", []),
        ("write to alice@bob or @@bob", []),
        ("@eve is not in it", []),
        ("@alice.-_", ["alice"]),
        ("＠bob @\uff42ob", ["bob"]),
        ("@", []),
        ("@ bob", []),
    ],
)
async def test_a_name_is_a_mention_where_it_begins_and_ends_as_one(
    friends: Friends, text: str, names: list[str]
) -> None:
    _, bob, _ = friends
    assert await found(bob, text) == names


async def test_whom_a_text_names_is_told_to_everybody(friends: Friends) -> None:
    alice, bob, dora = friends
    await alice.send("#Friends", "@bob hi")
    [to_bob] = await shown(bob, 1)
    [to_dora] = await shown(dora, 1)
    assert isinstance(to_bob, Message)
    assert isinstance(to_dora, Message)
    assert (to_bob.text, to_bob.mentions, to_bob.mentioned) == ("@bob hi", ("bob",), True)
    assert (to_dora.mentions, to_dora.mentioned) == (("bob",), False)
    [own] = [event for event in await alice.history("#Friends") if isinstance(event, Message)]
    assert (own.mentions, own.mentioned) == (("bob",), False)


async def test_a_caller_may_say_whom_a_message_mentions(friends: Friends) -> None:
    alice, bob, _ = friends
    await alice.send("#Friends", "@bob is quoted", mentions=[])
    await alice.send("#Friends", "you two", mentions=["BOB", "dora", "bob"])
    quoted, named = await shown(bob, 2)
    assert isinstance(quoted, Message)
    assert isinstance(named, Message)
    assert (quoted.mentions, quoted.mentioned) == ((), False)
    assert (named.mentions, named.mentioned) == (("bob", "dora"), True)
    before = await lines(alice)
    with pytest.raises(WrongUse):
        await alice.send("#Friends", "hello", mentions=["eve"])
    with pytest.raises(WrongUse):
        await alice.send("bob", "hello", mentions=["bob"])
    assert await lines(alice) == before
    assert await alice.waiting() == 0


async def test_a_mention_of_somebody_else_than_a_member_is_none(
    friends: Friends, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob, _ = friends
    own = UUID((await account_of(bob)).account).bytes
    monkeypatch.setattr(group_sending, "find_mentions", lambda *_: (b"\x07" * 16, own, own))
    await alice.send("#Friends", "hello")
    [event] = await shown(bob, 1)
    assert isinstance(event, Message)
    assert event.mentions == ("bob",)


async def test_more_than_a_message_can_hold_are_refused(friends: Friends, monkeypatch: pytest.MonkeyPatch) -> None:
    alice, _, _ = friends
    assert MOST * 17 + 60_000 < 63_000  # what is padded to less than a body's most
    monkeypatch.setattr(mentions, "MOST", 1)

    def work(tx: Transaction) -> int:
        [group] = groups.known(tx)
        with pytest.raises(WrongUse):
            mentions_of(tx, group.id, ["bob", "dora"])
        return len(find_mentions(tx, group.id, "@bob @dora"))

    assert await alice._context.write(work) == 1


async def test_of_whom_history_says_that_they_are_mentioned_not_all_are_looked_up(
    friends: Friends, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob, dora = friends
    ids = [UUID((await account_of(one)).account).bytes for one in (alice, bob, dora)]

    async def among(*accounts: bytes) -> tuple[bytes, ...]:
        return await alice._context.write(lambda tx: mentions.pinned_among(tx, accounts))

    strangers = [bytes([number]) * 16 for number in range(3)]
    assert await among(*strangers, *ids, *ids) == tuple(ids)
    monkeypatch.setattr(mentions, "MOST_LOOKED_UP", 4)
    assert await among(*strangers, *strangers, *ids) == (ids[0],)
    monkeypatch.setattr(mentions, "MOST", 2)
    assert await among(*ids) == tuple(ids[:2])


async def test_in_an_open_chat_the_text_alone_says_who_is_mentioned(alice: Client, bob: Client) -> None:
    await choir(alice, bob)
    await alice.send("#Choir", "@Bob, @eve: hi", open_chat=True)
    [event] = await shown(bob, 1)
    assert isinstance(event, Message)
    assert (event.mentions, event.mentioned) == (("bob",), True)
    [read] = (await bob.open_history("#Choir")).messages
    [own] = (await alice.open_history("#Choir")).messages
    assert [(one.mentions, one.mentioned) for one in (read, own)] == [(("bob",), True), (("bob",), False)]
    with pytest.raises(WrongUse):
        await alice.send("#Choir", "hello", mentions=["bob"], open_chat=True)


def test_the_command_line_says_who_is_mentioned(tmp_path: Path, relay: Relay) -> None:
    one, other = terminal("alice", tmp_path, relay), terminal("bob", tmp_path, relay)
    one.json("group", "create", "Friends", "--member", "bob")
    one.json("send", "#Friends", "@Bob and @eve: hi")
    one.json("send", "#Friends", "hi all")
    messages = [line for line in other.json("listen", "--count", "2", "--timeout", "20") if line["type"] == "message"]
    assert (messages[0]["mentions"], messages[0]["mentioned"]) == (["bob"], True)
    assert messages[0]["text"] == "@Bob and @eve: hi"
    assert "mentions" not in messages[1]
    assert "mentioned" not in messages[1]


@pytest.mark.parametrize("terminal_is_there", [True, False])
def test_a_line_that_mentions_oneself_stands_out_on_a_terminal_alone(
    monkeypatch: pytest.MonkeyPatch, terminal_is_there: bool
) -> None:
    written = io.StringIO()
    monkeypatch.setattr(written, "isatty", lambda: terminal_is_there)
    monkeypatch.setattr(sys, "stdout", written)
    monkeypatch.delenv("NO_COLOR", raising=False)
    Output(as_json=False).event(Message("", "", "alice", "@bob hi", 0, mentions=("bob",), mentioned=True))
    assert ("\x1b[1m@bob hi" in written.getvalue()) == terminal_is_there
    assert ("\x1b" in written.getvalue()) == terminal_is_there
