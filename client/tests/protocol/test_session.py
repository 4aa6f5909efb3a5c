"""The sessions of a pair: which one sends, how many there are, when one goes."""

from __future__ import annotations

import pytest
from protocol_cast import Cast

from messenger_client.protocol import cbor, errors, limits, session
from messenger_client.protocol.wire import Message, peek


def test_the_session_that_decrypted_last_sends(cast: Cast) -> None:
    first = cast.alice.start(cast.bob)
    cast.bob.read(cast.alice, cast.alice.send(cast.bob, "a"))
    cast.alice.read(cast.bob, cast.bob.send(cast.alice, "b"))
    second = cast.alice.start(cast.bob)
    assert peek(cast.alice.send(cast.bob, "c")).session_id == first.id
    cast.bob.read(cast.alice, cast.alice.send_sealed(cast.bob, cast.alice.seal("d", cast.bob.account), on=second.id))
    answer = cast.bob.send(cast.alice, "e")
    assert peek(answer).session_id == second.id
    cast.alice.read(cast.bob, answer)
    assert peek(cast.alice.send(cast.bob, "f")).session_id == second.id


def test_which_session_sends_does_not_hang_on_a_clock_set_back(cast: Cast) -> None:
    first = cast.alice.start(cast.bob)
    cast.bob.read(cast.alice, cast.alice.send(cast.bob, "a"))
    second = cast.alice.start(cast.bob)
    cast.bob.now -= limits.DAY
    sealed = cast.alice.seal("b", cast.bob.account)
    cast.bob.read(cast.alice, cast.alice.send_sealed(cast.bob, sealed, on=second.id))
    assert peek(cast.bob.send(cast.alice, "c")).session_id == second.id
    cast.bob.restart()
    assert peek(cast.bob.send(cast.alice, "d")).session_id == second.id
    assert first.id != second.id


def test_five_sessions_are_the_most_and_the_idlest_goes(cast: Cast) -> None:
    started = []
    for _ in range(5):
        started.append(cast.alice.start(cast.bob, opk=False, one_time_kem=False))
        cast.wait()
    pair = cast.alice.pair(cast.bob)
    assert len(pair.sessions) == limits.MAX_SESSIONS
    sixth = session.start_session(
        cast.alice.own,
        cast.alice.account.newest,
        cast.alice.verified(cast.bob),
        now=cast.alice.now,
        entropy=cast.alice.dice,
    )
    moved, dropped = pair.add(sixth)
    assert dropped == (started[0].id,)
    assert len(moved.sessions) == limits.MAX_SESSIONS
    assert moved.find(sixth.id) == sixth


def test_a_sixth_session_of_the_peer_drops_the_idlest(cast: Cast) -> None:
    for number in range(6):
        started = cast.alice.start(cast.bob, opk=False, one_time_kem=False)
        sealed = cast.alice.seal("x", cast.bob.account)
        received = cast.bob.receive(cast.alice, cast.alice.send_sealed(cast.bob, sealed, on=started.id))
        assert len(received.dropped) == (number == 5)
        cast.wait()
    assert len(cast.bob.pair(cast.alice).sessions) == limits.MAX_SESSIONS


def test_a_session_without_an_answer_for_thirty_days_is_dropped(cast: Cast) -> None:
    started = cast.alice.start(cast.bob)
    cast.alice.send(cast.bob, "hello?")
    cast.wait(limits.UNANSWERED_MAX_AGE)
    cast.alice.send(cast.bob, "hello?")
    cast.wait(1)
    pair, dropped = cast.alice.pair(cast.bob).tidy(now=cast.alice.now)
    assert dropped == (started.id,)
    assert not pair.sessions
    with pytest.raises(errors.UnknownSession):
        cast.alice.send(cast.bob, "hello?")


def test_an_answered_session_stays(talking: Cast) -> None:
    talking.wait(10 * limits.UNANSWERED_MAX_AGE)
    assert talking.bob.read(talking.alice, talking.alice.send(talking.bob, "long ago")) == "long ago"


def test_nothing_is_sent_without_a_session(cast: Cast) -> None:
    with pytest.raises(errors.UnknownSession):
        cast.alice.send(cast.bob, "x")


def test_pairs_and_sessions_survive_the_store(talking: Cast) -> None:
    late = talking.alice.send(talking.bob, "late")
    talking.bob.read(talking.alice, talking.alice.send(talking.bob, "x"))
    pair = talking.bob.pair(talking.alice)
    assert session.Pair.from_bytes(pair.to_bytes()) == pair
    rows = [session.Session.from_bytes(one.to_bytes()) for one in reversed(pair.sessions)]
    assert session.Pair.of(pair.account, pair.device, rows) == pair
    talking.bob.restart()
    assert talking.bob.read(talking.alice, late) == "late"


def test_a_stored_session_of_another_version_is_malformed(talking: Cast) -> None:
    fields = cbor.decode(bytes(talking.alice.pair(talking.bob).sessions[0].to_bytes()))
    assert isinstance(fields, list)
    with pytest.raises(errors.Malformed):
        session.Session.from_bytes(cbor.encode([2, *fields[1:]]))


@pytest.mark.parametrize("data", ["8102", "8600", "8703", "81f5", "80", "00", "f6", "a0", "8100"])
def test_messages_of_other_types_and_forms_are_told_apart(talking: Cast, data: str) -> None:
    with pytest.raises((errors.Unsupported, errors.Malformed)) as caught:
        talking.bob.receive(talking.alice, bytes.fromhex(data))
    assert (type(caught.value) is errors.Unsupported) == (data in ("8102", "8100"))


def test_an_unknown_suite_is_unsupported_and_changes_nothing(cast: Cast) -> None:
    cast.alice.start(cast.bob)
    message = Message.from_bytes(cast.alice.send(cast.bob, "x"))
    for init, failure in ((b"\x81\x02", errors.Unsupported), (b"\x80", errors.Malformed)):
        changed = Message(message.session_id, message.header, message.body, message.tag, init)
        with pytest.raises(failure):
            cast.bob.receive(cast.alice, changed.to_bytes())
    assert not cast.bob.pairs


def test_init_of_a_known_session_is_not_read(talking: Cast) -> None:
    message = Message.from_bytes(talking.alice.send(talking.bob, "x"))
    changed = Message(message.session_id, message.header, message.body, message.tag, b"rubbish")
    assert talking.bob.read(talking.alice, changed.to_bytes()) == "x"


def test_a_message_does_not_open_on_another_devices_pair(talking: Cast) -> None:
    """The server says that alice's message is charlie's."""
    wire = talking.alice.send(talking.bob, "x")
    with pytest.raises(errors.UnknownSession):
        talking.bob.receive(talking.charlie, wire)


def test_an_envelope_goes_with_its_own_pair(talking: Cast) -> None:
    envelope = session.Envelope(talking.charlie.own.account, talking.charlie.own.device, b"")
    with pytest.raises(ValueError, match="another device"):
        session.receive(
            talking.bob.own,
            talking.bob.pair(talking.alice),
            envelope,
            talking.bob,
            now=talking.bob.now,
        )


def test_one_content_for_all_devices_has_one_tag(cast: Cast) -> None:
    sealed = cast.bob.seal("to both", cast.alice.account)
    wires = []
    for device in (cast.alice, cast.tablet):
        cast.bob.start(device)
        wires.append(cast.bob.send_sealed(device, sealed))
    assert peek(wires[0]).tag == peek(wires[1]).tag == sealed.tag
    assert cast.alice.read(cast.bob, wires[0]) == cast.tablet.read(cast.bob, wires[1]) == "to both"
    # Nobody else's device opens either of them.
    for wire in wires:
        with pytest.raises(errors.ProtocolError):
            cast.charlie.receive(cast.bob, wire)


def test_a_retry_of_one_content_is_encrypted_anew_under_the_same_tag(talking: Cast) -> None:
    sealed = talking.alice.seal("again", talking.bob.account)
    first, second = (talking.alice.send_sealed(talking.bob, sealed) for _ in range(2))
    assert first != second
    assert peek(first).tag == peek(second).tag
    assert talking.bob.read(talking.alice, second) == "again"
