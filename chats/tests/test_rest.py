"""The same over HTTP: same services, same refusals, and the socket hears of it."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from chats.models import Envelope, PrivateMessage
from chats.tests.asking import Ask
from chats.tests.people import Phone

pytestmark = pytest.mark.usefixtures("delivery")


def bare(frame: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in frame.items() if name not in ("type", "id")}


async def test_a_message_over_rest_reaches_a_socket(ask: Ask, alice: Phone, tablet: Phone, bob: Phone) -> None:
    async with bob.online() as b, tablet.online() as t, alice.online() as a:
        sent = bare(alice.message_to(bob))
        status, accepted = await ask(alice, "post", "messages", sent)
        assert status == 201
        assert accepted.keys() == {"message_id", "accepted_at", "skipped"}
        got = await b.get("envelope")
        assert (got["message_id"], got["accepted_at"]) == (sent["message_id"], accepted["accepted_at"])
        assert (await t.get("envelope"))["request"] is False
        assert await ask(alice, "post", "messages", sent) == (201, accepted)
        variants: list[dict[str, Any]] = [{"envelopes": []}, {"envelopes": 7}, {"to": alice.account}, {"surprise": 1}]
        for changes in variants:
            assert await ask(alice, "post", "messages", sent | changes) == (201, accepted)
        assert (await ask(bob, "post", "messages", sent | {"surprise": 1}))[0] == 400  # not bob's message
        again = await a.ask({"type": "message.send", "id": "1", **sent})
        assert again["accepted_at"] == accepted["accepted_at"]
        for socket in (a, b, t):
            assert await socket.silent()


async def test_fetch_and_acknowledge(ask: Ask, alice: Phone, bob: Phone, charlie: Phone, friends: None) -> None:
    async with alice.online() as a:
        sent = [alice.message_to(bob) for _ in range(3)]
        for frame in sent:
            await a.ask(frame)
        status, page = await ask(bob, "get", "envelopes?limit=2")
        assert (status, page["more"]) == (200, True)
        assert [one["message_id"] for one in page["envelopes"]] == [one["message_id"] for one in sent[:2]]
        positions = [one["envelope"] for one in page["envelopes"]]
        assert await ask(charlie, "post", "envelopes/ack", {"envelopes": positions}) == (200, {"acknowledged": 0})
        assert await ask(bob, "post", "envelopes/ack", {"envelopes": positions}) == (200, {"acknowledged": 2})
        assert await ask(bob, "post", "envelopes/ack", {"envelopes": positions}) == (200, {"acknowledged": 0})
        heard = await a.get("message.delivered")
        assert sorted(heard["messages"]) == sorted(one["message_id"] for one in sent[:2])
        _, page = await ask(bob, "get", "envelopes")
        assert ([one["message_id"] for one in page["envelopes"]], page["more"]) == ([sent[2]["message_id"]], False)
        assert await a.silent()


async def test_read_and_statuses(ask: Ask, alice: Phone, tablet: Phone, bob: Phone, charlie: Phone) -> None:
    sent = bare(alice.message_to(bob))
    await ask(alice, "post", "messages", sent)
    body = {"chat": alice.chat_with(bob), "messages": [sent["message_id"]]}
    assert (await ask(charlie, "post", "messages/read", body))[0] == 404
    assert await ask(bob, "post", "messages/read", body) == (204, None)
    wanted = {"messages": [sent["message_id"], str(uuid.uuid4())]}
    assert await ask(alice, "post", "messages/statuses", wanted) == (200, {"statuses": []})
    await ask(bob, "post", f"contacts/{alice.account}/accept", {})
    _, found = await ask(tablet, "post", "messages/statuses", wanted)
    (one,) = found["statuses"]
    assert (one["message"], one["account"], one["device"], one["status"]) == (
        sent["message_id"],
        bob.account,
        bob.id,
        "read",
    )
    for stranger in (bob, charlie):
        assert await ask(stranger, "post", "messages/statuses", wanted) == (200, {"statuses": []})


async def test_what_ones_own_devices_have_read_is_found_in_a_chat(
    ask: Ask, alice: Phone, tablet: Phone, bob: Phone, charlie: Phone
) -> None:
    chat = alice.chat_with(bob)
    received, sent = bare(bob.message_to(alice)), bare(alice.message_to(bob))
    for who, message in ((bob, received), (alice, sent)):
        assert (await ask(who, "post", "messages", message))[0] == 201
    asked: dict[str, Any] = {"messages": [received["message_id"], sent["message_id"]]}
    assert await ask(tablet, "post", "messages/statuses", asked | {"chat": chat}) == (200, {"statuses": []})
    for who, message in ((alice, received), (bob, sent)):
        body = {"chat": chat, "messages": [message["message_id"]]}
        assert (await ask(who, "post", "messages/read", body))[0] == 204
    mine = {"message": received["message_id"], "account": alice.account, "device": alice.id, "status": "read"}
    theirs = {"message": sent["message_id"], "account": bob.account, "device": bob.id, "status": "read"}
    for body, expected in ((asked, [theirs]), (asked | {"chat": chat}, [mine, theirs])):
        _, found = await ask(tablet, "post", "messages/statuses", body)
        assert [{name: one[name] for name in mine} for one in found["statuses"]] == expected
    _, found = await ask(bob, "post", "messages/statuses", asked | {"chat": chat})
    assert [one["account"] for one in found["statuses"]] == [alice.account, bob.account]
    elsewhere = asked | {"chat": alice.chat_with(charlie)}
    for stranger, body in ((charlie, asked | {"chat": chat}), (alice, elsewhere)):
        assert (await ask(stranger, "post", "messages/statuses", body))[0] == 404
    assert (await ask(alice, "post", "messages/statuses", asked | {"chat": "x"}))[0] == 400


async def test_chats_and_contacts(ask: Ask, alice: Phone, bob: Phone, charlie: Phone) -> None:
    await ask(alice, "post", "messages", bare(alice.message_to(bob)))
    _, chats = await ask(bob, "get", "chats")
    assert [(one["id"], one["account"]["username"]) for one in chats["chats"]] == [(alice.chat_with(bob), "alice")]
    _, contacts = await ask(bob, "get", "contacts")
    assert [(one["account"]["id"], one["state"]) for one in contacts["contacts"]] == [(alice.account, "requested")]
    for verb, state in (("accept", "accepted"), ("block", "blocked"), ("unblock", "accepted")):
        status, contact = await ask(bob, "post", f"contacts/{alice.account}/{verb}", {})
        assert (status, contact["state"], contact["account"]["username"]) == (200, state, "alice")
    assert (await ask(bob, "post", f"contacts/{alice.account}/block", {}))[0] == 200
    assert (await ask(bob, "get", "chats"))[1] == {"chats": [], "next": None}
    assert (await ask(alice, "get", "chats"))[1]["chats"][0]["id"] == alice.chat_with(bob)
    for path in ("chats", "contacts"):
        assert (await ask(charlie, "get", path))[1] == {path: [], "next": None}


async def test_strangers_have_nothing_to_accept(ask: Ask, alice: Phone, bob: Phone) -> None:
    for other in (bob.account, alice.account, str(uuid.uuid4())):
        for verb in ("accept", "unblock"):
            assert (await ask(alice, "post", f"contacts/{other}/{verb}", {}))[0] == 404
    assert (await ask(alice, "post", f"contacts/{uuid.uuid4()}/block", {}))[0] == 404


async def test_refusals_have_the_documented_code(ask: Ask, alice: Phone, bob: Phone) -> None:
    good = bare(alice.message_to(bob))
    for body, status, code in (
        (good | {"message_id": str(uuid.uuid4()), "envelopes": []}, 409, "devices_changed"),
        (good | {"to": alice.account}, 400, "malformed"),
        (good | {"surprise": 1}, 400, "malformed"),
        ([], 400, "malformed"),
    ):
        answered, problem = await ask(alice, "post", "messages", body)
        assert (answered, problem["code"]) == (status, code)
    for method, path in (("get", "envelopes?limit=0"), ("get", "envelopes?limit=257"), ("get", "envelopes?limit=x")):
        assert (await ask(alice, method, path))[0] == 400
    assert (await ask(None, "post", "messages", good))[0] == 401
    assert (await ask(None, "get", "envelopes"))[0] == 401
    assert not await PrivateMessage.objects.aexists()


async def test_control_contents_over_rest(ask: Ask, alice: Phone, bob: Phone) -> None:
    async with bob.online() as b:
        assert await ask(alice, "post", "device-messages", bare(alice.control_to(bob))) == (201, {})
        assert (await b.get("envelope"))["kind"] == "control"
        assert await b.silent()
    assert await Envelope.objects.acount() == 1
