"""In a group chat each does what the role allows, and a link lets in whom it is to let in."""

from __future__ import annotations

from dataclasses import replace

import pytest
from group_cast import GID, Device, Room, create, sealed_anew
from protocol_cast import NOW, Cast, an_id

from messenger_client.protocol import errors, ids, limits, primitives
from messenger_client.protocol.group_args import (
    ADMIN,
    MEMBER,
    OWNER,
    Add,
    Approve,
    Args,
    CloseLink,
    Join,
    Leave,
    Member,
    OpenLink,
    Rekey,
    Remove,
    SetMeta,
    SetRole,
)
from messenger_client.protocol.group_operation import open_operation
from messenger_client.protocol.group_state import Link

META = bytes(72)
LINK = primitives.SigningKey.from_seed(b"l" * 32)


@pytest.fixture
def room(cast: Cast) -> Room:
    return Room(cast)


def test_a_group_chat_begins_with_its_roster(room: Room) -> None:
    state = room.state
    assert {(one.account, one.role) for one in state.roster} == {
        (room.alice.own, OWNER),
        (room.bob.own, ADMIN),
        (room.dora.own, MEMBER),
    }
    assert [one.account for one in state.roster] == sorted(one.account for one in state.roster)
    assert (state.index, state.epoch, state.key_version) == (0, 0, 0)
    assert state.hash == open_operation(room.alice.operations[0]).hash
    assert all(one.state == state for one in room.everybody)


def test_members_come_and_go_and_rise(room: Room) -> None:
    state = room.do(room.bob, Add(room.charlie.own))
    assert state.role(room.charlie.own) == MEMBER
    state = room.do(room.alice, SetRole(room.charlie.own, OWNER))
    assert state.owners == tuple(sorted((room.alice.own, room.charlie.own)))
    state = room.do(room.charlie, Remove(room.alice.own, sealed_anew(room.charlie)))
    assert state.owners == (room.charlie.own,)
    assert state.removed == (room.alice.own,)
    assert (state.epoch, state.key_version) == (1, 3)
    state = room.do(room.dora, Leave())
    assert state.role(room.dora.own) is None
    assert (state.epoch, state.key_version) == (2, 3)
    state = room.do(room.bob, Rekey(sealed_anew(room.bob)))
    assert (state.epoch, state.key_version) == (3, 5)
    assert state.meta == state.key_meta
    state = room.do(room.bob, SetMeta(META, members_may_add=True))
    assert (state.meta, state.members_may_add, state.key_version) == (META, True, 5)
    assert state.key_meta != META
    state = room.do(room.charlie, Add(room.alice.own))
    assert state.role(room.alice.own) == MEMBER
    assert state.removed == (room.alice.own,)


@pytest.mark.parametrize(
    ("who", "may"),
    [
        ("alice", {"add", "remove", "role", "meta", "link", "rekey"}),
        ("bob", {"add", "remove", "meta", "link", "rekey"}),
        ("dora", set()),
        ("charlie", set()),
    ],
)
def test_each_role_does_what_it_may_and_nothing_else(cast: Cast, who: str, may: set[str]) -> None:
    new = ids.AccountId(an_id("new"))
    for name in ("add", "remove", "role", "meta", "link", "rekey"):
        room = Room(cast)
        args: dict[str, Args] = {
            "add": Add(new),
            "remove": Remove(room.dora.own if who != "dora" else room.bob.own, META),
            "role": SetRole(room.dora.own, ADMIN),
            "meta": SetMeta(META, members_may_add=True),
            "link": OpenLink(LINK.public, None, None, approval=False),
            "rekey": Rekey(META),
        }
        author: Device = getattr(room, who)
        if name in may:
            room.do(author, args[name])
        else:
            room.refuses(author, args[name])


@pytest.mark.parametrize("who", ["dora", "charlie"])
def test_links_are_closed_and_people_let_in_by_admins_only(room: Room, who: str) -> None:
    room.do(room.bob, OpenLink(LINK.public, None, None, approval=True))
    room.do(room.charlie, Join.by(LINK, GID, room.charlie.own))
    room.refuses(getattr(room, who), CloseLink(LINK.public))
    room.refuses(getattr(room, who), Approve(room.charlie.own))


def test_members_add_where_the_group_lets_them(cast: Cast) -> None:
    room = Room(cast, members_may_add=True)
    room.do(room.dora, Add(room.charlie.own))
    room.refuses(room.dora, Remove(room.charlie.own, META))
    room.do(room.alice, SetMeta(META, members_may_add=False))
    room.refuses(room.dora, Add(ids.AccountId(an_id("new"))))


def test_an_admin_removes_members_only(room: Room) -> None:
    room.do(room.alice, Add(room.charlie.own))
    room.do(room.alice, SetRole(room.charlie.own, ADMIN))
    room.refuses(room.bob, Remove(room.charlie.own, META))
    room.refuses(room.bob, Remove(room.alice.own, META))
    room.do(room.bob, Remove(room.dora.own, META))
    room.do(room.alice, Remove(room.charlie.own, META))


def test_nobody_removes_oneself(room: Room) -> None:
    """Whoever leaves must not know the next group key."""
    room.refuses(room.alice, Remove(room.alice.own, META))
    room.refuses(room.bob, Remove(room.bob.own, META))


def test_what_is_so_already_is_not_done_again(room: Room) -> None:
    room.refuses(room.alice, Add(room.bob.own))
    room.refuses(room.alice, Remove(room.charlie.own, META))
    room.refuses(room.alice, SetRole(room.bob.own, ADMIN))
    room.refuses(room.alice, SetRole(room.charlie.own, ADMIN))
    room.refuses(room.alice, CloseLink(LINK.public))
    room.refuses(room.alice, Approve(room.charlie.own))
    room.refuses(room.charlie, Leave())
    room.do(room.alice, OpenLink(LINK.public, None, None, approval=False))
    room.refuses(room.alice, OpenLink(LINK.public, None, 3, approval=True))


def test_the_last_owner_leaves_nobody_behind(room: Room) -> None:
    room.refuses(room.alice, Leave())
    room.refuses(room.alice, SetRole(room.alice.own, MEMBER))
    room.do(room.alice, SetRole(room.bob.own, OWNER))
    room.do(room.alice, SetRole(room.alice.own, ADMIN))
    room.refuses(room.bob, Leave())
    room.do(room.alice, Leave())
    room.do(room.dora, Leave())
    state = room.do(room.bob, Leave())
    assert state.is_over
    room.refuses(room.bob, Leave())
    room.refuses(room.bob, Add(room.alice.own))


def test_nobody_joins_a_group_chat_that_is_over(room: Room) -> None:
    room.do(room.alice, OpenLink(LINK.public, None, None, approval=False))
    room.do(room.bob, Leave())
    room.do(room.dora, Leave())
    assert room.do(room.alice, Leave()).is_over
    room.refuses(room.charlie, Join.by(LINK, GID, room.charlie.own))


# Links


def test_whoever_holds_a_link_joins(room: Room) -> None:
    room.do(room.bob, OpenLink(LINK.public, NOW + 1_000, 2, approval=False))
    state = room.do(room.charlie, Join.by(LINK, GID, room.charlie.own))
    assert state.role(room.charlie.own) == MEMBER
    assert state.links == (Link(LINK.public, NOW + 1_000, 1, approval=False),)
    room.refuses(room.charlie, Join.by(LINK, GID, room.charlie.own))
    room.refuses(room.dora, Join.by(LINK, GID, room.dora.own))


def test_a_link_with_approval_makes_one_wait(room: Room) -> None:
    room.do(room.bob, OpenLink(LINK.public, None, None, approval=True))
    state = room.do(room.charlie, Join.by(LINK, GID, room.charlie.own))
    assert (state.role(room.charlie.own), state.pending) == (None, (room.charlie.own,))
    room.refuses(room.charlie, Add(ids.AccountId(an_id("new"))))
    room.refuses(room.charlie, Join.by(LINK, GID, room.charlie.own))
    room.refuses(room.alice, Add(room.charlie.own))
    room.refuses(room.alice, SetRole(room.charlie.own, MEMBER))
    state = room.do(room.bob, Approve(room.charlie.own))
    assert (state.role(room.charlie.own), state.pending) == (MEMBER, ())
    room.refuses(room.bob, Approve(room.charlie.own))


def test_a_wish_is_refused_or_taken_back(room: Room) -> None:
    room.do(room.bob, OpenLink(LINK.public, None, None, approval=True))
    room.do(room.charlie, Join.by(LINK, GID, room.charlie.own))
    state = room.do(room.charlie, Leave())
    assert (state.pending, state.removed, state.epoch) == ((), (), 1)
    room.do(room.charlie, Join.by(LINK, GID, room.charlie.own))
    state = room.do(room.bob, Remove(room.charlie.own, sealed_anew(room.bob)))
    assert (state.pending, state.removed, state.epoch) == ((), (room.charlie.own,), 2)


def test_who_was_removed_waits_whatever_the_link_says(room: Room) -> None:
    room.do(room.alice, OpenLink(LINK.public, None, None, approval=False))
    room.do(room.bob, Remove(room.dora.own, sealed_anew(room.bob)))
    state = room.do(room.dora, Join.by(LINK, GID, room.dora.own))
    assert (state.role(room.dora.own), state.pending) == (None, (room.dora.own,))
    assert room.do(room.alice, Approve(room.dora.own)).role(room.dora.own) == MEMBER


def test_who_left_comes_back_without_waiting(room: Room) -> None:
    room.do(room.alice, OpenLink(LINK.public, None, None, approval=False))
    room.do(room.dora, Leave())
    assert room.do(room.dora, Join.by(LINK, GID, room.dora.own)).role(room.dora.own) == MEMBER


def test_an_expired_link_lets_nobody_in(room: Room) -> None:
    room.do(room.alice, OpenLink(LINK.public, NOW + 10, None, approval=False))
    room.charlie.phone.now = NOW + 10
    room.refuses(room.charlie, Join.by(LINK, GID, room.charlie.own))
    room.charlie.phone.now = NOW + 9
    room.do(room.charlie, Join.by(LINK, GID, room.charlie.own))


def test_a_clock_set_back_does_not_open_an_expired_link(room: Room) -> None:
    """Times do not decrease: once the group has written later, the link is over."""
    room.do(room.alice, OpenLink(LINK.public, NOW + 10, None, approval=False))
    room.bob.phone.now = NOW + 20
    room.do(room.bob, SetMeta(META, members_may_add=False))
    room.charlie.phone.now = NOW
    room.refuses(room.charlie, Join.by(LINK, GID, room.charlie.own))


def test_a_used_up_link_lets_nobody_in(room: Room) -> None:
    room.do(room.alice, OpenLink(LINK.public, None, 1, approval=False))
    room.do(room.dora, Leave())
    state = room.do(room.dora, Join.by(LINK, GID, room.dora.own))
    assert state.links[0].uses == 0
    room.refuses(room.charlie, Join.by(LINK, GID, room.charlie.own))
    assert room.do(room.alice, CloseLink(LINK.public)).links == ()


def test_a_closed_link_lets_nobody_in(room: Room) -> None:
    room.do(room.alice, OpenLink(LINK.public, None, None, approval=False))
    room.do(room.bob, CloseLink(LINK.public))
    room.refuses(room.charlie, Join.by(LINK, GID, room.charlie.own))


def test_a_join_is_for_one_account_one_group_and_by_the_links_key(room: Room) -> None:
    room.do(room.alice, OpenLink(LINK.public, None, None, approval=False))
    other = primitives.SigningKey.from_seed(b"o" * 32)
    room.refuses(room.charlie, Join.by(LINK, GID, room.dora.own), errors.BadSignature)
    elsewhere = ids.GroupId(ids.ConversationId(an_id("another group")))
    room.refuses(room.charlie, Join.by(LINK, elsewhere, room.charlie.own), errors.BadSignature)
    forged = replace(Join.by(other, GID, room.charlie.own), key=LINK.public)
    room.refuses(room.charlie, forged, errors.BadSignature)
    room.refuses(room.charlie, Join.by(other, GID, room.charlie.own))


def test_a_group_chat_has_so_many_links_at_a_time(room: Room) -> None:
    for number in range(limits.MAX_LINKS):
        room.do(room.alice, OpenLink(bytes([number]) * 32, None, None, approval=False))
    room.refuses(room.alice, OpenLink(b"x" * 32, None, None, approval=False))
    room.do(room.alice, CloseLink(bytes(32)))
    room.do(room.alice, OpenLink(b"x" * 32, None, None, approval=False))


def test_members_and_those_who_wait_are_five_hundred_at_most(room: Room) -> None:
    others = [Member(ids.AccountId(an_id(f"member {number}")), MEMBER) for number in range(limits.MAX_ROSTER - 2)]
    owner = Device(room.alice.phone)
    owner.follow(create(owner, [Member(owner.own, OWNER), *others]))
    owner.follow(owner.propose(OpenLink(LINK.public, None, None, approval=True)))
    joining = Device(room.charlie.phone, state=owner.state)
    owner.follow(joining.propose(Join.by(LINK, GID, joining.own)))
    late = Device(room.dora.phone, state=owner.state)
    for author, args in ((owner, Add(room.bob.own)), (late, Join.by(LINK, GID, late.own))):
        with pytest.raises(errors.Malformed):
            author.propose(args)
    owner.follow(owner.propose(Approve(joining.own)))
    assert len(owner.group.roster) == limits.MAX_ROSTER
    many = [*others, Member(joining.own, MEMBER), Member(late.own, MEMBER), Member(owner.own, OWNER)]
    with pytest.raises(errors.Malformed):
        create(owner, many)
