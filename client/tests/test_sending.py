"""The outbox: stored first, sent until answered, the same bytes, in order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from clocks import SteppingClock
from parties import PASSWORD, Open, befriend, nothing_more, second_device, shown, states, texts
from relay import Answer, Relay, b64, decode, problem

from messenger_client import Client, Notice
from messenger_client.api import answers
from messenger_client.client.context import own_device
from messenger_client.errors import IdentityHasChanged, KeysRefused, Refused, UnknownPerson, WrongUse
from messenger_client.protocol import cbor, form, keys
from messenger_client.protocol.device_list import DeviceList, Pin, listed, sign_list
from messenger_client.protocol.ids import AccountId, DeviceId
from messenger_client.protocol.keys import OwnDevice
from messenger_client.protocol.primitives import SigningKey
from messenger_client.store import outbox, peers, settings, timeline

NOWHERE = "http://127.0.0.1:9"


async def test_a_message_arrives_and_is_accepted(alice: Client, bob: Client) -> None:
    sent = await alice.send("bob", "hi")
    assert sent.state == "accepted"
    [message] = await shown(bob, 1)
    assert (message.id, message.sender, message.text) == (sent.id, "alice", "hi")
    assert await nothing_more(bob)


async def test_a_lost_answer_is_followed_by_the_same_bytes(alice: Client, bob: Client, relay: Relay) -> None:
    relay.faults["POST messages"].append(lambda answer: None)
    first = await alice.send("bob", "once")
    assert first.state == "queued"
    await alice.sync()
    one, two = relay.bodies("messages")
    assert one == two
    assert await states(alice, "bob") == {"once": "accepted"}
    assert await texts(bob, 1) == ["once"]
    assert await nothing_more(bob)


async def test_what_was_encrypted_for_a_device_that_is_off_by_now_does_not_leave(
    alice: Client, bob: Client, relay: Relay, open_client: Open
) -> None:
    await befriend(alice, bob)
    await second_device(open_client, bob, "laptop")
    their = AccountId(UUID(str(relay.accounts["bob"]["id"])).bytes)
    await alice._directory.refresh(their)
    before = len(relay.bodies("messages"))
    relay.refusals["POST messages"] += [problem(503, "unavailable")]
    await alice.send("bob", "not for the laptop")
    await bob.remove_device("laptop")
    await alice._directory.refresh(their)
    await alice.sync()
    first, second = relay.bodies("messages")[before:]
    assert first["message_id"] == second["message_id"]
    assert [len(one["envelopes"]) for one in (first, second)] == [2, 1]
    assert await texts(bob, 1) == ["not for the laptop"]
    assert await nothing_more(bob)


async def test_what_is_written_offline_leaves_in_order_with_the_next_message(
    alice: Client, bob: Client, relay: Relay, tmp_path: Path
) -> None:
    await befriend(alice, bob)
    async with Client.open(tmp_path / "alice", server=NOWHERE) as offline:
        for text in ("one", "two"):
            assert (await offline.send("bob", text)).state == "queued"
        # Encrypted already: the ratchet has moved in the transaction that stored the ciphertext.
        with offline._context.store.transaction() as tx:
            assert all(row.envelopes for row in outbox.pending(tx))
    await alice.send("bob", "three")
    assert await texts(bob, 3) == ["one", "two", "three"]
    assert await alice.waiting() == 0


async def test_a_first_message_can_be_written_without_any_network(
    alice: Client, bob: Client, relay: Relay, tmp_path: Path
) -> None:
    async with Client.open(tmp_path / "alice", server=NOWHERE) as offline:
        assert (await offline.send("bob", "before we met")).state == "queued"
        assert await states(offline, "bob") == {"before we met": "queued"}
    await alice.sync()
    assert await texts(bob, 1) == ["before we met"]
    assert await states(alice, "bob") == {"before we met": "accepted"}


async def test_nobody_of_that_name_is_said_and_not_tried_again(alice: Client, relay: Relay) -> None:
    with pytest.raises(UnknownPerson, match="no account called nobody"):
        await alice.send("nobody", "hi")
    assert await states(alice, "nobody") == {"hi": "failed"}
    assert await alice.waiting() == 0


async def test_a_refused_message_has_failed_and_holds_up_nothing(alice: Client, bob: Client, relay: Relay) -> None:
    relay.refusals["POST messages"].append(problem(409, "contact_blocked", "blocked"))
    with pytest.raises(Refused, match="You have blocked bob"):
        await alice.send("bob", "no")
    assert (await alice.send("bob", "yes")).state == "accepted"
    assert await states(alice, "bob") == {"no": "failed", "yes": "accepted"}


async def test_going_too_fast_waits_as_told_and_sends(
    alice: Client, bob: Client, relay: Relay, clock: SteppingClock
) -> None:
    relay.refusals["POST messages"].append(problem(429, "too_many_requests"))
    assert (await alice.send("bob", "patience")).state == "accepted"
    assert 1.0 in clock.slept


@pytest.mark.parametrize("text", ["", "x" * 60_001, "é" * 30_001, "\ud800"])
async def test_a_text_that_cannot_be_a_message_is_refused(alice: Client, bob: Client, text: str) -> None:
    with pytest.raises(WrongUse):
        await alice.send("bob", text)
    with pytest.raises(WrongUse, match="That is you"):
        await alice.send("Alice", "hi")
    assert await alice.waiting() == 0


async def test_the_longest_text_is_one_that_the_server_takes(alice: Client, bob: Client, relay: Relay) -> None:
    await alice.send("bob", "日" * 20_000)  # first contact: the longest header that there is
    [sent] = relay.bodies("messages")
    [envelope] = sent["envelopes"]
    assert len(decode(envelope["body"])) <= 64 * 1024
    assert await texts(bob, 1) == ["日" * 20_000]


def add_device(client: Client, relay: Relay) -> str:
    """Sign another device onto somebody's list, as a linked one would be."""
    with client._context.store.transaction() as tx:
        me = settings.me(tx)
        assert me is not None
        pin = peers.pin_of(peers.by_account(tx, me.account))
    assert pin is not None
    account_key = SigningKey.from_seed(me.account_key_seed)
    new = OwnDevice.generate(AccountId(me.account), DeviceId(b"\xff" * 16), account_key.public)
    newest = sign_list(
        account_key, AccountId(me.account), [*pin.newest.devices, listed(new, added=1)], previous=pin.newest, now=2
    )
    publish(relay, newest.account, newest.signed)
    return "ffffffff-ffff-ffff-ffff-ffffffffffff"


def publish(relay: Relay, account: bytes, signed: bytes, *, anew: bool = False) -> None:
    payload, signature = (form.any_octets(one) for one in form.array(cbor.decode(signed), 2))
    lists = relay.lists[str(UUID(bytes=bytes(account)))]
    if anew:
        lists.clear()
    lists.append({"payload": b64(payload), "signature": b64(signature)})


def changed(relay: Relay, username: str) -> Answer:
    """A server that has noticed: `devices_changed` with the newest list."""
    account = relay.accounts[username]["id"]
    accounts = [{"account": account, "lists": relay.lists[account][-1:], "suspended": relay.suspended[account]}]
    return problem(409, "devices_changed", accounts=accounts)


async def test_after_devices_changed_the_same_content_goes_under_the_same_id(
    alice: Client, bob: Client, relay: Relay
) -> None:
    await befriend(alice, bob)
    added = add_device(bob, relay)
    relay.answers.clear()
    relay.refusals["POST messages"].append(changed(relay, "bob"))
    before = len(relay.bodies("messages"))
    sent = await alice.send("bob", "to all of you")
    assert sent.state == "accepted"
    first, second = relay.bodies("messages")[before:]
    assert first["message_id"] == second["message_id"]
    assert first["lists"] != second["lists"]
    # One F for all of them (PROTOCOL.md, Content); other ciphertext.
    tags = [form.array(cbor.decode(decode(one["envelopes"][0]["body"])))[4] for one in (first, second)]
    assert tags[0] == tags[1]
    assert first["envelopes"] != second["envelopes"]
    # The new device has no prekeys yet: left out, named, and nobody waits for it.
    assert second["skipped"] == [added]
    assert sent.skipped == (added,)


async def test_lists_that_have_changed_are_asked_for_once_for_all_that_was_refused(
    alice: Client, bob: Client, relay: Relay
) -> None:
    await befriend(alice, bob)
    add_device(bob, relay)
    relay.refusals["POST messages"] += [changed(relay, "bob") for _ in range(3)]
    for text in ("one", "two", "three"):
        await alice.write_down("bob", text)
    relay.requests.clear()
    await alice.sync()
    assert relay.times("GET", "envelopes") == 2  # and once as in each sync
    assert relay.times("POST", "messages") == 6
    assert await texts(bob, 3) == ["one", "two", "three"]


async def test_what_is_encrypted_for_lists_of_before_does_not_leave_with_what_is_for_those_of_now(
    alice: Client, bob: Client, relay: Relay, open_client: Open
) -> None:
    await befriend(alice, bob)
    await (await open_client("charlie")).register("charlie", "charlie@example.org", PASSWORD)
    add_device(bob, relay)
    account = relay.accounts["bob"]["id"]

    def learn(answer: Answer) -> Answer:
        """Another process of hers takes bob's newest list."""
        newest = answers.directory({"account": account, "lists": relay.lists[account][-1:], "suspended": []})
        with alice._context.store.transaction() as tx:
            alice._directory._apply(tx, newest, peers.pin_of(peers.by_account(tx, newest.account)))
        return answer

    before = len(relay.bodies("messages"))
    for name, text in (("bob", "one"), ("charlie", "hello"), ("bob", "two")):
        await alice.write_down(name, text)
    relay.faults["GET accounts/charlie"].append(learn)
    await alice.sync()
    sent = [body for body in relay.bodies("messages")[before:] if body["to"] == account]
    assert len(sent) == 2
    assert sent[0]["lists"] == sent[1]["lists"]
    assert await texts(bob, 2) == ["one", "two"]


async def test_a_suspended_device_gets_nothing(alice: Client, bob: Client, relay: Relay) -> None:
    await befriend(alice, bob)
    added = add_device(bob, relay)
    relay.suspended[relay.accounts["bob"]["id"]] = [added]
    relay.refusals["POST messages"].append(changed(relay, "bob"))
    assert (await alice.send("bob", "not to that one")).skipped == ()
    assert relay.bodies("messages")[-1]["skipped"] == []


async def test_a_ghost_device_that_nobody_signed_gets_nothing(alice: Client, bob: Client, relay: Relay) -> None:
    await befriend(alice, bob)
    account = relay.accounts["bob"]["id"]
    forged = dict(relay.lists[account][-1])
    payload = decode(forged["payload"])
    forged["payload"] = b64(payload[:-1] + bytes([payload[-1] ^ 1]))
    relay.lists[account].append(forged)
    relay.refusals["POST messages"].append(changed(relay, "bob"))
    with pytest.raises(KeysRefused, match="a device list of bob"):
        await alice.send("bob", "hi")
    assert len(relay.queue[relay.device_of("bob")]) == 0


def show_another_identity(client: Client, relay: Relay) -> tuple[SigningKey, DeviceList]:
    """Have the server show somebody under another account key, as it could make one up."""
    with client._context.store.transaction() as tx:
        me = settings.me(tx)
    assert me is not None
    account_key = keys.generate_account_key()
    own = replace(own_device(me), account_key=account_key.public)
    fresh = sign_list(account_key, own.account, [listed(own, added=1)], previous=None, now=2)
    publish(relay, own.account, fresh.signed, anew=True)
    return account_key, fresh


def new_identity(client: Client, relay: Relay) -> None:
    """Give somebody another account key."""
    account_key, fresh = show_another_identity(client, relay)
    # Bob's own profile goes on under the new key, as after an identity reset.
    with client._context.store.transaction() as tx:
        me = settings.me(tx)
        assert me is not None
        settings.save_me(tx, replace(me, account_key=account_key.public, account_key_seed=bytes(account_key.seed)))
        peers.change(tx, me.account, pin=Pin(fresh).to_bytes())
        peers.save_list(tx, fresh)
        for row in tx.execute("SELECT key FROM session").fetchall():
            tx.execute("DELETE FROM session WHERE key = ?", row)


async def test_a_changed_identity_stops_sending_until_it_is_acknowledged(
    alice: Client, bob: Client, relay: Relay
) -> None:
    await befriend(alice, bob)
    number = (await alice.safety_number("bob")).digits
    await alice.verify("bob")
    new_identity(bob, relay)
    relay.refusals["POST messages"].append(changed(relay, "bob"))
    with pytest.raises(IdentityHasChanged, match="bob's identity has changed"):
        await alice.send("bob", "who are you")
    with pytest.raises(IdentityHasChanged):
        await alice.send("bob", "again")
    assert relay.queue[relay.device_of("bob")] == []
    [notice] = await shown(alice, 1)
    assert isinstance(notice, Notice)
    assert notice.kind == "identity_changed"
    assert [chat.verified for chat in await alice.chats()] == [False]
    assert (await alice.safety_number("bob")).digits != number
    # What they write meanwhile is neither read nor lost.
    await bob.send("alice", "it is me")
    await alice.sync()
    assert await nothing_more(alice)
    await alice.verify("bob")
    assert await texts(alice, 1) == ["it is me"]
    await alice.sync()
    assert await texts(bob, 2) == ["who are you", "again"]
    assert [chat.verified for chat in await alice.chats()] == [True]


async def test_a_message_that_was_stored_and_never_sent_leaves_after_a_kill(
    alice: Client, bob: Client, relay: Relay, open_client: Open
) -> None:
    await alice.write_down("bob", "on the way")  # the process ends here, before any network
    again = await open_client("alice")
    await again.sync()
    assert await texts(bob, 1) == ["on the way"]


async def test_counters_have_no_holes_after_a_retry(alice: Client, bob: Client, relay: Relay) -> None:
    relay.faults["POST messages"].append(lambda answer: None)
    relay.refusals["POST messages"] += [problem(503, "unavailable")]
    for text in ("a", "b", "c"):
        await alice.send("bob", text)
    await alice.sync()
    assert await texts(bob, 3) == ["a", "b", "c"]
    with bob._context.store.transaction() as tx:
        entries = [entry for _, entry in timeline.unseen(tx, after=0, limit=10)]
    assert not entries or [entry.counter for entry in entries] == [1, 2, 3]
