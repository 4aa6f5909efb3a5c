"""Whom an account may add to a chat, and what is to reach them there: in group chats and in open ones alike."""

from __future__ import annotations

import uuid
from collections.abc import Collection

from accounts.models import Contact
from chats.errors import ContactBlocked
from chats.models import GroupMember
from keys.services import recipients
from messenger.lib.errors import NotFound

Reach = GroupMember.Reach
_REACHES = {Contact.State.ACCEPTED: Reach.ALL, Contact.State.BLOCKED: Reach.NOTHING}


def require_reachable(author: uuid.UUID, others: Collection[uuid.UUID]) -> None:
    """NotFound unless all the others can be written to, ContactBlocked if the author blocks one."""
    if Contact.objects.filter(owner=author, other__in=others, state=Contact.State.BLOCKED).exists():
        raise ContactBlocked
    sets = recipients(others)
    if any(one not in sets or not sets[one].active for one in others):
        raise NotFound("there is no such account, or it cannot be written to")


def reaches(author: uuid.UUID, others: Collection[uuid.UUID]) -> dict[uuid.UUID, Reach]:
    """What is to reach the others whom the author adds, by what each thinks of the author."""
    rows = Contact.objects.filter(owner__in=others, other=author).values_list("owner", "state")
    known = {owner: _REACHES.get(Contact.State(state), Reach.REQUEST) for owner, state in rows}
    return {one: known.get(one, Reach.REQUEST) for one in others}
