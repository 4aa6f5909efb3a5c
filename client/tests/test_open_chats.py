"""Open chats: written, given out once, changed, searched, and never mixed up with encrypted ones."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from group_parties import account, lines
from open_parties import ENCRYPTED, choir, numbered, rows, written
from parties import Open, befriend, nothing_more, registered, shown, texts, told
from relay import Relay, problem

from messenger_client import Client, Message, Notice
from messenger_client.client import Change, open_showing, showing
from messenger_client.errors import Refused, UnknownPerson, Unreachable, WrongUse
from messenger_client.store import Transaction


async def test_what_is_written_is_given_out_once(alice: Client, bob: Client) -> None:
    chat = await choir(alice, bob)
    sent = await alice.send("#Choir", "hello", open_chat=True)
    assert (sent.state, sent.is_open) == ("accepted", True)
    [event] = await shown(bob, 1)
    assert isinstance(event, Message)
    assert (event.sender, event.text, event.group, event.title) == ("alice", "hello", chat, "Choir")
    assert (event.is_open, event.id, event.is_request) == (True, sent.id, False)
    assert event.number > 0
    assert await nothing_more(bob)
    assert await nothing_more(alice)  # one's own is no news


async def test_what_was_missed_comes_after_being_away(alice: Client, bob: Client) -> None:
    await choir(alice, bob)
    await alice.send("#Choir", "one", open_chat=True)
    assert await texts(bob, 1) == ["one"]
    for number in range(2, 31):  # more than a first page
        await alice.send("#Choir", f"number {number}", open_chat=True)
    assert await texts(bob, 29) == [f"number {number}" for number in range(2, 31)]
    await bob.send("#Choir", "mine", open_chat=True)
    await alice.send("#Choir", "last", open_chat=True)
    assert await texts(bob, 1) == ["last"]
    assert await texts(alice, 1) == ["mine"]


async def test_frames_that_overtake_each_other_or_never_come_lose_nothing(
    alice: Client, bob: Client, relay: Relay
) -> None:
    await choir(alice, bob)
    relay.open_chats.silent = True
    listening = asyncio.create_task(shown(bob, 3, seconds=20))
    await asyncio.to_thread(relay.wait_for, lambda: relay.device_of("bob") in relay.sockets)
    for text in ("one", "two", "three"):
        await alice.send("#Choir", text, open_chat=True)
    one = relay.open_chats.chat("Choir")
    for message in reversed(relay.open_chats.of[one].messages):
        relay.push(relay.device_of("bob"), {"type": "open.message", "request": False, "open_chat": one, **message})
    assert [event.text for event in await listening] == ["one", "two", "three"]
    assert await nothing_more(bob)


async def test_what_cannot_be_read_just_now_is_read_later_on_the_same_connection(
    alice: Client, bob: Client, relay: Relay
) -> None:
    await choir(alice, bob)
    await befriend(alice, bob)
    await alice.send("#Choir", "hello", open_chat=True)
    relay.refusals["GET open-chats"] += [problem(503, "unavailable")] * 2
    assert await texts(bob, 1) == ["hello"]
    assert relay.refusals["GET open-chats"] == []
    assert not any("Not connected" in one for one in told(bob))


async def test_a_chat_with_a_long_past_begins_with_its_newest_page(
    alice: Client, bob: Client, open_client: Open
) -> None:
    await choir(alice, bob)
    for number in range(25):
        await alice.send("#Choir", f"number {number}", open_chat=True)
    dora = await registered(open_client, "dora")
    await alice.add_to_group("Choir", "dora")
    first, *others = await shown(dora, 21)
    assert isinstance(first, Notice)
    assert (first.kind, first.is_open, len(first.id)) == ("earlier", True, 36)
    assert [event.text for event in others] == [f"number {number}" for number in range(5, 25)]
    assert await nothing_more(dora)


async def test_two_processes_of_a_profile_give_each_line_out_once(
    alice: Client, bob: Client, open_client: Open
) -> None:
    await choir(alice, bob)
    other = await open_client("bob")
    expected = [f"number {number}" for number in range(30)]
    for text in expected:
        await alice.send("#Choir", text, open_chat=True)
    found: list[str] = []
    complete = asyncio.Event()

    async def take(client: Client) -> None:
        async for event in client._events.flow():
            found.append(event.text)
            client.seen(event)
            if len(found) == len(expected):
                complete.set()
            await asyncio.sleep(0)

    # Both read the same pages, and both give out.
    tasks = [asyncio.create_task(take(client)) for client in (bob, other)]
    await asyncio.gather(*(client._open.catch_up() for client in (bob, other, bob)))
    async with asyncio.timeout(20):
        await complete.wait()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert await nothing_more(other)
    assert await nothing_more(bob)
    assert found == expected


async def test_the_open_chat_of_two_is_another_one_than_the_encrypted(alice: Client, bob: Client) -> None:
    await befriend(alice, bob)
    with pytest.raises(WrongUse, match="no open chat with bob"):
        await alice.open_history("bob")
    await alice.send("bob", "in the open", open_chat=True)
    await alice.send("bob", "for your eyes")
    first, second = sorted(await shown(bob, 2), key=lambda event: event.is_open)
    assert (first.text, first.is_open, second.text, second.is_open) == ("for your eyes", False, "in the open", True)
    assert first.chat != second.chat
    await bob.send("alice", "and back", open_chat=True)
    assert await written(alice, "bob") == ["in the open", "and back"]
    encrypted = [event.text for event in await alice.history("bob")]
    assert encrypted == ["hello", "hello yourself", "for your eyes"]
    assert {(one.other, one.is_open) for one in await alice.chats()} == {("bob", True), ("bob", False)}


async def test_a_lost_answer_is_asked_for_again_under_the_same_id(alice: Client, bob: Client, relay: Relay) -> None:
    chat = await choir(alice, bob)
    call = f"POST open-chats/{chat}/messages"
    relay.faults[call].append(lambda answer: None)
    sent = await alice.send("#Choir", "hello", open_chat=True)
    assert sent.state == "queued"
    assert await alice.waiting() == 1
    [waits] = (await alice.open_history("#Choir")).messages[-1:]
    assert (waits.state, waits.number) == ("queued", 0)
    await alice.sync()
    assert await alice.waiting() == 0
    bodies = relay.bodies(f"open-chats/{chat}/messages")
    ids = {one["message_id"] for one in bodies if one}
    assert ids == {sent.id}
    assert await written(bob) == ["hello"]
    assert await texts(bob, 1) == ["hello"]
    assert await nothing_more(bob)


async def test_what_is_written_offline_leaves_in_order_once_there_is_a_connection(
    alice: Client, bob: Client, relay: Relay
) -> None:
    chat = await choir(alice, bob)
    for text in ("one", "two"):
        relay.refusals[f"POST open-chats/{chat}/messages"].append(problem(503, "unavailable"))
        assert (await alice.send("#Choir", text, open_chat=True)).state == "queued"
    async with alice.connected():
        assert await texts(bob, 2) == ["one", "two"]
    assert relay.times("FRAME", "open.send") == 2


async def test_a_group_is_made_once_though_the_answer_was_lost(alice: Client, bob: Client, relay: Relay) -> None:
    assert bob
    relay.faults["POST open-chats"].append(lambda answer: None)
    made = await alice.create_group("Choir", ["bob"], open_chat=True)
    assert [one.id for one in await alice.groups()] == [made.id]
    assert len(relay.open_chats.of) == 1


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


async def test_nothing_of_one_kind_lands_in_the_tables_of_the_other(
    alice: Client, bob: Client, tmp_path: Path, relay: Relay
) -> None:
    await befriend(alice, bob)
    await alice.create_group("Friends", ["bob"])
    before = rows(tmp_path / "alice")
    chat = await choir(alice, bob)
    relay.faults[f"POST open-chats/{chat}/messages"].append(lambda answer: None)
    await alice.send("#Choir", "hello", open_chat=True)
    await bob.send("#Choir", "back", open_chat=True)
    async with alice.connected():
        await asyncio.to_thread(relay.wait_for, lambda: rows(tmp_path / "alice")["open_news"] == 1)
    after = rows(tmp_path / "alice")
    assert {name: after[name] for name in ENCRYPTED} == {name: before[name] for name in ENCRYPTED}
    await alice.send("#Friends", "for members")
    await alice.send("bob", "for bob")
    kept = {name: count for name, count in rows(tmp_path / "alice").items() if name.startswith("open_")}
    assert kept == {name: count for name, count in after.items() if name.startswith("open_")}


async def test_a_text_for_an_encrypted_group_never_leaves_in_the_open(alice: Client, bob: Client, relay: Relay) -> None:
    friends = await alice.create_group("Friends", ["bob"])
    await bob.sync()
    await bob.accept_group("Friends")
    # The server makes an open chat of the same title, and says that one is in the encrypted one no more.
    await bob.create_group("Friends", ["alice"], open_chat=True)
    await alice.sync()
    with pytest.raises(WrongUse, match="Several group chats"):
        await alice.send("#Friends", "the canary")
    del relay.groups.of[friends.id]
    await alice.sync()
    assert [one.standing for one in await alice.groups() if not one.is_open] == ["gone"]
    with pytest.raises(WrongUse, match="Several group chats"):
        await alice.send("#Friends", "the canary")
    with pytest.raises(Refused):
        await alice.send(f"#{friends.id}", "the canary")
    open_paths = [body for _, path, body in relay.requests if path.startswith(("open-chats", "open."))]
    assert not any("canary" in str(body) for body in open_paths)
    assert await alice.waiting() == 0


async def test_an_open_chat_that_takes_an_encrypted_ones_id_is_none(alice: Client, bob: Client, relay: Relay) -> None:
    friends = await alice.create_group("Friends", ["bob"])
    await bob.create_group("Other", ["alice"], open_chat=True)
    [(made, chat)] = relay.open_chats.of.items()
    relay.open_chats.of = {friends.id: chat}
    await alice.sync()
    assert [one.is_open for one in await alice.groups()] == [False]
    await alice.send(f"#{friends.id}", "for members")
    assert relay.bodies(f"open-chats/{friends.id}/messages") == []
    assert made != friends.id
    assert await lines(alice, "#Friends") == ["for members"]


async def test_open_by_name_is_said_and_kept_to(alice: Client, bob: Client) -> None:
    await alice.create_group("Friends", ["bob"])
    with pytest.raises(WrongUse, match="no open group chat"):
        await alice.send("#Friends", "hello", open_chat=True)
    open_one = await alice.create_group("Friends", ["bob"], open_chat=True)
    assert (await alice.send("#Friends", "hello", open_chat=True)).is_open
    assert (await alice.place("#Friends", open_chat=True)).name == f"#{open_one.id}"
    assert (await alice.place(f"#{open_one.id[:8]}")).is_open
    with pytest.raises(WrongUse, match="not end-to-end encrypted"):
        await alice.place("#friends")
    with pytest.raises(WrongUse, match="edited or deleted yet"):
        await alice.edit_line("bob", "1", "hello")


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


async def test_more_members_than_a_chat_can_have_are_nonsense(alice: Client, bob: Client, relay: Relay) -> None:
    chat = await choir(alice, bob)
    info = relay.open_chats._info(chat, account(relay, "bob"), members=True)
    await alice.rename_group("Choir", "Band", open_chat=True)
    relay.refusals[f"GET open-chats/{chat}"].append((200, info | {"members": info["members"] * 251}))
    await bob.sync()
    assert [(one.title, len(one.members)) for one in await bob.groups()] == [("Choir", 2)]
    await bob.sync()
    assert [(one.title, len(one.members)) for one in await bob.groups()] == [("Band", 2)]
