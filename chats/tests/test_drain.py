"""From the queue to the socket: bounded, in order, each once while in flight, whether a nudge came or not."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from chats import consumers, limits
from chats.delivery import connection as connections
from chats.delivery import drain as drains
from chats.delivery.delivery import Delivery
from chats.models import Envelope
from chats.tests.people import Phone

pytestmark = pytest.mark.usefixtures("delivery")


@pytest.fixture
def small_window(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(connections, "WINDOW", 10)
    monkeypatch.setattr(drains, "WINDOW", 10)
    return 10


async def test_no_more_than_a_window_is_in_flight(alice: Phone, bob: Phone, small_window: int) -> None:
    sent = [alice.message_to(bob) for _ in range(3 * small_window)]
    async with alice.online() as a, bob.online() as b:
        for frame in sent:
            await a.ask(frame)
        got = [await b.get("envelope") for _ in range(small_window)]
        assert await b.silent()
        while len(got) < len(sent):
            await b.say({"type": "ack", "envelopes": [one["envelope"] for one in got[-small_window:]]})
            got += [await b.get("envelope") for _ in range(small_window)]
            assert await b.silent()
        assert [one["message_id"] for one in got] == [one["message_id"] for one in sent]


async def test_a_backlog_larger_than_the_window_comes_in_order_and_ends_with_queue_empty(
    alice: Phone, bob: Phone, small_window: int
) -> None:
    sent = [alice.message_to(bob) for _ in range(35)]
    async with alice.online() as a:
        for frame in sent:
            await a.ask(frame)
    async with bob.online(greeted=False) as b:
        await b.get("hello")
        got: list[dict[str, Any]] = []
        while (frame := await b.next())["type"] == "envelope":
            got.append(frame)
            await b.say({"type": "ack", "envelopes": [frame["envelope"]]})
        assert frame["type"] == "queue.empty"
        assert [one["message_id"] for one in got] == [one["message_id"] for one in sent]
        assert await b.silent()


async def test_the_window_counts_bytes_too(alice: Phone, bob: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "WINDOW_BYTES", 1)
    async with alice.online() as a, bob.online() as b:
        for _ in range(3):
            await a.ask(alice.message_to(bob))
        for _ in range(3):
            position = (await b.get("envelope"))["envelope"]
            assert await b.silent()
            await b.say({"type": "ack", "envelopes": [position]})
        assert await b.silent()


async def test_what_is_in_flight_is_not_sent_again_by_a_nudge_or_a_poll(
    alice: Phone, bob: Phone, delivery: Delivery
) -> None:
    async with alice.online() as a, bob.online() as b:
        for _ in range(3):
            await a.ask(alice.message_to(bob))
            await b.get("envelope")
        for _ in range(3):
            delivery.nudge(bob.id)
            await delivery.poll()
        assert await b.silent()


async def test_a_lost_nudge_costs_only_time(
    alice: Phone, bob: Phone, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with alice.online() as a, bob.online() as b:
        # As if another process had accepted it and its word were lost.
        with monkeypatch.context() as patch:
            patch.setattr(delivery.hub, "deliver", lambda send, verdict: None)
            sent = alice.message_to(bob)
            await a.ask(sent)
        assert await b.silent()
        await delivery.poll()
        assert (await b.get("envelope"))["message_id"] == sent["message_id"]
        assert await b.silent()


async def test_a_row_that_commits_late_is_found_below_those_already_sent(
    alice: Phone, bob: Phone, delivery: Delivery
) -> None:
    """Positions are taken before the commit, so a lower one may appear after a higher one was delivered."""
    async with alice.online() as a, bob.online() as b:
        for _ in range(3):
            await a.ask(alice.message_to(bob))
        got = [await b.get("envelope") for _ in range(3)]
        await b.ack(*[one["envelope"] for one in got])
        late = await Envelope.objects.acreate(
            position=got[0]["envelope"],
            device=bob.device,
            kind=Envelope.Kind.CONTROL,
            sender_device=alice.device,
            client_message_id=alice.device.pk,
            created_at=1,
            ciphertext=b"late",
        )
        delivery.nudge(bob.id)
        assert (await b.get("envelope"))["envelope"] == late.position
        assert await b.silent()


async def test_a_drain_that_fails_is_repeated_until_it_works(
    alice: Phone, bob: Phone, charlie: Phone, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also for a device that nothing waits for: it is told so."""
    from chats.delivery import on_demand
    from chats.writer.store import StoreFailed

    monkeypatch.setattr(on_demand, "PAUSE_AFTER_FAILURE", 0.01)

    async def broken(*args: Any) -> Any:
        raise StoreFailed

    async with alice.online() as a:
        await a.ask(alice.message_to(bob))
    with monkeypatch.context() as patch:
        patch.setattr(delivery.store, "waiting_for", broken)
        async with bob.online(greeted=False) as b, charlie.online(greeted=False) as c:
            for socket in (b, c):
                await socket.get("hello")
                assert await socket.silent()
            patch.undo()
            await b.get("envelope")
            for socket in (b, c):
                await socket.get("queue.empty")
                assert await socket.silent()


@pytest.mark.parametrize(("name", "most"), [("BACKLOG_FRAMES", 50), ("BACKLOG_SIZE", 50_000)])
async def test_a_slow_reader_holds_a_bounded_backlog_and_is_read_no_further(
    name: str, most: int, alice: Phone, bob: Phone, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transport that does not write: what waits for it stays within its bound, then the socket is closed."""
    monkeypatch.setattr(consumers, name, most)
    let, written = asyncio.Event(), list[str]()

    async def stuck(event: Any) -> None:
        await let.wait()
        written.append(event.get("text", "closed"))

    socket = consumers.Socket(stuck)
    connection = connections.Connection(
        socket,
        account=bob.account,
        device=bob.id,
        session="00",
        expires_at=2**60,
        listed=True,
        list_version=1,
    )
    delivery.connect(connection)
    async with alice.online() as a:
        for _ in range(80):
            await a.ask(alice.message_to(bob))
    assert connection.closed
    assert len(connection.in_flight) <= limits.WINDOW
    let.set()
    await socket.written()
    assert written[-1] == "closed"
    *held, largest = sorted(map(len, written[1:-1]))  # the first was on its way
    assert (len(held) if name == "BACKLOG_FRAMES" else sum(held)) < most <= 50 * largest
    delivery.disconnect(connection)
    await socket.finish()
    assert await Envelope.objects.filter(device=bob.device).acount() == 80  # nothing was lost by it


@pytest.mark.parametrize(("name", "most"), [("READ_AHEAD_FRAMES", 3), ("READ_AHEAD_SIZE", 3_000)])
async def test_who_does_not_read_large_answers_is_not_read(
    name: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, name, most)
    let, written = asyncio.Event(), list[Any]()

    async def stuck(event: Any) -> None:
        await let.wait()
        written.append(event["type"])

    socket, behind = consumers.Socket(stuck), []
    for _ in range(6):
        socket.write("x" * 1_000)
        await asyncio.sleep(0)  # the first is on its way from here on
        behind.append(socket.behind)
    assert behind == [False, False, False, False, True, True]
    socket.close(1013)
    let.set()
    await socket.written()
    # Who was not there to read the rest hears that it is over.
    assert (written, socket.behind) == (["websocket.send", "websocket.close"], False)


async def test_many_devices_share_one_question(
    alice: Phone, bob: Phone, charlie: Phone, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with alice.online() as a:
        for other in (bob, charlie, bob):
            await a.ask(alice.message_to(other))
    asked: list[int] = []
    real = delivery.store.waiting_for

    async def counting(rooms: Any, held: Any, limit: int) -> Any:
        asked.append(len(rooms))
        return await real(rooms, held, limit)

    monkeypatch.setattr(delivery.store, "waiting_for", counting)
    async with bob.online(greeted=False) as b, charlie.online(greeted=False) as c:
        await b.get("hello")
        await c.get("hello")
        assert [(await b.next())["type"] for _ in range(3)] == ["envelope", "envelope", "queue.empty"]
        assert [(await c.next())["type"] for _ in range(2)] == ["envelope", "queue.empty"]
    assert sum(asked) == 2
