"""Two devices over a network that loses, reorders, repeats and damages, and that are switched off at any time.

Never another plaintext, each message at most once, every message that arrives within the limits is read, only
failures of the closed set, and a failure changes nothing.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from protocol_cast import Phone, make_cast

from messenger_client.protocol import errors, limits, wire
from messenger_client.protocol.session import Pair


class TwoDevices(RuleBasedStateMachine):
    """alice and bob; the network is what either has sent, and it forgets and repeats at will."""

    def __init__(self) -> None:
        super().__init__()
        cast = make_cast()
        for phone in (cast.alice, cast.bob):
            phone.make_prekeys(one_time=4)
        self.cast = cast
        self.phones: tuple[Phone, Phone] = (cast.alice, cast.bob)
        self.sent: tuple[list[tuple[bytes, str]], list[tuple[bytes, str]]] = ([], [])
        self.read: tuple[set[int], set[int]] = (set(), set())  # numbers of the messages of each that were read
        self.starts = [0, 0]
        self.number = 0

    @initialize(both=st.booleans())
    def begin(self, both: bool) -> None:
        self.start(0)
        if both:  # at once
            self.start(1)

    def start(self, who: int) -> None:
        self.starts[who] += 1
        self.phones[who].start(self.phones[1 - who])

    @precondition(lambda self: sum(self.starts) < limits.MAX_SESSIONS)
    @rule(who=st.integers(0, 1))
    def start_again(self, who: int) -> None:
        if self.starts[who] < 3:
            self.start(who)

    @rule(who=st.integers(0, 1), count=st.integers(1, 4))
    def send(self, who: int, count: int) -> None:
        if not self.phones[who].pair(self.phones[1 - who]).sessions:
            return
        for _ in range(count):
            self.number += 1
            words = f"message {self.number}"
            self.sent[who].append((self.phones[who].send(self.phones[1 - who], words), words))

    @rule(who=st.integers(0, 1), data=st.data())
    def deliver_any(self, who: int, data: st.DataObject) -> None:
        """Deliver any message that was ever sent: late, early, or again."""
        if self.sent[who]:
            self.deliver(who, data.draw(st.integers(0, len(self.sent[who]) - 1)))

    @rule(who=st.integers(0, 1))
    def deliver_newest(self, who: int) -> None:
        if self.sent[who]:
            self.deliver(who, len(self.sent[who]) - 1)

    def deliver(self, who: int, number: int) -> None:
        data, words = self.sent[who][number]
        receiver, sender = self.phones[1 - who], self.phones[who]
        before = receiver.pair(sender)
        kept = before.to_bytes()
        if number in self.read[who]:
            with pytest.raises((errors.Duplicate, errors.Replayed)):
                receiver.receive(sender, data)
            assert receiver.pair(sender).to_bytes() == kept
        else:
            assert receiver.read(sender, data) == words
            self.read[who].add(number)

    @rule(who=st.integers(0, 1), data=st.data(), bit=st.integers(0, 7))
    def damage(self, who: int, data: st.DataObject, bit: int) -> None:
        if not self.sent[who]:
            return
        original, _ = self.sent[who][data.draw(st.integers(0, len(self.sent[who]) - 1))]
        position = data.draw(st.integers(0, len(original) - 1))
        changed = bytearray(original)
        changed[position] ^= 1 << bit
        self.refused(who, bytes(changed), original)

    @rule(who=st.integers(0, 1), data=st.data())
    def cut_off(self, who: int, data: st.DataObject) -> None:
        if self.sent[who]:
            original, _ = self.sent[who][-1]
            self.refused(who, original[: data.draw(st.integers(0, len(original) - 1))], original)

    def refused(self, who: int, data: bytes, original: bytes) -> None:
        receiver, sender = self.phones[1 - who], self.phones[who]
        before = receiver.pair(sender)
        prekeys, seen = dict(receiver.privates), dict(receiver.seen_eks)
        if _differs_in_ignored_init_only(before, data, original):
            return
        with pytest.raises(errors.ProtocolError) as caught:
            receiver.receive(sender, data)
        assert errors.FAILURES[caught.value.code] is type(caught.value)
        assert receiver.pair(sender) == before
        assert (receiver.privates, receiver.seen_eks) == (prekeys, seen)

    @rule(who=st.integers(0, 1), data=st.data())
    def reflect(self, who: int, data: st.DataObject) -> None:
        """Hand a device its own message in the other's name."""
        if not self.sent[who]:
            return
        own, _ = self.sent[who][data.draw(st.integers(0, len(self.sent[who]) - 1))]
        phone, peer = self.phones[who], self.phones[1 - who]
        before = phone.pair(peer)
        with pytest.raises(errors.ProtocolError):
            phone.receive(peer, own)
        assert phone.pair(peer) == before

    @rule(who=st.integers(0, 1))
    def restart(self, who: int) -> None:
        self.phones[who].restart()

    @rule(minutes=st.integers(1, 600))
    def wait(self, minutes: int) -> None:
        """At most 50 steps of at most ten hours: less than the 30 days after which keys go."""
        self.cast.wait(minutes * limits.MINUTE)

    @invariant()
    def what_is_kept_stays_within_the_limits(self) -> None:
        for who in (0, 1):
            pair = self.phones[who].pair(self.phones[1 - who])
            assert len(pair.sessions) <= limits.MAX_SESSIONS
            for one in pair.sessions:
                assert len(one.ratchet.archive.skipped) <= limits.MAX_SKIPPED

    def teardown(self) -> None:
        """Whatever was not lost for good is read in the end, newest first."""
        for who in (0, 1):
            for number in reversed(range(len(self.sent[who]))):
                self.deliver(who, number)
            assert self.read[who] == set(range(len(self.sent[who])))


def _differs_in_ignored_init_only(pair: Pair, data: bytes, original: bytes) -> bool:
    """A known session does not read init, so damage there is no damage."""
    try:
        damaged, whole = wire.Message.from_bytes(data), wire.Message.from_bytes(original)
    except errors.ProtocolError:
        return False
    known = pair.find(whole.session_id) is not None
    return known and damaged.init != whole.init


TwoDevices.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestTwoDevices = TwoDevices.TestCase
