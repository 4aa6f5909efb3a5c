"""Group chats and made-up identities: who answers for what does not count by itself, and who does not.

docs/protocol.md, 76: nobody answers who may do so by nothing but what is to be answered for.
"""

from __future__ import annotations

import secrets

import pytest
from group_parties import (
    Friends,
    account,
    account_id,
    as_json,
    lose_everything,
    make_up,
    no_list_of,
    refuses,
    roster,
    settle,
    signed_by,
    tell,
    written_by,
)
from parties import Open, registered, second_device
from relay import Relay
from relay_keys import Json

from messenger_client import Client
from messenger_client.client.context import require_me
from messenger_client.errors import KeysRefused
from messenger_client.protocol import keys
from messenger_client.protocol.device_list import listed, sign_list
from messenger_client.protocol.group_args import ADMIN, MEMBER, Add, Remove, SetRole
from messenger_client.protocol.ids import DeviceId
from messenger_client.protocol.primitives import SigningKey
from messenger_client.store import peers

NO_LIST = no_list_of("dora")


@pytest.fixture(autouse=True)
async def ghost(open_client: Open) -> Client:
    return await registered(open_client, "ghost")


@pytest.fixture
async def friends(friends: Friends) -> Friends:
    """Where dora is an owner, too."""
    alice, bob, _ = friends
    await alice.set_group_role("Friends", "dora", "owner")
    await settle(bob)
    return friends


def show(relay: Relay, *operations: Json) -> None:
    relay.groups.only.operations.extend(operations)


async def remove(author: Client, relay: Relay, name: str) -> Json:
    return await written_by(author, relay, Remove(account_id(relay, name), relay.groups.only.state.meta))


def made_up_dora(relay: Relay, *, removes: str = "") -> None:
    """The server lets somebody in as dora, makes mallory an admin, and perhaps removes somebody."""
    dora = make_up(relay, "dora")
    dora.signs(relay, Add(account_id(relay, "ghost")))
    if relay.groups.only.state.role(account_id(relay, "mallory")) is None:
        dora.signs(relay, Add(account_id(relay, "mallory")))
    dora.signs(relay, SetRole(account_id(relay, "mallory"), ADMIN))
    if removes:
        dora.signs(relay, Remove(account_id(relay, removes), relay.groups.only.state.meta))


async def has_no_ghost(client: Client, why: str = NO_LIST) -> None:
    """Now, and where the server shows less, or the same again."""
    await client.sync()
    [found] = await client.groups()
    assert why in found.trouble
    assert "ghost" not in {one.username for one in found.members}


async def test_what_breaks_the_rules_answers_for_nothing_before_it(
    friends: Friends, mallory: Client, relay: Relay
) -> None:
    alice, bob, _ = friends
    await alice.add_to_group("Friends", "mallory")
    await alice.set_group_role("Friends", "mallory", "admin")
    await settle(bob)
    show(relay, await remove(alice, relay, "mallory"))
    make_up(relay, "dora").signs(relay, Add(account_id(relay, "ghost")))
    show(relay, await written_by(mallory, relay, Add(account_id(relay, "bob"))))
    await bob.sync()
    await refuses(bob, relay, NO_LIST)
    assert await roster(bob) == {"alice": "owner", "bob": "member", "dora": "owner"}
    relay.groups.only.operations.pop()
    await has_no_ghost(bob)


async def test_nor_does_it_for_a_device_that_knows_nothing_else(
    alice: Client, bob: Client, dora: Client, mallory: Client, relay: Relay
) -> None:
    await alice.create_group("Friends", ["bob", "dora"])
    await alice.set_group_role("Friends", "dora", "owner")
    make_up(relay, "dora").signs(relay, Add(account_id(relay, "ghost")))
    show(relay, await written_by(mallory, relay, Add(account_id(relay, "bob"))))
    await has_no_ghost(bob)
    relay.groups.only.operations.pop()
    await has_no_ghost(bob)


async def test_who_is_no_admin_any_more_lets_nobody_in_over_a_ghost(
    friends: Friends, mallory: Client, relay: Relay
) -> None:
    alice, bob, _ = friends
    await alice.add_to_group("Friends", "mallory")
    await alice.set_group_role("Friends", "mallory", "admin")
    await settle(bob)
    show(relay, await remove(alice, relay, "mallory"))
    made_up_dora(relay, removes="bob")
    show(relay, await written_by(mallory, relay, Add(account_id(relay, "bob"))))
    await bob.sync()
    await refuses(bob, relay, NO_LIST)
    assert await roster(bob) == {"alice": "owner", "bob": "member", "dora": "owner"}


async def test_nor_does_somebody_from_outside_where_a_device_knows_nothing_else(
    alice: Client, bob: Client, dora: Client, mallory: Client, relay: Relay
) -> None:
    await alice.create_group("Friends", ["bob", "dora"])
    await alice.set_group_role("Friends", "dora", "owner")
    made_up_dora(relay, removes="bob")
    show(relay, await written_by(mallory, relay, Add(account_id(relay, "bob"))))
    await has_no_ghost(bob)


async def test_nor_somebody_whom_a_made_up_identity_has_let_in(
    friends: Friends, mallory: Client, relay: Relay, open_client: Open
) -> None:
    erin = await registered(open_client, "erin")
    made_up_dora(relay)
    show(relay, await written_by(mallory, relay, Add(account_id(relay, "erin"))))
    await has_no_ghost(erin)
    del friends


async def test_who_is_let_in_again_believes_the_first_who_does_it(
    friends: Friends, mallory: Client, relay: Relay, open_client: Open
) -> None:
    """What was before that one cannot have judged oneself; what comes after, one can."""
    alice, bob, dora = friends
    await alice.add_to_group("Friends", "mallory")
    await alice.remove_from_group("Friends", "bob")
    await settle(bob)
    await dora.sync()
    await dora.rename_group("Friends", "Dora's")
    await lose_everything(open_client, "dora")
    await alice.sync()
    await alice._directory.refresh(account_id(relay, "dora"))
    await alice.acknowledge("dora")
    await bob._directory.refresh(account_id(relay, "dora"))
    await alice.add_to_group("Dora's", "bob")
    made = len(relay.groups.only.operations)
    made_up_dora(relay, removes="bob")
    show(relay, await written_by(mallory, relay, Add(account_id(relay, "bob"))))
    await has_no_ghost(bob)
    del relay.groups.only.operations[made:]
    await settle(bob, alice)
    assert [(one.title, one.trouble) for one in await bob.groups()] == [("Dora's", "")]


async def test_who_was_an_admin_before_what_an_own_device_answers_for_does_not_answer_behind_it(
    friends: Friends, mallory: Client, relay: Relay, open_client: Open
) -> None:
    alice, bob, dora = friends
    await alice.add_to_group("Friends", "mallory")
    for name in ("mallory", "bob"):
        await alice.set_group_role("Friends", name, "admin")
    tablet = await second_device(open_client, bob, "tablet")
    await settle(bob, tablet, dora)
    await dora.rename_group("Friends", "Dora's")
    await alice.sync()
    await alice.remove_from_group("Dora's", "mallory")
    await tablet.sync()
    await tablet.open_group_link("Dora's")
    await lose_everything(open_client, "dora")
    await bob._directory.refresh(account_id(relay, "dora"))
    await bob._directory.acknowledge(account_id(relay, "dora"))
    relay.queue[relay.device_of("bob")].clear()  # no sender key says it
    made_up_dora(relay, removes="bob")
    show(relay, await written_by(mallory, relay, Add(account_id(relay, "bob"))))
    await bob.sync()
    await refuses(bob, relay, NO_LIST)
    assert await roster(bob) == {"alice": "owner", "bob": "admin", "dora": "owner"}


async def dora_goes_on_with_another_identity(friends: Friends, relay: Relay, open_client: Open) -> None:
    """What she has written does not count by itself any more."""
    alice, _, dora = friends
    await dora.sync()
    await dora.rename_group("Friends", "Dora's")
    await alice.sync()
    await lose_everything(open_client, "dora")
    await alice.sync()
    await alice._directory.refresh(account_id(relay, "dora"))
    await alice.acknowledge("dora")


async def test_who_is_removed_behind_what_does_not_count_by_itself_does_not_answer_for_more(
    friends: Friends, mallory: Client, relay: Relay, open_client: Open
) -> None:
    alice, bob, _ = friends
    await alice.add_to_group("Friends", "mallory")
    await alice.set_group_role("Friends", "mallory", "admin")
    await settle(bob)
    await dora_goes_on_with_another_identity(friends, relay, open_client)
    show(relay, await remove(alice, relay, "mallory"))
    await bob._directory.refresh(account_id(relay, "dora"))
    made_up_dora(relay, removes="bob")
    show(relay, await written_by(mallory, relay, Add(account_id(relay, "bob"))))
    await bob.sync()
    await refuses(bob, relay, NO_LIST)
    assert await roster(bob) == {"alice": "owner", "mallory": "admin", "bob": "member", "dora": "owner"}


async def test_nor_who_was_lowered(friends: Friends, mallory: Client, relay: Relay, open_client: Open) -> None:
    alice, bob, _ = friends
    await alice.add_to_group("Friends", "mallory")
    await alice.set_group_role("Friends", "mallory", "admin")
    await settle(bob)
    await dora_goes_on_with_another_identity(friends, relay, open_client)
    show(relay, await written_by(alice, relay, SetRole(account_id(relay, "mallory"), MEMBER)))
    await bob._directory.refresh(account_id(relay, "dora"))
    made_up_dora(relay, removes="bob")
    show(relay, await written_by(mallory, relay, Add(account_id(relay, "bob"))))
    await bob.sync()
    await refuses(bob, relay, NO_LIST)
    assert "ghost" not in await roster(bob)


async def test_a_newcomer_believes_the_first_who_could_have_let_them_in_before(
    friends: Friends, mallory: Client, relay: Relay, open_client: Open
) -> None:
    """Not the very first to do it, who came later than what is to be answered for."""
    alice, _, _ = friends
    erin = await registered(open_client, "erin")
    await dora_goes_on_with_another_identity(friends, relay, open_client)
    await alice.add_to_group("Dora's", "mallory")
    await alice.set_group_role("Dora's", "mallory", "admin")
    show(relay, await written_by(mallory, relay, Add(account_id(relay, "erin"))))
    await alice.sync()
    await alice.remove_from_group("Dora's", "erin")
    await alice.add_to_group("Dora's", "erin")
    await settle(erin, alice)
    assert [(one.title, one.trouble) for one in await erin.groups()] == [("Dora's", "")]


async def test_not_a_member_who_may_let_nobody_in(
    friends: Friends, mallory: Client, relay: Relay, open_client: Open
) -> None:
    alice, _, _ = friends
    await alice.add_to_group("Friends", "mallory")
    erin = await registered(open_client, "erin")
    made_up_dora(relay)
    show(relay, await written_by(mallory, relay, Add(account_id(relay, "erin"))))
    await has_no_ghost(erin)


async def test_but_any_member_where_members_may(friends: Friends, relay: Relay, open_client: Open) -> None:
    alice, bob, _ = friends
    await alice.change_group("Friends", members_may_add=True)
    erin = await registered(open_client, "erin")
    await dora_goes_on_with_another_identity(friends, relay, open_client)
    show(relay, await written_by(bob, relay, Add(account_id(relay, "erin"))))
    await erin.sync()
    [found] = await erin.groups()
    assert found.trouble == ""
    assert "erin" in {one.username for one in found.members}


async def test_somebody_compared_who_was_removed_does_not_answer_for_being_let_in_again(
    friends: Friends, mallory: Client, relay: Relay, open_client: Open
) -> None:
    alice, _, _ = friends
    await alice.add_to_group("Friends", "mallory")
    await alice.remove_from_group("Friends", "mallory")
    erin = await registered(open_client, "erin")
    await mallory._directory.pinned("erin")
    await erin._directory.pinned("mallory")
    await erin.verify("mallory", (await erin.safety_number("mallory")).key)
    show(relay, await written_by(alice, relay, Add(account_id(relay, "erin"))))
    made_up_dora(relay)
    await tell(mallory, relay, "erin", gsh=relay.groups.only.state.hash)
    await mallory.sync()
    await has_no_ghost(erin)


async def test_behind_a_link_nobody_lets_one_in(
    friends: Friends, mallory: Client, relay: Relay, open_client: Open
) -> None:
    alice, _, _ = friends
    await alice.add_to_group("Friends", "mallory")
    await alice.set_group_role("Friends", "mallory", "admin")
    link = await alice.open_group_link("Friends")
    erin = await registered(open_client, "erin")
    make_up(relay, "dora").signs(relay, Add(account_id(relay, "ghost")))
    show(relay, await written_by(mallory, relay, Add(account_id(relay, "erin"))))
    with pytest.raises(KeysRefused, match="you have not joined"):
        await erin.join_group(link)
    assert await erin.groups() == []


async def test_a_list_that_the_account_does_not_have_counts_for_nothing(friends: Friends, relay: Relay) -> None:
    """Under the known account key: who holds it, and the server, have made another list beside the chain."""
    alice, bob, dora = friends
    me = await dora._context.write(require_me)
    newest = await dora._context.write(lambda tx: peers.pin_of(peers.by_account(tx, me.account)))
    assert newest is not None
    stolen = keys.OwnDevice.generate(account_id(relay, "dora"), DeviceId(secrets.token_bytes(16)), newest.account_key)
    beside = sign_list(
        SigningKey.from_seed(me.account_key_seed),
        stolen.account,
        [*newest.newest.devices, listed(stolen, added=1)],
        previous=newest.newest,
        now=1,
    )
    relay.ended[account(relay, "dora")].append(as_json(beside.signed))
    show(relay, signed_by(stolen, beside.hash, relay.groups.only.state, Add(account_id(relay, "ghost"))))
    await bob.sync()
    await refuses(bob, relay, NO_LIST)
    assert "ghost" not in await roster(bob)
    del alice
