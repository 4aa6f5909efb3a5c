"""A group chat's state out of its rows, and what an operation made of it back into them. The lock is the caller's."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from chats.group_chain import GroupState, Link
from chats.group_operations import Role
from chats.models import GroupChat, GroupLink, GroupMember, GroupRemoval

Standing = tuple[Role, bool]  # and whether the account waits


def load_state(chat: GroupChat) -> GroupState:
    """What the next operation is judged against."""
    rows = list(GroupMember.objects.filter(chat=chat).values_list("account", "role", "pending"))
    links = GroupLink.objects.filter(chat=chat).values_list("key", "expires", "uses", "approval")
    return GroupState(
        group=chat.pk,
        index=chat.head_index,
        hash=bytes(chat.head_hash),
        time=chat.head_time,
        members_may_add=chat.members_may_add,
        roster={account: Role(role) for account, role, pending in rows if not pending},
        pending=frozenset(account for account, _, pending in rows if pending),
        removed=frozenset(GroupRemoval.objects.filter(chat=chat).values_list("account", flat=True)),
        links={bytes(key): Link(expires, uses, approval) for key, expires, uses, approval in links},
    )


def store_state(
    chat: GroupChat,
    before: GroupState | None,
    after: GroupState,
    *,
    by: uuid.UUID,
    reaches: Mapping[uuid.UUID, GroupMember.Reach],
) -> None:
    """Write what differs. Who is new and not in `reaches` came of their own accord."""
    _store_members(chat, _standings(before), _standings(after), by, reaches)
    removed = after.removed - (before.removed if before else frozenset())
    GroupRemoval.objects.bulk_create([GroupRemoval(chat=chat, account_id=one) for one in removed])
    links: Mapping[bytes, Link] = before.links if before else {}
    for key in links.keys() - after.links.keys():
        GroupLink.objects.filter(chat=chat, key=key).delete()
    for key, link in after.links.items():
        if links.get(key) != link:
            GroupLink.objects.update_or_create(
                chat=chat, key=key, defaults={"expires": link.expires, "uses": link.uses, "approval": link.approval}
            )


def _standings(state: GroupState | None) -> dict[uuid.UUID, Standing]:
    if state is None:
        return {}
    waiting = dict.fromkeys(state.pending, (Role.MEMBER, True))
    return waiting | {account: (role, False) for account, role in state.roster.items()}


def _store_members(
    chat: GroupChat,
    before: Mapping[uuid.UUID, Standing],
    after: Mapping[uuid.UUID, Standing],
    by: uuid.UUID,
    reaches: Mapping[uuid.UUID, GroupMember.Reach],
) -> None:
    if gone := before.keys() - after.keys():
        GroupMember.objects.filter(chat=chat, account__in=gone).delete()
    for account in before.keys() & after.keys():
        if before[account] != after[account]:
            role, pending = after[account]
            GroupMember.objects.filter(chat=chat, account=account).update(role=role, pending=pending)
    GroupMember.objects.bulk_create(
        [
            GroupMember(
                chat=chat,
                account_id=account,
                role=after[account][0],
                pending=after[account][1],
                reach=reaches.get(account, GroupMember.Reach.ALL),
                added_by_id=by,
            )
            for account in after.keys() - before.keys()
        ]
    )
