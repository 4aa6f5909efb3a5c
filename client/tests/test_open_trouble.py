"""Trouble with open chats: one holds up no other, and none of them an encrypted chat."""

from __future__ import annotations

import asyncio

import pytest
from clocks import SteppingClock
from open_parties import choir
from parties import befriend, shown, texts, told
from relay import Relay, problem
from relay_keys import Answer

from messenger_client import Client
from messenger_client.client import Change, open_frames
from messenger_client.errors import Defect

NONSENSE: Answer = (200, {"open_chats": "none of your business"})
REFUSAL = problem(403, "not_allowed", "Not today.")


@pytest.mark.parametrize("answer", [NONSENSE, REFUSAL])
async def test_a_list_that_cannot_be_read_is_asked_for_again_after_a_pause(
    answer: Answer, alice: Client, bob: Client, relay: Relay, clock: SteppingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_frames, "PAUSE", 4.25)
    await choir(alice, bob)
    await alice.send("#Choir", "hello", open_chat=True)
    relay.refusals["GET open-chats"] += [answer] * 3
    assert await texts(bob, 1) == ["hello"]
    assert relay.refusals["GET open-chats"] == []
    assert clock.slept.count(4.25) == 3
    assert len(set(told(bob))) == len(told(bob))


async def test_one_chat_that_cannot_be_read_holds_up_no_other(alice: Client, bob: Client, relay: Relay) -> None:
    first = await choir(alice, bob)
    await alice.send("bob", "in the open", open_chat=True)
    await alice.send("#Choir", "hello", open_chat=True)  # it stands first in the list
    relay.refusals[f"GET open-chats/{first}/messages"].append(REFUSAL)
    assert await texts(bob, 1) == ["in the open"]
    assert relay.refusals[f"GET open-chats/{first}/messages"] == []
    await alice.rename_group(first, "Band")
    await alice.create_group("Other", ["bob"], open_chat=True)
    relay.refusals[f"GET open-chats/{first}"].append(REFUSAL)
    await bob.sync()
    assert {one.title for one in await bob.groups()} == {"Choir", "Other"}
    assert "Not today." in str(told(bob))
    await bob.sync()
    assert {one.title for one in await bob.groups()} == {"Band", "Other"}


@pytest.mark.parametrize("answer", [problem(503, "unavailable"), REFUSAL])
async def test_an_edit_is_told_of_though_something_else_could_not_be_read(
    answer: Answer, alice: Client, bob: Client, relay: Relay
) -> None:
    chat = await choir(alice, bob)
    await alice.send("#Choir", "helo", open_chat=True)
    await alice.send("bob", "in the open", open_chat=True)
    assert sorted(await texts(bob, 2)) == ["helo", "in the open"]
    listening = asyncio.create_task(shown(bob, 2))
    await asyncio.to_thread(relay.wait_for, lambda: relay.device_of("bob") in relay.sockets)
    relay.refusals[f"GET open-chats/{chat}/messages"].append(answer)
    number = relay.open_chats.of[chat].messages[0]["position"]
    await alice.edit_line("#Choir", str(number), "hello", open_chat=True)
    await alice.send("bob", "and more", open_chat=True)
    events = await listening
    assert sorted(one.text for one in events) == ["and more", "hello"]
    assert [one.kind for one in events if isinstance(one, Change)] == ["edited"]
    assert relay.refusals[f"GET open-chats/{chat}/messages"] == []


@pytest.mark.parametrize("answer", [problem(503, "unavailable"), REFUSAL, NONSENSE])
async def test_encrypted_chats_go_on_without_open_ones(
    answer: Answer, alice: Client, bob: Client, relay: Relay
) -> None:
    chat = await choir(alice, bob)
    await befriend(alice, bob)
    relay.refusals[f"POST open-chats/{chat}/messages"] += [problem(503, "unavailable")] * 2
    assert (await alice.send("#Choir", "hello", open_chat=True)).state == "queued"
    relay.refusals["GET open-chats"].append(answer)
    await bob.send("alice", "for your eyes")
    await alice.sync()
    assert [one.text for one in await alice.history("bob", limit=1)] == ["for your eyes"]
    assert told(alice)
    await alice.sync()
    await alice.sync()
    assert [one["body"] for one in relay.open_chats.of[chat].messages] == ["hello"]


async def test_what_is_answered_with_nonsense_is_given_up(alice: Client, bob: Client, relay: Relay) -> None:
    await befriend(alice, bob)
    relay.refusals["POST open-chats"].append((200, {"id": "nonsense"}))
    with pytest.raises(Defect):
        await alice.send("bob", "in the open", open_chat=True)
    assert await alice.waiting() == 0
    relay.refusals["POST open-chats"].append((200, {"id": "nonsense"}))
    async with alice.connected() as failure:
        await alice.write_down("bob", "in the open again", open_chat=True)
        await asyncio.to_thread(relay.wait_for, lambda: not relay.refusals["POST open-chats"])
        await alice.write_down("bob", "for your eyes")
        assert await texts(bob, 1) == ["for your eyes"]
        assert not failure.done()
    assert await alice.waiting() == 0
