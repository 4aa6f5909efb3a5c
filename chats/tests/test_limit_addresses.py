"""Sockets count for the address that opens them, also those that are refused."""

from __future__ import annotations

from typing import Any

import pytest

from chats import handshake
from chats.tests.people import Phone, Socket
from messenger.lib import limits

pytestmark = pytest.mark.usefixtures("delivery")


async def test_an_address_that_guesses_tokens_is_stopped_before_they_are_looked_at(
    alice: Phone, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LIMITS = settings.LIMITS | {"address": "3/minute"}
    limits.reset()
    looked_at = []
    real = handshake.recognise

    def counting(access: str) -> Any:
        looked_at.append(access)
        return real(access)

    monkeypatch.setattr(handshake, "recognise", counting)
    for _ in range(5):
        socket = Socket(alice, [(b"authorization", b"Bearer nonsense")])
        await socket.open()
        assert not socket.opened
    assert len(looked_at) == 3
    limits.reset()
    async with alice.online() as a:
        assert await a.silent()


async def test_behind_a_proxy_the_address_is_the_one_that_the_proxy_saw(settings: Any) -> None:
    forwarded = [(b"x-forwarded-for", b"10.0.0.1"), (b"x-forwarded-for", b"192.0.2.7")]
    scope = {"client": ("127.0.0.1", 5), "headers": forwarded}
    settings.TRUSTED_PROXIES = 0
    assert handshake.address_of(scope) == "127.0.0.1"
    settings.TRUSTED_PROXIES = 1
    assert handshake.address_of(scope) == "192.0.2.7"
    assert handshake.address_of({"headers": []}) == "unknown"
