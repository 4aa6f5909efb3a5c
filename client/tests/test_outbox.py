"""The outbox against a server and people that do what they like: one message's trouble is no other's."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from clocks import SteppingClock
from parties import Open, befriend, nothing_more, shown, states, texts
from relay import Relay, problem
from test_sending import new_identity
from typer.testing import CliRunner

from messenger_client import Client, Message
from messenger_client.cli import app
from messenger_client.client import sending
from messenger_client.client.encrypting import NO_KEYS
from messenger_client.errors import IdentityHasChanged, Refused, SignInNeeded, WrongUse
from messenger_client.store import outbox
from messenger_client.store.records import Outgoing


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


@pytest.mark.parametrize("name", ["", "bob\n", "bob#x", "bob?y=1", "../accounts/bob", ".", "b ob", "\ud800", "x" * 129])
async def test_a_name_that_nobody_can_have_is_refused_before_anything_is_stored(
    name: str, alice: Client, bob: Client, relay: Relay
) -> None:
    asked = len(relay.requests)
    with pytest.raises(WrongUse, match="no username"):
        await alice.send(name, "hi")
    assert await alice.waiting() == 0
    assert len(relay.requests) == asked
    assert relay.queue[relay.device_of("bob")] == []


async def test_a_bad_name_that_is_in_the_outbox_already_fails_alone(
    alice: Client, bob: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["bob\n", "bob#x", "bob?y=1", "../accounts/bob"]
    with monkeypatch.context() as patched:
        patched.setattr(sending, "check_name", lambda name: None)  # as an earlier version did
        for name in names:
            await alice.write_down(name, "to nobody")
    assert (await alice.send("bob", "to bob")).state == "accepted"
    for name in names:
        assert await states(alice, name) == {"to nobody": "failed"}
    assert await texts(bob, 1) == ["to bob"]
    assert await nothing_more(bob)


async def test_a_message_that_breaks_the_program_fails_alone(
    alice: Client, bob: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(message: object) -> None:
        raise ArithmeticError

    await alice.write_down("bob", "cursed")
    with monkeypatch.context() as patched:
        patched.setattr(alice._context.api, "send", broken)
        await alice.sync()
    assert (await alice.send("bob", "fine")).state == "accepted"
    assert await states(alice, "bob") == {"cursed": "failed", "fine": "accepted"}


async def test_after_thirty_days_without_an_answer_a_new_session_is_started(
    alice: Client, bob: Client, clock: SteppingClock
) -> None:
    await alice.send("bob", "are you there")
    clock.ahead += 31 * 24 * 3_600_000
    assert (await alice.send("bob", "still there?")).state == "accepted"
    assert await texts(bob, 2) == ["are you there", "still there?"]


async def test_nothing_leaves_while_an_identity_change_is_open_not_even_what_was_encrypted_before(
    alice: Client, bob: Client, relay: Relay
) -> None:
    await befriend(alice, bob)
    relay.faults["POST messages"].append(lambda answer: (503, {}))
    relay.refusals["POST messages"].append(problem(503, "unavailable"))
    assert (await alice.send("bob", "encrypted")).state == "queued"
    new_identity(bob, relay)
    relay.faults.clear()
    account = (await alice._directory.resolve("bob")).account
    await alice._directory.refresh(account)
    before = relay.times("POST", "messages")
    with pytest.raises(IdentityHasChanged) as caught:
        await alice.send("bob", "not yet")
    assert relay.times("POST", "messages") == before
    [last] = [event for event in await alice.history("bob") if event.text == "not yet"]
    assert caught.value.queued == last.id


async def test_the_command_line_says_that_a_message_waits_for_a_changed_identity(
    alice: Client, bob: Client, relay: Relay, tmp_path: Path
) -> None:
    await befriend(alice, bob)
    new_identity(bob, relay)
    await alice._directory.refresh((await alice._directory.resolve("bob")).account)
    arguments = ["--profile", str(tmp_path / "alice"), "--server", relay.url, "--json", "send", "bob", "hi"]
    done = await asyncio.to_thread(CliRunner().invoke, app, arguments)
    sent = json.loads(done.stdout)
    assert (done.exit_code, sent["state"]) == (0, "queued")
    assert sent["id"] in [event.id for event in await alice.history("bob")]
    assert "identity has changed" in done.stderr
    assert "it waits here and leaves once that is settled" in done.stderr


async def test_two_processes_that_send_one_message_seal_its_content_once(
    alice: Client, bob: Client, relay: Relay, open_client: Open
) -> None:
    await befriend(alice, bob)
    other = await open_client("alice")
    await alice.write_down("bob", "first")
    await alice.write_down("bob", "second")  # not encrypted yet: it is not the next one
    with alice._context.store.transaction() as tx:
        stale = outbox.pending(tx)[1]
    with other._context.store.transaction() as tx:
        theirs = other._sender._encrypt(tx, stale, NO_KEYS, set())
    assert isinstance(theirs, Outgoing)
    with alice._context.store.transaction() as tx:
        mine = alice._sender._encrypt(tx, stale, NO_KEYS, set())
    assert isinstance(mine, Outgoing)
    assert (mine.padded, mine.envelopes) == (theirs.padded, theirs.envelopes)
    # The other process was told of changed devices; this one still has what it read before all that.
    with other._context.store.transaction() as tx:
        other._sender._clear(tx, theirs)
        again = alice._sender._encrypt(tx, stale, NO_KEYS, set())
    assert isinstance(again, Outgoing)
    assert (again.padded, again.attempts) == (theirs.padded, 2)
    with other._context.store.transaction() as tx:
        other._sender._clear(tx, theirs)  # a refusal of the older bytes takes the newer ones from nobody
        kept = outbox.get(tx, stale.id)
    assert kept is not None
    assert (kept.envelopes, kept.attempts) == (again.envelopes, 2)


async def test_a_refusal_that_comes_after_another_process_was_accepted_changes_nothing(
    alice: Client, bob: Client, relay: Relay, open_client: Open
) -> None:
    await befriend(alice, bob)
    other = await open_client("alice")
    await alice.write_down("bob", "once")
    with alice._context.store.transaction() as tx:
        [stale] = outbox.pending(tx)
    await other.sync()
    problems = sending.Problems({}, {})
    await alice._sender._refused(stale, Refused("no", "contact_blocked"), problems)
    assert problems.of == {}
    assert (await states(alice, "bob"))["once"] == "accepted"


async def test_a_refused_message_leaves_no_gap_at_its_recipient(
    alice: Client, bob: Client, relay: Relay, clock: SteppingClock
) -> None:
    await befriend(alice, bob)
    relay.refusals["POST messages"] += [problem(403, "contact_blocked"), problem(403, "contact_blocked")]
    await alice.write_down("bob", "refused")
    await alice.write_down("bob", "refused, too")
    await alice.sync()
    assert (await alice.send("bob", "next")).state == "accepted"
    await bob.sync()
    clock.ahead += 60_000
    assert [(type(event), event.text) for event in await shown(bob, 1)] == [(Message, "next")]
    assert await nothing_more(bob)
