"""Whom one may add to a group chat, and what reaches people who did not ask for it."""

from __future__ import annotations

import uuid

import pytest
from asgiref.sync import sync_to_async

from chats import services
from chats.tests.asking import Ask
from chats.tests.groups import ADMIN, MEMBER, META, Add, Group, SetMeta, SetRole, account_of, do, in_json
from chats.tests.people import Phone

pytestmark = pytest.mark.usefixtures("delivery")
make = sync_to_async(Group.made)


async def test_whom_a_stranger_adds_gets_a_request_and_accepts_it_or_the_person(
    ask: Ask, alice: Phone, bob: Phone, charlie: Phone
) -> None:
    groups = [await make(alice, (bob, MEMBER)) for _ in range(3)]
    _, mine = await ask(bob, "get", "groups")
    assert [(one["request"], one["added_by"]) for one in mine["groups"]] == [(True, alice.account)] * 3
    assert (await ask(bob, "post", f"{groups[0].path}/accept", {}))[0] == 204
    assert (await ask(bob, "get", groups[0].path))[1]["request"] is False
    await do(groups[1], alice, SetRole(account_of(bob), ADMIN))
    await do(groups[1], bob, SetMeta(META, True))
    assert (await ask(bob, "get", groups[1].path))[1]["request"] is False
    assert (await ask(bob, "get", groups[2].path))[1]["request"] is True
    await sync_to_async(services.open_chat)(sender=bob.member.id, recipient=alice.member.id)
    assert (await ask(bob, "get", groups[2].path))[1]["request"] is False


async def test_whoever_blocked_the_author_is_listed_and_hears_nothing(
    ask: Ask, alice: Phone, bob: Phone, charlie: Phone
) -> None:
    await sync_to_async(services.block_contact)(owner=bob.member.id, other=alice.member.id)
    async with bob.online() as b:
        group = await make(alice, (bob, MEMBER), (charlie, MEMBER))
        await do(group, alice, SetMeta(META, True))
        assert await b.silent()
    assert (await ask(bob, "get", "groups"))[1] == {"groups": [], "next": None}
    for path in ("", "/operations"):
        assert (await ask(bob, "get", group.path + path))[0] == 404
    assert len((await ask(alice, "get", group.path))[1]["members"]) == 3
    theirs = await sync_to_async(Group.of)(bob, (alice, MEMBER))
    status, problem = await ask(bob, "post", "groups", in_json(theirs.created))
    assert (status, problem["code"]) == (403, "contact_blocked")
    await sync_to_async(services.unblock_contact)(owner=bob.member.id, other=alice.member.id)
    assert [one["id"] for one in (await ask(bob, "get", "groups"))[1]["groups"]] == [group.id]


async def test_nobody_is_added_who_cannot_be_written_to(ask: Ask, alice: Phone, bob: Phone) -> None:
    group = await make(alice, (bob, MEMBER))
    nobody = Add(type(account_of(alice))(uuid.uuid4().bytes))
    status, problem = await ask(alice, "post", f"{group.path}/operations", in_json(group.propose(alice, nobody)))
    assert (status, problem["code"]) == (404, "not_found")


async def test_more_devices_than_a_group_chat_takes_are_refused(
    ask: Ask, alice: Phone, bob: Phone, charlie: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chats.services.groups import chain

    monkeypatch.setattr(chain, "GROUP_DEVICES", 3)
    group = await make(alice, (bob, MEMBER))  # two of alice's and one of bob's
    body = in_json(group.propose(alice, Add(account_of(charlie))))
    status, problem = await ask(alice, "post", f"{group.path}/operations", body)
    assert (status, problem["code"]) == (409, "too_many_devices")
