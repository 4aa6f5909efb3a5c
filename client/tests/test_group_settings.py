"""What is set about group chats: what people see of them, single links, mute; and who has read what one wrote there."""

from __future__ import annotations

import asyncio
import io
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from group_parties import Friends, notices, settle
from open_parties import choir
from parties import befriend, shown
from relay import Relay
from test_cli import terminal

from messenger_client import Client, Message
from messenger_client.cli.output import Output
from messenger_client.client import Reached
from messenger_client.errors import Refused, WrongUse


async def test_what_people_see_is_changed_in_one_operation(friends: Friends, relay: Relay) -> None:
    alice, bob, _ = friends
    [group] = relay.groups.of.values()
    before = len(group.operations)
    changed = await alice.change_group(
        "Friends", description="Every monday\nat eight", colour=0xFF8800, members_may_add=True
    )
    assert (changed.title, changed.description, changed.colour) == ("Friends", "Every monday\nat eight", 0xFF8800)
    assert changed.members_may_add
    assert len(group.operations) == before + 1
    await settle(alice, bob)
    assert await bob.group("Friends") == replace(changed, role="member")
    assert (await notices(bob))[-1] == "alice changed the group chat."
    await alice.change_group("Friends", colour=0xFF8800)  # as it is: nothing to sign
    assert len(group.operations) == before + 1
    taken_back = await alice.change_group("Friends", description="", colour=None)
    assert (taken_back.description, taken_back.colour, taken_back.members_may_add) == ("", None, True)


async def test_a_new_title_is_told_as_one_and_keeps_the_rest(friends: Friends) -> None:
    alice, bob, _ = friends
    await alice.change_group("Friends", description="Every monday")
    renamed = await alice.rename_group("Friends", "Old friends")
    assert (renamed.title, renamed.description) == ("Old friends", "Every monday")
    await settle(alice, bob)
    told = await notices(bob, "#Old friends")
    assert told[-2:] == ["alice changed the group chat.", "alice changed the title to “Old friends”."]


async def test_who_may_not_or_asks_for_nonsense_changes_nothing(friends: Friends, relay: Relay) -> None:
    alice, bob, _ = friends
    [group] = relay.groups.of.values()
    before = len(group.operations)
    with pytest.raises(Refused, match="Only an admin"):
        await bob.change_group("Friends", description="mine")
    for values in ({"colour": 0x1000000}, {"colour": -2}, {"description": "x" * 1_001}, {"description": "\udc80"}):
        with pytest.raises(WrongUse):
            await alice.change_group("Friends", **values)
    with pytest.raises(Refused, match="too long"):
        await alice.change_group("Friends", description="\U0001f426" * 1_000)
    assert len(group.operations) == before
    await choir(alice, bob)
    with pytest.raises(WrongUse, match="open chat"):
        await alice.change_group("Choir", description="none")


async def test_a_single_link_is_ended(friends: Friends) -> None:
    alice, _, _ = friends
    for _ in range(3):
        await alice.open_group_link("Friends")
    first, second, third = (await alice.group("Friends")).open_links
    assert await alice.close_group_link("Friends", "2") == second.key
    assert [one.key for one in (await alice.group("Friends")).open_links] == [first.key, third.key]
    assert await alice.close_group_link("Friends", third.key[:8]) == third.key
    for name in ("0", "2", "99", third.key, "", "abc"):
        with pytest.raises(WrongUse, match="`messenger group info` lists them"):
            await alice.close_group_link("Friends", name)
    assert [one.key for one in (await alice.group("Friends")).open_links] == [first.key]


async def test_an_own_message_says_how_far_it_has_come_with_whom(friends: Friends, relay: Relay) -> None:
    alice, _, _ = friends
    sent = await alice.send("#Friends", "hello")
    group = (await alice.group("Friends")).id
    members = {one.username: one.account for one in (await alice.group("Friends")).members}
    async with alice.connected():
        await _told(relay, "alice", group, sent.id, members["bob"], "delivered", 1_000)
        await _told(relay, "alice", group, sent.id, members["bob"], "read", 2_000)
        await _told(relay, "alice", group, sent.id, members["dora"], "delivered", 3_000)
        await _until_reached(alice, 2)
    [message] = await _own(alice, "#Friends")
    assert message.reached == (Reached("bob", "read", 2_000), Reached("dora", "delivered", 3_000))
    assert message.state == "read"
    later = await alice.send("#Friends", "later")
    found = {one.id: one.reached for one in await _own(alice, "#Friends")}
    assert found[later.id] == (Reached("bob", "accepted", None), Reached("dora", "accepted", None))
    [plain] = [event for event in await alice.history("#Friends", limit=1) if isinstance(event, Message)]
    assert plain.reached == ()


async def test_of_other_chats_history_tells_it_too(alice: Client, bob: Client) -> None:
    await befriend(alice, bob)
    [message] = await _own(alice, "bob")
    assert [one.username for one in message.reached] == ["bob"]
    await choir(alice, bob)
    await alice.send("#Choir", "hello", open_chat=True)
    [event] = await shown(bob, 1)
    assert isinstance(event, Message)
    [own] = (await alice.open_history("#Choir")).messages
    assert own.reached == (Reached("bob", "accepted", None),)
    await bob.mark_read([event])
    [own] = (await alice.open_history("#Choir")).messages
    assert own.reached == (Reached("bob", "read", None),)


async def test_a_muted_chat_is_still_given_out(friends: Friends) -> None:
    alice, bob, _ = friends
    await befriend(alice, bob)
    await choir(alice, bob)
    await bob.mute("#Friends")
    await bob.mute("#Choir")
    await bob.mute("alice")
    for name in ("#Friends", "#Choir", "bob"):
        await alice.send(name, "hello", open_chat=name == "#Choir")
    events = await shown(bob, 3)
    assert [event.muted for event in events if isinstance(event, Message)] == [True] * 3
    assert {one.other: one.muted for one in await bob.chats()} == {"Friends": True, "Choir": True, "alice": True}
    assert [one.muted for one in await bob.groups()] == [True, True]
    assert not any(one.muted for one in await alice.chats())
    await bob.send("#Friends", "muting outlasts what is written")
    await bob.mute("#Choir", muted=False)
    assert {one.title: one.muted for one in await bob.groups()} == {"Friends": True, "Choir": False}
    with pytest.raises(WrongUse):
        await bob.mute("dora", open_chat=True)


def test_the_verbs_say_what_is_set(tmp_path: Path, relay: Relay) -> None:
    alice = terminal("alice", tmp_path, relay)
    terminal("bob", tmp_path, relay)
    alice.json("group", "create", "Friends", "--member", "bob")
    settings = ("--description", "Every monday", "--colour", "FF8800", "--members-may-add")
    [changed] = alice.json("group", "set", "Friends", *settings)
    assert (changed["description"], changed["colour"], changed["members_may_add"]) == ("Every monday", "ff8800", True)
    alice.json("group", "link", "Friends", "--uses", "3")
    alice.json("group", "link", "Friends", "--approval")
    said = alice.run("group", "info", "Friends").stdout
    assert all(words in said for words in ("Every monday", "colour: ff8800", "members may add", "link 1:", "link 2:"))
    [info] = alice.json("group", "info", "Friends")
    assert info["open_links"][0].keys() == {"key", "expires_at", "uses", "approval"}
    assert alice.json("group", "unlink", "Friends", "1") == [{"type": "group_unlinked", "ended": 1}]
    [info] = alice.json("group", "set", "Friends", "--colour", "none", "--admins-add")
    assert (info["colour"], info["members_may_add"], info["links"]) == (None, False, 1)
    for wrong in ([], ["--colour", "red"], ["--colour", "12345"]):
        assert alice.run("group", "set", "Friends", *wrong).returncode == 2
    assert alice.json("mute", "#Friends") == [{"type": "muted", "with": "#Friends", "muted": True}]
    for verb in (["groups"], ["chats"], ["group", "info", "Friends"]):
        assert "muted" in alice.run(*verb).stdout
    assert alice.json("mute", "#Friends", "--off")[0]["muted"] is False
    assert "muted" not in alice.run("groups").stdout
    alice.json("send", "#Friends", "hello")
    [line] = [one for one in alice.json("history", "#Friends", "--details") if one["type"] == "message"]
    assert line["reached"] == [{"username": "bob", "state": "accepted", "at": None}]
    assert "bob: not yet" in alice.run("history", "#Friends", "--details").stdout


@pytest.mark.parametrize("mentioned", [True, False])
def test_a_muted_line_stands_out_only_where_it_mentions_one(monkeypatch: pytest.MonkeyPatch, mentioned: bool) -> None:
    written = io.StringIO()
    monkeypatch.setattr(written, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdout", written)
    monkeypatch.delenv("NO_COLOR", raising=False)
    Output(as_json=False).event(Message("", "", "alice", "@bob hi", 0, mentioned=mentioned, muted=True))
    assert ("\x1b[1m@bob hi" in written.getvalue()) == mentioned
    assert ("\x1b[32m" in written.getvalue()) == mentioned


async def _own(client: Client, name: str) -> list[Message]:
    events = await client.history(name, details=True)
    return [event for event in events if isinstance(event, Message) and event.outgoing]


async def _told(relay: Relay, name: str, group: str, message: str, account: str, kind: str, at: int) -> None:
    """The server says how far a message has come."""
    device = relay.device_of(name)
    await asyncio.to_thread(relay.wait_for, lambda: device in relay.sockets)
    frame = {"type": f"message.{kind}", "group": group, "messages": [message], "account": account, "at": at}
    relay.push(device, {**frame, "device": account})


async def _until_reached(client: Client, count: int) -> None:
    async with asyncio.timeout(20):
        while True:
            [message] = await _own(client, "#Friends")
            if sum(one.state != "accepted" for one in message.reached) == count and message.state == "read":
                return
            await asyncio.sleep(0.02)
