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


def test_a_held_message_survives_a_restart(tmp_path: Path) -> None:
    with Store.open(tmp_path).transaction() as tx:
        place(tx, 1, now=0)
        place(tx, 3, now=0)
    with Store.open(tmp_path).transaction() as tx:
        timeline.release_due(tx, now=GAP_WAIT)
        assert shown(tx) == ["1", "gap 1", "3"]
