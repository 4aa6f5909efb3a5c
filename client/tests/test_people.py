"""People: a name stays with the keys that were pinned under it, and only what was compared is verified."""

from __future__ import annotations

import pytest
from parties import Open, befriend, registered, shown, texts, told
from relay import Answer, Relay, problem
from test_sending import changed, new_identity, show_another_identity

from messenger_client import Client, Message, Notice
from messenger_client.errors import IdentityHasChanged, UnknownPerson, WrongUse
from messenger_client.store import peers


async def test_a_name_with_pinned_keys_stays_with_its_account_whatever_the_server_says(
    alice: Client, bob: Client, relay: Relay, open_client: Open
) -> None:
    await befriend(alice, bob)
    mallory = await registered(open_client, "mallory")
    account = relay.accounts["mallory"]["id"]

    def renamed(answer: Answer) -> Answer:
        return 200, {"id": account, "username": "Bob", "display_name": ""}

    def contacts(answer: Answer) -> Answer:
        person = {"id": account, "username": "bob", "display_name": ""}
        return 200, {"contacts": [{"account": person, "state": "requested", "changed_at": 0}]}

    relay.faults[f"GET accounts/{account}"] = [renamed] * 3
    relay.faults["GET contacts"] = [contacts]
    await mallory.send("alice", "I am bob")
    [message] = await shown(alice, 1)
    assert message.sender == account
    assert [one.username for one in await alice.contacts()] == [account]
    assert any("called Bob, too" in sentence for sentence in told(alice))
    await alice.send("bob", "for bob alone")
    assert await texts(bob, 1) == ["for bob alone"]
    assert relay.queue[relay.device_of("mallory")] == []
    await alice.block(account)  # whoever has no name here is still within reach


async def test_an_account_that_keys_are_pinned_of_cannot_be_given_another_name(alice: Client, bob: Client) -> None:
    await befriend(alice, bob)
    with alice._context.store.transaction() as tx:
        peer = peers.by_name(tx, "bob")
        assert peer is not None
        assert peers.change(tx, peer.account, username="carol").username == "bob"
        assert peers.by_name(tx, "carol") is None


async def test_an_answer_about_somebody_else_is_written_to_by_nobody(
    alice: Client, bob: Client, relay: Relay, open_client: Open
) -> None:
    await befriend(alice, bob)
    for name in ("carol", "bob"):
        lie = {"id": relay.accounts["bob"]["id"], "username": name, "display_name": ""}
        relay.refusals["GET accounts/carol"] = [(200, lie)]
        with pytest.raises(UnknownPerson, match="another account than carol's"):
            await alice.send("carol", "for carol alone")
    assert relay.queue[relay.device_of("bob")] == []


async def test_what_was_parked_is_read_later_if_the_server_is_away_when_the_change_is_acknowledged(
    alice: Client, bob: Client, relay: Relay
) -> None:
    await befriend(alice, bob)
    new_identity(bob, relay)
    relay.refusals["POST messages"].append(changed(relay, "bob"))
    with pytest.raises(IdentityHasChanged):
        await alice.send("bob", "who are you")
    await bob.send("alice", "it is me")
    await alice.sync()
    assert relay.queue[relay.device_of("alice")] == []  # acknowledged: the only copy is here
    relay.refusals["GET keys/directory"].append(problem(503, "unavailable"))
    await alice.acknowledge("bob")
    assert relay.refusals["GET keys/directory"] == []
    await alice.sync()
    assert [event.text for event in await alice.history("bob")][-1] == "it is me"
    with alice._context.store.transaction() as tx:
        assert tx.one("SELECT COUNT(*) FROM parked") == (0,)


async def test_who_listens_reads_what_another_process_acknowledged(
    alice: Client, bob: Client, relay: Relay, open_client: Open
) -> None:
    await befriend(alice, bob)
    new_identity(bob, relay)
    relay.refusals["POST messages"].append(changed(relay, "bob"))
    with pytest.raises(IdentityHasChanged):
        await alice.send("bob", "who are you")
    await bob.send("alice", "it is me")
    await alice.sync()
    other = await open_client("alice")
    await other._directory.acknowledge((await other._directory.resolve("bob")).account)
    assert [event.text for event in await shown(alice, 2)][-1] == "it is me"


async def test_a_key_that_came_while_two_compared_is_not_verified(
    alice: Client, bob: Client, relay: Relay, open_client: Open
) -> None:
    await befriend(alice, bob)
    compared = await alice.safety_number("bob")
    new_identity(bob, relay)
    listening = await open_client("alice")
    await listening._directory.refresh((await listening._directory.resolve("bob")).account)
    for key in (compared.key, None):  # asked at once; and `--yes` after an earlier `safety-number`
        with pytest.raises(IdentityHasChanged, match="since you compared"):
            await alice.verify("bob", key)
    with pytest.raises(IdentityHasChanged, match="compare the new safety number"):
        await alice.send("bob", "still not")
    number = await alice.safety_number("bob")
    assert number.digits != compared.digits
    await alice.verify("bob", number.key)
    assert [chat.verified for chat in await alice.chats()] == [True]


async def test_nobody_is_verified_whose_number_was_never_shown(alice: Client, bob: Client) -> None:
    await befriend(alice, bob)
    with pytest.raises(WrongUse, match="Compare first"):
        await alice.verify("bob")
    assert [chat.verified for chat in await alice.chats()] == [False]


async def test_a_change_that_the_server_takes_back_is_over(alice: Client, bob: Client, relay: Relay) -> None:
    await befriend(alice, bob)
    await alice.verify("bob", (await alice.safety_number("bob")).key)
    account = relay.accounts["bob"]["id"]
    known = list(relay.lists[account])
    show_another_identity(bob, relay)
    relay.refusals["POST messages"].append(changed(relay, "bob"))
    with pytest.raises(IdentityHasChanged):
        await alice.send("bob", "who are you")
    await bob.send("alice", "still me")
    await alice.sync()
    assert [notice.kind for notice in await shown(alice, 1) if isinstance(notice, Notice)] == ["identity_changed"]
    relay.lists[account][:] = known
    await alice.safety_number("bob")
    events = await shown(alice, 2)
    assert [event.kind for event in events if isinstance(event, Notice)] == ["warning"]
    assert [event.text for event in events if isinstance(event, Message)] == ["still me"]
    await alice.sync()
    assert await texts(bob, 1) == ["who are you"]
    assert [chat.verified for chat in await alice.chats()] == [True]
