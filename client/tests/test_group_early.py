"""What comes of a group chat before that which it needs: kept for a while, and only so much of it."""

from __future__ import annotations

import secrets

import pytest
from group_parties import Friends, account_id, lines, make_friends, registered, settle, tell
from parties import Open
from relay import Relay

from messenger_client import Client
from messenger_client.store import groups


@pytest.fixture
async def friends(alice: Client, bob: Client, open_client: Open) -> Friends:
    return await make_friends(alice, bob, await registered(open_client, "dora"))


async def kept(client: Client, group: bytes) -> list[bytes]:
    return [one.account for _, _, one in await client._context.write(lambda tx: groups.early(tx, group))]


async def test_one_device_takes_only_so_much_room_with_sender_keys_that_nothing_comes_of(
    friends: Friends, relay: Relay
) -> None:
    alice, bob, dora = friends
    group = relay.groups.only.state.group
    await tell(bob, relay, "alice", gsh=secrets.token_bytes(32))
    for _ in range(9):
        await tell(dora, relay, "alice", gsh=secrets.token_bytes(32))
    for one in (bob, dora, alice):
        await one.sync()
    assert sorted(await kept(alice, group)) == sorted([account_id(relay, "bob")] + [account_id(relay, "dora")] * 5)
    assert await lines(alice) == []


async def test_nothing_is_kept_of_a_group_chat_that_one_is_not_in(
    friends: Friends, relay: Relay, open_client: Open
) -> None:
    alice, _, _ = friends
    erin = await registered(open_client, "erin")
    await erin._directory.pinned("alice")
    group = secrets.token_bytes(16)
    for _ in range(3):
        await tell(erin, relay, "alice", gsh=secrets.token_bytes(32), group=group)
    await settle(erin, alice)
    assert relay.queue[relay.device_of("alice")] == []
    assert await kept(alice, group) == []
    assert [one.trouble for one in await alice.groups()] == [""]
