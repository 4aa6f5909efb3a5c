"""Operations of group chats: taken in order, compare and swap on the head, under the lock of the group chat's row."""

from __future__ import annotations

import uuid

from django.db import transaction
from django.db.models import F

from accounts.models import Device
from chats import effects
from chats.errors import DevicesChanged, GroupChanged, TooManyDevices
from chats.facts import newest_lists
from chats.group_chain import GroupState, judge
from chats.group_operations import Code, Join, Operation
from chats.ids import AccountId
from chats.limits import GROUP_DEVICES, MAX_AHEAD_MS
from chats.models import GroupChat, GroupMember, GroupOperation
from chats.services.adding import reaches, require_reachable
from chats.services.groups.reading import operations_since, require_reader
from chats.services.groups.state import load_state, store_state
from keys import verify
from keys.errors import NotListed
from keys.models import DeviceList
from keys.services import recipients
from messenger.lib import base64url
from messenger.lib.clock import Milliseconds
from messenger.lib.errors import Conflict, Malformed, NotFound, WrongToken

Reach = GroupMember.Reach


@transaction.atomic
def create_group(*, account: uuid.UUID, device: uuid.UUID, operation: Operation, now: Milliseconds) -> None:
    """Start a group chat; the same operation again changes nothing.

    Raises Malformed, BadSignature, ListRefused, DevicesChanged, NotListed, NotFound (somebody who cannot be written
    to, or an id that strangers have taken), ContactBlocked, TooManyDevices, Conflict (the id of a chat of one's own).
    """
    _check_author(operation, account, device, now)
    if _is_stored(GroupChat(pk=operation.group), operation):
        return
    state = judge(None, operation, signing_key=_signing_key(operation))
    others = [one for one in state.roster if one != account]
    require_reachable(account, others)
    _check_devices(state)
    chat, is_new = GroupChat.objects.get_or_create(
        pk=operation.group,
        defaults={
            "head_index": 0,
            "head_hash": operation.hash,
            "head_time": operation.time,
            "members_may_add": state.members_may_add,
            "member_count": len(state.roster),
        },
    )
    if not is_new:
        if _is_stored(chat, operation):
            return
        if GroupChat.objects.visible_to(account).filter(pk=chat.pk).exists():
            raise Conflict("there is a group chat of this id")
        raise NotFound()
    _store(chat, None, state, operation, reaches(account, others))


@transaction.atomic
def add_operation(
    *, account: uuid.UUID, device: uuid.UUID, group: uuid.UUID, operation: Operation, now: Milliseconds
) -> None:
    """Take the next operation of a group chat; one that was taken before changes nothing.

    Raises as `create_group`, and GroupChanged; NotFound for whoever is not in it and holds no open link.
    """
    _check_author(operation, account, device, now)
    if operation.group != group:
        raise Malformed("the operation is of another group chat")
    if _is_stored(GroupChat(pk=group), operation):
        return
    # Before the lock: a stranger makes nobody wait.
    args = operation.args
    link = (args.key, args.signature) if isinstance(args, Join) else None
    require_reader(account=account, group=group, link=link, now=now)
    chat = GroupChat.objects.select_for_update().get(pk=group)
    if _is_stored(chat, operation):
        return
    before = load_state(chat)
    if account not in before.roster and account not in before.pending and link is None:
        raise NotFound()
    if (operation.index, operation.previous) != (before.index + 1, before.hash):
        raise GroupChanged(extra=group_changed(chat, operation.index - 1))
    after = judge(before, operation, signing_key=_signing_key(operation))
    added = after.roster.keys() - before.roster.keys()
    others = added - {account} - before.pending
    require_reachable(account, others)
    if added:
        _check_devices(after)
    _store(chat, before, after, operation, reaches(account, others))


def group_changed(chat: GroupChat, since: int) -> dict[str, object]:
    """What GroupChanged tells: the operations after number `since`, and which is the newest."""
    page = operations_since(chat.pk, since)
    return {
        "index": chat.head_index,
        "hash": base64url.encode(bytes(chat.head_hash)),
        "operations": [
            {"payload": base64url.encode(one.payload), "signature": base64url.encode(one.signature)}
            for one in page.operations
        ],
    }


def _check_author(operation: Operation, account: uuid.UUID, device: uuid.UUID, now: Milliseconds) -> None:
    if (operation.account, operation.device) != (account, device):
        raise Malformed("the operation is another device's")
    if operation.time - now > MAX_AHEAD_MS:
        raise Malformed("the operation is dated ahead of time")


def _is_stored(chat: GroupChat, operation: Operation) -> bool:
    return GroupOperation.objects.filter(
        chat=chat.pk, index=operation.index, hash=operation.hash, author_device=operation.device
    ).exists()


def _signing_key(operation: Operation) -> bytes:
    """The key of the author's device, which has to be on the newest list, and to have named that one."""
    # So that the lists that an author names never grow older, as long as this is asked under the lock.
    newest = DeviceList.objects.newest([operation.account]).first()
    if newest is None or operation.device not in verify.listed_ids(bytes(newest.payload)):
        raise NotListed
    if bytes(newest.hash) != operation.list_hash:
        raise DevicesChanged(extra={"accounts": newest_lists([AccountId(str(operation.account))])})
    device = Device.objects.get(pk=operation.device)
    if device.suspended:
        raise WrongToken("this device is suspended")
    return bytes(device.signing_key)


def _check_devices(state: GroupState) -> None:
    if sum(len(one.devices) for one in recipients(state.roster.keys()).values()) > GROUP_DEVICES:
        raise TooManyDevices(f"at most {GROUP_DEVICES} devices")


def _store(
    chat: GroupChat,
    before: GroupState | None,
    after: GroupState,
    operation: Operation,
    reached: dict[uuid.UUID, Reach],
) -> None:
    deaf = set(GroupMember.objects.filter(chat=chat, reach=Reach.NOTHING).values_list("account", flat=True))
    store_state(chat, before, after, by=operation.account, reaches=reached)
    GroupOperation.objects.create(
        chat=chat,
        index=operation.index,
        hash=operation.hash,
        payload=operation.signed.payload,
        signature=operation.signed.signature,
        author_device_id=operation.device,
        code=operation.code,
    )
    GroupChat.objects.filter(pk=chat.pk).update(
        head_index=after.index,
        head_hash=after.hash,
        head_time=after.time,
        members_may_add=after.members_may_add,
        member_count=len(after.roster),
        version=F("version") + 1,
    )
    if operation.code != Code.LEAVE:  # who writes to a group chat has accepted it
        GroupMember.objects.filter(chat=chat, account=operation.account, reach=Reach.REQUEST).update(reach=Reach.ALL)
    deaf |= {one for one, reach in reached.items() if reach == Reach.NOTHING}
    gone = set() if before is None else (before.roster.keys() | before.pending) - after.roster.keys() - after.pending
    effects.group_changed(
        chat.pk,
        after.index,
        after.hash,
        members=after.roster.keys() - deaf,
        removed=gone - deaf,
        by=operation.device,
    )
