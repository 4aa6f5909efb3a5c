"""The ratchet reads each message once, in any order, and never what was changed on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from protocol_cast import Cast, Dice, Phone, changed

from messenger_client.protocol import body, content, errors, kem, limits, ratchet, session
from messenger_client.protocol.primitives import DhKey, cseal, hmac
from messenger_client.protocol.ratchet_state import Archive, Ratchet, SkippedKey
from messenger_client.protocol.secret import Secret
from messenger_client.protocol.wire import Header, Message, peek


def state(phone: Phone, peer: Phone) -> Ratchet:
    return phone.pair(peer).sessions[0].ratchet


def header(wire: bytes) -> Header:
    return Header.from_bytes(Message.from_bytes(wire).header)


def forged(wire: bytes, **changes: object) -> bytes:
    """The message with another header, as somebody on the way can make it."""
    message = Message.from_bytes(wire)
    other = changed(Header.from_bytes(message.header), changes)
    return replace(message, header=other.to_bytes()).to_bytes()


def refuses(phone: Phone, peer: Phone, wire: bytes, failure: type[errors.ProtocolError]) -> None:
    """The message is refused, and nothing has changed."""
    before = phone.pair(peer)
    kept = before.to_bytes()
    with pytest.raises(failure):
        phone.receive(peer, wire)
    assert phone.pair(peer) == before
    assert phone.pair(peer).to_bytes() == kept


def resealed(sender: Phone, peer: Phone, change: Callable[[Header], Header]) -> bytes:
    """A message whose sender itself breaks the rules: another header, properly sealed."""
    ratchet_state = state(sender, peer)
    assert ratchet_state.sending is not None
    chain = ratchet_state.sending
    true = Header(ratchet_state.own.public, chain.pn, chain.n, chain.ek, chain.ct)
    lie = change(true).to_bytes()
    sealed = sender.seal("broken", peer.account)
    associated = ratchet.associated_data(ratchet_state.transcript, lie, sealed.tag)
    sealed_body = cseal(hmac(chain.key, b"\x01"), "dr", associated, sealed.padded)
    session_id = sender.pair(peer).sessions[0].id
    return Message(session_id, lie, sealed_body, sealed.tag, None).to_bytes()


def test_messages_are_read_out_of_order_once_each(talking: Cast) -> None:
    wires = [talking.alice.send(talking.bob, str(n)) for n in range(8)]
    for n in (3, 0, 7, 1, 2, 6, 5, 4):
        assert talking.bob.read(talking.alice, wires[n]) == str(n)
    for wire in wires:
        refuses(talking.bob, talking.alice, wire, errors.Duplicate)
    assert not state(talking.bob, talking.alice).archive.skipped


def test_late_messages_of_older_chains_are_read(talking: Cast) -> None:
    late = []
    for n in range(6):
        late.append(talking.alice.send(talking.bob, f"late {n}"))
        talking.bob.read(talking.alice, talking.alice.send(talking.bob, "in time"))
        talking.alice.read(talking.bob, talking.bob.send(talking.alice, "answer"))
    for n, wire in reversed(list(enumerate(late))):
        assert talking.bob.read(talking.alice, wire) == f"late {n}"
        refuses(talking.bob, talking.alice, wire, errors.Duplicate)


def test_a_message_of_a_finished_chain_without_a_key_is_a_duplicate(talking: Cast) -> None:
    read = talking.alice.send(talking.bob, "read")
    talking.bob.read(talking.alice, read)
    talking.alice.read(talking.bob, talking.bob.send(talking.alice, "answer"))
    talking.bob.read(talking.alice, talking.alice.send(talking.bob, "next chain"))
    refuses(talking.bob, talking.alice, read, errors.Duplicate)
    refuses(talking.bob, talking.alice, forged(read, n=77), errors.Duplicate)


def test_a_replay_after_a_restart_is_a_duplicate(talking: Cast) -> None:
    early, wire = talking.alice.send(talking.bob, "skipped"), talking.alice.send(talking.bob, "once")
    talking.bob.read(talking.alice, wire)
    talking.bob.read(talking.alice, early)
    talking.bob.restart()
    refuses(talking.bob, talking.alice, wire, errors.Duplicate)
    refuses(talking.bob, talking.alice, early, errors.Duplicate)


def test_any_flipped_bit_is_refused_and_changes_nothing(talking: Cast) -> None:
    wire = talking.alice.send(talking.bob, "untouched")
    for position in [*range(0, 90), *range(90, len(wire), 23)]:
        damaged = bytearray(wire)
        damaged[position] ^= 1 << position % 8
        before = talking.bob.pair(talking.alice)
        with pytest.raises(errors.ProtocolError):
            talking.bob.receive(talking.alice, bytes(damaged))
        assert talking.bob.pair(talking.alice) is before
    assert talking.bob.read(talking.alice, wire) == "untouched"


def test_the_first_kem_steps_go_both_ways(cast: Cast) -> None:
    cast.alice.start(cast.bob)
    first = cast.alice.send(cast.bob, "1")
    assert header(first).ek is not None
    assert header(first).ct is None
    cast.bob.read(cast.alice, first)
    second = cast.bob.send(cast.alice, "2")
    assert header(second).ek is not None
    assert header(second).ct is not None
    cast.alice.read(cast.bob, second)
    third = cast.alice.send(cast.bob, "3")
    assert header(third).ek is None
    assert header(third).ct is not None
    cast.bob.read(cast.alice, third)
    fourth = cast.bob.send(cast.alice, "4")
    assert header(fourth).ek is header(fourth).ct is None
    assert cast.alice.read(cast.bob, fourth) == "4"


def test_every_message_of_a_chain_carries_its_kem_values(cast: Cast) -> None:
    cast.alice.start(cast.bob)
    wires = [cast.alice.send(cast.bob, str(n)) for n in range(3)]
    assert len({header(wire).ek for wire in wires}) == 1
    assert cast.bob.read(cast.alice, wires[2]) == "2"  # whichever arrives first brings the key
    answers = [cast.bob.send(cast.alice, str(n)) for n in range(3)]
    assert len({header(wire).ct for wire in answers}) == 1
    assert cast.alice.read(cast.bob, answers[1]) == "1"


def one_round(cast: Cast) -> Header:
    """Bob answers, alice reads, and so makes a new chain; return the header of its first message."""
    cast.alice.read(cast.bob, cast.bob.send(cast.alice, "go on"))
    wire = cast.alice.send(cast.bob, "new chain")
    cast.bob.read(cast.alice, wire)
    return header(wire)


def test_a_kem_key_is_due_after_fifty_messages_of_this_side(talking: Cast) -> None:
    """alice's first chain carried one and sent one message; each round of this test sends one more."""
    one_round(talking)
    for _ in range(47):
        talking.bob.read(talking.alice, talking.alice.send(talking.bob, "many"))
    assert state(talking.alice, talking.bob).sent_since_ek == 49
    assert one_round(talking).ek is None
    assert state(talking.alice, talking.bob).sent_since_ek == 50
    assert one_round(talking).ek is not None
    assert state(talking.alice, talking.bob).sent_since_ek == 1


def test_a_kem_key_is_due_after_a_day(talking: Cast) -> None:
    talking.wait(limits.KEM_PERIOD - 1)
    assert one_round(talking).ek is None
    talking.wait(1)
    assert one_round(talking).ek is not None
    talking.wait(limits.KEM_PERIOD - 1)
    assert one_round(talking).ek is None


def test_stripping_the_awaited_kem_answer_is_refused(cast: Cast) -> None:
    cast.alice.start(cast.bob)
    cast.bob.read(cast.alice, cast.alice.send(cast.bob, "1"))
    answer = cast.bob.send(cast.alice, "2")
    refuses(cast.alice, cast.bob, forged(answer, ct=None), errors.KemStep)
    refuses(cast.alice, cast.bob, resealed(cast.bob, cast.alice, lambda h: replace(h, ct=None)), errors.KemStep)
    assert cast.alice.read(cast.bob, answer) == "2"


def test_a_kem_answer_that_nobody_awaits_is_refused(cast: Cast) -> None:
    cast.alice.start(cast.bob)
    first = cast.alice.send(cast.bob, "1")
    refuses(cast.bob, cast.alice, forged(first, ct=bytes(kem.CIPHERTEXT_SIZE)), errors.KemStep)
    assert cast.bob.read(cast.alice, first) == "1"
    for _ in range(2):
        cast.alice.read(cast.bob, cast.bob.send(cast.alice, "x"))
        cast.bob.read(cast.alice, cast.alice.send(cast.bob, "y"))
    wire = cast.bob.send(cast.alice, "z")
    refuses(cast.alice, cast.bob, forged(wire, ct=bytes(kem.CIPHERTEXT_SIZE)), errors.KemStep)
    assert cast.alice.read(cast.bob, wire) == "z"


@pytest.mark.parametrize("field", ["ek", "ct"])
def test_tampered_kem_values_do_not_open(cast: Cast, field: str) -> None:
    cast.alice.start(cast.bob)
    cast.bob.read(cast.alice, cast.alice.send(cast.bob, "1"))
    answer = cast.bob.send(cast.alice, "2")
    value = getattr(header(answer), field)
    tampered = forged(answer, **{field: bytes([value[0] ^ 1]) + value[1:]})
    refuses(cast.alice, cast.bob, tampered, errors.Undecryptable)
    assert cast.alice.read(cast.bob, answer) == "2"


def test_a_stripped_kem_key_does_not_open(cast: Cast) -> None:
    cast.alice.start(cast.bob)
    first = cast.alice.send(cast.bob, "1")
    refuses(cast.bob, cast.alice, forged(first, ek=None), errors.Undecryptable)


def test_an_authentic_kem_key_that_is_no_key_keeps_nothing(cast: Cast) -> None:
    cast.alice.start(cast.bob)
    wire = Message.from_bytes(cast.alice.send(cast.bob, "1"))
    bad = resealed(cast.alice, cast.bob, lambda h: replace(h, ek=b"\xff" * kem.PUBLIC_SIZE, n=1))
    with_init = replace(Message.from_bytes(bad), init=wire.init).to_bytes()
    refuses(cast.bob, cast.alice, with_init, errors.BadKey)
    assert ("opk", 1) in cast.bob.privates
    assert not cast.bob.seen_eks


@pytest.mark.parametrize(("n", "failure"), [(2_001, errors.TooFar), (2**53 - 2, errors.TooFar)])
def test_an_oversized_counter_in_the_current_chain_is_refused(
    talking: Cast, n: int, failure: type[errors.ProtocolError]
) -> None:
    talking.bob.read(talking.alice, talking.alice.send(talking.bob, "0"))
    wire = talking.alice.send(talking.bob, "1")
    refuses(talking.bob, talking.alice, forged(wire, n=1 + n), failure)
    refuses(talking.bob, talking.alice, forged(wire, n=2_001), errors.Undecryptable)


@pytest.mark.parametrize("place", ["n", "pn"])
def test_an_oversized_counter_of_a_new_chain_is_refused(talking: Cast, place: str) -> None:
    wire = talking.alice.send(talking.bob, "new chain")
    received = state(talking.bob, talking.alice).receiving
    assert received is not None
    most = limits.MAX_JUMP + (received.n if place == "pn" else 0)
    refuses(talking.bob, talking.alice, forged(wire, **{place: most + 1}), errors.TooFar)
    refuses(talking.bob, talking.alice, forged(wire, **{place: most}), errors.Undecryptable)


def test_the_longest_allowed_jump_is_read_and_the_next_is_not(talking: Cast) -> None:
    wires = [talking.alice.send(talking.bob, str(n)) for n in range(limits.MAX_JUMP + 2)]
    refuses(talking.bob, talking.alice, wires[-1], errors.TooFar)
    assert talking.bob.read(talking.alice, wires[-2]) == str(limits.MAX_JUMP)
    assert talking.bob.read(talking.alice, wires[-1]) == str(limits.MAX_JUMP + 1)
    assert len(state(talking.bob, talking.alice).archive.skipped) == limits.MAX_SKIPPED
    assert talking.bob.read(talking.alice, wires[0]) == "0"


def test_the_oldest_skipped_keys_go_first(talking: Cast) -> None:
    first = [talking.alice.send(talking.bob, str(n)) for n in range(4)]
    talking.bob.read(talking.alice, first[3])
    talking.alice.read(talking.bob, talking.bob.send(talking.alice, "answer"))
    second = [talking.alice.send(talking.bob, str(n)) for n in range(limits.MAX_SKIPPED)]
    assert talking.bob.read(talking.alice, second[-1]) == str(limits.MAX_SKIPPED - 1)
    # 3 + 1,999 keys: the two oldest are gone.
    for n in (0, 1):
        refuses(talking.bob, talking.alice, first[n], errors.Duplicate)
    assert talking.bob.read(talking.alice, first[2]) == "2"
    assert talking.bob.read(talking.alice, second[0]) == "0"


def test_a_skipped_key_is_kept_thirty_days(talking: Cast) -> None:
    late, later = talking.alice.send(talking.bob, "late"), talking.alice.send(talking.bob, "later")
    talking.bob.read(talking.alice, talking.alice.send(talking.bob, "in time"))
    talking.wait(limits.SKIPPED_MAX_AGE)
    assert talking.bob.read(talking.alice, late) == "late"
    talking.wait(1)
    refuses(talking.bob, talking.alice, later, errors.Duplicate)
    pair, gone = talking.bob.pair(talking.alice).tidy(now=talking.bob.now)
    assert not pair.sessions[0].ratchet.archive.skipped
    assert not gone


def test_a_previous_counter_below_what_was_received_skips_nothing(talking: Cast) -> None:
    for _ in range(3):
        talking.bob.read(talking.alice, talking.alice.send(talking.bob, "x"))
    talking.alice.read(talking.bob, talking.bob.send(talking.alice, "y"))
    wire = resealed(talking.alice, talking.bob, lambda h: replace(h, pn=1))
    assert talking.bob.read(talking.alice, wire) == "broken"
    assert not state(talking.bob, talking.alice).archive.skipped


def test_ones_own_message_sent_back_is_refused(talking: Cast) -> None:
    """Reflection: the server hands alice what alice sent, in bob's name."""
    mine = talking.alice.send(talking.bob, "mine")
    with pytest.raises(errors.ProtocolError) as caught:
        talking.alice.receive(talking.bob, mine)
    assert type(caught.value) in (errors.Undecryptable, errors.KemStep)
    assert talking.bob.read(talking.alice, mine) == "mine"


def test_ones_own_first_message_sent_back_is_refused(cast: Cast) -> None:
    cast.alice.start(cast.bob)
    mine = cast.alice.send(cast.bob, "mine")
    for _ in range(2):
        refuses(cast.alice, cast.bob, mine, errors.KemStep)
    cast.alice.pairs.clear()
    with pytest.raises(errors.Malformed):
        cast.alice.receive(cast.bob, mine)


def test_a_restored_older_state_repeats_no_key_stream(talking: Cast) -> None:
    """State rollback: the same message key twice, and yet two independent sealings."""
    restore = talking.alice.snapshot()
    first = talking.alice.send_sealed(talking.bob, talking.alice.seal("attack at dawn", talking.bob.account))
    restore()
    second = talking.alice.send_sealed(talking.bob, talking.alice.seal("attack at noon", talking.bob.account))
    one, two = Message.from_bytes(first), Message.from_bytes(second)
    assert one.header == two.header
    assert one.body[:24] != two.body[:24]
    difference = bytes(a ^ b for a, b in zip(one.body[56:], two.body[56:], strict=True))
    assert difference.count(0) < 20  # with a repeated stream most of the padding would cancel out
    assert talking.bob.read(talking.alice, first) == "attack at dawn"
    refuses(talking.bob, talking.alice, second, errors.Duplicate)


def test_only_the_last_two_thousand_chains_are_remembered() -> None:
    archive = Archive()
    for n in range(limits.MAX_OLD_CHAINS + 3):
        archive = archive.with_chain(n.to_bytes(32, "big"))
    assert len(archive.chains) == limits.MAX_OLD_CHAINS
    assert archive.chains[0] == (3).to_bytes(32, "big")
    assert Archive.decode(archive.encoded) == archive


def test_the_archive_survives_the_store_in_its_order() -> None:
    keys = {(bytes([9 - n]) * 32, n): SkippedKey(Secret(bytes([n]) * 32), n) for n in range(9)}
    archive = Archive().with_skipped(keys)
    again = Archive.decode(archive.encoded)
    assert again == archive
    assert list(again.skipped) == list(keys)


def test_a_root_step_depends_on_everything_that_goes_in() -> None:
    def step(root: bytes = b"r", share: bytes = b"d", ss: bytes | None = b"s", ct: bytes | None = b"c") -> object:
        return ratchet.kdf_rk(Secret(root * 32), share * 32, ss and ss * 32, ct and ct * 1088)

    steps = {step(), step(root=b"R"), step(share=b"D"), step(ss=b"S"), step(ct=b"C"), step(ss=None, ct=None)}
    assert len(steps) == 6


def test_a_responder_sends_nothing_before_it_has_read() -> None:
    waiting = ratchet.answer(bytes(32), Secret(bytes(32)), DhKey.generate(Dice("spk")))
    with pytest.raises(errors.UnknownSession):
        ratchet.encrypt(waiting, bytes(256), bytes(32), entropy=Dice("x"))


def test_a_weak_ratchet_key_of_the_peer_is_refused(talking: Cast) -> None:
    wire = talking.alice.send(talking.bob, "x")
    for point in (bytes(32), b"\x01" + bytes(31), b"\xff" * 32):
        refuses(talking.bob, talking.alice, forged(wire, dh=point), errors.BadKey)


def test_what_fails_after_opening_still_moves_the_ratchet(talking: Cast) -> None:
    sealed = talking.alice.seal("x", talking.bob.account)
    wire = talking.alice.send_sealed(talking.bob, content.Sealed(sealed.padded, bytes(32)))
    received = talking.bob.receive(talking.alice, wire)
    assert isinstance(received.failure, errors.BadFranking)
    assert received.content is None
    refuses(talking.bob, talking.alice, wire, errors.Duplicate)
    assert talking.bob.read(talking.alice, talking.alice.send(talking.bob, "y")) == "y"


def test_a_retry_names_a_message_by_what_its_outside_says(talking: Cast) -> None:
    wire = talking.alice.send(talking.bob, "x")
    seen = peek(wire)
    retry = body.Retry(seen.session_id, seen.dh, seen.n)
    assert retry.session_id == talking.bob.pair(talking.alice).sessions[0].id
    assert session.Session.from_bytes(talking.alice.pair(talking.bob).sessions[0].to_bytes()).id == retry.session_id
