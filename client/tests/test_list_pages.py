"""Lists of any length: they come in pages, and are read to the last one."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable

import httpx
import pytest
from parties import Open, registered, second_device
from relay import Answer, Relay

from messenger_client import Client
from messenger_client.api import Api
from messenger_client.errors import Defect

Read = Callable[[Api], Awaitable[object]]

LISTS: list[tuple[str, Read]] = [
    ("chats", lambda api: api.chats()),
    ("contacts", lambda api: api.contacts()),
    ("devices", lambda api: api.devices()),
]


def asked_of(relay: Relay, path: str) -> int:
    return relay.times("GET", path)


@pytest.fixture
async def writers(alice: Client, open_client: Open) -> list[str]:
    """Three whom alice has not met write to her."""
    names = ["bob", "carol", "dora"]
    for name in names:
        await (await registered(open_client, name)).send("alice", f"{name} is here")
    return names


async def test_everybody_who_asks_is_known_however_short_a_page_is(
    alice: Client, writers: list[str], relay: Relay
) -> None:
    relay.page = 1
    before = asked_of(relay, "contacts")
    assert sorted(one.username for one in await alice.requests()) == writers
    assert asked_of(relay, "contacts") == before + 3


async def test_the_chats_that_another_own_device_has_begun_are_learned_from_every_page(
    alice: Client, open_client: Open, relay: Relay
) -> None:
    laptop = await second_device(open_client, alice, "laptop")
    relay.page = 1
    for name in ("bob", "carol"):
        await registered(open_client, name)
        await alice.send(name, f"hello {name}")
    await laptop.sync()
    assert sorted(chat.other for chat in await laptop.chats()) == ["bob", "carol"]
    assert asked_of(relay, "chats") == 2


async def test_every_own_device_is_shown_however_short_a_page_is(
    alice: Client, open_client: Open, relay: Relay
) -> None:
    await second_device(open_client, alice, "laptop")
    relay.page = 1
    assert [one.name for one in await alice.devices()] == ["Terminal", "laptop"]
    assert asked_of(relay, "devices") >= 2


async def test_contacts_come_the_latest_first_whatever_the_order_of_the_pages(
    alice: Client, writers: list[str], relay: Relay
) -> None:
    def dated(answer: Answer) -> Answer:
        status, body = answer
        for one in body["contacts"]:
            one["changed_at"] = {"bob": 5, "carol": 9, "dora": 7}[one["account"]["username"]]
        return status, body

    relay.faults["GET contacts"] = [dated]
    assert [one.username for one in await alice.contacts()] == ["carol", "dora", "bob"]


def api_of(answer: Callable[[httpx.Request], httpx.Response]) -> Api:
    async def token(refused: str | None) -> str:
        return "token"

    return Api("http://relay", token, httpx.MockTransport(answer))


@pytest.mark.parametrize(("path", "read"), LISTS)
async def test_the_cursor_is_given_back_as_it_came(path: str, read: Read) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.raw_path.decode().removeprefix("/api/v1/"))
        return httpx.Response(200, json={path: [], "next": "a-b/c&d" if len(asked) == 1 else None})

    api = api_of(answer)
    assert await read(api) == []
    assert asked == [path, f"{path}?cursor=a-b%2Fc%26d"]
    await api.close()


@pytest.mark.parametrize("following", ["again", 7, ["again"]])
@pytest.mark.parametrize(("path", "read"), LISTS)
async def test_pages_without_end_and_cursors_that_are_none_are_refused(
    path: str, read: Read, following: object
) -> None:
    api = api_of(lambda request: httpx.Response(200, json={path: [], "next": following}))
    with pytest.raises(Defect):
        await read(api)
    await api.close()


async def test_an_entry_that_makes_no_sense_is_refused_on_any_page() -> None:
    good = {"account": {"id": str(uuid.uuid4()), "username": "bob"}, "state": "accepted", "changed_at": 1}
    pages = [{"contacts": [good], "next": "A"}, {"contacts": [{}], "next": None}]
    api = api_of(lambda request: httpx.Response(200, json=pages.pop(0)))
    with pytest.raises(Defect):
        await api.contacts()
    assert pages == []
    await api.close()
