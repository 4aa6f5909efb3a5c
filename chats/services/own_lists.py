"""What an account has of chats and contacts, a page at a time: others add to both, so there may be any number."""

from __future__ import annotations

import uuid

from accounts.models import Contact, User
from chats.models import PrivateChat
from chats.services.open_chats.access import blocked_by
from messenger.lib.cursors import Asked, page_by_id, page_by_number


def listed_chats(*, account: uuid.UUID, asked: Asked) -> tuple[list[tuple[PrivateChat, User]], str | None]:
    """A page of the account's chats, newest first, each with the other one; and the cursor of the next page.

    Those with people whom it blocks are left out after the page was read, so that it may have fewer entries than the
    limit. Raises Malformed.
    """
    chats = PrivateChat.objects
    # Each part has an index in this order: in one query all of the account's chats would be read for each page.
    parts = chats.filter(lower=account), chats.filter(higher=account)
    rows, following = page_by_number(*parts, number="created_at", name="id", asked=asked)
    others = {row.peer_of(account) for row in rows}
    shown = User.objects.in_bulk(list(others - blocked_by(account, others)))
    return [(row, shown[row.peer_of(account)]) for row in rows if row.peer_of(account) in shown], following


def listed_contacts(*, account: uuid.UUID, asked: Asked) -> tuple[list[Contact], str | None]:
    """A page of whom the account accepted or blocked and who asks it, and the cursor of the next one.

    By the other one's id, which no answer changes: in the order of the answers one that is given meanwhile would move
    a contact to a page that has been read. Raises Malformed.
    """
    # The people by themselves: joined in the order of their ids, PostgreSQL may walk through all that there are.
    return page_by_id(Contact.objects.filter(owner=account).prefetch_related("other"), "other_id", asked)
