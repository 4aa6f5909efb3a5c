"""Shown in each sender's order: the counter decides, a gap waits ten seconds, then shows as one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from messenger_client.store import Store, Transaction, timeline
from messenger_client.store.records import Entry
from messenger_client.store.timeline import GAP_WAIT

CHAT, ALICE, PHONE, LAPTOP = (bytes([number]) * 16 for number in range(4))


@pytest.fixture
def tx(tmp_path: Path) -> Iterator[Transaction]:
    store = Store.open(tmp_path)
    with store.transaction() as open_transaction:
        yield open_transaction
    store.close()


def place(tx: Transaction, counter: int, *, now: int, device: bytes = PHONE) -> None:
    entry = Entry(device + bytes([counter]), "text", False, ALICE, CHAT, 0, device, text=str(counter), counter=counter)
    timeline.place(tx, entry, now=now)


def shown(tx: Transaction) -> list[str]:
    return [
        f"gap {entry.missing}" if entry.kind == "gap" else entry.text
        for _, entry in timeline.unseen(tx, after=0, limit=100)
    ]


def test_messages_in_order_are_shown_at_once(tx: Transaction) -> None:
    for counter in (1, 2, 3):
        place(tx, counter, now=0)
    assert shown(tx) == ["1", "2", "3"]


def test_a_message_waits_for_the_one_before_it(tx: Transaction) -> None:
    for counter in (1, 4, 3):
        place(tx, counter, now=0)
    assert shown(tx) == ["1"]
    place(tx, 2, now=5)
    assert shown(tx) == ["1", "2", "3", "4"]
    assert timeline.next_due(tx) is None


def test_a_gap_shows_as_one_after_its_time_and_not_before(tx: Transaction) -> None:
    place(tx, 1, now=0)
    place(tx, 4, now=1_000)
    place(tx, 5, now=9_000)
    timeline.release_due(tx, now=1_000 + GAP_WAIT - 1)
    assert shown(tx) == ["1"]
    assert timeline.next_due(tx) == 1_000 + GAP_WAIT
    timeline.release_due(tx, now=1_000 + GAP_WAIT)
    assert shown(tx) == ["1", "gap 2", "4", "5"]


def test_every_gap_shows_where_it_is(tx: Transaction) -> None:
    for counter in (1, 3, 5):
        place(tx, counter, now=0)
    timeline.release_due(tx, now=GAP_WAIT)
    assert shown(tx) == ["1", "gap 1", "3", "gap 1", "5"]


def test_what_comes_after_its_gap_was_shown_is_shown_late(tx: Transaction) -> None:
    for counter in (1, 3):
        place(tx, counter, now=0)
    timeline.release_due(tx, now=GAP_WAIT)
    place(tx, 2, now=GAP_WAIT + 1)
    place(tx, 4, now=GAP_WAIT + 2)
    assert shown(tx) == ["1", "gap 1", "3", "2", "4"]


def test_a_device_that_began_before_we_knew_it_has_no_gap(tx: Transaction) -> None:
    place(tx, 40, now=0)
    assert shown(tx) == []
    timeline.release_due(tx, now=GAP_WAIT)
    place(tx, 41, now=GAP_WAIT)
    assert shown(tx) == ["40", "41"]


def test_two_devices_of_a_sender_do_not_wait_for_each_other(tx: Transaction) -> None:
    place(tx, 2, now=0)
    place(tx, 1, now=0, device=LAPTOP)
    assert shown(tx) == ["1"]


def test_a_second_copy_is_shown_nowhere(tx: Transaction) -> None:
    place(tx, 1, now=0)
    place(tx, 1, now=0)
    place(tx, 2, now=0)
    assert shown(tx) == ["1", "2"]


def past(tx: Transaction, counter: int, *, at: int, chat: bytes = CHAT, device: bytes = PHONE) -> None:
    message = device + bytes([counter])
    entry = Entry(message, "text", False, ALICE, chat, 0, device, text=str(counter), counter=counter, accepted=at)
    timeline.add_past(tx, entry)


def lines(tx: Transaction, chat: bytes = CHAT) -> list[str]:
    return [entry.text for entry in timeline.history(tx, chat, limit=1_000)]


def test_what_is_from_before_stands_by_its_time_in_front_of_all_that_came_here(tx: Transaction) -> None:
    place(tx, 1, now=0)
    for counter, at in ((5, 7_000), (3, 5_000), (4, 6_000), (2, 0)):
        past(tx, counter, at=at)
    assert lines(tx) == ["2", "3", "4", "5", "1"]
    assert shown(tx) == ["1"]  # the rest is no news


def test_lines_of_one_moment_stand_as_they_came_and_before_those_of_the_next(tx: Transaction) -> None:
    past(tx, 200, at=6_000)
    for counter in range(100):
        past(tx, counter, at=5_000)
        past(tx, counter, at=5_000, chat=LAPTOP, device=LAPTOP)
    assert lines(tx) == [*map(str, range(100)), "200"]


def test_a_time_that_is_none_stands_last_and_still_before_all_that_came_here(tx: Transaction) -> None:
    place(tx, 1, now=0)
    for counter in (2, 3):
        past(tx, counter, at=(1 << 64) - 1)
    past(tx, 4, at=1 << 41)
    assert lines(tx) == ["4", "2", "3", "1"]


def test_what_was_there_before_as_history_holds_nothing_up(tx: Transaction) -> None:
    past(tx, 7, at=5_000)
    timeline.begin_flow(tx, Entry(bytes(16), "text", False, ALICE, CHAT, 0, PHONE, counter=7))
    place(tx, 8, now=0)
    assert shown(tx) == []
    place(tx, 7, now=0)  # a second copy
    assert shown(tx) == ["8"]
    assert timeline.next_due(tx) is None


@pytest.mark.parametrize("begin", [True, False])
def test_history_carries_on_what_is_counted_and_begins_it_only_where_it_may(tx: Transaction, begin: bool) -> None:
    def history(counter: int, device: bytes) -> None:
        message = device + bytes([counter])
        entry = Entry(message, "text", False, ALICE, CHAT, 0, device, text=str(counter), counter=counter, accepted=5)
        timeline.add_history(tx, entry, position=timeline.past_position(tx, 5), unsettled=False, begin=begin)

    place(tx, 1, now=0)
    place(tx, 3, now=0)
    history(2, PHONE)
    assert shown(tx) == ["1", "3"]
    history(5, LAPTOP)
    place(tx, 6, now=0, device=LAPTOP)
    assert shown(tx) == (["1", "3", "6"] if begin else ["1", "3"])


def test_a_held_message_survives_a_restart(tmp_path: Path) -> None:
    with Store.open(tmp_path).transaction() as tx:
        place(tx, 1, now=0)
        place(tx, 3, now=0)
    with Store.open(tmp_path).transaction() as tx:
        timeline.release_due(tx, now=GAP_WAIT)
        assert shown(tx) == ["1", "gap 1", "3"]
