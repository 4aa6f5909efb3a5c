"""A conversation whose sessions are damaged heals: what failed can be named, sent again, and is read once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from protocol_cast import Cast, Phone, make_cast

from messenger_client.protocol import body, content, errors, ids, session
from messenger_client.protocol.wire import peek


def send(sender: Phone, peer: Phone, sealed: content.Sealed, on: ids.SessionId | None = None) -> session.Sent:
    sent = session.encrypt(sender.pair(peer), sealed, now=sender.now, session_id=on, entropy=sender.dice)
    sender.pairs[peer.own.device] = sent.pair
    return sent


def control(sender: Phone, peer: Phone, one: body.Body) -> content.Sealed:
    made = replace(sender.text("", peer.account), body=one, counter=0)
    return content.seal(made, sender.dice)


def test_both_sides_name_a_message_alike(talking: Cast) -> None:
    """Also when it cannot be read, and on every chain and number."""
    for _ in range(2):
        for _ in range(3):
            sent = send(talking.alice, talking.bob, talking.alice.seal("x", talking.bob.account))
            damaged = sent.wire[:-5] + bytes([sent.wire[-5] ^ 1]) + sent.wire[-4:]
            for wire in (sent.wire, damaged):
                seen = peek(wire)
                assert (seen.session_id, seen.dh, seen.n) == (sent.session.id, sent.dh, sent.n)
            talking.bob.read(talking.alice, sent.wire)
        talking.alice.read(talking.bob, talking.bob.send(talking.alice, "a new chain"))


def ask_and_repair(asking: Phone, sending: Phone, failed: bytes, log: dict[tuple[bytes, bytes, int], bytes]) -> str:
    """A new session, a `retry` over it, and what was asked for from the send log."""
    fresh = asking.start(sending)
    seen = peek(failed)
    retry = control(asking, sending, body.Retry(seen.session_id, seen.dh, seen.n))
    received = sending.receive(asking, asking.send_sealed(sending, retry, on=fresh.id))
    assert received.content is not None
    asked = received.content.body
    assert isinstance(asked, body.Retry)
    again = send(sending, asking, content.Sealed.from_bytes(log[asked.session_id, asked.dh, asked.n]))
    assert again.session.id == fresh.id  # the one that decrypted last
    return asking.read(sending, again.wire)


def test_a_lost_session_heals_and_the_message_is_the_same(talking: Cast) -> None:
    sealed = talking.alice.seal("again", talking.bob.account)
    sent = send(talking.alice, talking.bob, sealed)
    log = {(bytes(sent.session.id), sent.dh, sent.n): bytes(sealed.padded)}
    del talking.bob.pairs[talking.alice.own.device]
    with pytest.raises(errors.UnknownSession):
        talking.bob.read(talking.alice, sent.wire)
    assert ask_and_repair(talking.bob, talking.alice, sent.wire, log) == "again"
    assert talking.bob.read(talking.alice, talking.alice.send(talking.bob, "next")) == "next"


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_session_damaged_anywhere_heals_and_nothing_is_read_twice(data: st.DataObject) -> None:
    cast = make_cast()
    cast.alice.start(cast.bob)
    cast.bob.read(cast.alice, cast.alice.send(cast.bob, "hello"))
    if data.draw(st.booleans()):
        cast.alice.read(cast.bob, cast.bob.send(cast.alice, "hi"))
    stored = bytearray(cast.bob.pair(cast.alice).sessions[0].to_bytes())
    stored[data.draw(st.integers(0, len(stored) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    pair = cast.bob.pair(cast.alice)
    try:
        rows = [session.Session.from_bytes(bytes(stored))]
    except errors.Malformed:
        rows = []  # dropped like one that never was
    cast.bob.pairs[cast.alice.own.device] = session.Pair.of(pair.account, pair.device, rows)

    log = {}
    for words in ("first", "second"):
        sealed = cast.alice.seal(words, cast.bob.account)
        sent = send(cast.alice, cast.bob, sealed)
        log[bytes(sent.session.id), sent.dh, sent.n] = bytes(sealed.padded)
        try:
            assert cast.bob.read(cast.alice, sent.wire) == words
        except errors.ProtocolError:
            assert ask_and_repair(cast.bob, cast.alice, sent.wire, log) == words
            with pytest.raises(errors.ProtocolError):
                cast.bob.receive(cast.alice, sent.wire)
    assert cast.bob.read(cast.alice, cast.alice.send(cast.bob, "next")) == "next"


def test_a_reset_leaves_the_session_it_came_on(talking: Cast) -> None:
    old = talking.alice.pair(talking.bob).sessions[0]
    on_its_way = talking.bob.send(talking.alice, "on its way")
    fresh = talking.bob.start(talking.alice)
    reset = control(talking.bob, talking.alice, body.Reset())
    received = talking.alice.receive(talking.bob, talking.bob.send_sealed(talking.alice, reset, on=fresh.id))
    assert received.content is not None
    assert received.content.body == body.Reset()
    assert len(received.pair.sessions) == 2
    kept, dropped = received.pair.only(received.session.id)
    assert [one.id for one in kept.sessions] == [fresh.id]
    assert dropped == (old.id,)
    talking.alice.pairs[talking.bob.own.device] = kept
    with pytest.raises(errors.UnknownSession):
        talking.alice.read(talking.bob, on_its_way)
    assert talking.bob.read(talking.alice, talking.alice.send(talking.bob, "after it")) == "after it"


def test_a_session_that_is_alone_stays_alone(talking: Cast) -> None:
    pair = talking.alice.pair(talking.bob)
    assert pair.only(pair.sessions[0].id) == (pair, ())
