"""The outbox against a server and people that do what they like: one message's trouble is no other's."""

from __future__ import annotations

import pytest
from parties import befriend, states, texts
from relay import Relay, problem

from messenger_client import Client
from messenger_client.errors import Refused, SignInNeeded


async def test_writing_to_somebody_whom_one_has_blocked_stops_nothing_else(
    alice: Client, bob: Client, relay: Relay
) -> None:
    await befriend(alice, bob)
    relay.refusals["POST messages"].append(problem(403, "contact_blocked"))
    with pytest.raises(Refused, match="You have blocked bob"):
        await alice.send("bob", "no")
    assert await alice.waiting() == 0
    await alice.sync()
    await alice.accept("bob")
    assert (await alice.send("bob", "yes")).state == "accepted"
    assert (await states(alice, "bob")).items() >= {"no": "failed", "yes": "accepted"}.items()


async def test_a_token_of_the_wrong_kind_asks_to_sign_in_and_keeps_the_message(
    alice: Client, bob: Client, relay: Relay
) -> None:
    relay.refusals["POST messages"].append(problem(403, "wrong_token"))
    with pytest.raises(SignInNeeded):
        await alice.send("bob", "later")
    await alice.sync()
    assert await texts(bob, 1) == ["later"]
