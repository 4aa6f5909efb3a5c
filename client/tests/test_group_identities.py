"""Group chats and identities that were given up, or made up: whose operations count, and for whom.

docs/protocol.md, 76: nobody, the server included, slips a member into a group chat.
"""

from __future__ import annotations

import secrets
from uuid import UUID

import pytest
from group_parties import (
    Friends,
    account,
    account_id,
    lines,
    lose_everything,
    make_friends,
    make_up,
    notices,
    refuses,
    roster,
    settle,
    tell,
    written_by,
)
from parties import Open, befriend, registered, second_device, told
from relay import Answer, Relay, b64, problem
from relay_groups import Group

from messenger_client import Client
from messenger_client.errors import IdentityHasChanged, KeysRefused
from messenger_client.protocol.group_args import ADMIN, OWNER, Add, Create, Member, Remove, SetMeta, SetRole
from messenger_client.protocol.group_operation import NO_PREVIOUS, sign_operation
from messenger_client.protocol.ids import ConversationId, GroupId
from messenger_client.store import groups

NO_LIST = "no list of alice's that counts here"


async def give_up_the_terminal(alice: Client, open_client: Open) -> Client:
    """Alice's first device is stolen: her laptop, which holds the account key, too, takes a new identity."""
    laptop = await second_device(open_client, alice, "laptop", managing=True)
    await settle(laptop, alice)
    await laptop.remove_device("Terminal", new_identity=True)
    return laptop


async def sees_a_change(client: Client, of: str, group: str = "#Friends") -> None:
    """What was written waits."""
    await client.sync()
    with pytest.raises((IdentityHasChanged, KeysRefused), match=f"{of}'s identity has changed"):
        await client.send(group, "who are you")


# What does not get in


@pytest.mark.usefixtures("mallory")
async def test_a_made_up_identity_of_the_owner_lets_nobody_in(friends: Friends, relay: Relay) -> None:
    _, bob, dora = friends
    make_up(relay, "alice").signs(relay, Add(account_id(relay, "mallory")))
    for one in (bob, dora):
        await one.sync()
        await refuses(one, relay, NO_LIST)
        assert "mallory" not in await roster(one)


@pytest.mark.usefixtures("mallory")
async def test_nor_does_one_of_an_admin_whom_nobody_here_has_met(
    friends: Friends, relay: Relay, open_client: Open
) -> None:
    alice, bob, _ = friends
    await registered(open_client, "erin")
    await alice.add_to_group("Friends", "erin")
    await alice.set_group_role("Friends", "erin", "admin")
    make_up(relay, "erin").signs(relay, Add(account_id(relay, "mallory")))
    await bob.sync()
    await refuses(bob, relay, "no list of erin's that counts here")
    assert await roster(bob) == {"alice": "owner", "bob": "member", "dora": "member", "erin": "admin"}


@pytest.mark.usefixtures("mallory")
async def test_the_old_key_of_a_device_that_was_stolen_lets_nobody_in(
    friends: Friends, relay: Relay, open_client: Open
) -> None:
    stolen, bob, _ = friends
    laptop = await give_up_the_terminal(stolen, open_client)
    await sees_a_change(bob, "alice")
    await bob.acknowledge("alice")
    await settle(laptop, bob)
    assert await lines(laptop) == ["who are you"]
    ghost = await written_by(stolen, relay, Add(account_id(relay, "mallory")))
    relay.groups.only.operations.append(ghost)
    await bob.sync()
    await refuses(bob, relay, NO_LIST)
    assert "mallory" not in await roster(bob)
    # Once the server has taken it back, it goes on.
    relay.groups.only.operations.remove(ghost)
    await laptop.rename_group("Friends", "Good friends")
    await settle(bob, laptop)
    assert "for friends only" in await lines(laptop, "#Good friends")


@pytest.mark.usefixtures("mallory")
async def test_nobody_founds_a_group_chat_in_somebodys_name(alice: Client, bob: Client, relay: Relay) -> None:
    await befriend(alice, bob)
    made_up, group = make_up(relay, "alice"), GroupId(ConversationId(secrets.token_bytes(16)))
    members = [Member(account_id(relay, name), 0) for name in ("bob", "mallory")]
    args = Create.of([Member(made_up.own.account, OWNER), *members], bytes(400), members_may_add=False)
    founded = sign_operation(made_up.own, made_up.newest.hash, group, 0, NO_PREVIOUS, args, time=1)
    relay.groups.of[str(UUID(bytes=group))] = Group(
        [{"payload": b64(founded.payload), "signature": b64(founded.signature)}]
    )
    await bob.sync()
    [found] = await bob.groups()
    assert (found.members, found.role) == ((), None)
    assert NO_LIST in found.trouble


@pytest.mark.usefixtures("mallory")
async def test_a_member_whom_a_made_up_owner_promotes_lets_nobody_in_over_a_ghost(
    friends: Friends, relay: Relay, open_client: Open
) -> None:
    alice, bob, _ = friends
    erin = await registered(open_client, "erin")
    await alice.add_to_group("Friends", "erin")
    await alice.set_group_role("Friends", "dora", "owner")
    await settle(bob, erin)
    made_up = make_up(relay, "dora")
    made_up.signs(relay, SetRole(account_id(relay, "erin"), ADMIN))
    made_up.signs(relay, Remove(account_id(relay, "bob"), relay.groups.only.state.meta))
    made_up.signs(relay, Add(account_id(relay, "mallory")))
    relay.groups.only.operations.append(await written_by(erin, relay, Add(account_id(relay, "bob"))))
    await bob.sync()
    await refuses(bob, relay, "no list of dora's that counts here")
    assert await roster(bob) == {"alice": "owner", "bob": "member", "dora": "owner", "erin": "member"}
    # Nor is a device believed that has seen nothing else, where another one of its account could tell.
    tablet = await second_device(open_client, bob, "tablet")
    await tablet.sync()
    [found] = await tablet.groups()
    assert "no list of dora's that counts here" in found.trouble
    assert "mallory" not in {one.username for one in found.members}


@pytest.mark.usefixtures("mallory")
async def test_who_has_signed_under_the_key_of_now_does_not_go_back_to_another(
    friends: Friends, relay: Relay, open_client: Open
) -> None:
    """Not even before somebody was let in, by one who should have known better."""
    alice, bob, _ = friends
    await alice.set_group_role("Friends", "bob", "admin")
    await bob.sync()
    await bob.rename_group("Friends", "Bob's")
    erin = await registered(open_client, "erin")
    make_up(relay, "bob").signs(relay, Add(account_id(relay, "mallory")))
    relay.groups.only.operations.append(await written_by(alice, relay, Add(account_id(relay, "erin"))))
    await erin.sync()
    [found] = await erin.groups()
    assert found.role is None
    assert "no list of bob's that counts here" in found.trouble


@pytest.mark.usefixtures("mallory")
async def test_a_device_that_was_taken_off_answers_for_nothing(
    friends: Friends, relay: Relay, open_client: Open
) -> None:
    alice, _, _ = friends
    await alice.set_group_role("Friends", "bob", "admin")
    laptop = await second_device(open_client, alice, "laptop")
    await settle(alice, laptop)
    await alice.remove_device("laptop")
    make_up(relay, "bob").signs(relay, Add(account_id(relay, "mallory")))
    relay.groups.only.operations.append(await written_by(laptop, relay, SetRole(account_id(relay, "bob"), 0)))
    await alice.sync()
    await refuses(alice, relay, "no list of bob's that counts here")
    assert "mallory" not in await roster(alice)


@pytest.mark.usefixtures("mallory")
@pytest.mark.parametrize("what", ["unsigned", "out of place"])
async def test_nobody_answers_by_an_operation_that_is_not_one(friends: Friends, relay: Relay, what: str) -> None:
    alice, _, _ = friends
    await alice.set_group_role("Friends", "bob", "admin")
    if what == "unsigned":
        make_up(relay, "bob").signs(relay, Add(account_id(relay, "mallory")))
        signed = await written_by(alice, relay, SetRole(account_id(relay, "bob"), 0))
        relay.groups.only.operations.append(signed | {"signature": b64(bytes(64))})
    else:
        make_up(relay, "bob").signs(relay, Add(account_id(relay, "mallory")))
        relay.groups.only.operations.append(relay.groups.only.operations[0])
    await alice.sync()
    await refuses(alice, relay, "no list of bob's that counts here")
    assert "mallory" not in await roster(alice)


@pytest.mark.usefixtures("mallory")
async def test_nor_does_a_member_who_was_compared_where_the_chain_is_known(friends: Friends, relay: Relay) -> None:
    alice, _, dora = friends
    await alice.verify("dora", (await alice.safety_number("dora")).key)
    await alice.set_group_role("Friends", "bob", "admin")
    make_up(relay, "bob").signs(relay, Add(account_id(relay, "mallory")))
    await tell(dora, relay, "alice", gsh=relay.groups.only.state.hash)
    await settle(dora, alice)
    await refuses(alice, relay, "no list of bob's that counts here")
    assert "mallory" not in await roster(alice)


@pytest.mark.usefixtures("mallory")
async def test_a_link_answers_for_what_was_before_it_and_for_nothing_behind(
    friends: Friends, relay: Relay, open_client: Open
) -> None:
    alice, _, _ = friends
    link = await alice.open_group_link("Friends")
    make_up(relay, "alice").signs(relay, Add(account_id(relay, "mallory")))
    erin = await registered(open_client, "erin")
    with pytest.raises(KeysRefused, match="you have not joined"):
        await erin.join_group(link)
    assert len(relay.groups.only.operations) == 3
    assert await erin.groups() == []
    relay.groups.only.operations.pop()
    assert (await erin.join_group(link)).standing == "member"


async def test_who_joins_by_a_link_follows_the_chain_that_was_looked_at_and_no_other(
    friends: Friends, relay: Relay, open_client: Open
) -> None:
    alice, _, _ = friends
    link = await alice.open_group_link("Friends")
    erin = await registered(open_client, "erin")
    # An owner and the server: another course, which begins with the link, too.
    other = [*relay.groups.only.operations, await written_by(alice, relay, Add(account_id(relay, "erin")))]
    (group,) = relay.groups.of

    def swap(answer: Answer) -> Answer:
        relay.groups.only.operations[:] = other
        return answer

    relay.faults[f"POST groups/{group}/operations"].append(swap)
    await erin.join_group(link)
    await refuses(erin, relay, "another course", name=f"#{group}")
    [found] = await erin.groups()
    assert await notices(erin, f"#{group}") == ["You joined by a link.", found.trouble]


# What goes on


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
