"""Group chats: made, changed and followed by people at one relay."""

from __future__ import annotations

import asyncio

import pytest
from group_parties import Friends, lines, notices, roster, settle
from parties import Open, nothing_more, registered, second_device, shown
from relay import Relay

from messenger_client import Client, Message
from messenger_client.errors import Refused, UnknownPerson, Unreachable, WrongUse
from messenger_client.store import groups


async def test_everybody_reads_what_each_writes(friends: Friends) -> None:
    alice, bob, dora = friends
    sent = await alice.send("#Friends", "hello all")
    assert sent.state == "accepted"
    await bob.send("#friends", "hello yourself")
    await settle(*friends)
    for one in friends:
        assert sorted(await lines(one)) == ["hello all", "hello yourself"]
    [message] = [event for event in await shown(dora, 2) if event.sender == "alice"]
    group = await dora.group("Friends")
    assert isinstance(message, Message)
    assert (message.group, message.title, message.chat) == (group.id, "Friends", group.id)
    assert await roster(dora) == {"alice": "owner", "bob": "member", "dora": "member"}
    assert await nothing_more(dora)
    assert await notices(bob) == ["alice created the group chat."]
    [chat] = await bob.chats()
    assert (chat.other, chat.group) == ("Friends", group.id)


async def test_who_is_added_reads_what_follows_and_nothing_before(friends: Friends, open_client: Open) -> None:
    alice, bob, _ = friends
    await alice.send("#Friends", "before")
    erin = await registered(open_client, "erin")
    await alice.add_to_group("Friends", "erin")
    await settle(*friends, erin)
    await alice.send("#Friends", "after")
    await bob.send("#Friends", "from bob")
    await settle(*friends, erin)
    assert sorted(await lines(erin)) == ["after", "from bob"]
    assert await notices(erin) == ["alice added you."]
    assert "alice added erin." in await notices(bob)
    assert (await erin.group("Friends")).title == "Friends"


async def test_who_is_removed_reads_nothing_that_follows(friends: Friends, relay: Relay) -> None:
    alice, bob, dora = friends
    await alice.send("#Friends", "with bob")
    await settle(*friends)
    await alice.remove_from_group("Friends", "bob")
    await alice.send("#Friends", "without bob")
    await dora.send("#Friends", "me neither")
    await settle(alice, dora, bob)
    assert sorted(await lines(dora)) == ["me neither", "with bob", "without bob"]
    assert await lines(bob) == ["with bob"]
    assert "You are no longer in “Friends”" in (await notices(bob))[-1]
    assert relay.queue[relay.device_of("bob")] == []
    with pytest.raises(Refused, match="no longer in"):
        await bob.send("#Friends", "let me in")
    [known] = await bob.groups()
    assert (known.standing, known.role) == ("gone", None)
    assert (await dora.group("Friends")).title == "Friends"  # under the new group key


async def test_only_those_who_may_change_it(friends: Friends) -> None:
    alice, bob, dora = friends
    with pytest.raises(Refused, match="admin or an owner"):
        await bob.remove_from_group("Friends", "dora")
    with pytest.raises(Refused, match="admin or an owner"):
        await bob.rename_group("Friends", "Bob's")
    await alice.set_group_role("Friends", "bob", "admin")
    await settle(bob)
    await bob.rename_group("Friends", "Old friends")
    await settle(*friends)
    for one in friends:
        assert [group.title for group in await one.groups()] == ["Old friends"]
    assert "bob changed the title to “Old friends”." in await notices(dora, "#Old friends")
    assert "alice made you an admin." in await notices(bob, "#Old friends")
    with pytest.raises(Refused, match="Only an owner"):
        await bob.remove_from_group("Old friends", "alice")
    with pytest.raises(Refused, match="make somebody else an owner"):
        await alice.leave_group("Old friends")


async def test_after_somebody_has_left_an_admins_device_makes_a_new_group_key(friends: Friends) -> None:
    alice, bob, dora = friends
    await bob.leave_group("Friends")
    with pytest.raises(Refused, match="no longer in"):
        await bob.send("#Friends", "and another thing")
    before = (await alice._context.write(groups.known))[0].key
    await alice.sync()
    [after] = await alice._context.write(groups.known)
    assert after.key != before
    assert not after.rekey_due
    await alice.send("#Friends", "without bob")
    await settle(dora, bob)
    assert await lines(dora) == ["without bob"]
    assert await lines(bob) == []
    [known] = await dora._context.write(groups.known)
    assert (known.key, known.title) == (after.key, "Friends")


async def test_an_operation_that_lost_the_race_is_signed_anew(friends: Friends, relay: Relay) -> None:
    alice, bob, dora = friends
    await alice.set_group_role("Friends", "bob", "admin")
    await settle(bob)
    await asyncio.gather(alice.rename_group("Friends", "One"), bob.open_group_link("Friends"))
    await settle(alice, bob)
    assert [(one.title, one.links) for one in [await alice.group("One"), await bob.group("One")]] == [("One", 1)] * 2
    # One that makes no sense any more is not tried again.
    count = len(relay.groups.only.operations)
    await asyncio.gather(*(one.remove_from_group("One", "dora") for one in (alice, bob)))
    assert len(relay.groups.only.operations) == count + 1
    await settle(alice, bob)
    assert await roster(alice, "#One") == await roster(bob, "#One") == {"alice": "owner", "bob": "admin"}
    await dora.sync()
    assert [one.standing for one in await dora.groups()] == ["gone"]


async def test_a_link_lets_in_at_once_or_after_approval(friends: Friends, open_client: Open) -> None:
    alice, bob, _ = friends
    erin, frank = await registered(open_client, "erin"), await registered(open_client, "frank")
    link = await alice.open_group_link("Friends", uses=1)
    joined = await erin.join_group(link)
    assert (joined.standing, joined.role) == ("member", "member")
    with pytest.raises(Refused, match="leads nowhere"):
        await frank.join_group(link)
    asking = await alice.open_group_link("Friends", approval=True)
    assert (await frank.join_group(asking.rsplit("/", 1)[1])).standing == "pending"
    with pytest.raises(Refused, match="not been let in"):
        await frank.send("#" + (await frank.groups())[0].id, "hello?")
    await alice.sync()
    assert (await alice.group("Friends")).waiting == ("frank",)
    await alice.approve_in_group("Friends", "frank")
    await settle(erin, frank)
    await alice.send("#Friends", "welcome both")
    await settle(erin, frank, bob)
    assert await lines(erin) == await lines(frank) == ["welcome both"]
    assert {"erin joined by a link.", "frank asks to be let in.", "alice let frank in."} <= set(await notices(bob))
    assert await alice.close_group_links("Friends") == 2
    with pytest.raises(WrongUse):
        await frank.join_group("https://chat.example/#join/nothing")


async def test_a_group_chat_of_a_strangers_is_a_request(alice: Client, bob: Client, dora: Client, relay: Relay) -> None:
    await alice.create_group("Strangers", ["bob", "dora"])
    told = relay.times("POST", "device-messages")
    await settle(bob)
    assert [one.is_request for one in await bob.groups()] == [True]
    assert relay.times("POST", "device-messages") == told  # nothing of bob's leaves before he has answered
    await bob.leave_group("Strangers")
    await settle(alice, dora)
    assert await roster(alice, "#Strangers") == {"alice": "owner", "dora": "member"}


async def test_ones_other_devices_are_in_it_by_themselves(friends: Friends, open_client: Open) -> None:
    alice, bob, _ = friends
    laptop = await second_device(open_client, alice, "laptop")
    await laptop.sync()
    assert [one.title for one in await laptop.groups()] == ["Friends"]
    await laptop.send("#Friends", "from the laptop")
    await bob.send("#Friends", "for both")
    await settle(alice, bob, laptop)
    for one in (alice, bob, laptop):
        assert sorted(await lines(one)) == ["for both", "from the laptop"]
    [mine] = [event for event in await alice.history("#Friends") if event.text == "from the laptop"]
    assert isinstance(mine, Message)
    assert mine.outgoing


async def test_while_people_listen_it_comes_by_itself(friends: Friends, relay: Relay) -> None:
    alice, bob, dora = friends
    async with bob.connected(), dora.connected():
        listening = asyncio.create_task(shown(dora, 2, seconds=20))
        devices = {relay.device_of(name) for name in ("bob", "dora")}
        await asyncio.to_thread(relay.wait_for, lambda: devices <= relay.sockets.keys())
        await alice.rename_group("Friends", "Loud")
        await bob.send("#" + (await bob.groups())[0].id, "over the socket")
        assert sorted(event.text for event in await listening) == [
            "alice changed the title to “Loud”.", "over the socket"
        ]  # fmt: skip


async def test_who_comes_back_misses_what_was_said_meanwhile_and_nothing_else(friends: Friends) -> None:
    alice, bob, _ = friends
    await alice.send("#Friends", "before")
    await settle(*friends)
    await alice.remove_from_group("Friends", "bob")
    await alice.send("#Friends", "meanwhile")
    await settle(bob)
    await alice.add_to_group("Friends", "bob")
    await alice.send("#Friends", "after")
    await settle(bob)
    assert await lines(bob) == ["before", "after"]
    await bob.send("#Friends", "back again")
    await settle(alice)
    assert (await lines(alice))[-1] == "back again"


async def test_who_does_not_exist_is_not_added(friends: Friends) -> None:
    alice, _, _ = friends
    with pytest.raises(UnknownPerson):
        await alice.add_to_group("Friends", "nobody")
    with pytest.raises(WrongUse, match="no group chat called"):
        await alice.send("#Nothing", "hello?")


async def test_a_lost_answer_loses_no_group_chat(alice: Client, bob: Client, relay: Relay) -> None:
    relay.faults["POST groups"].append(lambda answer: None)
    with pytest.raises(Unreachable):
        await alice.create_group("Lost", ["bob"])
    assert await alice.groups() == []
    await alice.sync()
    assert [one.title for one in await alice.groups()] == ["Lost"]
    await alice.send("#Lost", "and found")
    await bob.sync()
    assert await lines(bob, "#Lost") == ["and found"]


async def test_who_was_removed_while_away_is_told_when_they_listen(friends: Friends) -> None:
    alice, bob, _ = friends
    await alice.remove_from_group("Friends", "bob")
    [line] = await shown(bob, 1)
    assert "no longer in" in line.text


async def test_who_was_removed_once_and_leaves_later_has_left(friends: Friends) -> None:
    alice, bob, _ = friends
    await alice.remove_from_group("Friends", "bob")
    await bob.sync()
    await alice.add_to_group("Friends", "bob")
    await bob.sync()
    assert (await bob.leave_group("Friends")).standing == "left"
    await bob.sync()
    assert [one.standing for one in await bob.groups()] == ["left"]
