"""Open chats as they are read again: edited, deleted, in pages, searched, and counted."""

from __future__ import annotations

import asyncio

import pytest
from group_parties import account
from open_parties import choir, numbered, written
from parties import befriend, nothing_more, shown, texts
from relay import Relay, problem

from messenger_client import Client, Message
from messenger_client.client import Change, open_showing, showing
from messenger_client.errors import Refused, Unreachable, WrongUse
from messenger_client.store import Transaction


async def test_edits_and_deletions_reach_those_who_listen(alice: Client, bob: Client, relay: Relay) -> None:
    await choir(alice, bob)
    sent = await alice.send("#Choir", "helo", open_chat=True)
    await alice.send("#Choir", "a slip", open_chat=True)
    assert await texts(bob, 2) == ["helo", "a slip"]
    listening = asyncio.create_task(shown(bob, 2))
    await asyncio.to_thread(relay.wait_for, lambda: relay.device_of("bob") in relay.sockets)
    edited = await alice.edit_line("#Choir", sent.id[:8], "hello", open_chat=True)
    assert (edited.text, edited.id) == ("hello", sent.id)
    await alice.delete_line("#Choir", await numbered(alice, "a slip"))
    one, other = await listening
    assert isinstance(one, Change)
    assert isinstance(other, Change)
    assert (one.kind, one.id, one.text, one.sender, one.title) == ("edited", sent.id, "hello", "alice", "Choir")
    assert (other.kind, other.text) == ("deleted", "")
    assert await nothing_more(bob)
    first, second = (await bob.open_history("#Choir")).messages
    assert (first.text, first.edited_at > 0, first.is_deleted) == ("hello", True, False)
    assert (second.text, second.is_deleted) == ("", True)


async def test_who_may_not_change_a_message_is_told_so(alice: Client, bob: Client) -> None:
    await choir(alice, bob)
    await alice.send("#Choir", "hello", open_chat=True)
    number = await numbered(bob, "hello")
    with pytest.raises(Refused, match="Only who wrote a message edits it"):
        await bob.edit_line("#Choir", number, "goodbye", open_chat=True)
    with pytest.raises(Refused, match="or an admin"):
        await bob.delete_line("#Choir", number)
    with pytest.raises(Refused, match="no such message"):
        await alice.edit_line("#Choir", "4711", "hello", open_chat=True)
    with pytest.raises(WrongUse, match="No message there begins"):
        await alice.edit_line("#Choir", "abcd", "hello", open_chat=True)
    with pytest.raises(WrongUse, match="characters"):
        await alice.edit_line("#Choir", number, " \n", open_chat=True)
    assert await written(alice) == ["hello"]


async def test_history_comes_in_pages(alice: Client, bob: Client) -> None:
    await choir(alice, bob)
    for number in range(5):
        await alice.send("#Choir", f"number {number}", open_chat=True)
    page = await bob.open_history("#Choir", limit=2)
    assert [one.text for one in page.messages] == ["number 3", "number 4"]
    page = await bob.open_history("#Choir", limit=2, before=page.before)
    assert [one.text for one in page.messages] == ["number 1", "number 2"]
    page = await bob.open_history("#Choir", limit=2, before=page.before)
    assert ([one.text for one in page.messages], page.before) == (["number 0"], None)


async def test_an_own_message_is_read_as_far_as_anybody_has_come(alice: Client, bob: Client) -> None:
    await choir(alice, bob)
    await alice.send("#Choir", "one", open_chat=True)
    await alice.send("#Choir", "two", open_chat=True)
    first, _ = await shown(bob, 2)
    assert isinstance(first, Message)
    await bob.mark_read([first])
    states = [(one.text, one.state) for one in (await alice.open_history("#Choir")).messages]
    assert states == [("one", "read"), ("two", "accepted")]


async def test_search_looks_into_open_chats_alone(alice: Client, bob: Client) -> None:
    await choir(alice, bob)
    await befriend(alice, bob)
    await alice.send("bob", "the secret word")
    await alice.send("#Choir", "the open word", open_chat=True)
    await alice.send("bob", "another open word", open_chat=True)
    hits = await bob.search("open word", limit=1)
    assert [(one.other, one.group, one.snippet) for one in hits.found] == [("alice", "", "another open word")]
    hits = await bob.search("open word", limit=1, before=hits.before)
    assert [(one.other, one.snippet) for one in hits.found] == [("Choir", "the open word")]
    assert hits.before is None
    assert [one.snippet for one in (await bob.search("word", name="#Choir")).found] == ["the open word"]
    assert [one.snippet for one in (await bob.search("WORD", name="alice")).found] == ["another open word"]
    assert (await bob.search("secret")).found == ()
    with pytest.raises(WrongUse):
        await bob.search("  ")


async def test_a_server_that_is_away_takes_nothing_along(alice: Client, bob: Client, relay: Relay) -> None:
    chat = await choir(alice, bob)
    await alice.send("#Choir", "hello", open_chat=True)
    relay.refusals["GET open-chats"].append(problem(503, "unavailable"))
    assert [(one.other, one.last) for one in await alice.chats()] == [("Choir", None)]
    relay.refusals[f"GET open-chats/{chat}"].append(problem(503, "unavailable"))
    with pytest.raises(Unreachable):
        await alice.history("#Choir")
    relay.refusals["GET open-chats"].append(problem(401, "session_ended"))
    assert [one.last for one in await alice.chats()] == [None]
    [found] = await alice.chats()
    assert found.id == chat
    assert isinstance(found.last, Message)
    assert found.last.text == "hello"
    assert [one.unseen for one in await bob.chats()] == [1]


async def test_what_was_taken_in_and_not_given_out_counts_as_new(alice: Client, bob: Client, relay: Relay) -> None:
    chat = await choir(alice, bob)
    for text in ("one", "two", "three"):
        await alice.send("#Choir", text, open_chat=True)
    await bob._open.catch_up()  # as a conversation with somebody else does beside it
    assert [one.unseen for one in await bob.chats()] == [3]
    relay.refusals["GET open-chats"].append(problem(503, "unavailable"))
    assert [one.unseen for one in await bob.chats()] == [3]
    assert await texts(bob, 1) == ["one"]
    assert [one.unseen for one in await bob.chats()] == [2]
    await alice.send("#Choir", "four", open_chat=True)
    assert [one.unseen for one in await bob.chats()] == [3]
    relay.open_chats.of[chat].read[account(relay, "bob")] = 2
    assert [one.unseen for one in await bob.chats()] == [2]


async def test_the_members_names_are_read_once_a_page(
    alice: Client, bob: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await choir(alice, bob)
    for number in range(5):
        await alice.send("#Choir", f"@nobody, number {number}", open_chat=True)
    await alice.send("#Choir", "@bob", open_chat=True)
    asked: list[bytes] = []

    def name_of(tx: Transaction, account: bytes) -> str:
        asked.append(account)
        return showing.name_of(tx, account)

    monkeypatch.setattr(open_showing, "name_of", name_of)
    lines = (await bob.open_history("#Choir")).messages
    assert [one.mentions for one in lines] == [()] * 5 + [("bob",)]
    assert len(asked) == 6 + 2 + 1  # the authors, the members once, who is mentioned
