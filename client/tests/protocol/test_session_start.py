"""Sessions start from a bundle, and from nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from protocol_cast import Cast, make_cast

from messenger_client.protocol import cbor, content, errors, form, ids, pqxdh, prekeys, primitives, session
from messenger_client.protocol.secret import Secret
from messenger_client.protocol.wire import Message


@pytest.mark.parametrize("opk", [True, False])
@pytest.mark.parametrize("one_time_kem", [True, False])
def test_a_first_message_opens_with_and_without_one_time_keys(cast: Cast, opk: bool, one_time_kem: bool) -> None:
    cast.alice.start(cast.bob, opk=opk, one_time_kem=one_time_kem)
    received = cast.bob.receive(cast.alice, cast.alice.send(cast.bob, "hello"))
    assert received.failure is None
    assert received.is_new_session
    expected = [("opk", 1)] * opk + [("okpk", 1)] * one_time_kem
    assert list(received.delete_prekeys) == expected
    assert cast.alice.read(cast.bob, cast.bob.send(cast.alice, "hi")) == "hi"


def test_init_rides_until_an_answer_has_been_read(cast: Cast) -> None:
    cast.alice.start(cast.bob)
    first, second = cast.alice.send(cast.bob, "one"), cast.alice.send(cast.bob, "two")
    assert cast.bob.read(cast.alice, second) == "two"
    answer = cast.bob.send(cast.alice, "answer")
    with_init = len(cast.alice.send(cast.bob, "three"))
    assert cast.alice.read(cast.bob, answer) == "answer"
    assert len(cast.alice.send(cast.bob, "four")) < with_init
    assert cast.bob.read(cast.alice, first) == "one"


def test_a_replayed_first_message_opens_nothing(cast: Cast) -> None:
    cast.alice.start(cast.bob)
    wire = cast.alice.send(cast.bob, "hello")
    cast.bob.read(cast.alice, wire)
    with pytest.raises(errors.Duplicate):
        cast.bob.receive(cast.alice, wire)
    cast.bob.pairs.clear()  # the session is gone, the memory of H(EK) is not
    cast.bob.restart()
    with pytest.raises(errors.Replayed):
        cast.bob.receive(cast.alice, wire)


def test_a_first_message_for_a_deleted_one_time_key_is_refused(cast: Cast) -> None:
    cast.alice.start(cast.bob)
    wire = cast.alice.send(cast.bob, "hello")
    del cast.bob.privates["opk", 1]
    with pytest.raises(errors.UnknownPrekey):
        cast.bob.receive(cast.alice, wire)
    assert not cast.bob.pairs
    assert not cast.bob.seen_eks


def test_a_pre_shared_key_takes_part_and_is_used_once(cast: Cast) -> None:
    psk = Secret(b"s" * 16)
    cast.bob.psks[pqxdh.psk_id(psk)] = psk
    cast.alice.start(cast.bob, psk=psk)
    received = cast.bob.receive(cast.alice, cast.alice.send(cast.bob, "linked"))
    assert received.used_psk == pqxdh.psk_id(psk)
    again = cast.alice.start(cast.bob, psk=psk)
    sealed = cast.alice.seal("again", cast.bob.account)
    with pytest.raises(errors.UnknownPrekey):
        cast.bob.receive(cast.alice, cast.alice.send_sealed(cast.bob, sealed, on=again.id))


def test_a_wrong_pre_shared_key_under_the_right_id_opens_nothing(cast: Cast) -> None:
    cast.bob.psks[pqxdh.psk_id(b"s" * 16)] = Secret(b"t" * 16)
    cast.alice.start(cast.bob, psk=Secret(b"s" * 16))
    with pytest.raises(errors.Undecryptable):
        cast.bob.receive(cast.alice, cast.alice.send(cast.bob, "linked"))


def test_a_message_of_an_unknown_session_without_init_is_refused(talking: Cast) -> None:
    wire = talking.alice.send(talking.bob, "hello")
    talking.bob.pairs.clear()
    with pytest.raises(errors.UnknownSession):
        talking.bob.receive(talking.alice, wire)


def test_a_first_message_passed_off_as_another_devices_is_refused(cast: Cast) -> None:
    cast.alice.start(cast.bob)
    wire = cast.alice.send(cast.bob, "hello")
    with pytest.raises(errors.Malformed):
        cast.bob.receive(cast.charlie, wire)
    with pytest.raises(errors.Malformed):
        cast.bob.receive(cast.tablet, wire)
    assert cast.bob.read(cast.alice, wire) == "hello"


def test_a_first_message_under_another_session_id_opens_nothing(cast: Cast) -> None:
    cast.alice.start(cast.bob)
    message = Message.from_bytes(cast.alice.send(cast.bob, "hello"))
    renamed = replace(message, session_id=ids.SessionId(b"another id, 16 b"))
    with pytest.raises(errors.Undecryptable):
        cast.bob.receive(cast.alice, renamed.to_bytes())
    assert cast.bob.read(cast.alice, message.to_bytes()) == "hello"


def test_a_device_that_is_not_on_the_named_list_starts_nothing(cast: Cast) -> None:
    cast.alice.start(cast.bob)
    wire = cast.alice.send(cast.bob, "hello")
    cast.bob.known_lists[cast.alice.account.id] = []
    with pytest.raises(errors.NotListed):
        cast.bob.receive(cast.alice, wire)


def test_a_removed_device_starts_nothing(cast: Cast) -> None:
    cast.alice.start(cast.bob)
    wire = cast.alice.send(cast.bob, "hello")
    cast.alice.account.publish(cast.tablet.own)
    cast.bob.learn(cast.alice.account)
    with pytest.raises(errors.NotListed):
        cast.bob.receive(cast.alice, wire)


def test_a_device_whose_keys_changed_between_the_lists_starts_nothing(cast: Cast) -> None:
    cast.alice.start(cast.bob)
    wire = cast.alice.send(cast.bob, "hello")
    twin = make_cast("other").alice.own
    changed = type(twin)(
        cast.alice.own.account,
        cast.alice.own.device,
        cast.alice.own.account_key,
        twin.signing,
        cast.alice.own.identity,
    )
    cast.alice.account.publish(changed)
    cast.bob.learn(cast.alice.account)
    with pytest.raises(errors.NotListed):
        cast.bob.receive(cast.alice, wire)


def test_a_list_of_an_old_account_key_starts_nothing(cast: Cast) -> None:
    cast.alice.start(cast.bob)
    wire = cast.alice.send(cast.bob, "hello")
    other = make_cast("other").alice.account
    renewed = type(cast.alice.own)(
        cast.alice.own.account,
        cast.alice.own.device,
        other.key.public,
        cast.alice.own.signing,
        cast.alice.own.identity,
    )
    other.lists.clear()
    other.publish(renewed)
    cast.bob.known_lists[cast.alice.account.id].append(other.newest)
    with pytest.raises(errors.NotListed):
        cast.bob.receive(cast.alice, wire)


def test_a_device_missing_from_its_own_list_starts_no_session(cast: Cast) -> None:
    verified = cast.alice.verified(cast.bob)
    with pytest.raises(errors.NotListed):
        session.start_session(cast.alice.own, cast.charlie.account.newest, verified, now=cast.alice.now)


def test_an_unknown_key_share_gives_no_session(cast: Cast) -> None:
    """charlie lists bob's identity key as his own: what alice sends to charlie must not open at bob's."""
    stolen = cast.charlie.own
    verified = cast.alice.verified(cast.bob)
    as_charlie = prekeys.VerifiedBundle(
        **{
            **{name: getattr(verified, name) for name in verified.__slots__},
            "account": stolen.account,
            "account_key": stolen.account_key,
        }
    )
    started = session.start_session(
        cast.alice.own, cast.alice.account.newest, as_charlie, now=cast.alice.now, entropy=cast.alice.dice
    )
    pair, _ = session.Pair(stolen.account, cast.bob.own.device).add(started)
    sealed = content.seal(cast.alice.text("for charlie", cast.charlie.account), cast.alice.dice)
    wire = session.encrypt(pair, sealed, now=cast.alice.now).wire
    with pytest.raises(errors.Undecryptable):
        cast.bob.receive(cast.alice, wire)


@pytest.mark.parametrize("index", [4, 9])
def test_a_tampered_ephemeral_key_or_kem_ciphertext_opens_nothing(cast: Cast, index: int) -> None:
    cast.alice.start(cast.bob)
    message = Message.from_bytes(cast.alice.send(cast.bob, "hello"))
    assert message.init is not None
    fields = cbor.decode(message.init)
    assert isinstance(fields, list)
    field = form.any_octets(fields[index])
    fields[index] = bytes([field[0] ^ 1]) + field[1:]
    forged = Message(message.session_id, message.header, message.body, message.tag, cbor.encode(fields))
    with pytest.raises(errors.Undecryptable):
        cast.bob.receive(cast.alice, forged.to_bytes())
    assert ("opk", 1) in cast.bob.privates


@pytest.mark.parametrize("point", [bytes(32), b"\x01" + bytes(31), b"\xff" * 32])
def test_a_weak_ephemeral_key_is_refused(cast: Cast, point: bytes) -> None:
    cast.alice.start(cast.bob)
    message = Message.from_bytes(cast.alice.send(cast.bob, "hello"))
    assert message.init is not None
    fields = cbor.decode(message.init)
    assert isinstance(fields, list)
    fields[4] = point
    forged = Message(message.session_id, message.header, message.body, message.tag, cbor.encode(fields))
    with pytest.raises(errors.BadKey):
        cast.bob.receive(cast.alice, forged.to_bytes())


def test_both_sides_starting_at_once_end_in_two_sessions_and_no_loss(cast: Cast) -> None:
    cast.alice.start(cast.bob)
    cast.bob.start(cast.alice)
    from_alice, from_bob = cast.alice.send(cast.bob, "a"), cast.bob.send(cast.alice, "b")
    assert cast.alice.read(cast.bob, from_bob) == "b"
    assert cast.bob.read(cast.alice, from_alice) == "a"
    assert len(cast.alice.pair(cast.bob).sessions) == len(cast.bob.pair(cast.alice).sessions) == 2
    for words in ("c", "d"):
        assert cast.bob.read(cast.alice, cast.alice.send(cast.bob, words)) == words
        assert cast.alice.read(cast.bob, cast.bob.send(cast.alice, words)) == words


def test_the_transcript_covers_every_public_name_of_both_sides(cast: Cast) -> None:
    verified = cast.alice.verified(cast.bob)
    agreement, init = pqxdh.initiate(cast.alice.own, cast.alice.account.newest.hash, verified, None, cast.alice.dice)
    a, b = (
        pqxdh.Party.of_own(cast.alice.own),
        pqxdh.Party.of_listed(verified.account, verified.account_key, verified.peer),
    )
    assert pqxdh.transcript(a, b, init, verified.spk, verified.opk, verified.kem_key) == agreement.transcript
    for name in a.__slots__:
        for changed_a, changed_b in ((True, False), (False, True)):
            party = a if changed_a else b
            fields = {one: getattr(party, one) for one in party.__slots__}
            fields[name] = primitives.sha256(fields[name])[: len(fields[name])]
            other = pqxdh.Party(**fields)
            assert (
                pqxdh.transcript(
                    other if changed_a else a,
                    other if changed_b else b,
                    init,
                    verified.spk,
                    verified.opk,
                    verified.kem_key,
                )
                != agreement.transcript
            )
