"""What operators count: sockets, messages, envelopes, and why some could not be read. Numbers, and nobody's names."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import Client

from chats.tests.people import Phone
from messenger.lib import metrics


def counted() -> dict[str, float]:
    names = ("messages_accepted_total", "envelopes_delivered_total", "sockets")
    return {name: metrics.value(f"messenger_{name}") for name in names}


def unreadable(cause: str) -> float:
    return metrics.value("messenger_envelopes_unreadable_total", cause=cause)


@pytest.mark.usefixtures("delivery")
async def test_messages_envelopes_and_sockets_are_counted(alice: Phone, bob: Phone) -> None:
    before = counted()
    async with alice.online() as a, bob.online() as b:
        sent = alice.message_to(bob)
        await a.ask(sent)
        await a.ask(sent | {"id": "again"})
        await a.ask(alice.control_to(bob))
        positions = [(await b.get("envelope"))["envelope"] for _ in range(2)]
        await b.ack(*positions, positions[-1] + 1_000)  # one that was never sent here
        now = counted()
        assert {name: now[name] - before[name] for name in now} == {
            "messages_accepted_total": 1,
            "envelopes_delivered_total": 2,
            "sockets": 2,
        }
    assert counted()["sockets"] == before["sockets"]


@pytest.mark.usefixtures("delivery")
async def test_what_is_said_over_rest_counts_as_much(alice: Phone, bob: Phone, client: Client) -> None:
    async def post(phone: Phone, path: str, body: Any) -> Any:
        headers = {"authorization": f"Bearer {phone.access}"}
        sent = await sync_to_async(client.post)(
            f"/api/v1/{path}", body, content_type="application/json", headers=headers
        )
        return sent.json()

    before, causes = counted(), (unreadable("too_far"), unreadable("kem_step"))
    frame = {name: value for name, value in alice.message_to(bob).items() if name not in ("type", "id")}
    for _ in range(2):
        await post(alice, "messages", frame)
    headers = {"authorization": f"Bearer {bob.access}"}
    (waiting,) = (await sync_to_async(client.get)("/api/v1/envelopes", headers=headers)).json()["envelopes"]
    await post(bob, "envelopes/ack", {"unreadable": [{"envelope": waiting["envelope"], "cause": "too_far"}]})
    async with bob.online() as b:
        await b.ask({"type": "ack", "id": "1", "unreadable": [{"envelope": 1, "cause": "kem_step"}]})
    now = counted()
    assert now["messages_accepted_total"] - before["messages_accepted_total"] == 1
    assert now["envelopes_delivered_total"] - before["envelopes_delivered_total"] == 1
    assert (unreadable("too_far"), unreadable("kem_step")) == (causes[0] + 1, causes[1] + 1)
