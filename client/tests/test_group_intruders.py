"""Group chats, and whom nobody let in: made-up and given-up identities, stolen devices, and what answers for nothing.

docs/protocol.md, 76: nobody, the server included, slips a member into a group chat.
"""

from __future__ import annotations

import secrets
from uuid import UUID

import pytest
from group_parties import (
    Friends,
    account_id,
    give_up_the_terminal,
    lines,
    make_up,
    no_list_of,
    notices,
    refuses,
    roster,
    sees_a_change,
    settle,
    tell,
    written_by,
)
from parties import Open, befriend, registered, second_device
from relay import Answer, Relay, b64
from relay_groups import Group

from messenger_client import Client
from messenger_client.errors import KeysRefused
from messenger_client.protocol.group_args import ADMIN, OWNER, Add, Create, Member, Remove, SetRole
from messenger_client.protocol.group_operation import NO_PREVIOUS, sign_operation
from messenger_client.protocol.ids import ConversationId, GroupId

pytestmark = pytest.mark.usefixtures("mallory")  # the intruder
NO_LIST = no_list_of("alice")


async def test_a_made_up_identity_of_the_owner_lets_nobody_in(friends: Friends, relay: Relay) -> None:
    _, bob, dora = friends
    make_up(relay, "alice").signs(relay, Add(account_id(relay, "mallory")))
    for one in (bob, dora):
        await one.sync()
        await refuses(one, relay, NO_LIST)
        assert "mallory" not in await roster(one)


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


async def test_nor_does_a_member_who_was_compared_where_the_chain_is_known(friends: Friends, relay: Relay) -> None:
    alice, _, dora = friends
    await alice.verify("dora", (await alice.safety_number("dora")).key)
    await alice.set_group_role("Friends", "bob", "admin")
    make_up(relay, "bob").signs(relay, Add(account_id(relay, "mallory")))
    await tell(dora, relay, "alice", gsh=relay.groups.only.state.hash)
    await settle(dora, alice)
    await refuses(alice, relay, "no list of bob's that counts here")
    assert "mallory" not in await roster(alice)


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
