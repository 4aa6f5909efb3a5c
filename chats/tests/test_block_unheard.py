"""A block whose word was lost between processes: what this process remembers is not what counts."""

from __future__ import annotations

import pytest
from asgiref.sync import sync_to_async

from accounts.models import Contact, User
from chats import peers
from chats.delivery.delivery import Delivery
from chats.tests.people import Phone

pytestmark = pytest.mark.usefixtures("delivery")
BLOCKED = Contact.State.BLOCKED


def block(owner: Phone, other: Phone) -> None:
    """As another process would, with nothing heard of it here."""
    Contact.objects.update_or_create(owner=owner.member.user, other=other.member.user, defaults={"state": BLOCKED})


async def test_an_unheard_block_stops_control_contents(alice: Phone, bob: Phone, charlie: Phone) -> None:
    """There is no chat between them, whose version could tell."""
    async with alice.online() as a, bob.online() as b, charlie.online() as c:
        assert (await a.ask(alice.control_to(bob, charlie)))["type"] == "done"
        await b.get("envelope")
        await c.get("envelope")
        await sync_to_async(block)(bob, alice)
        assert (await a.ask(alice.control_to(bob, charlie)))["type"] == "done"  # she cannot tell
        await c.get("envelope")
        assert await b.silent()
        await sync_to_async(block)(alice, charlie)
        assert (await a.ask(alice.control_to(charlie)))["code"] == "contact_blocked"
        assert await c.silent()


async def test_control_contents_are_checked_against_the_devices_of_now(
    alice: Phone, bob: Phone, delivery: Delivery
) -> None:
    async with alice.online() as a, bob.online() as b:
        assert (await a.ask(alice.control_to(bob)))["type"] == "done"
        await b.get("envelope")
        before = delivery.facts.accounts[bob.account].version
        await User.objects.filter(pk=bob.member.id).aupdate(devices_version=before + 1)
        assert (await a.ask(alice.control_to(bob)))["type"] == "done"
        await b.get("envelope")
        assert delivery.facts.accounts[bob.account].version == before + 1


async def test_an_unheard_block_stops_typing_within_seconds(
    alice: Phone, bob: Phone, friends: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    typing = {"type": "typing", "chat": alice.chat_with(bob), "on": True}
    async with alice.online() as a, bob.online() as b:
        await a.say(typing)
        await b.get("typing")
        await sync_to_async(block)(bob, alice)
        monkeypatch.setattr(peers, "FRESH_SECONDS", 0.0)
        await a.say(typing)
        assert await b.silent()
