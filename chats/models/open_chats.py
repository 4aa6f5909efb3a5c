"""Open chats: not end-to-end encrypted, chosen so when they were made. Their messages stay, and can be read here.

They share nothing with encrypted chats but accounts: no column could make one out of the other.
"""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Func, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from chats.limits import OPEN_TITLE
from chats.models.groups import GroupMember
from messenger.lib.clock import now_ms
from messenger.lib.ids import new_id

# Written out: as a parameter the sign would keep SQLite from seeing that an index has this order.
NEWEST_FIRST = Func("position", template="(-%(expressions)s)", output_field=models.BigIntegerField())


class OpenChatQuerySet(models.QuerySet["OpenChat"]):
    def visible_to(self, account_id: uuid.UUID) -> OpenChatQuerySet:
        """The open chats that an account is in, but those that somebody it blocked added it to."""
        return self.filter(pk__in=OpenChatMember.objects.heard_by(account_id).values("chat"))


class OpenChat(models.Model):
    """An open chat of two people, or of a group. That of two has an id that follows from the pair."""

    class Kind(models.IntegerChoices):
        PRIVATE = 0, "private"
        GROUP = 1, "group"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.SmallIntegerField(choices=Kind.choices)
    title = models.CharField(max_length=OPEN_TITLE, blank=True)
    member_count = models.IntegerField()
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    # What the creator chose, so that a call whose answer was lost makes no second one.
    creation_id = models.UUIDField()
    created_at = models.BigIntegerField(default=now_ms)

    objects = OpenChatQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["created_by", "creation_id"], name="one_open_chat_per_creation"),
            models.CheckConstraint(condition=Q(member_count__gte=0), name="an_open_chat_has_no_fewer_than_no_members"),
            models.CheckConstraint(
                condition=Q(kind=0, title="") | Q(kind=1) & ~Q(title=""), name="an_open_group_chat_alone_has_a_title"
            ),
        ]

    def __str__(self) -> str:
        return f"open chat {self.id}"


class OpenChatMemberQuerySet(models.QuerySet["OpenChatMember"]):
    def heard_by(self, account_id: uuid.UUID) -> OpenChatMemberQuerySet:
        """The memberships of an account through which anything reaches it."""
        return self.filter(account=account_id).exclude(reach=OpenChatMember.Reach.NOTHING)

    def with_newest(self, account_id: uuid.UUID) -> OpenChatMemberQuerySet:
        """Each with `newest`, the position of the last message that the account may see, or 0."""
        last = OpenMessage.objects.filter(chat=OuterRef("chat")).shown_to(account_id).newest_first()
        return self.annotate(newest=Coalesce(Subquery(last.values("position")[:1]), 0))


class OpenChatMember(models.Model):
    """An account in an open chat."""

    class Role(models.IntegerChoices):
        MEMBER = 0, "member"
        ADMIN = 1, "admin"
        OWNER = 2, "owner"

    Reach = GroupMember.Reach

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    chat = models.ForeignKey(OpenChat, on_delete=models.CASCADE, db_index=False, related_name="members")
    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    role = models.SmallIntegerField(choices=Role.choices, default=Role.MEMBER)
    reach = models.SmallIntegerField(choices=GroupMember.Reach.choices, default=GroupMember.Reach.ALL)
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    joined_at = models.BigIntegerField(default=now_ms)
    read_position = models.BigIntegerField(default=0)  # of the last message that the person has seen

    objects = OpenChatMemberQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["chat", "account"], name="one_open_chat_member_per_chat_and_account"),
            models.UniqueConstraint(fields=["chat"], condition=Q(role=2), name="an_open_chat_has_one_owner"),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} in {self.chat_id}"


class OpenMessageQuerySet(models.QuerySet["OpenMessage"]):
    def shown_to(self, account_id: uuid.UUID) -> OpenMessageQuerySet:
        """Without what was sent, or edited, for those who had blocked its sender: only the sender sees that."""
        return self.filter(Q(hidden=False) | Q(sender=account_id))

    def newest_first(self) -> OpenMessageQuerySet:
        """In the order of the index by chat.

        By `-position` PostgreSQL would rather walk down the primary key and leave out other chats' messages: for a chat
        that has been quiet for long that is every message of the server.
        """
        return self.order_by(NEWEST_FIRST)

    def page_of(self, chat_id: uuid.UUID, account_id: uuid.UUID, before: int) -> OpenMessageQuerySet:
        """The messages of a chat below a position, newest first."""
        rows = self.alias(age=NEWEST_FIRST).filter(chat=chat_id, age__gt=-before)
        return rows.shown_to(account_id).newest_first()

    def page_after(self, chat_id: uuid.UUID, account_id: uuid.UUID, after: int) -> OpenMessageQuerySet:
        """The messages of a chat above a position, oldest first."""
        rows = self.alias(age=NEWEST_FIRST).filter(chat=chat_id, age__lt=-after)
        return rows.shown_to(account_id).order_by(NEWEST_FIRST.desc())


class OpenMessage(models.Model):
    """A message of an open chat, in the order in which the server took them.

    `position` is given under the lock of the chat's row: within a chat it grows as rows commit, so a cursor loses none.
    """

    position = models.BigAutoField(primary_key=True)
    chat = models.ForeignKey(OpenChat, on_delete=models.CASCADE, db_index=False, related_name="messages")
    sender = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, db_index=False, related_name="+")
    client_message_id = models.UUIDField()
    body = models.TextField()
    accepted_at = models.BigIntegerField()
    edited_at = models.BigIntegerField(null=True)
    deleted = models.BooleanField(default=False)
    hidden = models.BooleanField(default=False)  # the other one of the two had blocked the sender

    objects = OpenMessageQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["sender", "client_message_id"], name="one_open_message_per_sender_and_client_message_id"
            ),
            models.CheckConstraint(condition=Q(deleted=False) | Q(body=""), name="a_deleted_open_message_has_no_body"),
        ]
        indexes: ClassVar = [models.Index("chat", NEWEST_FIRST, name="messages_of_an_open_chat")]

    def __str__(self) -> str:
        return f"open message {self.position}"
