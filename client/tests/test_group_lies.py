"""What a server could do to a group chat: nothing is sent to what its members have not signed, and why is said."""

from __future__ import annotations

import copy

import pytest
from group_parties import Friends, account, account_id, lines, notices, refuses, roster, settle, written_by
from relay import Relay, b64, decode

from messenger_client import Client
from messenger_client.errors import Refused
from messenger_client.protocol.group_args import Add, SetMeta


async def test_a_member_that_nobody_let_in_is_not_written_to(friends: Friends, mallory: Client, relay: Relay) -> None:
    alice, _, _ = friends
    relay.groups.only.ghosts.append(account(relay, "mallory"))
    await refuses(alice, relay, "counts mallory among the members of “Friends”, and nobody has let them in")
    assert "mallory" not in await roster(alice)
    # Nor does mallory take part in what the server would show her.
    await mallory.sync()
    assert await mallory.groups() == []
    assert relay.queue[relay.device_of("mallory")] == []


@pytest.mark.usefixtures("mallory")
async def test_an_operation_that_the_rules_forbid_is_not_followed(friends: Friends, relay: Relay) -> None:
    alice, bob, _ = friends
    args = Add(account_id(relay, "mallory"))
    relay.groups.only.operations.append(await written_by(bob, relay, args))
    await alice.sync()
    await refuses(alice, relay, "rules do not allow")
    assert "rules do not allow" in (await notices(alice))[-1]
    assert "mallory" not in await roster(alice)


async def test_an_operation_that_nobody_has_signed_is_not_followed(friends: Friends, relay: Relay) -> None:
    alice, bob, _ = friends
    await alice.change_group("Friends", colour=1)
    one = relay.groups.only.operations[-1]
    true = one["signature"]
    one["signature"] = b64(decode(true)[::-1])
    await bob.sync()
    await refuses(bob, relay, "that nobody has signed")
    assert "alice changed the group chat." not in await notices(bob)
    one["signature"] = true
    await settle(bob)
    assert "alice changed the group chat." in await notices(bob)
    assert await bob.waiting() == 0


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
    await refuses(alice, relay, "not show any more")
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
    _, _, dora = friends
    (group_id,) = relay.groups.of
    other = "00000000-0000-4000-8000-000000000000"
    relay.groups.of[other] = relay.groups.of[group_id]
    await dora.sync()
    found = {one.id: one for one in await dora.groups()}
    assert {name: bool(one.trouble) for name, one in found.items()} == {group_id: False, other: True}
    assert (found[other].role, found[other].members) == (None, ())
    await refuses(dora, relay, "it may be lying", name=f"#{other}")


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
