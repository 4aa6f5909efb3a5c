"""What several tests do with people and the relay."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from weakref import WeakKeyDictionary

import pytest

from messenger_client import Client, Event, Message
from messenger_client.errors import LinkingNeeded

PASSWORD = "a quiet river bends twice"

Open = Callable[[str], Awaitable[Client]]
TOLD: WeakKeyDictionary[Client, list[str]] = WeakKeyDictionary()


def told(client: Client) -> list[str]:
    """The sentences that it has had for the person outside of any conversation."""
    return TOLD[client]


async def registered(open_client: Open, name: str) -> Client:
    client = await open_client(name)
    await client.register(name, f"{name}@example.org", PASSWORD)
    return client


async def shown(client: Client, count: int, *, seconds: float = 10) -> list[Event]:
    """Listen until so many events were given out, each marked as seen."""
    found: list[Event] = []
    async with asyncio.timeout(seconds), aclosing(client.events()) as events:
        async for event in events:
            found.append(event)
            client.seen(event)
            if len(found) == count:
                break
    return found


async def until(condition: Callable[[], Awaitable[bool]], *, seconds: float = 20) -> None:
    """Wait for what other tasks do."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def nothing_more(client: Client, *, seconds: float = 0.7) -> bool:
    try:
        found = await shown(client, 1, seconds=seconds)
    except TimeoutError:
        return True
    raise AssertionError(found)


async def texts(client: Client, count: int) -> list[str]:
    return [event.text for event in await shown(client, count)]


async def befriend(one: Client, other: Client) -> None:
    """Write once each way: both have sessions, and nobody waits for an answer."""
    names = [account.username for client in (one, other) if (account := await client.account())]
    await one.send(names[1], "hello")
    await other.accept(names[0])
    await other.send(names[0], "hello yourself")
    assert await texts(other, 1) == ["hello"]
    assert await texts(one, 1) == ["hello yourself"]


async def states(client: Client, other: str) -> dict[str, str]:
    return {event.text: event.state for event in await client.history(other) if isinstance(event, Message)}


async def second_device(
    open_client: Open, owner: Client, profile: str, *, history: bool = True, managing: bool = False
) -> Client:
    """Sign in to somebody's account on another device, and have it linked."""
    account = await owner.account()
    assert account is not None
    client = await open_client(profile)
    with pytest.raises(LinkingNeeded):
        await client.login(account.username, PASSWORD, device=profile)
    code = await client.link_code()
    assert (await owner.read_link(code)).name == profile
    await link(client, owner, code, history=history, managing=managing)
    return client


async def link(client: Client, owner: Client, code: str, *, history: bool = True, managing: bool = False) -> None:
    """Let the device that shows a code be linked, and get what it is to have."""
    waiting = asyncio.create_task(client.wait_until_linked())
    await owner.approve_link(code, history=history, managing=managing)
    await linked(waiting, owner)


async def linked(waiting: asyncio.Task[None], owner: Client) -> None:
    """Until a device that was approved has what it is to have."""
    while not (await asyncio.wait([waiting], timeout=1))[0]:
        # Sleeps take no time here: on a busy machine the keys come after the owner has stopped looking for them.
        owner._controls._not_before.clear()
        await owner.sync()
    await waiting
