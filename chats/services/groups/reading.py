"""Who may read a group chat's operations: those in it, those who wait, and whoever holds an open link. Nobody else."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass

import cbor2
from django.db.models import Q

from chats.group_chain import Link
from chats.group_operations import check_join
from chats.limits import OPERATIONS_PER_PAGE
from chats.models import GroupChat, GroupLink, GroupOperation
from keys.errors import BadSignature
from keys.models import DeviceList
from keys.verify import SignedObject
from messenger.lib.clock import Milliseconds
from messenger.lib.errors import NotFound


@dataclass(frozen=True, slots=True)
class Page:
    """Operations in order, and the device lists that they name."""

    operations: list[SignedObject]
    lists: list[tuple[uuid.UUID, SignedObject]]
    more: bool


def require_reader(
    *, account: uuid.UUID, group: uuid.UUID, link: tuple[bytes, bytes] | None, now: Milliseconds
) -> GroupChat:
    """The group chat, for whoever may read its operations. `link`: its public key, and its signature for the account.

    NotFound for everybody else, whether there is such a group chat or not.
    """
    chat = GroupChat.objects.visible_to(account).filter(pk=group).first()
    if chat is None and link is not None and _opens(group, account, *link, now=now):
        chat = GroupChat.objects.filter(pk=group).first()
    if chat is None:
        raise NotFound()
    return chat


def operations_of(
    *, account: uuid.UUID, group: uuid.UUID, since: int, link: tuple[bytes, bytes] | None, now: Milliseconds
) -> Page:
    """The operations after number `since` (-1: from the first one on), a page of them."""
    return operations_since(require_reader(account=account, group=group, link=link, now=now).pk, since)


def operations_since(group: uuid.UUID, since: int) -> Page:
    """The same, for whoever was found to be a reader."""
    rows = GroupOperation.objects.filter(chat=group, index__gt=since).order_by("index")
    found = list(rows.values_list("payload", "signature")[: OPERATIONS_PER_PAGE + 1])
    signed = [SignedObject(bytes(payload), bytes(signature)) for payload, signature in found[:OPERATIONS_PER_PAGE]]
    return Page(signed, _lists_named(signed), len(found) > OPERATIONS_PER_PAGE)


def _opens(group: uuid.UUID, account: uuid.UUID, key: bytes, signature: bytes, *, now: Milliseconds) -> bool:
    found = GroupLink.objects.filter(chat=group, key=key).first()
    if found is None or not Link(found.expires, found.uses, found.approval).is_live(now):
        return False
    try:
        check_join(group=group, account=account, key=key, signature=signature)
    except BadSignature:
        return False
    return True


def _lists_named(operations: Collection[SignedObject]) -> list[tuple[uuid.UUID, SignedObject]]:
    """The lists of the operations' authors, ended chains' too: the directory has none of those."""
    fields = [cbor2.loads(one.payload) for one in operations]
    named = {(uuid.UUID(bytes=one[5]), one[7]) for one in fields}
    wanted = Q(pk__in=())
    for account in {account for account, _ in named}:
        wanted |= Q(account=account, hash__in=[one for of, one in named if of == account])
    return [(row.account_id, row.signed) for row in DeviceList.objects.filter(wanted).order_by("account", "seq")]
