"""A group chat's message is read once, by whoever has its chain, and as the device's that announced the chain."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from group_cast import GID, Room, announce, refused, sealed_anew
from protocol_cast import NOW, Cast, an_id, changed, items

from messenger_client.protocol import (
    body,
    cbor,
    content,
    errors,
    franking,
    group_message,
    ids,
    limits,
    padding,
    primitives,
)
from messenger_client.protocol.announced_chain import AnnouncedChain
from messenger_client.protocol.group_args import Add, Rekey, Remove
from messenger_client.protocol.group_wire import GroupHeader, GroupMessage, peek_group, signed_part
from messenger_client.protocol.secret import Secret


@pytest.fixture
def room(cast: Cast) -> Room:
    """Everybody in the group has alice's chain."""
    room = Room(cast)
    announce(room.alice, room.bob, room.dora, room.tablet)
    return room


def rewritten(wire: bytes, signing: primitives.SigningKey, **fields: Any) -> bytes:
    """The message with another header, signed anew by whoever has the key."""
    message = GroupMessage.from_bytes(wire)
    header = changed(GroupHeader.from_bytes(message.header), fields).to_bytes()
    signature = signing.sign("skmsg", signed_part(header, message.body, message.tag))
    return replace(message, header=header, signature=signature).to_bytes()


def test_one_message_is_for_everybody(room: Room) -> None:
    wire = room.alice.send("hello")
    for one in (room.bob, room.dora, room.tablet):
        assert one.read(room.alice, wire) == "hello"
    announce(room.dora, room.alice, room.bob)
    assert room.alice.read(room.dora, room.dora.send("hi")) == "hi"


def test_whoever_comes_later_reads_from_there(room: Room) -> None:
    before = room.alice.send("before")
    room.do(room.bob, Add(room.charlie.own))
    announce(room.alice, room.charlie)
    after = room.alice.send("after")
    assert room.charlie.read(room.alice, after) == "after"
    refused(room.charlie, room.alice, before, errors.Undecryptable)
    assert room.bob.read(room.alice, after) == "after"
    assert room.bob.read(room.alice, before) == "before"


def test_an_outsider_has_no_chain(room: Room) -> None:
    refused(room.charlie, room.alice, room.alice.send("hello"), errors.UnknownSession)


def test_who_was_removed_reads_nothing_that_follows(room: Room) -> None:
    room.do(room.alice, Remove(room.bob.own, sealed_anew(room.alice)))
    assert room.alice.own_chain is not None
    assert room.alice.is_due()
    announce(room.alice, room.dora)
    wire = room.alice.send("without bob")
    assert room.dora.read(room.alice, wire) == "without bob"
    refused(room.bob, room.alice, wire, errors.UnknownSession)
    # What bob's store holds opens nothing: neither message nor title.
    (old,) = room.bob.held[room.alice.phone.own.device]
    message = GroupMessage.from_bytes(wire)
    _, key = old.take(0, now=NOW)
    with pytest.raises(errors.Undecryptable):
        primitives.copen(key, "sk", b"", message.body)
    assert room.bob.key is not None
    with pytest.raises(errors.Undecryptable):
        primitives.copen(room.bob.key.key, "meta", GID, room.state.meta)


def test_who_was_removed_is_not_read_any_more(room: Room) -> None:
    """Neither on the chain that is known, nor on a new one, whatever server passes it on."""
    announce(room.bob, room.alice, room.dora)
    late = room.bob.send("late")
    room.do(room.alice, Remove(room.bob.own, sealed_anew(room.alice)))
    refused(room.dora, room.bob, late, errors.NotListed)
    with pytest.raises(errors.NotListed):
        room.dora.hear(room.bob, room.bob.announcement())


def test_a_ghost_member_is_not_read(room: Room) -> None:
    """The server says that charlie is in it; no operation does."""
    room.charlie.chain()
    with pytest.raises(errors.NotListed):
        announce(room.charlie, room.bob)
    room.bob.held[room.charlie.phone.own.device] = [
        AnnouncedChain.of(room.charlie.chain().announce(None), room.charlie.own, room.charlie.phone.own.device, now=NOW)
    ]
    refused(room.bob, room.charlie, room.charlie.send("hello"), errors.NotListed)


def test_a_device_off_its_list_is_not_read(room: Room) -> None:
    announce(room.tablet, room.bob)
    wire = room.tablet.send("hello")
    room.alice.phone.account.publish(room.alice.phone.own)
    room.learn()
    refused(room.bob, room.tablet, wire, errors.NotListed)
    with pytest.raises(errors.NotListed):
        announce(room.tablet, room.bob)


# Who says it


def test_a_member_does_not_speak_in_anothers_name(room: Room) -> None:
    """bob, who has alice's chain, sends what he likes on it to dora."""
    announce(room.bob, room.dora)
    alice, bob = room.alice.phone.own, room.bob.phone.own
    wire = room.bob.send("I am alice")
    signing = room.bob.chain().signing
    alices = room.alice.chain()
    for sender, fields, failure in (
        (room.alice, {"account": alice.account, "device": alice.device}, errors.UnknownSession),
        (room.alice, {"account": alice.account, "device": alice.device, "chain": alices.id}, errors.BadSignature),
        (room.bob, {"chain": alices.id}, errors.UnknownSession),
        (room.bob, {"account": alice.account}, errors.Malformed),
        (room.bob, {"device": alice.device}, errors.Malformed),
        (room.bob, {"group": an_id("another group")}, errors.Malformed),
    ):
        refused(room.dora, sender, rewritten(wire, signing, **fields), failure)
    refused(room.dora, room.alice, wire, errors.Malformed)  # the server says that it is alice's
    assert bob.account != alice.account


def test_anothers_chain_announced_as_ones_own_gives_nothing(room: Room) -> None:
    """dora would take alice's messages for bob's: but the header names alice's device."""
    stolen = room.alice.chain().announce(room.alice.key)
    room.dora.hear(room.bob, room.bob.announcement(stolen))
    wire = room.alice.send("mine")
    refused(room.dora, room.bob, wire, errors.Malformed)
    posing = rewritten(wire, room.bob.chain().signing, account=room.bob.own, device=room.bob.phone.own.device)
    refused(room.dora, room.bob, posing, errors.BadSignature)
    assert room.dora.read(room.alice, wire) == "mine"


def test_what_is_signed_is_what_is_read(room: Room) -> None:
    wire = room.alice.send("hello")
    message = GroupMessage.from_bytes(wire)
    for name, failure in (
        ("body", errors.BadSignature),
        ("signature", errors.BadSignature),
        ("tag", errors.BadSignature),
    ):
        data = bytearray(getattr(message, name))
        data[-1] ^= 1
        refused(room.bob, room.alice, changed(message, {name: bytes(data)}).to_bytes(), failure)
    # The signing key is the chain's own; whoever has it must still seal under the message key.
    signing = room.alice.chain().signing
    refused(room.bob, room.alice, rewritten(wire, signing, n=1), errors.Undecryptable)
    refused(room.bob, room.alice, rewritten(wire, signing, epoch=1), errors.Malformed)
    tagged = replace(message, tag=bytes(32))
    signature = signing.sign("skmsg", signed_part(message.header, message.body, bytes(32)))
    refused(room.bob, room.alice, replace(tagged, signature=signature).to_bytes(), errors.Undecryptable)
    assert room.bob.read(room.alice, wire) == "hello"


def test_a_message_does_not_cross_a_fork(room: Room) -> None:
    """alice and bob were shown different operations: what alice says in hers is not read in bob's."""
    one, other = room.alice.propose(Rekey(bytes(72))), room.bob.propose(Rekey(bytes(73)))
    for device in (room.alice, room.tablet):
        device.follow(one)
    for device in (room.bob, room.dora):
        device.follow(other)
    with pytest.raises(errors.NotListed):
        room.bob.hear(room.alice, room.alice.announcement(room.alice.chain().announce(None)))
    # And where the sender key named bob's state, the message would not open: gsh is sealed in.
    forged = room.alice.announcement(replace(room.alice.chain().announce(None), gsh=room.bob.group.hash))
    room.bob.hear(room.alice, forged)
    refused(room.bob, room.alice, room.alice.send("hello"), errors.Undecryptable)


# Order and repetition


def test_messages_are_read_once_in_any_order(room: Room) -> None:
    wires = [room.alice.send(f"{number}") for number in range(6)]
    for number in (3, 0, 5, 1, 4, 2):
        assert room.bob.read(room.alice, wires[number]) == f"{number}"
        room.bob.restart()
        refused(room.bob, room.alice, wires[number], errors.Duplicate)
    for wire in wires:
        refused(room.bob, room.alice, wire, errors.Duplicate)


def test_a_jump_has_a_limit(room: Room) -> None:
    chain = room.alice.chain()
    for _ in range(limits.MAX_JUMP):
        chain, _ = chain.next()
    wires = []
    for _ in range(2):
        sealed = content.seal(room.alice.text("far"), room.alice.phone.dice)
        sent = group_message.encrypt(chain, room.alice.phone.own, sealed)
        chain = sent.chain
        wires.append(sent.wire)
    refused(room.bob, room.alice, wires[1], errors.TooFar)
    assert room.bob.read(room.alice, wires[0]) == "far"
    assert room.bob.read(room.alice, wires[1]) == "far"


def test_a_message_far_ahead_that_does_not_open_costs_nothing(room: Room) -> None:
    wire = room.alice.send("hello")
    refused(room.bob, room.alice, rewritten(wire, room.bob.chain().signing, n=limits.MAX_INTEGER), errors.BadSignature)
    signing = room.alice.chain().signing
    refused(room.bob, room.alice, rewritten(wire, signing, n=limits.MAX_INTEGER), errors.TooFar)
    refused(room.bob, room.alice, rewritten(wire, signing, n=1_999), errors.Undecryptable)
    assert room.bob.held[room.alice.phone.own.device][0].skipped == {}


# What fails after it has opened, and form


def sealed_on(room: Room, padded: bytes, tag: bytes) -> bytes:
    sealed = content.Sealed(Secret(padded), tag)
    sent = group_message.encrypt(room.alice.chain(), room.alice.phone.own, sealed, entropy=room.alice.phone.dice)
    room.alice.own_chain = sent.chain
    return sent.wire


def test_what_fails_after_opening_is_not_read_twice(room: Room) -> None:
    good = room.alice.text("hello")
    padded = bytes(content.seal(good, room.alice.phone.dice).padded)
    private = content.private_conversation(room.alice.own, room.bob.own)
    made = {
        "lie": (padded, bytes(32), errors.BadFranking),
        "padding": (bytes(256), None, errors.Malformed),
        "nothing": (padding.pad(b"f" * 32), None, errors.Malformed),
    }
    for name, one in {
        "private": replace(good, conversation=private),
        "elsewhere": replace(good, conversation=ids.ConversationId(an_id("another group"))),
        "control": replace(good, body=body.Reset(), counter=0),
        "head": replace(good, heads=content.Heads(good.heads.own, bytes(32))),
    }.items():
        made[name] = (bytes(content.seal(one).padded), None, errors.Malformed)
    for name, (plain, tag, failure) in made.items():
        wire = sealed_on(room, plain, tag or franking.frank(plain))
        received = room.bob.receive(room.alice, wire)
        assert received.content is None
        assert type(received.failure) is failure, name
        refused(room.bob, room.alice, wire, errors.Duplicate)


def test_a_message_of_another_id_than_the_server_names_is_not_shown(room: Room) -> None:
    one = room.alice.text("hello")
    wire = room.alice.send("", one)
    own = room.alice.phone.own
    right = group_message.GroupEnvelope(GID, own.account, own.device, wire, one.message_id)
    assert group_message.receive(right, room.bob, now=NOW).failure is None
    wrong = replace(right, message_id=ids.MessageId(bytes(16)))
    assert isinstance(group_message.receive(wrong, room.bob, now=NOW).failure, errors.Malformed)


def test_a_message_of_another_form_is_malformed(room: Room) -> None:
    wire = room.alice.send("hello")
    good = items(wire)
    changes: list[tuple[int, Any]]
    changes = [(1, "header"), (2, bytes(71)), (3, bytes(63)), (3, None), (4, bytes(31)), (1, b"")]
    for place, value in changes:
        refused(room.bob, room.alice, cbor.encode([*good[:place], value, *good[place + 1 :]]), errors.Malformed)
    header = items(good[1])
    changes = [(0, bytes(15)), (1, None), (1, True), (2, bytes(17)), (3, None), (4, bytes(15)), (5, None)]
    for place, value in changes:
        bad = cbor.encode([*header[:place], value, *header[place + 1 :]])
        refused(room.bob, room.alice, cbor.encode([2, bad, *good[2:]]), errors.Malformed)
    for fields in ([], good[:-1], [*good, 0], {0: 1}):
        refused(room.bob, room.alice, cbor.encode(fields), errors.Malformed)
    for outer in (1, 3):
        refused(room.bob, room.alice, cbor.encode([outer, *good[1:]]), errors.Unsupported)


def test_a_message_is_named_by_its_outside(room: Room) -> None:
    sealed = content.seal(room.alice.text("hello"), room.alice.phone.dice)
    sent = group_message.encrypt(room.alice.chain(), room.alice.phone.own, sealed)
    seen = peek_group(sent.wire)
    assert seen.tag == sealed.tag
    assert (seen.header.group, seen.header.account) == (GID, room.alice.own)
    assert group_message.named(seen.header) == sent.name
    assert sent.name == body.Retry(ids.SessionId(room.alice.chain().id), bytes(32), 0)
    assert body.Retry.from_map(sent.name.to_map()) == sent.name


def test_a_send_names_its_lists_by_one_hash(room: Room) -> None:
    lists = [one.newest for one in room.accounts]
    rows = sorted([one.account, one.hash] for one in lists)
    assert group_message.lists_hash(reversed(lists)) == primitives.sha256(cbor.encode(rows))
