"""Earlier messages of group chats go along to a device that is linked later, and nothing else comes in that way."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest
from clocks import SteppingClock
from group_parties import Friends, account_id, lines, roster, settle
from parties import PASSWORD, Open, nothing_more, second_device, texts
from relay import Relay, b64, decode

from messenger_client import Client, Message, Notice
from messenger_client.api import Status
from messenger_client.client import sharing
from messenger_client.client.context import require_me
from messenger_client.client.model import Reached
from messenger_client.errors import LinkingNeeded
from messenger_client.protocol import content, padding
from messenger_client.protocol.account_data import History, HistoryEntry
from messenger_client.protocol.body import Reset
from messenger_client.protocol.ids import ConversationId, GroupId
from messenger_client.protocol.limits import HOUR, MINUTE
from messenger_client.protocol.secret import Secret
from messenger_client.store import Transaction, settings

GROUP = "#Friends"
NOW = 1_800_000_000_000  # ms


@pytest.fixture
async def talked(friends: Friends) -> Friends:
    """They have talked, and alice has made bob an admin in between."""
    alice, bob, dora = friends
    await alice.send(GROUP, "one")
    await settle(bob, dora)
    await bob.send(GROUP, "two, @alice and @dora")
    await settle(alice, dora)
    await alice.set_group_role("Friends", "bob", "admin")
    await settle(alice, bob, dora)
    await dora.send(GROUP, "three")
    await settle(alice, bob, dora)
    return friends


async def shown(client: Client) -> list[tuple[str, str]]:
    """Who did or said what."""
    return [(event.sender, event.text) for event in await client.history(GROUP)]


async def said(client: Client, text: str) -> Message:
    events = await client.history(GROUP, details=True)
    [found] = [event for event in events if isinstance(event, Message) and event.text == text]
    return found


async def test_a_device_linked_later_shows_what_was_written_before(talked: Friends, open_client: Open) -> None:
    alice, bob, dora = talked
    laptop = await second_device(open_client, alice, "laptop")
    await laptop.sync()
    assert await shown(laptop) == await shown(alice)
    assert [text for _, text in await shown(laptop)] == [
        "You created the group chat.",
        "one",
        "two, @alice and @dora",
        "You made bob an admin.",
        "three",
    ]
    for text in ("one", "two, @alice and @dora", "three"):
        assert (await said(laptop, text)).sent_at == (await said(alice, text)).sent_at
    mentioning = await said(laptop, "two, @alice and @dora")
    assert (mentioning.mentions, mentioning.mentioned, mentioning.title) == (("alice", "dora"), True, "Friends")
    await dora.send(GROUP, "four")
    await laptop.send(GROUP, "five")
    await settle(alice, bob, dora, laptop)
    for client in (alice, bob, dora, laptop):
        assert sorted(await lines(client)) == sorted(["one", "two, @alice and @dora", "three", "four", "five"])
    # What is from before is no news, and nothing of it is missing.
    assert await texts(laptop, 1) == ["four"]
    assert await nothing_more(laptop)
    assert [one.kind for one in await laptop.history(GROUP) if isinstance(one, Notice)] == ["group", "group"]


async def test_without_history_it_shows_what_is_written_from_then_on(talked: Friends, open_client: Open) -> None:
    alice, bob, _ = talked
    laptop = await second_device(open_client, alice, "laptop", history=False)
    await laptop.sync()
    assert await lines(laptop) == []
    await bob.send(GROUP, "four")
    assert await texts(laptop, 1) == ["four"]
    assert [text for _, text in await shown(laptop)] == [
        "You created the group chat.",
        "You made bob an admin.",
        "four",
    ]


async def test_a_group_chat_that_comes_later_is_news_whatever_time_it_claims(
    talked: Friends, open_client: Open, clock: SteppingClock
) -> None:
    alice, bob, _ = talked
    laptop = await second_device(open_client, alice, "laptop")
    await laptop.sync()
    clock.ahead -= HOUR
    await bob.create_group("Later", ["alice"])
    clock.ahead += HOUR
    assert await texts(laptop, 1) == ["bob created the group chat."]
    assert await nothing_more(laptop)


async def test_who_has_left_is_still_named(talked: Friends, open_client: Open) -> None:
    alice, bob, dora = talked
    await dora.leave_group("Friends")
    await settle(alice, bob)
    laptop = await second_device(open_client, alice, "laptop")
    await laptop.sync()
    assert await shown(laptop) == await shown(alice)
    assert await roster(laptop) == {"alice": "owner", "bob": "admin"}
    assert (await said(laptop, "two, @alice and @dora")).mentions == ("alice", "dora")


async def test_a_group_chat_that_one_has_left_is_not_shared(talked: Friends, open_client: Open) -> None:
    _, bob, _ = talked
    await bob.leave_group("Friends")
    tablet = await second_device(open_client, bob, "tablet")
    assert (await tablet._context.write(settings.linking)).history == 0


async def test_private_chats_come_first_and_all_are_counted(talked: Friends, open_client: Open) -> None:
    alice, _, _ = talked
    await alice.send("bob", "in private")
    long = [f"{number} " + "x" * 9_000 for number in range(12)]
    for text in long:
        await alice.send(GROUP, text)
    laptop = await second_device(open_client, alice, "laptop")
    state = await laptop._context.write(settings.linking)
    assert (state.history, state.taken) == (3, 3)
    await laptop.sync()
    assert (await lines(laptop))[3:] == long
    assert [one.text for one in await laptop.history("bob")] == ["in private"]


async def test_how_far_a_message_came_is_told_and_not_with_whom(
    talked: Friends, open_client: Open, relay: Relay
) -> None:
    alice, _, _ = talked
    await _say(alice, relay, "bob", "one", "read")
    laptop = await second_device(open_client, alice, "laptop")
    await laptop.sync()
    assert ((await said(laptop, "one")).state, (await said(laptop, "one")).reached) == ("read", ())
    # The server is asked with whom, and says it for as long as it knows.
    asked = [one for body in relay.bodies("messages/statuses") for one in body["messages"]]
    assert (await said(laptop, "one")).id in asked
    # That somebody got it is not all that there is to ask, though somebody has read it.
    await _say(laptop, relay, "bob", "one", "delivered")
    times = len(relay.bodies("messages/statuses"))
    await laptop.sync()
    assert (await said(laptop, "one")).id in relay.bodies("messages/statuses")[times]["messages"]
    await _say(laptop, relay, "bob", "one", "read")
    assert (await said(laptop, "one")).reached == (Reached("bob", "read", NOW),)


async def test_that_it_reached_nobody_yet_is_told_of_each(talked: Friends, open_client: Open) -> None:
    alice, _, _ = talked
    laptop = await second_device(open_client, alice, "laptop")
    await laptop.sync()
    found = await said(laptop, "one")
    assert (found.state, set(found.reached)) == (
        "accepted",
        {Reached("bob", "accepted", None), Reached("dora", "accepted", None)},
    )


async def test_history_that_comes_behind_the_group_chat_stands_where_it_belongs(
    talked: Friends, open_client: Open
) -> None:
    alice, bob, _ = talked
    laptop = await second_device(open_client, alice, "laptop", history=False)
    await laptop.sync()
    await bob.send(GROUP, "four")
    await settle(alice, laptop)
    [part] = await shared_by(alice)
    await take(laptop, part)
    await take(laptop, part)  # a second time it adds nothing
    assert await shown(laptop) == await shown(alice)
    await bob.send(GROUP, "five")
    await laptop.sync()
    assert (await lines(laptop))[-2:] == ["four", "five"]


async def test_what_comes_as_history_first_is_not_missing(talked: Friends, open_client: Open) -> None:
    alice, bob, _ = talked
    laptop = await second_device(open_client, alice, "laptop")
    await laptop.sync()
    for text in ("four", "five"):
        await bob.send(GROUP, text)
    await alice.sync()
    for part in await shared_by(alice):
        await take(laptop, replace(part, entries=part.entries[:-1]))  # `five` the phone has only just fetched
    await laptop.sync()
    assert await shown(laptop) == await shown(alice)


async def test_what_history_lacks_is_no_gap(talked: Friends, open_client: Open) -> None:
    """A text that was too long for it, or that the other device could not read."""
    alice, bob, _ = talked
    await bob.send(GROUP, "four")
    await alice.sync()
    laptop = await second_device(open_client, alice, "laptop", history=False)
    [part] = await shared_by(alice)
    await take(laptop, replace(part, entries=part.entries[:-1]))
    await bob.send(GROUP, "five")
    await laptop.sync()
    assert await lines(laptop) == ["one", "two, @alice and @dora", "three", "five"]


async def test_a_device_that_is_linked_again_misses_nothing(talked: Friends, open_client: Open) -> None:
    alice, bob, dora = talked
    before = await lines(alice)
    laptop = await second_device(open_client, alice, "laptop")
    await bob.send(GROUP, "four")
    await laptop.sync()
    await alice.suspend_device("laptop")
    await bob.send(GROUP, "five")
    await settle(alice, dora)
    with pytest.raises(LinkingNeeded):
        await laptop.login("alice", PASSWORD, device="laptop again")
    code = await laptop.link_code()
    await asyncio.gather(laptop.wait_until_linked(), alice.approve_link(code))
    await settle(bob, dora)
    await bob.send(GROUP, "six")
    await settle(alice, laptop)
    assert await lines(laptop) == await lines(alice) == [*before, "four", "five", "six"]
    assert [one.kind for one in await laptop.history(GROUP) if isinstance(one, Notice)] == ["group", "group"]


async def test_what_was_missed_stands_at_the_end_as_the_other_device_has_it(talked: Friends, open_client: Open) -> None:
    """One sender's later message may have the same time as the one before, or an earlier one."""
    alice, bob, dora = talked
    laptop = await second_device(open_client, alice, "laptop")
    await bob.send(GROUP, "four")
    await settle(alice, laptop)
    for client, text in ((bob, "five"), (bob, "six"), (dora, "seven")):
        await client.send(GROUP, text)
        await alice.sync()
    [part] = await shared_by(alice)
    last = part.entries[-3].accepted
    times = dict(zip(part.entries[-3:], (last, last - 1, last), strict=True))
    missed = tuple(replace(one, accepted=times.get(one, one.accepted)) for one in part.entries)
    await take(laptop, replace(part, entries=missed))
    assert await lines(laptop) == await lines(alice)


async def test_a_senders_messages_keep_their_order_whatever_time_they_have(talked: Friends, open_client: Open) -> None:
    alice, _, _ = talked
    for text in ("four", "five"):
        await alice.send(GROUP, text)
    laptop = await second_device(open_client, alice, "laptop", history=False)
    await laptop.sync()
    [part] = await shared_by(alice)
    first = part.entries[0].accepted
    moved = (*part.entries[:-1], replace(part.entries[-1], accepted=first))
    await take(laptop, replace(part, entries=moved))
    assert await lines(laptop) == await lines(alice)
    assert (await said(laptop, "five")).sent_at == (await said(alice, "five")).sent_at


async def test_what_could_not_be_read_and_comes_as_history_stands_in_its_place(
    talked: Friends, open_client: Open, relay: Relay, clock: SteppingClock
) -> None:
    alice, bob, dora = talked
    laptop = await _without_sender_keys(talked, open_client, relay)
    clock.ahead += 2 * MINUTE
    await laptop.sync()
    await bob.send(GROUP, "five")
    await settle(alice)
    await laptop.sync()
    assert await _unreadable(laptop) == ["unknown_session"]
    for part in await shared_by(alice):
        await take(laptop, part)
    assert await shown(laptop) == await shown(alice)
    await settle(dora, laptop)  # it was asked for, and comes from its sender, too
    assert await shown(laptop) == await shown(alice)
    assert await texts(laptop, 2) == ["four", "five"]
    assert await nothing_more(laptop)


async def test_what_came_as_history_and_cannot_be_read_has_one_line(
    talked: Friends, open_client: Open, relay: Relay, clock: SteppingClock
) -> None:
    alice, _, _ = talked
    laptop = await _without_sender_keys(talked, open_client, relay)
    await alice.sync()
    for part in await shared_by(alice):
        await take(laptop, part)
    clock.ahead += 2 * MINUTE
    await laptop.sync()
    assert await shown(laptop) == await shown(alice)
    assert not any(row["kind"] == "control" for row in relay.queue[relay.device_of("dora")])  # nobody is asked


async def test_of_another_chat_or_made_for_one_device_nothing_is_taken(
    talked: Friends, open_client: Open, relay: Relay
) -> None:
    alice, _, _ = talked
    await alice.send("bob", "in private")
    laptop = await second_device(open_client, alice, "laptop", history=False)
    await laptop.sync()
    [private, part] = await shared_by(alice)
    before = await shown(laptop)
    text = content.read_padded(part.entries[0].padded)
    control = replace(text, body=Reset(), counter=0)
    to_one = replace(text, heads=replace(text.heads, recipient=bytes(32)))
    for entries in (
        private.entries,  # of a private chat
        tuple(_entry_of(part, one) for one in (control, to_one)),
        (replace(part.entries[0], padded=Secret(bytes(part.entries[0].padded)[:-1])),),
    ):
        await take(laptop, replace(part, entries=entries))
    await take(laptop, replace(part, group=GroupId(ConversationId(bytes(16)))))  # of another group chat
    await take(laptop, History(account_id(relay, "bob"), part.entries, 0))  # the other way round
    assert await shown(laptop) == before
    assert await laptop.history("bob") == []
    # What holds stands beside what does not.
    await take(laptop, replace(part, entries=(_entry_of(part, control), *part.entries)))
    assert len(await lines(laptop)) == len(part.entries)


async def test_of_a_group_chat_that_is_not_known_nothing_is_shown(talked: Friends, open_client: Open) -> None:
    alice, bob, _ = talked
    laptop = await second_device(open_client, alice, "laptop", history=False)
    elsewhere = GroupId(ConversationId(b"unknown group id"))
    [part] = await shared_by(alice)
    moved = tuple(
        _entry_of(replace(part, entries=(one,)), replace(content.read_padded(one.padded), conversation=elsewhere))
        for one in part.entries
    )
    await take(laptop, replace(part, group=elsewhere, entries=moved))
    await laptop.sync()
    assert [one.title for one in await laptop.groups()] == ["Friends"]
    assert [one.other for one in await laptop.chats()] == ["Friends"]
    assert await lines(laptop) == []
    await bob.send(GROUP, "four")
    assert await texts(laptop, 1) == ["four"]
    assert await nothing_more(laptop)


async def test_of_a_group_chat_that_does_not_hold_the_warning_alone_is_shown(
    talked: Friends, open_client: Open, relay: Relay
) -> None:
    alice, _, _ = talked
    [name] = relay.groups.of
    first = relay.groups.only.operations[0]
    true = first["signature"]
    first["signature"] = b64(decode(true)[::-1])
    laptop = await second_device(open_client, alice, "laptop")
    await laptop.sync()
    [warning] = await laptop.history(f"#{name}")
    [chat] = await laptop.chats()
    assert (warning.text, chat.last) == ((await laptop.groups())[0].trouble, warning)
    first["signature"] = true
    await laptop.sync()
    assert await lines(laptop) == await lines(alice)


async def shared_by(client: Client) -> list[History]:
    """What a device would send along, chat by chat."""

    def work(tx: Transaction) -> list[History]:
        me = require_me(tx)
        return [
            sharing.part_of(chat, entries, 0)
            for chat in sharing.shared_chats(tx)
            for entries in sharing.history(tx, me, chat)
        ]

    return await client._context.write(work)


async def take(client: Client, part: History) -> None:
    await client._context.write(lambda tx: sharing.take_history(tx, require_me(tx), part))


async def _without_sender_keys(talked: Friends, open_client: Open, relay: Relay) -> Client:
    """Another device of alice's that has got dora's "four", and no key to read it with."""
    alice, _, dora = talked
    laptop = await second_device(open_client, alice, "laptop", history=False)
    await laptop.sync()
    await dora.send(GROUP, "four")
    me = await laptop._context.me()
    queue = relay.queue[str(UUID(bytes=me.device))]
    assert any(row["kind"] == "control" for row in queue)
    queue[:] = [row for row in queue if row["kind"] != "control"]
    await laptop.sync()
    return laptop


async def _unreadable(client: Client) -> list[str]:
    """Why lines stand for messages."""
    events = await client.history(GROUP)
    return [one.cause for one in events if isinstance(one, Notice) and one.kind == "unreadable"]


def _entry_of(part: History, one: content.Content) -> HistoryEntry:
    padded = padding.pad(bytes(32) + content.encode_content(one))
    return replace(part.entries[0], padded=Secret(padded))


async def _say(client: Client, relay: Relay, other: str, text: str, status: str) -> None:
    """The server says how far a message has come with somebody."""
    message, account = UUID((await said(client, text)).id).bytes, account_id(relay, other)
    await client._statuses.apply([Status(message, account, bytes(16), status, NOW)])
