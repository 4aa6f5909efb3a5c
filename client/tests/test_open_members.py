"""Who is in an open chat: who comes, goes, may what, and is refused."""

from __future__ import annotations

import asyncio

import pytest
from group_parties import account
from open_parties import choir
from parties import Open, nothing_more, registered, shown
from relay import Relay, problem

from messenger_client import Client, Message, Notice
from messenger_client.errors import Refused, UnknownPerson, WrongUse


async def test_who_comes_goes_and_may_what_is_managed_like_in_other_groups(
    alice: Client, bob: Client, open_client: Open
) -> None:
    await choir(alice, bob)
    dora = await registered(open_client, "dora")
    with pytest.raises(Refused, match="Only an admin"):
        await bob.add_to_group("Choir", "dora")
    added = await alice.add_to_group("Choir", "dora")
    assert {one.username for one in added.members} == {"alice", "bob", "dora"}
    promoted = await alice.set_group_role("Choir", "bob", "admin")
    assert {one.username: one.role for one in promoted.members}["bob"] == "admin"
    with pytest.raises(Refused, match="Only the owner"):
        await bob.set_group_role("Choir", "dora", "admin")
    assert (await bob.rename_group("Choir", "Old choir", open_chat=True)).title == "Old choir"
    await dora.sync()
    assert [(one.title, one.is_request) for one in await dora.groups()] == [("Old choir", True)]
    assert not (await dora.accept_group("Old choir")).is_request
    removed = await bob.remove_from_group("Old choir", "dora")
    assert {one.username for one in removed.members} == {"alice", "bob"}
    assert await bob.remove_from_group("Old choir", "dora") == removed
    await alice.sync()
    assert (await alice.leave_group("Old choir")).standing == "left"
    with pytest.raises(Refused, match="no longer in"):
        await alice.send("#Old choir", "wait", open_chat=True)
    for call in (bob.open_group_link, bob.close_group_links):
        with pytest.raises(WrongUse, match="open chat"):
            await call("Old choir")


async def test_a_list_of_chats_comes_in_pages_and_one_that_only_moved_is_not_gone(
    alice: Client, bob: Client, relay: Relay
) -> None:
    await choir(alice, bob)
    await alice.send("bob", "hello", open_chat=True)
    infos = relay.open_chats.answer("GET", [], "", {}, (account(relay, "bob"), ""))[1]["open_chats"]
    answers = relay.refusals["GET open-chats"]
    answers += [(200, {"open_chats": infos[:1], "next": "A="}), (200, {"open_chats": infos[1:], "next": None})]
    await bob.sync()
    assert answers == []
    assert {(one.other, one.group != "") for one in await bob.chats()} == {("Choir", True), ("alice", False)}
    answers.append((200, {"open_chats": [], "next": None}))
    await bob.sync()
    assert [one.standing for one in await bob.groups()] == ["member"]


async def test_who_is_removed_hears_it_once_and_writes_nothing_more(alice: Client, bob: Client, relay: Relay) -> None:
    chat = await choir(alice, bob)
    listening = asyncio.create_task(shown(bob, 1))
    await asyncio.to_thread(relay.wait_for, lambda: relay.device_of("bob") in relay.sockets)
    await alice.remove_from_group("Choir", "bob")
    [event] = await listening
    assert isinstance(event, Notice)
    assert (event.kind, event.cause, event.title, event.is_open) == ("warning", "removed", "Choir", True)
    assert event.text.startswith("You are no longer in “Choir”: you were removed")
    assert await nothing_more(bob)
    with pytest.raises(Refused, match="no longer in “Choir”"):
        await bob.send("#Choir", "hello?", open_chat=True)
    assert relay.times("POST", f"open-chats/{chat}/messages") == 0
    [group] = await bob.groups()
    assert (group.standing, group.members) == ("gone", ())


async def test_a_removal_that_was_missed_is_found_when_writing(alice: Client, bob: Client) -> None:
    await choir(alice, bob)
    await alice.remove_from_group("Choir", "bob")
    with pytest.raises(Refused, match="no longer in “Choir”"):
        await bob.send("#Choir", "hello?", open_chat=True)
    assert await bob.waiting() == 0
    assert [one.standing for one in await bob.groups()] == ["gone"]


async def test_a_refusal_has_the_words_of_other_chats(alice: Client, bob: Client, relay: Relay) -> None:
    await alice.send("bob", "hello", open_chat=True)
    await bob.sync()
    [chat] = relay.open_chats.of
    call = f"POST open-chats/{chat}/messages"
    relay.refusals[call].append(problem(403, "contact_blocked"))
    with pytest.raises(Refused, match="You have blocked bob; `messenger accept bob`"):
        await alice.send("bob", "hello", open_chat=True)
    relay.refusals[call].append(problem(404, "not_found"))
    with pytest.raises(Refused, match="bob cannot be written to"):
        await alice.send("bob", "hello", open_chat=True)
    with pytest.raises(UnknownPerson):
        await alice.send("nobody", "hello", open_chat=True)
    with pytest.raises(WrongUse):
        await alice.send("alice", "hello", open_chat=True)
    relay.refusals["POST open-chats"].append(problem(403, "contact_blocked"))
    with pytest.raises(Refused, match="You have blocked bob; "):
        await alice.create_group("Choir", ["bob"], open_chat=True)
    for text in ("", " ", "\0", "x" * 16_001):
        with pytest.raises(WrongUse):
            await alice.send("bob", text, open_chat=True)
    failed = [one for one in (await alice.open_history("bob")).messages if one.state == "failed"]
    assert [one.reason[:12] for one in failed] == ["You have blo", "bob cannot b"]
    assert await alice.waiting() == 0


async def test_a_stranger_is_a_request_until_answered(alice: Client, bob: Client) -> None:
    await alice.create_group("Choir", ["bob"], open_chat=True)
    await alice.send("#Choir", "hello", open_chat=True)
    [event] = await shown(bob, 1)
    assert isinstance(event, Message)
    assert event.is_request
    await bob.send("#Choir", "writing accepts", open_chat=True)
    assert not (await bob.group("Choir")).is_request


async def test_more_members_than_a_chat_can_have_are_nonsense(alice: Client, bob: Client, relay: Relay) -> None:
    chat = await choir(alice, bob)
    info = relay.open_chats._info(chat, account(relay, "bob"), members=True)
    await alice.rename_group("Choir", "Band", open_chat=True)
    relay.refusals[f"GET open-chats/{chat}"].append((200, info | {"members": info["members"] * 251}))
    await bob.sync()
    assert [(one.title, len(one.members)) for one in await bob.groups()] == [("Choir", 2)]
    await bob.sync()
    assert [(one.title, len(one.members)) for one in await bob.groups()] == [("Band", 2)]
