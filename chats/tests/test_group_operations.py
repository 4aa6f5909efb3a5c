"""Operations of group chats: taken in order, from whoever may, and told to those in it. Strangers are nowhere."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from django.test import Client

from accounts.services import suspend_device
from chats import services
from chats.models import GroupChat, GroupMember, GroupOperation
from chats.tests.asking import Ask
from chats.tests.groups import (
    ADMIN,
    MEMBER,
    META,
    OWNER,
    Add,
    Approve,
    CloseLink,
    Create,
    Group,
    Leave,
    Member,
    OpenLink,
    Remove,
    SetMeta,
    SetRole,
    SigningKey,
    account_of,
    do,
    in_json,
)
from chats.tests.people import Phone
from messenger.lib.base64url import decode, encode
from messenger.lib.clock import now_ms

pytestmark = pytest.mark.usefixtures("delivery")
make = sync_to_async(Group.made)


async def test_a_group_chat_is_made_and_its_members_hear_of_it(
    ask: Ask, alice: Phone, tablet: Phone, bob: Phone, charlie: Phone, friends: None
) -> None:
    group = await sync_to_async(Group.of)(alice, (bob, MEMBER))
    async with alice.online() as a, tablet.online() as t, bob.online() as b, charlie.online() as c:
        status, taken = await ask(alice, "post", "groups", in_json(group.created))
        assert (status, taken) == (201, {"group": group.id, "index": 0, "hash": encode(group.state.hash)})
        for socket in (t, b):
            heard = await socket.get("group.changed")
            assert heard == {"type": "group.changed", **taken}
        assert await ask(alice, "post", "groups", in_json(group.created)) == (201, taken)
        for socket in (a, t, b, c):
            assert await socket.silent()
    _, mine = await ask(bob, "get", "groups")
    (one,) = mine["groups"]
    assert (one["id"], one["index"], one["hash"]) == (group.id, 0, taken["hash"])
    assert (one["role"], one["pending"], one["request"], one["member_count"]) == (MEMBER, False, False, 2)
    _, whole = await ask(bob, "get", group.path)
    roles = {row["account"]["username"]: row["role"] for row in whole["members"]}
    assert roles == {"alice": OWNER, "bob": MEMBER}
    _, page = await ask(bob, "get", f"{group.path}/operations")
    assert (page["operations"], page["more"]) == ([in_json(group.created)["operation"]], False)
    assert [row["account"] for row in page["lists"]] == [alice.account]
    assert (await ask(bob, "get", f"{group.path}/operations?since=0"))[1]["operations"] == []


async def test_a_stranger_is_told_what_one_is_told_of_no_group_chat(
    ask: Ask, alice: Phone, bob: Phone, charlie: Phone, friends: None
) -> None:
    group = await make(alice, (bob, MEMBER))
    nowhere = await sync_to_async(Group.of)(alice, (bob, MEMBER))
    key = SigningKey.generate()
    calls: list[tuple[str, str, Any]] = [
        ("get", "", None),
        ("post", "/accept", {}),
        ("get", "/operations", None),
        ("get", f"/operations?{group.query(key, charlie)}", None),
    ]
    for method, path, body in calls:
        answers = [await ask(charlie, method, one.path + path, body) for one in (group, nowhere)]
        assert answers[0] == answers[1]
        assert answers[0][0] == 404
    for args in (Add(account_of(charlie)), Leave(), Remove(account_of(bob), META), group.join(key, charlie)):
        answers = [
            await ask(charlie, "post", f"{one.path}/operations", one.forge(charlie, args)) for one in (group, nowhere)
        ]
        assert answers[0] == answers[1]
        assert answers[0][0] == 404
    assert (await ask(charlie, "get", "groups"))[1] == {"groups": [], "next": None}
    assert (await ask(None, "get", group.path))[0] == 401
    assert await GroupOperation.objects.acount() == 1


async def test_who_was_removed_is_outside_and_hears_it_once(
    ask: Ask, alice: Phone, bob: Phone, charlie: Phone, friends: None
) -> None:
    group = await make(alice, (bob, MEMBER))
    async with bob.online() as b, alice.online() as a:
        removal = await do(group, alice, Remove(account_of(bob), META))
        heard = await b.get("group.changed")
        assert (heard["index"], heard["hash"]) == (1, encode(removal.state.hash))
        assert heard["removed"] is True
        await do(group, alice, SetMeta(META, True))
        for socket in (a, b):
            assert await socket.silent()
    for path in ("", "/operations", f"/operations?{group.query(SigningKey.generate(), bob)}"):
        assert (await ask(bob, "get", group.path + path))[0] == 404
    assert (await ask(bob, "post", f"{group.path}/operations", group.forge(bob, Leave())))[0] == 404
    assert (await ask(bob, "get", "groups"))[1] == {"groups": [], "next": None}
    assert (await GroupChat.objects.aget()).member_count == 1


async def test_of_two_admins_at_once_one_is_told_what_the_other_did(
    ask: Ask, alice: Phone, bob: Phone, charlie: Phone, friends: None
) -> None:
    group = await make(alice, (bob, ADMIN))
    first, second = group.propose(alice, Add(account_of(charlie))), group.propose(bob, SetMeta(META, True))
    path = f"{group.path}/operations"
    assert (await ask(alice, "post", path, in_json(first)))[0] == 201
    status, refused = await ask(bob, "post", path, in_json(second))
    assert (status, refused["code"]) == (409, "group_changed")
    assert (refused["index"], refused["hash"]) == (1, encode(first.state.hash))
    assert refused["operations"] == [in_json(first)["operation"]]
    group.state = first.state
    status, taken = await ask(bob, "post", path, in_json(group.propose(bob, SetMeta(META, True))))
    assert (status, taken["index"]) == (201, 2)
    # What was taken before gets its answer, wherever the chain is by now.
    assert (await ask(alice, "post", path, in_json(first)))[1]["index"] == 1
    assert await GroupOperation.objects.acount() == 3


async def test_each_role_does_what_it_may(alice: Phone, bob: Phone, charlie: Phone, friends: None, ask: Ask) -> None:
    group = await make(alice, (bob, MEMBER))
    path = f"{group.path}/operations"

    async def refused(phone: Phone, args: Any, **changes: Any) -> tuple[int, str]:
        status, problem = await ask(phone, "post", path, group.forge(phone, args, **changes))
        return status, problem["code"]

    link = OpenLink(SigningKey.generate().public, None, None, False)
    for args in (Add(account_of(charlie)), Remove(account_of(alice), META), SetRole(account_of(bob), ADMIN), link):
        assert await refused(bob, args) == (400, "malformed")
    await do(group, alice, SetRole(account_of(bob), ADMIN))
    await do(group, bob, Add(account_of(charlie)))
    assert await refused(bob, Remove(account_of(alice), META)) == (400, "malformed")
    assert await refused(bob, SetRole(account_of(charlie), ADMIN)) == (400, "malformed")
    await do(group, bob, Remove(account_of(charlie), META))
    assert await refused(alice, Leave()) == (400, "malformed")  # the last owner
    assert await refused(alice, Create.of([Member(account_of(alice), OWNER)], META, members_may_add=True)) == (
        400,
        "malformed",
    )
    await do(group, alice, SetRole(account_of(bob), OWNER))
    await do(group, alice, Leave())
    await do(group, bob, Leave())
    assert (await GroupChat.objects.aget()).member_count == 0
    assert (await ask(bob, "post", path, group.forge(bob, SetMeta(META, True))))[0] == 404


async def test_forged_and_malformed_operations_change_nothing(
    ask: Ask, alice: Phone, tablet: Phone, bob: Phone, charlie: Phone, friends: None
) -> None:
    group = await make(alice, (bob, ADMIN))
    path = f"{group.path}/operations"
    good = group.propose(alice, SetMeta(META, True))
    other = await sync_to_async(Group.of)(alice, (bob, MEMBER))
    bad: list[tuple[Phone, dict[str, Any], int, str]] = [
        (alice, in_json(good, signature=encode(bytes(64))), 400, "bad_signature"),
        (alice, in_json(good, payload=encode(b"\x00")), 400, "malformed"),
        (alice, in_json(good, payload=encode(good.operation.payload + b"\x00")), 400, "malformed"),
        (alice, in_json(good, payload="!"), 400, "malformed"),
        (alice, in_json(good, surprise=1), 400, "malformed"),
        (alice, {"operation": None}, 400, "malformed"),
        (bob, in_json(good), 400, "malformed"),  # another's
        (tablet, in_json(good), 400, "malformed"),
        (alice, in_json(other.created), 400, "malformed"),  # of another group chat
        (alice, group.forge(alice, SetMeta(META, True), previous=bytes(32)), 409, "group_changed"),
        (alice, group.forge(alice, SetMeta(META, True), index=7), 409, "group_changed"),
        (alice, group.forge(alice, SetMeta(META, True), time=1), 400, "malformed"),
        (alice, group.forge(alice, SetMeta(META, True), time=now_ms() + 2 * 86_400_000), 400, "malformed"),
        (alice, group.forge(alice, Add(account_of(bob))), 400, "malformed"),
        (alice, group.forge(alice, Approve(account_of(charlie))), 400, "malformed"),
        (alice, group.forge(alice, CloseLink(bytes(32))), 400, "malformed"),
    ]
    for phone, body, status, code in bad:
        answered, problem = await ask(phone, "post", path, body)
        assert (answered, problem["code"]) == (status, code), body
    assert (await ask(alice, "get", f"{path}?since=x"))[0] == 400
    assert (await ask(alice, "get", f"{path}?link=AA"))[0] == 400
    assert (await ask(alice, "post", f"{group.path}/accept", {"x": 1}))[0] == 400
    assert (await ask(charlie, "post", "groups", in_json(other.created)))[0] == 400
    assert await GroupOperation.objects.acount() == 1


async def test_an_author_names_its_newest_list_and_is_on_it(
    ask: Ask, alice: Phone, tablet: Phone, bob: Phone, friends: None
) -> None:
    group = await make(alice, (bob, MEMBER))
    path = f"{group.path}/operations"
    stale = in_json(group.propose(tablet, SetMeta(META, True)))
    await sync_to_async(alice.member.add_device)("new")
    await sync_to_async(alice.member.publish)()
    status, problem = await ask(tablet, "post", path, stale)
    assert (status, problem["code"]) == (409, "devices_changed")
    assert [one["account"] for one in problem["accounts"]] == [alice.account]
    fresh = in_json(group.propose(tablet, SetMeta(META, True)))
    await sync_to_async(suspend_device)(device=tablet.device)
    assert (await ask(tablet, "post", path, fresh))[0] == 401
    assert (await ask(alice, "post", path, in_json(group.propose(alice, SetMeta(META, True)))))[0] == 201


async def test_who_makes_a_group_chat_again_gets_the_answer_whatever_has_changed_since(
    ask: Ask, alice: Phone, bob: Phone, friends: None
) -> None:
    group = await sync_to_async(Group.of)(alice, (bob, MEMBER))
    created = in_json(group.created)
    first = await ask(alice, "post", "groups", created)
    await sync_to_async(alice.member.add_device)("new")
    await sync_to_async(alice.member.publish)()
    await sync_to_async(services.block_contact)(owner=alice.member.id, other=bob.member.id)
    assert first[0] == 201
    assert await ask(alice, "post", "groups", created) == first
    assert await ask(alice, "post", f"{group.path}/operations", created) == first
    assert (await ask(bob, "post", "groups", created))[0] == 400
    assert await GroupOperation.objects.acount() == 1


async def test_an_id_that_is_taken_is_not_taken_again(ask: Ask, alice: Phone, bob: Phone, charlie: Phone) -> None:
    group = await make(alice, (bob, MEMBER))
    for phone, answer in ((bob, (409, "conflict")), (charlie, (404, "not_found"))):
        theirs = await sync_to_async(Group.of)(phone, gid=group.state.group)
        status, problem = await ask(phone, "post", "groups", in_json(theirs.created))
        assert (status, problem["code"]) == answer
    assert await GroupOperation.objects.acount() == 1
    assert (await GroupMember.objects.filter(account=charlie.member.id).acount()) == 0


async def test_who_leaves_while_asking_for_a_group_chat_gets_an_answer(
    client: Client, alice: Phone, bob: Phone, friends: None
) -> None:
    group = await make(alice, (bob, MEMBER))

    def leaving(execute: Any, sql: str, *rest: Any) -> Any:
        found = execute(sql, *rest)
        if "chats_groupmember" in sql and not left:
            left.append(True)
            GroupMember.objects.filter(account=bob.member.id).delete()
        return found

    def ask_and_leave() -> Any:
        with connection.execute_wrapper(leaving):
            return client.get(f"/api/v1/{group.path}", headers={"authorization": f"Bearer {bob.access}"})

    left: list[bool] = []
    client.raise_request_exception = False
    answer = await sync_to_async(ask_and_leave)()
    assert (answer.status_code, left) == (200, [True])
    assert [row["account"]["username"] for row in answer.json()["members"]] == ["alice"]


async def test_group_chats_are_listed_a_page_at_a_time(ask: Ask, alice: Phone, bob: Phone, friends: None) -> None:
    groups = [await make(alice, (bob, MEMBER)) for _ in range(4)]
    await GroupMember.objects.aupdate(joined_at=1)  # by id, where they are of one moment
    listed, path = [], "groups?limit=2"
    for _ in range(2):
        _, page = await ask(bob, "get", path)
        listed += [one["id"] for one in page["groups"]]
        path = f"groups?limit=2&cursor={page['next']}"
    assert (listed, page["next"]) == (sorted(one.id for one in groups), None)
    assert (await ask(bob, "get", "groups?cursor=AA"))[0] == 400


async def test_operations_come_a_page_at_a_time(
    ask: Ask, alice: Phone, bob: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chats.services.groups import reading

    monkeypatch.setattr(reading, "OPERATIONS_PER_PAGE", 2)
    group = await make(alice, (bob, MEMBER))
    for may_add in (True, False):
        await do(group, alice, SetMeta(META, may_add))
    _, page = await ask(bob, "get", f"{group.path}/operations")
    assert (len(page["operations"]), page["more"]) == (2, True)
    _, page = await ask(bob, "get", f"{group.path}/operations?since=1")
    assert (len(page["operations"]), page["more"]) == (1, False)
    assert decode(page["operations"][0]["payload"])
