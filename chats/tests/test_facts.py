"""Facts from the database: as many as a busy moment asks for."""

from __future__ import annotations

import uuid

from chats.facts import ACCEPTED, NOTHING, PairFacts, load_pairs
from chats.ids import AccountId
from chats.tests.people import Phone


def test_many_pairs_are_loaded_in_one_go(alice: Phone, bob: Phone, friends: None) -> None:
    me = alice.account
    strangers = [AccountId(str(uuid.uuid4())) for _ in range(1_500)]
    found = load_pairs([(me, other) for other in [*strangers, bob.account]])
    assert len(found) == 1_501
    known = found.pop((me, bob.account))
    assert (known.mine, known.theirs) == (ACCEPTED, ACCEPTED)
    assert set(found.values()) == {PairFacts(-1, NOTHING, NOTHING)}
