"""A group chat's title is for those who have its key."""

from __future__ import annotations

import pytest
from group_cast import GID, Room, sealed_anew
from protocol_cast import Cast, Dice, an_id

from messenger_client.protocol import body, cbor, errors, ids, limits, padding, primitives
from messenger_client.protocol.group_args import Rekey, SetMeta
from messenger_client.protocol.group_meta import (
    Meta,
    check_group_key,
    generate_group_key,
    open_meta,
    read_meta,
    seal_meta,
)
from messenger_client.protocol.secret import Secret
from messenger_client.protocol.sender_key import GroupKey

KEY = GroupKey(0, Secret(b"k" * 32))
AVATAR = body.Attachment(b"b" * 16, Secret(b"k" * 32), 5, b"h" * 32, "image/png", None, None)


@pytest.mark.parametrize(
    "meta", [Meta("Friends"), Meta(""), Meta("grüße 👋", "about us", 0xFFFFFF, AVATAR), Meta("x", colour=0)]
)
def test_a_meta_is_read_as_it_was_sealed(meta: Meta) -> None:
    assert open_meta(seal_meta(meta, GID, KEY), GID, KEY) == meta


def test_a_titles_length_does_not_show() -> None:
    assert len({len(seal_meta(Meta("x" * length), GID, KEY)) for length in (0, 1, 60, 200)}) == 1


def test_a_meta_opens_under_its_own_key_and_group_only() -> None:
    sealed = seal_meta(Meta("Friends"), GID, KEY)
    for group, key in ((GID, GroupKey(0, Secret(b"x" * 32))), (ids.GroupId(ids.ConversationId(an_id("x"))), KEY)):
        with pytest.raises(errors.Undecryptable):
            open_meta(sealed, group, key)
    for place in range(0, len(sealed), 7):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(errors.Undecryptable):
            open_meta(bytes(changed), GID, KEY)


@pytest.mark.parametrize(
    ("fields", "failure"),
    [
        ({}, errors.Malformed),
        ({0: b"title"}, errors.Malformed),
        ({0: "t", 1: None}, errors.Malformed),
        ({0: "t", 2: 0x1000000}, errors.Malformed),
        ({0: "t", 3: {}}, errors.Malformed),
        ({0: "t", 16: 0}, errors.Unsupported),
        ([], errors.Malformed),
    ],
)
def test_a_meta_of_another_form_is_refused(fields: object, failure: type[errors.ProtocolError]) -> None:
    sealed = primitives.cseal(KEY.key, "meta", GID, padding.pad(cbor.encode(fields)))
    with pytest.raises(failure):
        open_meta(sealed, GID, KEY)


def test_an_unpadded_meta_is_malformed() -> None:
    with pytest.raises(errors.Malformed):
        open_meta(primitives.cseal(KEY.key, "meta", GID, cbor.encode({0: "t"})), GID, KEY)


def test_unknown_fields_of_a_meta_are_passed_over() -> None:
    sealed = primitives.cseal(KEY.key, "meta", GID, padding.pad(cbor.encode({0: "t", 15: 1})))
    assert open_meta(sealed, GID, KEY) == Meta("t")


def test_what_a_reader_would_refuse_is_not_sealed() -> None:
    for meta in (Meta("t", colour=-1), Meta("t", colour=0x1000000), Meta("x" * limits.MAX_META)):
        with pytest.raises(errors.Malformed):
            seal_meta(meta, GID, KEY)
    assert len(seal_meta(Meta("x" * 3_900), GID, KEY)) <= limits.MAX_META


def test_a_group_key_is_taken_only_if_it_opens_what_its_operation_sealed(cast: Cast) -> None:
    room = Room(cast)
    first = room.alice.key
    assert first is not None
    check_group_key(room.state, first)
    with pytest.raises(errors.BadKey):
        check_group_key(room.state, GroupKey(0, Secret(b"x" * 32)))
    # A meta under another key, by an admin who wants to lock the others out, changes no key.
    room.do(room.bob, SetMeta(seal_meta(Meta("mine"), GID, KEY), members_may_add=False))
    check_group_key(room.state, first)
    with pytest.raises(errors.BadKey):
        check_group_key(room.state, KEY)
    with pytest.raises(errors.Undecryptable):
        open_meta(room.state.meta, GID, first)
    assert read_meta(room.state, first) == Meta("Friends")
    with pytest.raises(errors.Undecryptable):
        read_meta(room.state, GroupKey(0, Secret(b"x" * 32)))


def test_a_rekey_brings_a_key_of_its_own_index(cast: Cast) -> None:
    room = Room(cast)
    first = room.alice.key
    assert first is not None
    room.do(room.alice, SetMeta(seal_meta(Meta("Renamed"), GID, first), members_may_add=False))
    room.do(room.bob, Rekey(sealed_anew(room.bob, "Anew")))
    second = room.bob.key
    assert second is not None
    assert (first.version, second.version) == (0, 2)
    check_group_key(room.state, second)
    assert open_meta(room.state.meta, GID, second) == Meta("Anew")
    for wrong in (first, GroupKey(0, second.key), GroupKey(3, second.key)):
        with pytest.raises(errors.Malformed):
            check_group_key(room.state, wrong)
    with pytest.raises(errors.BadKey):
        check_group_key(room.state, GroupKey(2, first.key))


def test_every_group_key_is_another(cast: Cast) -> None:
    dice = Dice("keys")
    assert generate_group_key(None, dice).key != generate_group_key(None, dice).key
    assert generate_group_key(Room(cast).state, dice).version == 1


def test_a_meta_and_a_group_key_do_not_print_themselves() -> None:
    shown = repr(Meta("hidden", "hidden too", 1, AVATAR)) + repr(GroupKey(0, Secret(b"hidden" + bytes(26))))
    assert "hidden" not in shown
