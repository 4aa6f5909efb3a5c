"""A group chat is what its signed operations made of it, and nobody slips anything in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from group_cast import GID, Device, Room, sealed_anew
from protocol_cast import NOW, Cast, Dice, an_id, changed, items

from messenger_client.protocol import cbor, device_list, errors, group_chain, ids, keys, primitives
from messenger_client.protocol.group_args import (
    ADMIN,
    OWNER,
    Add,
    Create,
    Join,
    Leave,
    Member,
    OpenLink,
    Rekey,
    Remove,
    SetMeta,
)
from messenger_client.protocol.group_operation import open_operation, sign_operation
from messenger_client.protocol.group_state import GroupState

META = bytes(72)
LINK = primitives.SigningKey.from_seed(b"l" * 32)


@pytest.fixture
def room(cast: Cast) -> Room:
    return Room(cast)


def test_a_forged_operation_is_refused(room: Room) -> None:
    before = room.state
    payload, signature = items(room.bob.propose(Add(room.charlie.own)))
    forger = keys.OwnDevice.generate(
        room.bob.own, room.bob.phone.own.device, room.bob.phone.own.account_key, Dice("forger")
    )
    for bad in (
        [payload, bytes([signature[0] ^ 1]) + signature[1:]],
        [payload, forger.signing.sign("groupop", payload)],
        [payload, room.bob.phone.own.signing.sign("devlist", payload)],
        [payload, room.alice.phone.own.signing.sign("groupop", payload)],
    ):
        with pytest.raises(errors.BadSignature):
            room.alice.follow(cbor.encode(bad))
        assert room.state == before


@pytest.mark.parametrize("place", ["index", "previous", "group"])
def test_an_operation_that_does_not_follow_is_refused(room: Room, place: str) -> None:
    state = room.state
    fields: dict[str, Any] = {"index": state.index + 1, "previous": state.hash, "group": GID}
    fields[place] = {"index": 2, "previous": bytes(32), "group": an_id("another group")}[place]
    own = room.alice.phone.own
    signed = sign_operation(
        own, room.alice.phone.account.newest.hash, args=Add(room.charlie.own), time=room.alice.phone.now, **fields
    ).signed
    with pytest.raises(errors.ListRefused):
        room.bob.follow(signed)


def test_a_fork_is_refused(room: Room) -> None:
    """Two operations after the same one: whoever has read one of them refuses the other."""
    one, other = room.alice.propose(Add(room.charlie.own)), room.bob.propose(Rekey(META))
    room.alice.follow(one)
    room.bob.follow(other)
    for device, foreign in ((room.alice, other), (room.bob, one)):
        with pytest.raises(errors.ListRefused):
            device.follow(foreign)
    next_one = room.alice.propose(SetMeta(META, members_may_add=False))
    with pytest.raises(errors.ListRefused):
        room.bob.follow(next_one)


def test_a_replayed_or_withheld_operation_is_refused(room: Room) -> None:
    first = room.alice.propose(Add(room.charlie.own))
    room.publish(first)
    second = room.alice.propose(Remove(room.charlie.own, META))
    late = Device(room.bob.phone)
    late.follow(room.alice.operations[0])
    with pytest.raises(errors.ListRefused):
        late.follow(second)  # the add was withheld
    room.publish(second)
    for old in (room.alice.operations[0], first, second):
        with pytest.raises(errors.ListRefused):
            room.bob.follow(old)


def test_two_admins_at_once_resolve_the_same_way_everywhere(room: Room) -> None:
    won, lost = room.alice.propose(Add(room.charlie.own)), room.bob.propose(Remove(room.dora.own, META))
    room.publish(won)
    with pytest.raises(errors.ListRefused):
        room.alice.follow(lost)
    room.publish(room.bob.propose(Remove(room.dora.own, META)))
    assert {one.group for one in room.everybody} == {room.state}


def test_a_ghost_member_does_nothing(room: Room) -> None:
    """A row that only the server has: no operation made it, so whatever it signs is refused."""
    room.refuses(room.charlie, Add(ids.AccountId(an_id("another ghost"))))
    room.refuses(room.charlie, Rekey(META))
    room.refuses(room.charlie, Leave())


def test_nobody_acts_in_anothers_name(room: Room) -> None:
    """charlie signs with his own device's key what says that alice's device says it."""
    alice, charlie = room.alice.phone.own, room.charlie.phone.own
    posing = replace(charlie, account=alice.account, device=alice.device)
    mixed = replace(charlie, account=alice.account)
    for own, failure in ((posing, errors.BadSignature), (mixed, errors.NotListed)):
        signed = sign_operation(
            own,
            room.alice.phone.account.newest.hash,
            GID,
            1,
            room.state.hash,
            Add(charlie.account),
            time=NOW,
        ).signed
        with pytest.raises(failure):
            room.bob.follow(signed)


def test_an_operation_names_a_list_that_is_known_and_has_its_device(cast: Cast, room: Room) -> None:
    own, state = room.alice.phone.own, room.state
    for list_hash in (bytes(32), room.bob.phone.account.newest.hash):
        signed = sign_operation(own, list_hash, GID, 1, state.hash, Rekey(META), time=NOW).signed
        with pytest.raises(errors.NotListed):
            room.bob.follow(signed)
    without = cast.alice.account.publish(cast.tablet.own)
    cast.bob.learn(cast.alice.account)
    signed = sign_operation(own, without.hash, GID, 1, state.hash, Rekey(META), time=NOW).signed
    with pytest.raises(errors.NotListed):
        room.bob.follow(signed)
    with pytest.raises(errors.NotListed):
        room.alice.propose(Rekey(META))


def test_an_author_does_not_go_back_to_an_older_list(cast: Cast, room: Room) -> None:
    """A device that was taken off cannot go on by naming the list it was on."""
    older = cast.alice.account.newest
    cast.alice.account.publish(cast.alice.own)
    room.learn()
    # The tablet is off the newest list, but nobody in the group has seen alice name that yet.
    stolen = group_chain.propose(cast.tablet.own, older, room.state, Rekey(META), now=NOW)
    assert group_chain.apply(room.state, stolen.operation.signed, cast.bob) == stolen.state
    room.do(room.alice, Rekey(sealed_anew(room.alice)))
    with pytest.raises(errors.Malformed):
        group_chain.propose(cast.tablet.own, older, room.state, Rekey(META), now=NOW)
    late = sign_operation(cast.tablet.own, older.hash, GID, 2, room.state.hash, Rekey(META), time=NOW).signed
    with pytest.raises(errors.Malformed):
        room.bob.follow(late)


def test_under_a_new_account_key_lists_are_counted_anew(cast: Cast, room: Room) -> None:
    account = cast.alice.account
    account.publish(cast.alice.own, cast.tablet.own)
    account.publish(cast.alice.own)
    room.learn()
    room.do(room.alice, Rekey(sealed_anew(room.alice)))
    account.key = keys.generate_account_key(Dice("renewed"))
    cast.alice.own = replace(cast.alice.own, account_key=account.key.public)
    entry = device_list.listed(cast.alice.own, added=NOW)
    account.lists.append(device_list.sign_list(account.key, account.id, [entry], previous=None, now=NOW))
    room.learn()
    state = room.do(room.alice, Rekey(sealed_anew(room.alice)))
    assert sorted(one.seq for one in state.authors if one.account == account.id) == [1, 3]


def test_time_does_not_run_backwards(room: Room) -> None:
    room.bob.phone.now = NOW + 5
    room.do(room.bob, Rekey(sealed_anew(room.bob)))
    own, newest = room.alice.phone.own, room.alice.phone.account.newest
    signed = sign_operation(own, newest.hash, GID, 2, room.state.hash, Rekey(META), time=NOW + 4).signed
    with pytest.raises(errors.Malformed):
        room.bob.follow(signed)
    # alice's clock is behind: her client signs the time of the operation before.
    assert room.do(room.alice, Rekey(sealed_anew(room.alice))).time == NOW + 5


def test_a_group_chat_is_created_by_an_owner_once(room: Room) -> None:
    own, newest = room.charlie.phone.own, room.charlie.phone.account.newest
    for rows in ([], [Member(own.account, ADMIN)], [Member(room.bob.own, OWNER)]):
        with pytest.raises(errors.Malformed):
            group_chain.create(own, newest, GID, Create.of(rows, META, members_may_add=False), now=NOW)
    room.refuses(room.alice, Create.of([Member(room.alice.own, OWNER)], META, members_may_add=False))
    for args, index, previous, failure in (
        (Rekey(META), 0, bytes(32), errors.Malformed),
        (Create.of([Member(own.account, OWNER)], META, members_may_add=False), 0, b"x" * 32, errors.ListRefused),
        (Create.of([Member(own.account, OWNER)], META, members_may_add=False), 1, bytes(32), errors.ListRefused),
    ):
        signed = sign_operation(own, newest.hash, GID, index, previous, args, time=NOW).signed
        with pytest.raises(failure):
            Device(room.charlie.phone).follow(signed)


def test_another_groups_chain_is_not_followed(room: Room) -> None:
    elsewhere = ids.GroupId(ids.ConversationId(an_id("another group")))
    for objects in (room.alice.operations, []):
        with pytest.raises(errors.ListRefused):
            group_chain.follow(elsewhere, None, objects, room.bob.phone)
    assert group_chain.follow(GID, None, room.alice.operations, room.bob.phone) == room.state
    assert group_chain.follow(GID, room.state, [], room.bob.phone) == room.state


def test_the_store_keeps_the_group_and_rebuilds_its_past(room: Room) -> None:
    past = [room.state]
    room.do(room.alice, OpenLink(LINK.public, NOW + 1_000, 3, approval=True))
    room.do(room.alice, OpenLink(b"x" * 32, None, None, approval=False))
    past.append(room.do(room.charlie, Join.by(LINK, GID, room.charlie.own)))
    room.do(room.bob, Remove(room.dora.own, sealed_anew(room.bob)))
    assert GroupState.from_bytes(room.state.to_bytes()) == room.state
    for state in past:
        rebuilt = group_chain.rebuild(room.alice.operations[: state.index + 1])
        assert replace(rebuilt, authors=state.authors) == state
    with pytest.raises(errors.ListRefused):
        group_chain.rebuild(room.alice.operations[1:])
    with pytest.raises(errors.ListRefused):
        group_chain.rebuild([])
    broken = items(room.state.to_bytes())
    for number in range(len(broken)):
        with pytest.raises(errors.Malformed):
            GroupState.from_bytes(cbor.encode([*broken[:number], "x", *broken[number + 1 :]]))


def test_a_group_chats_meta_is_not_printed(room: Room) -> None:
    assert repr(room.state.meta)[2:-1] not in repr(room.state)


def test_an_error_changes_nothing(room: Room) -> None:
    before = room.state
    good = open_operation(room.alice.propose(Add(room.charlie.own)))
    for bad in (changed(good, {"signature": bytes(64)}), changed(good, {"payload": b""})):
        with pytest.raises(errors.ProtocolError):
            room.alice.follow(bad.signed)
    assert room.state == before
