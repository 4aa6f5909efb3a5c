"""Ids are UUIDv7: unique, and in the order of their making."""

from messenger.lib.ids import new_id


def test_ids_are_version_7_unique_and_in_order() -> None:
    ids = [new_id() for _ in range(10_000)]

    assert {one.version for one in ids} == {7}
    assert len(set(ids)) == len(ids)
    assert ids == sorted(ids)
