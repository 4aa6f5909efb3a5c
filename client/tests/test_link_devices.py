"""Linking: a new device becomes one of the account's, gets what it needs, and nobody else comes in that way."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from clocks import SteppingClock
from parties import PASSWORD, Open, befriend, link, linked, nothing_more, registered, second_device, states, texts, told
from relay import Relay, problem
from test_sending import show_another_identity

from messenger_client import Client
from messenger_client.errors import KeysRefused, LinkingNeeded, Refused, SignInNeeded, Unreachable, WrongUse
from messenger_client.protocol.linking import LinkCode
from messenger_client.store import peers, settings


@pytest.fixture(autouse=True)
def checking(relay: Relay) -> None:
    relay.checks_lists = True


async def lines(client: Client, other: str) -> list[str]:
    return [event.text for event in await client.history(other)]


async def test_a_linked_device_shows_the_same_conversation_from_then_on(
    alice: Client, bob: Client, relay: Relay, open_client: Open
) -> None:
    await befriend(alice, bob)
    laptop = await second_device(open_client, alice, "laptop")
    assert await lines(laptop, "bob") == ["hello", "hello yourself"]
    assert await states(laptop, "bob") == {"hello": "accepted", "hello yourself": "received"}
    await bob.send("alice", "to both of you")
    await laptop.send("bob", "from the laptop")
    await alice.sync()
    await alice.send("bob", "from the phone")
    for client in (alice, laptop, bob):
        await client.sync()
    expected = ["hello", "hello yourself", "to both of you", "from the laptop", "from the phone"]
    assert (await lines(laptop, "bob"))[:2] == ["hello", "hello yourself"]
    assert sorted(await lines(laptop, "bob")) == sorted(expected)
    assert sorted(await lines(alice, "bob")) == sorted(expected)
    assert sorted(await lines(bob, "alice")) == sorted(expected)
    # What came from before, and what one has written oneself, is no news.
    assert await texts(laptop, 1) == ["to both of you"]
    assert await nothing_more(laptop)


async def test_a_message_that_was_sealed_under_an_older_list_raises_no_alarm(
    alice: Client, bob: Client, open_client: Open
) -> None:
    await befriend(alice, bob)
    await bob.write_down("alice", "sealed early")
    await second_device(open_client, bob, "bob's tablet")
    await alice._directory.refresh((await alice._directory.resolve("bob")).account)
    laptop = await second_device(open_client, alice, "laptop")  # is told bob's newest list alone
    await bob.sync()
    await laptop.sync()
    assert (await lines(laptop, "bob"))[-1] == "sealed early"
    assert not [sentence for sentence in told(laptop) if "withholding" in sentence]


async def test_a_list_of_chats_that_makes_no_sense_keeps_nobodys_message_back(
    alice: Client, bob: Client, relay: Relay, open_client: Open
) -> None:
    await befriend(alice, bob)
    laptop = await second_device(open_client, alice, "laptop")
    await registered(open_client, "carol")
    await laptop.send("carol", "I am alice")  # to the phone, that chat is a strange one
    await bob.send("alice", "hi")
    relay.refusals["GET chats"] = [(200, {"chats": "nonsense"})]
    await alice.sync()
    assert relay.refusals["GET chats"] == []
    assert (await lines(alice, "bob"))[-1] == "hi"
    assert relay.queue[relay.device_of("alice")] == []


async def test_without_history_nothing_of_before_is_there_and_pins_are(
    alice: Client, bob: Client, open_client: Open
) -> None:
    await befriend(alice, bob)
    await alice.verify("bob", (await alice.safety_number("bob")).key)
    carol = await registered(open_client, "carol")
    await befriend(alice, carol)
    laptop = await second_device(open_client, alice, "laptop", history=False)
    assert await lines(laptop, "bob") == []
    await laptop.send("bob", "hi")
    await laptop.send("carol", "hi")
    assert {chat.other: chat.verified for chat in await laptop.chats()} == {"bob": True, "carol": False}
    await bob.sync()
    assert (await lines(bob, "alice"))[-1] == "hi"


async def test_what_the_approving_device_had_not_fetched_yet_is_history_too(
    alice: Client, bob: Client, open_client: Open
) -> None:
    await befriend(alice, bob)
    await bob.send("alice", "just before")
    laptop = await second_device(open_client, alice, "laptop")
    await bob.send("alice", "just after")
    await laptop.sync()
    assert await lines(laptop, "bob") == ["hello", "hello yourself", "just before", "just after"]


async def test_only_a_device_that_was_made_one_can_link_others(alice: Client, bob: Client, open_client: Open) -> None:
    laptop = await second_device(open_client, alice, "laptop")
    other = await open_client("other")
    with pytest.raises(LinkingNeeded):
        await other.login("alice", PASSWORD)
    code = await other.link_code()
    with pytest.raises(Refused, match="cannot approve"):
        await laptop.read_link(code)
    tablet = await second_device(open_client, alice, "tablet", managing=True)
    await link(other, tablet, code)
    found = [(one.name, one.managing, one.listed, one.this_one) for one in await tablet.devices()]
    assert found == [
        ("Terminal", True, True, False),
        ("laptop", False, True, False),
        ("Terminal", False, True, False),
        ("tablet", True, True, True),
    ]


async def test_the_code_of_another_account_and_half_a_code_are_refused(
    alice: Client, bob: Client, open_client: Open
) -> None:
    other = await open_client("other")
    with pytest.raises(LinkingNeeded):
        await other.login("bob", PASSWORD)
    code = await other.link_code()
    with pytest.raises(WrongUse, match="another account"):
        await alice.read_link(code)
    with pytest.raises(WrongUse, match="no link code"):
        await alice.read_link(code[:-5])
    with pytest.raises(WrongUse, match="linked to alice already"):
        await alice.link_code()


async def test_an_offer_that_does_not_fit_the_code_is_ignored_and_the_right_one_still_counts(
    alice: Client, relay: Relay, open_client: Open
) -> None:
    laptop = await open_client("laptop")
    with pytest.raises(LinkingNeeded):
        await laptop.login("alice", PASSWORD)
    code = await laptop.link_code()
    device = str(uuid.UUID(bytes=LinkCode.from_text(code).device))
    relay.links[device] = {"offer": "AAAA", "answer": None, "expires_at": 0}
    waiting = asyncio.create_task(laptop.wait_until_linked())
    refused = "not made for this code"
    await asyncio.to_thread(relay.wait_for, lambda: any(refused in sentence for sentence in told(laptop)))
    await alice.approve_link(code)
    await linked(waiting, alice)


async def test_who_answers_without_the_keys_of_the_code_is_not_listed(
    alice: Client, relay: Relay, open_client: Open
) -> None:
    laptop = await open_client("laptop")
    with pytest.raises(LinkingNeeded):
        await laptop.login("alice", PASSWORD)
    code = await laptop.link_code()
    device = str(uuid.UUID(bytes=LinkCode.from_text(code).device))
    approving = asyncio.create_task(alice.approve_link(code))
    relay_has = asyncio.create_task(asyncio.to_thread(relay.wait_for, lambda: device in relay.links))
    await relay_has
    relay.links[device]["answer"] = "AAAA" * 40
    with pytest.raises(KeysRefused, match="not made by the device"):
        await approving
    assert device not in relay.listed(relay.accounts["alice"]["id"])


async def test_a_new_device_believes_the_offer_and_not_the_list_that_the_server_showed(
    alice: Client, bob: Client, relay: Relay, open_client: Open
) -> None:
    account, foreign = relay.accounts["alice"]["id"], relay.accounts["bob"]["id"]
    laptop = await open_client("laptop")
    mallory = await open_client("mallory")
    true = list(relay.lists[account])
    # The server shows a chain of its own making to whoever is new.
    await mallory.register("mallory", "mallory@example.org", PASSWORD)
    show_another_identity(alice, relay)
    with pytest.raises(LinkingNeeded):
        await laptop.login("alice", PASSWORD)
    relay.lists[account][:] = true
    code = await laptop.link_code()
    await link(laptop, alice, code)
    with laptop._context.store.transaction() as tx:
        me = settings.me(tx)
        assert me is not None
        pin = peers.pin_of(peers.by_account(tx, me.account))
    with alice._context.store.transaction() as tx:
        hers = settings.me(tx)
    assert pin is not None
    assert hers is not None
    assert me.account_key == pin.account_key == hers.account_key
    assert foreign != account


async def test_an_approval_that_broke_off_is_finished_by_another(
    alice: Client, bob: Client, relay: Relay, open_client: Open
) -> None:
    await befriend(alice, bob)
    laptop = await open_client("laptop")
    with pytest.raises(LinkingNeeded):
        await laptop.login("alice", PASSWORD)
    code = await laptop.link_code()
    waiting = asyncio.create_task(laptop.wait_until_linked())
    relay.faults["PUT keys/device-list"].append(lambda answer: None)
    with pytest.raises(Unreachable):
        await alice.approve_link(code)
    await alice.approve_link(code)
    await linked(waiting, alice)
    assert await lines(laptop, "bob") == ["hello", "hello yourself"]


async def test_a_device_that_was_listed_while_it_was_away_is_ready_when_it_signs_in_again(
    alice: Client, relay: Relay, open_client: Open
) -> None:
    laptop = await open_client("laptop")
    with pytest.raises(LinkingNeeded):
        await laptop.login("alice", PASSWORD)
    code = await laptop.link_code()
    waiting = asyncio.create_task(laptop.wait_until_linked())
    relay.refusals["POST keys/prekeys"] = [problem(503, "unavailable")]
    approving = asyncio.create_task(alice.approve_link(code))
    with pytest.raises(Unreachable):
        await waiting
    await laptop.login("alice", PASSWORD)
    await approving
    await laptop.sync()
    assert await laptop.requests() == []


async def test_a_linking_that_broke_off_after_its_approval_goes_on(
    alice: Client, bob: Client, relay: Relay, open_client: Open
) -> None:
    await befriend(alice, bob)
    laptop = await open_client("laptop")
    with pytest.raises(LinkingNeeded):
        await laptop.login("alice", PASSWORD)
    assert not await laptop.is_link_approved()
    code = await laptop.link_code()
    waiting = asyncio.create_task(laptop.wait_until_linked())
    relay.refusals["POST keys/prekeys"] = [problem(503, "unavailable")]
    approving = asyncio.create_task(alice.approve_link(code, managing=True))
    with pytest.raises(Unreachable):
        await waiting
    # Another code would be one that nothing of what comes was sealed under.
    assert await laptop.is_link_approved()
    with pytest.raises(WrongUse, match="approved this one already"):
        await laptop.link_code()
    await approving
    waiting = asyncio.create_task(laptop.wait_until_linked())
    device = str(uuid.UUID(bytes=LinkCode.from_text(code).device))
    await asyncio.to_thread(relay.wait_for, lambda: "signed_prekey" in relay.prekeys[device])
    await alice.sync()
    await waiting
    assert await lines(laptop, "bob") == ["hello", "hello yourself"]
    assert [one.managing for one in await laptop.devices()] == [True, True]


async def test_long_history_comes_in_parts_and_in_order(
    alice: Client, bob: Client, relay: Relay, open_client: Open
) -> None:
    await befriend(alice, bob)
    sent = [f"{number} " + "x" * 9_000 for number in range(12)]
    for text in sent:
        await alice.send("bob", text)
    laptop = await second_device(open_client, alice, "laptop")
    assert await lines(laptop, "bob") == ["hello", "hello yourself", *sent]
    assert len(relay.bodies("device-messages")) == 3
    assert any("History" in sentence for sentence in told(laptop))


async def test_a_device_without_prekeys_is_left_out_and_stops_nobody(
    alice: Client, bob: Client, relay: Relay, open_client: Open, clock: SteppingClock
) -> None:
    await befriend(alice, bob)
    laptop = await second_device(open_client, bob, "laptop")
    carol = await registered(open_client, "carol")
    clock.ahead += 6 * 7 * 24 * 3_600_000  # the laptop has slept for six weeks
    await carol.send("bob", "hi")
    await bob.sync()
    assert await lines(bob, "carol") == ["hi"]
    await laptop.sync()
    assert (await lines(laptop, "carol"))[-1] == "hi"
    clock.ahead += 100 * 24 * 3_600_000  # its signed prekey is too old by now
    await bob._prekeys.check()
    dave = await registered(open_client, "dave")
    sent = await dave.send("bob", "hello")
    assert (sent.state, len(sent.skipped)) == ("accepted", 1)


async def test_a_device_that_was_never_linked_cannot_do_anything(alice: Client, open_client: Open) -> None:
    laptop = await open_client("laptop")
    with pytest.raises(LinkingNeeded, match="messenger link"):
        await laptop.login("alice", PASSWORD)
    for call in (laptop.sync(), laptop.send("bob", "hi"), laptop.remove_device("Terminal")):
        with pytest.raises(SignInNeeded):
            await call
