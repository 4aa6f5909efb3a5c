"""Links to join by: they open the chain and the group chat to whoever holds them, while they are open."""

from __future__ import annotations

import pytest
from asgiref.sync import sync_to_async

from chats.models import GroupChat, GroupLink
from chats.tests.asking import Ask
from chats.tests.groups import META, Approve, CloseLink, Group, Join, Leave, Remove, account_of, do, in_json
from chats.tests.people import Phone
from messenger.lib.clock import now_ms

pytestmark = pytest.mark.usefixtures("delivery")


async def test_whoever_holds_a_link_reads_the_chain_and_joins(
    ask: Ask, group: Group, alice: Phone, bob: Phone, charlie: Phone
) -> None:
    key = await sync_to_async(group.link)(alice)
    async with alice.online() as a, bob.online() as b, charlie.online() as c:
        _, page = await ask(charlie, "get", f"{group.path}/operations?{group.query(key, charlie)}")
        assert len(page["operations"]) == 2
        assert (await ask(charlie, "get", f"{group.path}/operations?{group.query(key, bob)}"))[0] == 404
        joined = group.propose(charlie, group.join(key, charlie))
        assert (await ask(charlie, "post", f"{group.path}/operations", in_json(joined)))[0] == 201
        for socket in (a, b):
            assert (await socket.get("group.changed"))["index"] == 2
        assert (await ask(charlie, "post", f"{group.path}/operations", in_json(joined)))[0] == 201
        for socket in (a, b, c):
            assert await socket.silent()
    (one,) = (await ask(charlie, "get", "groups"))[1]["groups"]
    assert (one["pending"], one["request"], one["member_count"]) == (False, False, 3)


async def test_a_link_of_another_is_none(ask: Ask, group: Group, alice: Phone, bob: Phone, charlie: Phone) -> None:
    key = await sync_to_async(group.link)(alice)
    stolen = Join(group.join(key, bob).signature, key.public)
    assert (await ask(charlie, "post", f"{group.path}/operations", group.forge(charlie, stolen)))[0] == 404


@pytest.mark.parametrize("how", ["closed", "expired", "used up"])
async def test_a_link_that_has_ended_opens_nothing(
    ask: Ask, group: Group, alice: Phone, charlie: Phone, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = {"expires": now_ms() + 60_000} if how == "expired" else {"uses": 1}
    key = await sync_to_async(group.link)(alice, **ends)
    if how == "closed":
        await do(group, alice, CloseLink(key.public))
    elif how == "expired":
        # The author's clock does not decide: an operation may be dated back to the last one's time.
        await GroupLink.objects.aupdate(expires=now_ms() - 1)
    else:
        await GroupLink.objects.aupdate(uses=0)
    body = group.forge(charlie, group.join(key, charlie), time=group.state.time)
    assert (await ask(charlie, "post", f"{group.path}/operations", body))[0] == 404
    assert (await ask(charlie, "get", f"{group.path}/operations?{group.query(key, charlie)}"))[0] == 404
    assert (await GroupChat.objects.aget()).member_count == 2


async def test_uses_are_counted(ask: Ask, group: Group, alice: Phone, charlie: Phone) -> None:
    key = await sync_to_async(group.link)(alice, uses=1)
    await do(group, charlie, group.join(key, charlie))
    assert (await GroupLink.objects.aget()).uses == 0
    await do(group, charlie, Leave())
    assert (await ask(charlie, "get", f"{group.path}/operations?{group.query(key, charlie)}"))[0] == 404


async def test_an_approval_is_waited_for_and_heard(
    ask: Ask, group: Group, alice: Phone, bob: Phone, charlie: Phone
) -> None:
    key = await sync_to_async(group.link)(alice, approval=True)
    async with charlie.online() as c:
        await do(group, charlie, group.join(key, charlie))
        (one,) = (await ask(charlie, "get", "groups"))[1]["groups"]
        assert (one["pending"], one["member_count"]) == (True, 2)
        assert len((await ask(charlie, "get", f"{group.path}/operations"))[1]["operations"]) == 3
        assert await c.silent()
        await do(group, alice, Approve(account_of(charlie)))
        assert "removed" not in await c.get("group.changed")
        assert (await ask(charlie, "get", group.path))[1]["member_count"] == 3
        await do(group, alice, Remove(account_of(charlie), META))
        assert (await c.get("group.changed"))["removed"] is True
        # Once removed, always approved.
        open_key = await sync_to_async(group.link)(alice)
        await do(group, charlie, group.join(open_key, charlie))
        assert (await ask(charlie, "get", group.path))[1]["pending"] is True
        await do(group, alice, Remove(account_of(charlie), META))  # refused
        assert (await c.get("group.changed"))["removed"] is True
        assert await c.silent()
    assert (await ask(charlie, "get", group.path))[0] == 404
    assert (await GroupChat.objects.aget()).member_count == 2
