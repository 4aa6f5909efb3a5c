"""Receiving: stored with the ratchet in one step, acknowledged after, shown once, and said plainly if unreadable."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from clocks import SteppingClock
from parties import Open, befriend, nothing_more, registered, shown, texts
from relay import Relay, b64, decode, problem

from messenger_client import Client, Message, Notice
from messenger_client.protocol import cbor, form
from messenger_client.protocol.content import private_conversation
from messenger_client.protocol.ids import AccountId
from messenger_client.store import timeline


async def test_an_envelope_that_comes_again_is_acknowledged_and_shown_nowhere(
    alice: Client, bob: Client, relay: Relay
) -> None:
    await alice.send("bob", "once")
    device = relay.device_of("bob")
    [row] = relay.queue[device]
    assert await texts(bob, 1) == ["once"]
    relay.queue[device] = [row, {**row, "envelope": 900}]  # the same number, and the same message under a new one
    assert await nothing_more(bob)
    assert relay.queue[device] == []
    assert all(not ack["unreadable"] for ack in relay.acks)


async def test_what_cannot_be_read_is_one_line_with_its_cause_and_stops_nothing(
    alice: Client, bob: Client, relay: Relay
) -> None:
    await befriend(alice, bob)
    sender = (relay.accounts["alice"]["id"], relay.device_of("alice"))
    device = relay.device_of("bob")
    bad = relay.deliver(device, sender, str(uuid.uuid4()), b64(b"no message at all"))
    await alice.send("bob", "after it")
    notice, message = await shown(bob, 2)
    assert isinstance(notice, Notice)
    assert (notice.kind, notice.cause) == ("unreadable", "malformed")
    assert "alice" in notice.text
    assert message.text == "after it"
    assert {"envelope": bad["envelope"], "cause": "malformed"} in [
        one for ack in relay.acks for one in ack["unreadable"]
    ]
    relay.queue[device] = [bad]  # its acknowledgement was lost
    assert await nothing_more(bob)


async def test_a_flipped_bit_is_undecryptable_and_forgotten_once_the_original_reads(
    alice: Client, bob: Client, relay: Relay
) -> None:
    await befriend(alice, bob)
    await alice.send("bob", "whole")
    device = relay.device_of("bob")
    [row] = relay.queue[device]
    fields = form.array(cbor.decode(decode(row["body"])))
    body = form.any_octets(fields[3])
    fields[3] = body[:-1] + bytes([body[-1] ^ 1])
    relay.queue[device] = [{**row, "envelope": 901, "body": b64(cbor.encode(fields))}, row]
    assert await texts(bob, 1) == ["whole"]
    assert await nothing_more(bob)
    assert [one["cause"] for ack in relay.acks for one in ack["unreadable"]] == ["undecryptable"]


async def test_a_type_of_the_future_is_kept_and_asks_for_an_update(alice: Client, bob: Client, relay: Relay) -> None:
    await befriend(alice, bob)
    sender = (relay.accounts["alice"]["id"], relay.device_of("alice"))
    body = cbor.encode([9, b"something new"])
    relay.deliver(relay.device_of("bob"), sender, str(uuid.uuid4()), b64(body))
    [notice] = await shown(bob, 1)
    assert isinstance(notice, Notice)
    assert notice.kind == "update_needed"
    assert not relay.queue[relay.device_of("bob")]
    assert relay.acks[-1]["unreadable"] == []
    # On the store's own thread, which may not be done yet with what came last.
    kept = await bob._context.write(lambda tx: timeline.history(tx, uuid.UUID(notice.chat).bytes, limit=9))
    assert body in [entry.raw for entry in kept]


async def test_an_expired_envelope_says_so(alice: Client, bob: Client, relay: Relay) -> None:
    await alice.send("bob", "too late")
    device = relay.device_of("bob")
    relay.queue[device] = [{**row, "body": None, "expired": True} for row in relay.queue[device]]
    [notice] = await shown(bob, 1)
    assert isinstance(notice, Notice)
    assert notice.kind == "expired"


async def test_nobody_gets_a_chat_with_oneself_from_what_cannot_be_read(bob: Client, relay: Relay) -> None:
    own = (relay.accounts["bob"]["id"], str(uuid.uuid4()))
    relay.deliver(relay.device_of("bob"), own, str(uuid.uuid4()), b64(b"no message at all"))
    assert await nothing_more(bob)
    assert [one["cause"] for ack in relay.acks for one in ack["unreadable"]] == ["malformed"]
    account = AccountId(uuid.UUID(own[0]).bytes)
    # On the store's own thread, which may not be done yet with what came last.
    found = await bob._context.write(lambda tx: timeline.chat(tx, private_conversation(account, account)))
    assert found is None


async def test_a_stranger_s_message_is_marked_as_a_request(alice: Client, bob: Client) -> None:
    await alice.send("bob", "we have not met")
    [message] = await shown(bob, 1)
    assert isinstance(message, Message)
    assert message.is_request
    assert [one.username for one in await bob.requests()] == ["alice"]
    await bob.accept("alice")
    assert await bob.requests() == []


async def test_two_processes_that_fetch_the_same_envelopes_show_each_once(
    alice: Client, bob: Client, relay: Relay, open_client: Open
) -> None:
    await befriend(alice, bob)
    other = await open_client("bob")
    sent = [str(number) for number in range(40)]
    for text in sent:
        await alice.send("bob", text)
    rows = list(relay.queue[relay.device_of("bob")])
    await asyncio.gather(bob._inbox.take(rows), other._inbox.take(rows), bob._inbox.take(rows[20:]))
    assert await texts(bob, 40) == sent
    assert await nothing_more(other)


async def test_first_messages_of_many_strangers_take_one_call_to_the_directory(
    alice: Client, relay: Relay, open_client: Open
) -> None:
    names = ["carol", "dave", "erin"]
    for name in names:
        stranger = await registered(open_client, name)
        await stranger.send("alice", f"I am {name}")
    relay.refusals[f"GET accounts/{relay.accounts['erin']['id']}"] = [problem(429, "too_many_requests")]
    before = relay.times("GET", "keys/directory")
    await alice.sync()
    assert relay.times("GET", "keys/directory") == before + 1
    assert sorted(await texts(alice, 3)) == ["I am carol", "I am dave", "I am erin"]
    assert relay.queue[relay.device_of("alice")] == []


@pytest.mark.parametrize("number", [2**63, -1, 1.5, None, "7"])
async def test_an_envelope_under_an_impossible_number_stops_nothing(
    alice: Client, bob: Client, relay: Relay, number: object
) -> None:
    await alice.send("bob", "after it")
    queue = relay.queue[relay.device_of("bob")]
    queue.insert(0, {**queue[0], "envelope": number})
    await bob.sync()
    assert await texts(bob, 1) == ["after it"]
    assert all(not ack["unreadable"] for ack in relay.acks)


async def test_a_time_that_no_column_holds_makes_one_envelope_malformed(
    alice: Client, bob: Client, relay: Relay
) -> None:
    await alice.send("bob", "lost")
    await alice.send("bob", "after it")
    queue = relay.queue[relay.device_of("bob")]
    queue[0]["accepted_at"] = 2**63
    await bob.sync()
    assert [one["cause"] for ack in relay.acks for one in ack["unreadable"]] == ["malformed"]
    assert relay.queue[relay.device_of("bob")] == []


async def test_nonsense_instead_of_one_sender_s_lists_stops_no_other_sender(
    alice: Client, bob: Client, relay: Relay, open_client: Open
) -> None:
    carol = await registered(open_client, "carol")
    await bob.send("alice", "I am bob")
    await carol.send("alice", "I am carol")
    relay.lists[relay.accounts["bob"]["id"]] = [{"payload": 7}]
    await alice.sync()
    events = await shown(alice, 2)
    assert [event.cause for event in events if isinstance(event, Notice)] == ["not_listed"]
    assert [event.text for event in events if isinstance(event, Message)] == ["I am carol"]


async def test_a_directory_that_refuses_stops_nobody_who_is_known(
    alice: Client, bob: Client, relay: Relay, open_client: Open
) -> None:
    await befriend(alice, bob)
    carol = await registered(open_client, "carol")
    await carol.send("alice", "I am carol")
    await bob.send("alice", "I am bob")
    relay.refusals["GET keys/directory"] = [problem(404, "not_found")] * 9
    relay.refusals[f"GET accounts/{relay.accounts['carol']['id']}"] = [problem(400, "malformed")]
    await alice.sync()
    assert "I am bob" in await texts(alice, 2)
    assert relay.queue[relay.device_of("alice")] == []


async def test_a_batch_is_one_acknowledgement(alice: Client, bob: Client, relay: Relay) -> None:
    await befriend(alice, bob)
    for number in range(30):
        await alice.send("bob", str(number))
    relay.acks.clear()
    await bob.sync()
    assert [len(ack["envelopes"]) for ack in relay.acks] == [30]


async def test_the_order_is_that_of_the_counters_not_of_the_wire(alice: Client, bob: Client, relay: Relay) -> None:
    for text in ("one", "two", "three"):
        await alice.send("bob", text)
    relay.queue[relay.device_of("bob")].reverse()
    assert await texts(bob, 3) == ["one", "two", "three"]


async def test_a_gap_is_shown_after_ten_seconds(alice: Client, bob: Client, relay: Relay, clock: SteppingClock) -> None:
    for text in ("one", "two", "three"):
        await alice.send("bob", text)
    del relay.queue[relay.device_of("bob")][1]
    assert await texts(bob, 1) == ["one"]
    assert await nothing_more(bob)
    clock.ahead += 10_000
    gap, message = await shown(bob, 2)
    assert isinstance(gap, Notice)
    assert (gap.kind, gap.missing) == ("gap", 1)
    assert message.text == "three"


async def test_what_was_not_marked_as_seen_comes_again(alice: Client, bob: Client, open_client: Open) -> None:
    await alice.send("bob", "read me")
    flow = bob.messages()
    assert (await anext(flow)).text == "read me"
    await flow.aclose()  # the program died in the middle of its work
    assert await texts(await open_client("bob"), 1) == ["read me"]


async def test_asking_for_the_next_message_marks_the_last_one(alice: Client, bob: Client, open_client: Open) -> None:
    await alice.send("bob", "one")
    await alice.send("bob", "two")
    flow = bob.messages()
    assert [(await anext(flow)).text, (await anext(flow)).text] == ["one", "two"]
    await flow.aclose()
    assert await texts(await open_client("bob"), 1) == ["two"]


LISTENING = """
import asyncio, os, signal, sys
from messenger_client import Client
async def main():
    async with Client.open(sys.argv[1], server=sys.argv[2]) as client:
        take = client._inbox.take
        async def take_and_die(frames):
            ack = await take(frames)
            if sys.argv[3] == "after-storing":
                os.kill(os.getpid(), signal.SIGKILL)
            return ack
        client._inbox.take = take_and_die
        async for event in client.events():
            print(event.text, flush=True)
            client.seen(event)
            if sys.argv[3] == "after-showing":
                os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""


async def killed(relay: Relay, profile: Path, point: str) -> list[str]:
    """Listen in a process of its own that dies at a point; what it had printed."""
    command = [sys.executable, "-c", LISTENING, str(profile), relay.url, point]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stderr
    return done.stdout.splitlines()


async def test_kill_9_between_storing_and_acknowledging_shows_a_message_once(
    alice: Client, bob: Client, relay: Relay, tmp_path: Path
) -> None:
    await alice.send("bob", "once")
    printed = await killed(relay, tmp_path / "bob", "after-storing")
    assert relay.acks == []
    assert len(relay.queue[relay.device_of("bob")]) == 1
    assert printed + await texts(bob, 1) == ["once"]
    assert await nothing_more(bob)
    assert relay.queue[relay.device_of("bob")] == []


async def test_kill_9_after_each_line_shows_every_message_once_and_in_order(
    alice: Client, bob: Client, relay: Relay, tmp_path: Path
) -> None:
    sent = ["one", "two", "three"]
    for text in sent:
        await alice.send("bob", text)
    printed: list[str] = []
    for _ in sent:
        printed += await killed(relay, tmp_path / "bob", "after-showing")
    assert printed == sent
    assert await nothing_more(bob)
