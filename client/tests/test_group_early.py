"""What comes of a group chat before that which it needs: kept for a while, and only so much of it."""

from __future__ import annotations

import json
import secrets
from uuid import uuid4

import pytest
from group_parties import Friends, account, account_id, lines, settle, tell
from parties import Open, registered
from relay import Relay

from messenger_client import Client
from messenger_client.errors import KeysRefused
from messenger_client.store import groups
from messenger_client.store.group_records import Early


async def kept(client: Client, group: bytes) -> list[bytes]:
    return [one.account for _, _, one in await client._context.write(lambda tx: groups.early(tx, group))]


def unread(relay: Relay) -> bytes:
    """A message of dora's, as it is kept until its sender key comes."""
    (group,) = relay.groups.of
    sender = {"account": account(relay, "dora"), "device": str(uuid4())}
    message = {"kind": "group", "envelope": 1, "message_id": str(uuid4()), "group": group, "accepted_at": 1}
    return json.dumps({**message, "sender": sender, "body": ""}).encode()


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


async def test_messages_that_come_early_take_no_room_of_sender_keys(
    friends: Friends, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a member could push out what says that the server withholds an operation."""
    alice, bob, _ = friends
    group = relay.groups.only.state.group
    monkeypatch.setattr(groups, "MOST_EARLY", 2)
    frame = Early(account_id(relay, "dora"), secrets.token_bytes(16), frame=unread(relay))
    took = [await alice._context.write(lambda tx: groups.keep(tx, group, frame, now=1)) for _ in range(3)]
    assert took == [True, True, False]
    await tell(bob, relay, "alice", gsh=secrets.token_bytes(32))
    await settle(bob, alice)
    assert account_id(relay, "bob") in await kept(alice, group)
    with pytest.raises(KeysRefused, match="withholding one"):
        await alice.send("#Friends", "hello")


async def test_a_sender_key_that_there_is_no_room_for_still_has_the_group_chat_followed(
    friends: Friends, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob, _ = friends
    (group,) = relay.groups.of
    monkeypatch.setattr(groups, "MOST_EARLY", 0)
    await tell(bob, relay, "alice", gsh=secrets.token_bytes(32))
    await bob.sync()
    before = relay.times("GET", f"groups/{group}/operations")
    await alice.sync()
    assert relay.times("GET", f"groups/{group}/operations") == before + 1


async def test_a_sender_key_of_a_member_takes_the_place_of_one_of_somebody_who_is_none(
    friends: Friends, relay: Relay, open_client: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob, dora = friends
    erin = await registered(open_client, "erin")
    await erin._directory.pinned("alice")
    group = relay.groups.only.state.group
    monkeypatch.setattr(groups, "MOST_EARLY", 2)
    for one in (erin, erin, bob, dora, erin):
        await tell(one, relay, "alice", gsh=secrets.token_bytes(32))
        await settle(one, alice)
    assert sorted(await kept(alice, group)) == sorted(account_id(relay, name) for name in ("bob", "dora"))


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
