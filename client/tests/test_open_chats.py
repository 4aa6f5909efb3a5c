"""Open chats: what is written in them leaves once, and is given out once."""

from __future__ import annotations

import asyncio

from open_parties import choir, written
from parties import Open, befriend, nothing_more, registered, shown, texts, told
from relay import Relay, problem

from messenger_client import Client, Message, Notice


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
