"""A link lets its holder in, and into no other group than the one it was made for."""

from __future__ import annotations

import pytest
from group_cast import GID, Device, Room, create
from protocol_cast import Cast, Dice, an_id

from messenger_client.protocol import base32, cbor, errors, ids
from messenger_client.protocol.group_args import OWNER, Member, OpenLink
from messenger_client.protocol.group_link import GroupLink, new_link_key


@pytest.fixture
def room(cast: Cast) -> Room:
    return Room(cast)


@pytest.fixture
def link(room: Room) -> GroupLink:
    key = new_link_key(Dice("link"))
    state = room.do(room.bob, OpenLink(key.public, None, None, approval=False))
    return GroupLink(GID, key, state.hash)


def test_whoever_has_the_code_reads_the_chain_and_joins(room: Room, link: GroupLink) -> None:
    text = link.to_text()
    assert len(text) == 146
    read = GroupLink.from_text("-".join(text[start : start + 5] for start in range(0, 146, 5)).lower())
    assert read == link
    assert read.follow(room.alice.operations, room.charlie.phone) == room.state
    assert room.do(room.charlie, read.join(room.charlie.own)).role(room.charlie.own) is not None
    assert read.follow(room.alice.operations, room.charlie.phone) == room.state


def test_a_server_cannot_show_a_group_of_its_own_making(cast: Cast, room: Room, link: GroupLink) -> None:
    """It knows the group's id and the link's public key: so it makes a chain with both, under a person of its own."""
    forger = Device(cast.charlie)
    forger.follow(create(forger, [Member(forger.own, OWNER)]))
    forger.follow(forger.propose(OpenLink(link.key.public, None, None, approval=False)))
    with pytest.raises(errors.ListRefused):
        link.follow(forger.operations, room.dora.phone)


def test_a_chain_that_does_not_reach_the_link_or_is_another_groups_is_refused(room: Room, link: GroupLink) -> None:
    elsewhere = GroupLink(ids.GroupId(ids.ConversationId(an_id("x"))), link.key, link.gsh)
    for one, objects in ((link, room.alice.operations[:1]), (link, []), (elsewhere, room.alice.operations)):
        with pytest.raises(errors.ListRefused):
            one.follow(objects, room.charlie.phone)


@pytest.mark.parametrize(
    "fields",
    [
        ["joiN", bytes(16), bytes(32), bytes(32)],
        [b"join", bytes(16), bytes(32), bytes(32)],
        ["join", bytes(15), bytes(33), bytes(32)],
        ["join", bytes(16), bytes(31), bytes(33)],
        ["join", bytes(16), bytes(66)],
    ],
)
def test_a_code_of_another_form_is_malformed(fields: list[object]) -> None:
    data = cbor.encode(fields)
    with pytest.raises(errors.Malformed):
        GroupLink.from_bytes(data)
    with pytest.raises(errors.Malformed):
        GroupLink.from_text(base32.encode(data))


@pytest.mark.parametrize("text", ["", "0" * 146, "Z" * 146, "0" * 200, "https://chat.example/join"])
def test_a_text_that_is_no_code_is_malformed(text: str) -> None:
    with pytest.raises(errors.Malformed):
        GroupLink.from_text(text)


def test_a_link_does_not_print_its_secret(link: GroupLink) -> None:
    for shown in (repr(link), repr(link.to_bytes())):
        assert repr(bytes(link.key.seed))[2:-1] not in shown
        assert bytes(link.key.seed).hex() not in shown
