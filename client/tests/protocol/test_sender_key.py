"""A chain is taken from the device that announced it, for the group as it was, and held within limits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from group_cast import Room, announce, refused, sealed_anew
from protocol_cast import NOW, Cast, Dice, an_id, items

from messenger_client.protocol import (
    cbor,
    content,
    device_list,
    errors,
    group_message,
    ids,
    keys,
    limits,
    primitives,
    sender_key,
)
from messenger_client.protocol.announced_chain import AnnouncedChain
from messenger_client.protocol.group_args import Add, Leave, Rekey
from messenger_client.protocol.secret import Secret
from messenger_client.protocol.sender_key import GroupKey, OwnChain, SenderKey


@pytest.fixture
def room(cast: Cast) -> Room:
    """Everybody in the group has alice's chain."""
    room = Room(cast)
    announce(room.alice, room.bob, room.dora, room.tablet)
    return room


def test_a_member_then_is_asked_for_as_well_as_a_member_now(room: Room) -> None:
    room.do(room.alice, Add(room.charlie.own))
    early = room.charlie.announcement(replace(room.charlie.chain().announce(None), gsh=room.bob.group.hash))
    assert isinstance(early.body, SenderKey)
    first = group_hashes(room)[0]
    too_early = replace(early, body=replace(early.body, gsh=first))
    with pytest.raises(errors.NotListed):
        room.bob.hear(room.charlie, too_early)
    room.bob.hear(room.charlie, early)


def group_hashes(room: Room) -> list[bytes]:
    return [primitives.sha256(items(one)[0]) for one in room.alice.operations]


def test_a_sender_key_of_a_state_or_list_that_is_not_known_here_waits(room: Room) -> None:
    add = room.alice.propose(Add(room.charlie.own))
    for one in (room.alice, room.charlie):
        one.follow(add)
    made = room.charlie.announcement()
    with pytest.raises(errors.NotListed):
        room.bob.hear(room.charlie, made)
    room.bob.follow(add)
    room.bob.phone.known_lists[room.charlie.own] = []
    with pytest.raises(errors.NotListed):
        room.bob.hear(room.charlie, made)
    room.learn()
    unknown = replace(made, heads=content.Heads(bytes(32), None))
    with pytest.raises(errors.NotListed):
        room.bob.hear(room.charlie, unknown)
    room.bob.hear(room.charlie, made)


def test_a_sender_key_fits_its_state(room: Room) -> None:
    room.do(room.bob, Rekey(sealed_anew(room.bob)))
    good = room.bob.announcement()
    assert isinstance(good.body, SenderKey)
    assert good.body.group_key is not None
    old = room.alice.key
    for announced, failure in (
        (replace(good.body, epoch=0), errors.Malformed),
        (replace(good.body, epoch=2), errors.Malformed),
        (replace(good.body, group_key=old), errors.Malformed),
        (replace(good.body, group_key=GroupKey(1, Secret(b"x" * 32))), errors.BadKey),
        (replace(good.body, gsh=bytes(32)), errors.NotListed),
        (replace(good.body, group=ids.GroupId(ids.ConversationId(an_id("another group")))), errors.NotListed),
    ):
        before = dict(room.dora.held)
        with pytest.raises(failure):
            room.dora.hear(room.bob, room.bob.announcement(announced))
        assert room.dora.held == before
    room.dora.hear(room.bob, good)
    assert room.dora.key == good.body.group_key


def test_who_has_no_group_key_yet_can_write_all_the_same(room: Room) -> None:
    room.do(room.alice, Add(room.charlie.own))
    made = announce(room.charlie, room.bob)
    assert isinstance(made.body, SenderKey)
    assert made.body.group_key is None
    assert room.bob.read(room.charlie, room.charlie.send("hello")) == "hello"


def test_a_chain_that_is_held_stays_as_it_is(room: Room) -> None:
    room.bob.read(room.alice, room.alice.send("one"))
    (held,) = room.bob.held[room.alice.phone.own.device]
    announce(room.alice, room.bob)
    assert room.bob.held[room.alice.phone.own.device] == [held]
    again = room.alice.chain().announce(None)
    for other in (
        replace(again, signing_key=room.bob.chain().signing.public),
        replace(again, n=0, signing_key=bytes(32)),
    ):
        with pytest.raises(errors.Malformed):
            room.bob.hear(room.alice, room.alice.announcement(other))
    assert room.bob.read(room.alice, room.alice.send("two")) == "two"


def test_so_many_chains_of_a_device_are_held(room: Room) -> None:
    late = room.alice.send("late")
    for number in range(limits.MAX_CHAINS):
        room.alice.phone.now += 1
        room.bob.phone.now += 1
        room.alice.chain(anew=True)
        announce(room.alice, room.bob)
        assert room.bob.read(room.alice, room.alice.send(f"{number}")) == f"{number}"
    assert len(room.bob.held[room.alice.phone.own.device]) == limits.MAX_CHAINS
    refused(room.bob, room.alice, late, errors.UnknownSession)


def test_skipped_keys_have_a_limit_and_the_oldest_go(room: Room) -> None:
    (held,) = room.bob.held[room.alice.phone.own.device]
    chain, _ = held.take(limits.MAX_JUMP, now=NOW)
    assert len(chain.skipped) == limits.MAX_SKIPPED
    chain, _ = chain.take(limits.MAX_JUMP + 4, now=NOW)
    assert len(chain.skipped) == limits.MAX_SKIPPED
    for gone in (0, 1, 2):
        with pytest.raises(errors.Duplicate):
            chain.take(gone, now=NOW)
    chain, key = chain.take(3, now=NOW)
    assert key == held.take(3, now=NOW)[1]
    assert AnnouncedChain.from_bytes(chain.to_bytes()) == chain


def test_skipped_keys_and_chains_end(room: Room) -> None:
    early = room.alice.send("early")
    room.bob.read(room.alice, room.alice.send("skips one"))
    (chain,) = room.bob.held[room.alice.phone.own.device]
    room.bob.phone.now = NOW + limits.SKIPPED_MAX_AGE + 1
    refused(room.bob, room.alice, early, errors.Duplicate)
    tidied = chain.tidy(now=room.bob.phone.now)
    assert tidied is not None
    assert tidied.skipped == {}
    assert chain.tidy(now=NOW + limits.SKIPPED_MAX_AGE) == chain
    assert chain.tidy(now=NOW + limits.CHAIN_RETENTION) is not None
    assert chain.tidy(now=NOW + limits.CHAIN_RETENTION + 1) is None
    room.bob.phone.now = NOW + limits.SKIPPED_MAX_AGE
    assert room.bob.read(room.alice, early) == "early"


def test_a_sender_makes_a_new_chain_in_time(room: Room) -> None:
    chain, told = room.alice.chain(), room.alice.told
    readers = group_message.recipients(room.state, room.alice.phone.own, room.alice)
    assert told == readers
    assert not chain.is_due(room.state, told, readers, now=NOW + limits.CHAIN_PERIOD - 1)
    assert chain.is_due(room.state, told, readers, now=NOW + limits.CHAIN_PERIOD)
    assert not replace(chain, n=limits.CHAIN_MESSAGES - 1).is_due(room.state, told, readers, now=NOW)
    assert replace(chain, n=limits.CHAIN_MESSAGES).is_due(room.state, told, readers, now=NOW)
    assert not chain.is_due(room.do(room.alice, Add(room.charlie.own)), told, readers, now=NOW)
    assert chain.is_due(room.do(room.charlie, Leave()), told, readers, now=NOW)


def test_a_device_that_was_told_and_is_gone_or_has_new_keys_makes_a_new_chain_due(room: Room) -> None:
    assert not room.alice.is_due()
    cat = keys.OwnDevice.generate(room.dora.own, ids.DeviceId(an_id("dora's new phone")), b"k" * 32, Dice("cat"))
    account = room.dora.phone.account
    account.publish(room.dora.phone.own, replace(cat, account_key=account.key.public))
    room.learn()
    assert not room.alice.is_due()  # whoever is new is told this chain
    assert len(group_message.recipients(room.state, room.alice.phone.own, room.alice)) == len(room.alice.told) + 1
    renewed = keys.OwnDevice.generate(room.dora.own, room.dora.phone.own.device, account.key.public, Dice("renewed"))
    account.publish(renewed)
    room.learn()
    assert room.alice.is_due()
    account.publish()
    room.learn()
    assert room.alice.is_due()


def test_those_who_read_are_the_members_devices_but_ones_own(room: Room) -> None:
    readers = group_message.recipients(room.state, room.alice.phone.own, room.alice)
    others = (room.tablet, room.bob, room.dora)
    assert {(one.account, one.device) for one in readers} == {(one.own, one.phone.own.device) for one in others}


def test_five_hundred_devices_read_and_the_newest_are_left_out(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_message, "MAX_GROUP_DEVICES", 3)
    entries = [device_list.listed(room.dora.phone.own, added=NOW + 1)]
    account = room.dora.phone.account
    account.lists = [device_list.sign_list(account.key, account.id, entries, previous=None, now=NOW)]
    room.learn()
    for one in (room.alice, room.bob):
        readers = group_message.recipients(room.state, one.phone.own, one)
        assert room.dora.own not in {reader.account for reader in readers}
        assert len(readers) == 2


def test_a_sender_key_of_another_form_is_malformed(room: Room) -> None:
    good = room.alice.chain().announce(room.alice.key).to_map()
    assert SenderKey.from_map(good).to_map() == good
    changes: list[dict[int, Any]] = [
        *({key: ...} for key in range(9)),
        {0: bytes(15)},
        {1: None},
        {2: bytes(31)},
        {3: bytes(17)},
        {4: True},
        {5: bytes(33)},
        {6: None},
        {7: None},
        {7: bytes(31)},
        {8: None},
    ]
    for change in changes:
        fields = {key: value for key, value in {**good, **change}.items() if value is not ...}
        with pytest.raises(errors.Malformed):
            SenderKey.from_map(fields)


def test_only_a_sender_key_is_taken_for_one(room: Room) -> None:
    with pytest.raises(ValueError, match="no sender key"):
        room.bob.hear(room.alice, room.alice.text("hello"))


def test_what_is_stored_is_read_back_and_nothing_else(room: Room) -> None:
    own = room.alice.chain()
    (held,) = room.bob.held[room.alice.phone.own.device]
    held, _ = held.take(3, now=NOW)
    assert OwnChain.from_bytes(own.to_bytes()) == own
    assert AnnouncedChain.from_bytes(held.to_bytes()) == held
    for data, read in ((own.to_bytes(), OwnChain.from_bytes), (held.to_bytes(), AnnouncedChain.from_bytes)):
        fields = items(bytes(data))
        for place in range(len(fields)):
            with pytest.raises(errors.Malformed):
                read(cbor.encode([*fields[:place], None, *fields[place + 1 :]]))
    with pytest.raises(errors.Malformed):
        AnnouncedChain.from_bytes(cbor.encode([*items(bytes(held.to_bytes()))[:-1], bytes(47)]))


def test_chain_keys_are_not_printed(room: Room) -> None:
    own = room.alice.chain()
    room.bob.read(room.alice, [room.alice.send("a"), room.alice.send("b")][1])
    (held,) = room.bob.held[room.alice.phone.own.device]
    announced = own.announce(room.alice.key)
    shown = "".join(map(repr, (own, held, announced, own.to_bytes(), held.to_bytes(), room.bob.held)))
    assert room.alice.key is not None
    hidden = [own.key, own.signing.seed, held.key, held.skipped[0].key, announced.key, room.alice.key.key]
    for secret in hidden:
        assert repr(bytes(secret))[2:-1] not in shown
        assert bytes(secret).hex() not in shown


def test_every_chain_is_another(room: Room) -> None:
    one, other = (OwnChain.begin(room.state, now=NOW) for _ in range(2))
    assert len({one.id, other.id}) == len({one.key, other.key}) == len({one.signing.public, other.signing.public}) == 2
    assert sender_key.SenderKey.kind == 6
