"""What a server could do to a group chat: nothing is sent to what its members have not signed, and why is said."""

from __future__ import annotations

import copy

import pytest
from group_parties import (
    Friends,
    account,
    account_id,
    lines,
    make_friends,
    notices,
    refuses,
    registered,
    roster,
    settle,
    written_by,
)
from parties import Open
from relay import Relay

from messenger_client import Client
from messenger_client.errors import Refused
from messenger_client.protocol.group_args import Add, SetMeta


@pytest.fixture
async def dora(open_client: Open) -> Client:
    return await registered(open_client, "dora")


@pytest.fixture
async def mallory(open_client: Open) -> Client:
    """Whom the server would like to have in it."""
    return await registered(open_client, "mallory")


@pytest.fixture
async def friends(alice: Client, bob: Client, dora: Client) -> Friends:
    return await make_friends(alice, bob, dora)


async def test_a_member_that_nobody_let_in_is_not_written_to(friends: Friends, mallory: Client, relay: Relay) -> None:
    alice, _, _ = friends
    relay.groups.only.ghosts.append(account(relay, "mallory"))
    await refuses(alice, relay, "counts mallory among the members of “Friends”, and nobody has let them in")
    assert "mallory" not in await roster(alice)
    # Nor does mallory see more than what the server could show to anybody.
    await mallory.sync()
    assert all(one.role is None for one in await mallory.groups())


async def test_an_operation_that_the_rules_forbid_is_not_followed(
    friends: Friends, mallory: Client, relay: Relay
) -> None:
    alice, bob, _ = friends
    args = Add(account_id(relay, "mallory"))
    relay.groups.only.operations.append(await written_by(bob, relay, args))
    await alice.sync()
    await refuses(alice, relay, "rules do not allow")
    assert "rules do not allow" in (await notices(alice))[-1]
    assert mallory


async def test_an_operation_that_nobody_has_signed_is_not_followed(friends: Friends, relay: Relay) -> None:
    alice, bob, _ = friends
    await alice.change_group("Friends", colour=1)
    one = relay.groups.only.operations[-1]
    one["signature"] = one["signature"][::-1].replace("=", "A")
    await bob.sync()
    await refuses(bob, relay, "nobody has signed|out of their order|rules do not allow")


async def test_an_old_operation_again_is_not_followed(friends: Friends, relay: Relay) -> None:
    alice, bob, _ = friends
    for number in range(2):
        await alice.change_group("Friends", colour=number)
    await bob.sync()
    relay.groups.only.operations.append(relay.groups.only.operations[1])
    await bob.sync()
    await refuses(bob, relay, "out of their order, or an old one again")
    # Once the server has taken it back, it goes on.
    relay.groups.only.operations.pop()
    await settle(bob)
    assert await bob.waiting() == 0
    await settle(alice)
    assert await lines(alice) == ["for friends only"]


async def test_a_fork_is_not_followed(friends: Friends, relay: Relay) -> None:
    alice, bob, _ = friends
    other = copy.deepcopy(relay.groups.only.operations)
    await alice.change_group("Friends", colour=1)
    await bob.sync()
    relay.groups.only.operations = other
    await alice.sync()
    await refuses(alice, relay, "not show any more|another course")
    meta = SetMeta(relay.groups.only.state.meta, members_may_add=True)
    relay.groups.only.operations = [*other, await written_by(alice, relay, meta)]
    await bob.sync()
    await refuses(bob, relay, "another course")


async def test_a_removal_that_is_withheld_shows_by_what_others_say(friends: Friends, relay: Relay) -> None:
    alice, bob, dora = friends
    relay.groups.only.withheld[account(relay, "dora")] = len(relay.groups.only.operations)
    await alice.remove_from_group("Friends", "bob")
    await alice.send("#Friends", "without bob")
    await dora.sync()
    assert await lines(dora) == []
    await refuses(dora, relay, "withholding one, such as a removal")
    del relay.groups.only.withheld[account(relay, "dora")]
    await settle(dora, alice)
    assert sorted(await lines(dora)) == ["for friends only", "without bob"]
    await bob.sync()
    assert await lines(bob) == []


async def test_a_group_chat_is_not_moved_under_another_id(friends: Friends, relay: Relay) -> None:
    alice, _, dora = friends
    (group_id,) = relay.groups.of
    relay.groups.of["00000000-0000-4000-8000-000000000000"] = relay.groups.of[group_id]
    await dora.sync()
    assert [one.id for one in await dora.groups() if not one.trouble] == [group_id]
    assert alice


async def test_the_head_alone_moves_nothing(friends: Friends, relay: Relay) -> None:
    """A refusal that names a newer head, and no operation that leads to it."""
    alice, _, _ = friends
    (group_id,) = relay.groups.of
    relay.refusals[f"POST groups/{group_id}/messages"] += [
        (409, {"type": "", "title": "", "status": 409, "code": "group_changed", "index": 9, "hash": "A" * 43})
    ] * 9
    with pytest.raises(Refused):
        await alice.send("#Friends", "for friends only")
    [group] = await alice.groups()
    assert group.trouble == ""
    relay.refusals.clear()
    assert (await alice.send("#Friends", "once more")).state == "accepted"
