"""typing: relayed between two that accepted each other, and to nobody else."""

from __future__ import annotations

import uuid

import pytest

from chats import buckets
from chats.tests.people import Phone

pytestmark = pytest.mark.usefixtures("delivery")


def typing(chat: str, on: bool = True) -> dict[str, object]:
    return {"type": "typing", "chat": chat, "on": on}


async def test_friends_see_each_other_typing(alice: Phone, bob: Phone, charlie: Phone, friends: None) -> None:
    async with alice.online() as a, bob.online() as b, charlie.online() as c:
        chat = alice.chat_with(bob)
        for on in (True, False):
            await a.say(typing(chat, on))
            assert await b.get("typing") == {"type": "typing", "chat": chat, "account": alice.account, "on": on}
        for socket in (a, b, c):
            assert await socket.silent()


async def test_a_requester_and_the_one_asked_see_nothing(alice: Phone, bob: Phone) -> None:
    async with alice.online() as a, bob.online() as b:
        await a.ask(alice.message_to(bob))
        await b.get("envelope")
        await a.say(typing(alice.chat_with(bob)))
        await b.say(typing(alice.chat_with(bob)))
        assert await a.silent()
        assert await b.silent()


async def test_a_stranger_types_to_nobody(alice: Phone, bob: Phone, charlie: Phone, friends: None) -> None:
    async with alice.online() as a, bob.online() as b, charlie.online() as c:
        await c.say(typing(alice.chat_with(bob)))
        await c.say(typing(str(uuid.uuid4())))
        for socket in (a, b, c):
            assert await socket.silent()


async def test_typing_without_end_is_thinned_out(
    alice: Phone, bob: Phone, friends: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = buckets.clock()
    monkeypatch.setattr(buckets, "clock", lambda: now)
    async with alice.online() as a, bob.online() as b:
        for _ in range(100):
            await a.say(typing(alice.chat_with(bob)))
        for _ in range(10):
            await b.get("typing")
        assert await b.silent()


async def test_malformed_typing_is_refused(alice: Phone, bob: Phone, friends: None) -> None:
    async with alice.online() as a, bob.online() as b:
        await a.say(typing(alice.chat_with(bob)) | {"on": "yes"})
        assert (await a.get("rejected"))["code"] == "malformed"
        assert await b.silent()
