"""Group chats go on after people have given their identities up: whose operations count still, and for whom."""

from __future__ import annotations

from group_parties import (
    Friends,
    account,
    account_id,
    give_up_the_terminal,
    lines,
    lose_everything,
    make_friends,
    no_list_of,
    notices,
    refuses,
    sees_a_change,
    settle,
    tell,
    written_by,
)
from parties import Open, registered, second_device, told
from relay import Relay, problem

from messenger_client import Client
from messenger_client.protocol.group_args import SetMeta
from messenger_client.store import groups

NO_LIST = no_list_of("alice")


async def test_a_group_chat_goes_on_after_its_owner_has_taken_a_new_identity(
    friends: Friends, relay: Relay, open_client: Open
) -> None:
    alice, bob, dora = friends
    await alice.rename_group("Friends", "Old friends")
    await settle(bob)
    laptop = await give_up_the_terminal(alice, open_client)
    await laptop.rename_group("Old friends", "New friends")
    # What is signed under an identity that nobody has seen yet waits.
    await bob.sync()
    assert await bob.groups() != []
    await refuses(bob, relay, NO_LIST, name="#Old friends")
    assert "`messenger verify alice` comes first" in (await notices(bob, "#Old friends"))[-1]
    for one in (bob, dora):
        await one.sync()
        await one.acknowledge("alice")
        assert [group.title for group in await one.groups() if not group.trouble] == ["New friends"]
    await settle(bob, laptop)
    assert await lines(laptop, "#New friends") == ["for friends only"]
    # Who comes by a link knows the new identity alone.
    erin = await registered(open_client, "erin")
    assert (await erin.join_group(await laptop.open_group_link("New friends"))).standing == "member"


async def test_what_was_signed_before_a_change_is_taken_before_the_change_is_acknowledged(
    friends: Friends, relay: Relay, open_client: Open
) -> None:
    alice, bob, _ = friends
    laptop = await second_device(open_client, alice, "laptop", managing=True)
    await settle(laptop, alice)
    await alice.rename_group("Friends", "Old friends")
    await laptop.remove_device("Terminal", new_identity=True)
    await laptop.sync()
    await laptop.rename_group("Old friends", "New friends")
    assert (await bob._directory.refresh(account_id(relay, "alice"))).changed_lists
    await bob.acknowledge("alice")
    assert [(group.title, group.trouble) for group in await bob.groups()] == [("New friends", "")]
    assert "alice changed the title to “Old friends”." in await notices(bob, "#New friends")


async def test_one_group_chat_that_cannot_be_followed_then_keeps_no_other_from_it(
    friends: Friends, relay: Relay, open_client: Open
) -> None:
    alice, bob, _ = friends
    (first,) = relay.groups.of
    await alice.create_group("Others", ["bob"])
    await bob.sync()
    laptop = await second_device(open_client, alice, "laptop", managing=True)
    await settle(laptop, alice)
    for title in ("Friends", "Others"):
        await alice.rename_group(title, f"{title} of old")
    await laptop.remove_device("Terminal", new_identity=True)
    assert (await bob._directory.refresh(account_id(relay, "alice"))).changed_lists
    relay.refusals[f"GET groups/{first}/operations"] += [problem(403, "forbidden")] * 9
    await bob.acknowledge("alice")
    assert len(relay.refusals[f"GET groups/{first}/operations"]) < 9
    relay.refusals.clear()
    assert ("Others of old", "") in [(group.title, group.trouble) for group in await bob.groups()]


async def test_a_device_that_is_linked_later_follows_what_was_signed_under_given_up_identities(
    friends: Friends, open_client: Open
) -> None:
    alice, bob, dora = friends
    await alice.rename_group("Friends", "Old friends")
    laptop = await give_up_the_terminal(alice, open_client)
    await laptop.rename_group("Old friends", "New friends")
    for one in (bob, dora):
        await sees_a_change(one, "alice", "#Old friends")
        await one.acknowledge("alice")
        await one.sync()
    tablet = await second_device(open_client, bob, "tablet")
    await settle(bob, tablet)
    [group] = await tablet.groups()
    assert (group.title, group.trouble, len(group.members)) == ("New friends", "", 3)
    await tablet.send("#New friends", "from the tablet")
    await settle(dora, laptop)
    assert "from the tablet" in await lines(dora, "#New friends")
    assert "from the tablet" in await lines(laptop, "#New friends")


async def test_what_a_device_signed_counts_that_is_listed_still(
    friends: Friends, relay: Relay, open_client: Open
) -> None:
    alice, bob, _ = friends
    laptop = await second_device(open_client, alice, "laptop", managing=True)
    await settle(laptop, alice, bob)
    relay.groups.only.withheld[account(relay, "bob")] = len(relay.groups.only.operations)
    await laptop.rename_group("Friends", "New friends")
    await laptop.remove_device("Terminal", new_identity=True)
    await sees_a_change(bob, "alice")
    await bob.acknowledge("alice")
    del relay.groups.only.withheld[account(relay, "bob")]
    await settle(bob, laptop)
    assert [(group.title, group.trouble) for group in await bob.groups()] == [("New friends", "")]
    assert await lines(laptop, "#New friends") == ["who are you"]


async def test_an_own_device_answers_for_what_it_has_signed(friends: Friends, relay: Relay, open_client: Open) -> None:
    alice, bob, _ = friends
    await alice.set_group_role("Friends", "bob", "admin")
    tablet = await second_device(open_client, bob, "tablet")
    await settle(bob, tablet)
    await alice.rename_group("Friends", "Old friends")
    await tablet.sync()
    await give_up_the_terminal(alice, open_client)
    await sees_a_change(tablet, "alice", "#Old friends")
    await tablet.acknowledge("alice")
    await tablet.open_group_link("Old friends")
    # The other one was away, and knows the new identity alone by now.
    await bob._directory.refresh(account_id(relay, "alice"))
    await bob._directory.acknowledge(account_id(relay, "alice"))
    relay.queue[relay.device_of("bob")].clear()  # no sender key says it
    await bob.sync()
    assert [(group.title, group.trouble) for group in await bob.groups()] == [("Old friends", "")]


async def test_who_lost_every_device_goes_on_once_a_compared_member_has_written(
    alice: Client, bob: Client, dora: Client, relay: Relay, open_client: Open
) -> None:
    await make_friends(alice, bob, dora)
    anew = await lose_everything(open_client, "alice")
    await anew.sync()
    erin = await registered(open_client, "erin")
    await erin._directory.pinned("alice")
    await anew.verify("erin", (await anew.safety_number("erin")).key)
    await tell(erin, relay, "alice", gsh=relay.groups.only.state.hash)  # who is no member of it
    await settle(erin, anew)
    await refuses(anew, relay, NO_LIST, name=f"#{next(iter(relay.groups.of))}")
    await sees_a_change(bob, "alice")
    await bob.acknowledge("alice")
    await bob.sync()
    await anew.sync()
    assert [bool(group.trouble) for group in await anew.groups()] == [True]  # bob's word counts once he was compared
    await anew.safety_number("bob")
    await anew.verify("bob")
    await settle(anew, bob)
    assert [(group.title, group.trouble) for group in await anew.groups()] == [("Friends", "")]
    assert sorted(await lines(anew)) == ["for friends only", "who are you"]


async def test_or_once_an_admin_has_let_them_in_anew(friends: Friends, relay: Relay, open_client: Open) -> None:
    alice, _, _ = friends
    erin = await registered(open_client, "erin")
    await alice.add_to_group("Friends", "erin")
    await alice.set_group_role("Friends", "erin", "admin")
    await erin.sync()
    await erin.open_group_link("Friends")
    await alice.sync()
    anew = await lose_everything(open_client, "erin")
    await anew.sync()
    await refuses(anew, relay, "no list of erin's that counts here", name=f"#{next(iter(relay.groups.of))}")
    await sees_a_change(alice, "erin")
    await alice.acknowledge("erin")
    await alice.remove_from_group("Friends", "erin")
    await alice.add_to_group("Friends", "erin")
    await settle(anew, alice)
    assert [(group.title, group.trouble) for group in await anew.groups()] == [("Friends", "")]
    assert "for friends only" in await lines(alice)


async def test_a_long_chain_is_judged_whole(friends: Friends, relay: Relay, open_client: Open) -> None:
    """Who lets one in may stand on another page than what was before."""
    alice, bob, _ = friends
    await alice.set_group_role("Friends", "bob", "admin")
    await bob.sync()
    await bob.rename_group("Friends", "Bob's")
    anew = await lose_everything(open_client, "bob")
    await anew.sync()
    await sees_a_change(alice, "bob", "#Bob's")
    await alice.acknowledge("bob")
    relay.groups.page = 1
    erin = await registered(open_client, "erin")
    await alice.add_to_group("Bob's", "erin")
    await settle(erin, alice)
    assert [(group.title, group.trouble) for group in await erin.groups()] == [("Bob's", "")]


async def test_operations_without_end_are_not_followed(friends: Friends, relay: Relay) -> None:
    _, bob, _ = friends
    (group,) = relay.groups.of
    endless = (200, {"operations": [], "lists": [], "more": True})
    relay.refusals[f"GET groups/{group}/operations"] += [endless] * 20
    meta = SetMeta(relay.groups.only.state.meta, members_may_add=True)
    relay.groups.only.operations.append(await written_by(friends[0], relay, meta))
    await bob.sync()
    await refuses(bob, relay, "operations of “Friends” without end")
    assert len(relay.refusals[f"GET groups/{group}/operations"]) > 10


async def test_what_was_done_is_done_though_somebodys_identity_has_changed(
    friends: Friends, relay: Relay, open_client: Open
) -> None:
    alice, bob, dora = friends
    erin = await registered(open_client, "erin")
    await bob.reset_identity()
    await sees_a_change(alice, "bob")
    await alice.add_to_group("Friends", "erin")
    await alice.remove_from_group("Friends", "erin")
    waits = [one for one in told(alice) if "with the next message. bob's identity has changed" in one]
    assert len(waits) == 2
    # Nor does a new group key, or a device that is linked, end in an error.
    await dora.leave_group("Friends")
    await alice.sync()
    assert [one.rekey_due for one in await alice._context.write(groups.known)] == [False]
    await second_device(open_client, alice, "laptop")
    await alice.acknowledge("bob")
    await settle(alice, bob, erin)
    assert await lines(bob) == ["who are you"]
    assert (await bob.group("Friends")).title == "Friends"
