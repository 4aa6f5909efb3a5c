"""Accounts and tokens: every step can be taken again, one process renews, a lost answer ends nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from clocks import SteppingClock
from parties import PASSWORD, Open
from relay import Relay, problem

from messenger_client import Client
from messenger_client.errors import ClientError, LinkingNeeded, Refused, SignInNeeded, Unreachable, WrongUse


async def test_registering_publishes_a_list_and_a_hundred_keys_of_each_kind(alice: Client, relay: Relay) -> None:
    device = relay.device_of("alice")
    assert len(relay.lists[relay.accounts["alice"]["id"]]) == 1
    kept = relay.prekeys[device]
    assert (len(kept["one_time"]), len(kept["one_time_kem"])) == (100, 100)
    assert {"signed_prekey", "last_resort"} <= kept.keys()


@pytest.mark.parametrize(
    "call",
    ["POST devices", "POST auth/device/token", "PUT keys/device-list", "POST keys/prekeys", "GET keys/directory"],
)
async def test_a_registration_that_broke_off_anywhere_is_finished_by_signing_in(
    call: str, relay: Relay, open_client: Open
) -> None:
    client = await open_client("alice")
    relay.faults[call].append(lambda answer: None)
    with pytest.raises(ClientError):
        await client.register("alice", "alice@example.org", PASSWORD)
    again = await open_client("alice")
    with pytest.raises(SignInNeeded):
        await again.send("bob", "hi")
    await again.login("alice", PASSWORD)
    assert len(relay.devices) == 1
    assert len(relay.lists[relay.accounts["alice"]["id"]]) == 1
    assert await again.requests() == []


async def test_a_taken_name_is_said_in_the_server_s_words(alice: Client, open_client: Open) -> None:
    other = await open_client("other")
    with pytest.raises(Refused, match="taken") as caught:
        await other.register("alice", "a@example.org", PASSWORD)
    assert caught.value.code == "username_taken"


async def test_a_profile_belongs_to_one_account(alice: Client, bob: Client) -> None:
    with pytest.raises(WrongUse, match="belongs to alice"):
        await alice.register("carol", "carol@example.org", PASSWORD)
    with pytest.raises(WrongUse, match="belongs to alice"):
        await alice.login("bob", PASSWORD)


async def test_a_second_device_is_told_that_it_has_to_be_linked(alice: Client, open_client: Open) -> None:
    laptop = await open_client("laptop")
    with pytest.raises(LinkingNeeded, match="has a device already"):
        await laptop.login("alice", PASSWORD)
    with pytest.raises(SignInNeeded):
        await laptop.send("bob", "hi")
    with pytest.raises(SignInNeeded):
        await anext(laptop.messages())


async def test_an_account_made_on_the_page_gets_its_first_device(relay: Relay, open_client: Open) -> None:
    relay.accounts["dana"] = {"id": "0197a000-0000-7000-8000-000000000001", "password": PASSWORD}
    client = await open_client("dana")
    account = await client.login("dana", PASSWORD)
    assert account.username == "dana"
    assert len(relay.lists[account.account]) == 1


async def test_a_token_is_renewed_before_its_end(alice: Client, relay: Relay, clock: SteppingClock) -> None:
    await alice.requests()
    assert relay.times("POST", "auth/token/refresh") == 0
    clock.ahead += 14 * 60_000 + 1
    await alice.requests()
    await alice.requests()
    assert relay.times("POST", "auth/token/refresh") == 1


async def test_a_token_that_the_server_refuses_is_renewed_at_once(alice: Client, relay: Relay) -> None:
    relay.tokens.clear()
    assert await alice.requests() == []
    assert relay.times("POST", "auth/token/refresh") == 1


async def test_two_processes_renew_once(alice: Client, relay: Relay, open_client: Open) -> None:
    other = await open_client("alice")
    relay.tokens.clear()
    await asyncio.gather(alice.requests(), other.requests(), alice.chats(), other.contacts())
    assert relay.times("POST", "auth/token/refresh") == 1


async def test_a_lost_answer_to_a_refresh_is_made_good_by_proving_the_device(
    alice: Client, relay: Relay, clock: SteppingClock
) -> None:
    relay.tokens.clear()
    relay.faults["POST auth/token/refresh"].append(lambda answer: None)
    with pytest.raises(Unreachable):
        await alice.requests()
    clock.ahead += 60_000  # the server's grace has passed
    proofs = relay.times("POST", "auth/device/token")
    assert await alice.requests() == []
    assert relay.times("POST", "auth/token/refresh") == 1  # a spent token is never shown again
    assert relay.times("POST", "auth/device/token") == proofs + 1


async def test_a_session_that_was_ended_asks_to_sign_in(alice: Client, relay: Relay) -> None:
    relay.tokens.clear()
    relay.refreshes.clear()
    relay.refusals["POST auth/device/token"].append(problem(401, "session_ended"))
    with pytest.raises(SignInNeeded, match="messenger login alice"):
        await alice.requests()
    await alice.login("alice", PASSWORD)
    assert await alice.requests() == []


async def test_signing_out_keeps_the_conversations(alice: Client, bob: Client) -> None:
    await alice.send("bob", "kept")
    await alice.logout()
    with pytest.raises(SignInNeeded):
        await alice.requests()
    assert [event.text for event in await alice.history("bob")] == ["kept"]


async def test_prekeys_are_refilled_under_twenty_five_and_never_reuse_an_id(alice: Client, relay: Relay) -> None:
    kept = relay.prekeys[relay.device_of("alice")]
    del kept["one_time"][:76]
    await alice._prekeys.check()
    assert (len(kept["one_time"]), len(kept["one_time_kem"])) == (100, 100)
    published = [one["payload"] for body in relay.bodies("keys/prekeys") for one in body.get("one_time", [])]
    assert len(published) == 176
    assert len(set(published)) == 176


async def test_signed_prekeys_are_new_every_seven_days_and_old_ones_stay_usable(
    alice: Client, bob: Client, relay: Relay, clock: SteppingClock
) -> None:
    await alice.send("bob", "for the first key")  # encrypted now, fetched after the change
    before = relay.prekeys[relay.device_of("bob")]["signed_prekey"]
    clock.ahead += 8 * 24 * 3_600_000
    await bob._prekeys.check()
    assert relay.prekeys[relay.device_of("bob")]["signed_prekey"] != before
    await bob.sync()
    assert [event.text for event in await bob.history("alice")] == ["for the first key"]


async def test_nothing_secret_is_in_what_the_client_prints(alice: Client, tmp_path: Path) -> None:
    for value in (alice, alice._context, alice._context.tokens, await alice.account()):
        assert PASSWORD not in repr(value)
