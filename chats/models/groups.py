"""Group chats: who is in them, the signed operations that made them so, and their messages.

The operations decide (PROTOCOL.md, Groups). The other rows repeat what they have come to, for look-ups, and change in
the transaction that adds one. No title and no readable body is ever stored here.
"""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from chats.group_operations import Code, Role
from chats.models.private import PrivateMessageStatus
from keys.verify import HASH_SIZE, KEY_SIZE, SIGNATURE_SIZE
from messenger.lib.clock import now_ms
from messenger.lib.ids import new_id


class GroupChatQuerySet(models.QuerySet["GroupChat"]):
    def visible_to(self, account_id: uuid.UUID) -> GroupChatQuerySet:
        """The group chats that an account is in or waits for, but those that somebody it blocked added it to."""
        mine = GroupMember.objects.filter(account=account_id).exclude(reach=GroupMember.Reach.NOTHING)
        return self.filter(pk__in=mine.values("chat"))


class GroupChat(models.Model):
    """A group chat after its newest operation. The id is the protocol's gid, which its creator chose."""

    id = models.UUIDField(primary_key=True, editable=False)
    head_index = models.BigIntegerField()
    head_hash = models.BinaryField(max_length=HASH_SIZE)  # gsh
    head_time = models.BigIntegerField()  # the author's, in milliseconds
    members_may_add = models.BooleanField()
    member_count = models.IntegerField()  # those who wait for approval do not count
    # Grows with each operation, and with each change of what reaches a member. What was decided from older states is
    # decided again: the statement that accepts a message compares it.
    version = models.BigIntegerField(default=0)
    created_at = models.BigIntegerField(default=now_ms)

    objects = GroupChatQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(member_count__gte=0), name="a_group_chat_has_no_fewer_than_no_members"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["id"], condition=Q(member_count=0), name="group_chats_that_all_have_left"),
        ]

    def __str__(self) -> str:
        return f"group chat {self.id}"


class GroupMember(models.Model):
    """An account in a group chat, or one that waits for approval."""

    class Reach(models.IntegerChoices):
        """What gets to a member, by what they thought of whoever added them."""

        ALL = 0, "everything"
        REQUEST = 1, "everything, marked as a request"
        NOTHING = 2, "nothing"  # they had blocked them, who cannot tell

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    chat = models.ForeignKey(GroupChat, on_delete=models.CASCADE, db_index=False, related_name="members")
    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    role = models.SmallIntegerField(choices=[(int(role), role.name.lower()) for role in Role])
    pending = models.BooleanField(default=False)
    reach = models.SmallIntegerField(choices=Reach.choices, default=Reach.ALL)
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    joined_at = models.BigIntegerField(default=now_ms)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["chat", "account"], name="one_group_member_per_chat_and_account"),
            models.CheckConstraint(condition=Q(pending=False) | Q(role=0), name="who_waits_has_no_role"),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} in {self.chat_id}"


class GroupRemoval(models.Model):
    """That an account was removed or refused once: by a link it comes back with an approval only."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    chat = models.ForeignKey(GroupChat, on_delete=models.CASCADE, db_index=False, related_name="removals")
    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["chat", "account"], name="one_group_removal_per_chat_and_account"),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} removed from {self.chat_id}"


class GroupOperation(models.Model):
    """One link of the chain, as its author signed it. None is forgotten while the group chat is there."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    chat = models.ForeignKey(GroupChat, on_delete=models.CASCADE, db_index=False, related_name="operations")
    index = models.BigIntegerField()
    hash = models.BinaryField(max_length=HASH_SIZE)  # H(payload)
    payload = models.BinaryField()
    signature = models.BinaryField(max_length=SIGNATURE_SIZE)
    author_device = models.ForeignKey(
        "accounts.Device", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    code = models.SmallIntegerField(choices=[(int(code), code.name.lower()) for code in Code])
    created_at = models.BigIntegerField(default=now_ms)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["chat", "index"], name="one_group_operation_per_chat_and_index"),
        ]

    def __str__(self) -> str:
        return f"operation {self.index} of {self.chat_id}"


class GroupLink(models.Model):
    """An open link to join by. Its secret half never reaches this process."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    chat = models.ForeignKey(GroupChat, on_delete=models.CASCADE, db_index=False, related_name="links")
    key = models.BinaryField(max_length=KEY_SIZE)
    expires = models.BigIntegerField(null=True)  # milliseconds since 1970; null: never
    uses = models.BigIntegerField(null=True)  # joins that are left; null: any number
    approval = models.BooleanField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["chat", "key"], name="one_group_link_per_chat_and_key"),
        ]

    def __str__(self) -> str:
        return f"link to {self.chat_id}"


class GroupMessage(models.Model):
    """That a device sent a message, and its ciphertext while a device has still to fetch it.

    The references of this table and of the one below carry no foreign key constraint, for the reasons of
    PrivateMessage's.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    chat = models.ForeignKey(
        GroupChat, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    sender_device = models.ForeignKey(
        "accounts.Device", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    client_message_id = models.UUIDField()
    accepted_at = models.BigIntegerField()
    stamp = models.BinaryField(max_length=32)
    stamp_key = models.CharField(max_length=16)
    # The devices that the server suspended at the time, 16 bytes each: part of the answer that is given again.
    skipped = models.BinaryField(default=b"")
    # Envelopes that are left. Whoever acknowledges the last one empties the ciphertext, in one update of this row:
    # to look for others in the queue would miss those whose acknowledgement is not committed yet.
    waiting = models.IntegerField()
    ciphertext = models.BinaryField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["sender_device", "client_message_id"],
                name="one_group_message_per_device_and_client_message_id",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["chat", "client_message_id"], name="messages_of_a_group_chat")]

    def __str__(self) -> str:
        return f"group message {self.id}"


class GroupMessageStatus(models.Model):
    """What became of a message on one device of a member's."""

    Status = PrivateMessageStatus.Status

    pk = models.CompositePrimaryKey("message", "device", "status")
    message = models.ForeignKey(
        GroupMessage, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="statuses"
    )
    device = models.ForeignKey(
        "accounts.Device", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    status = models.SmallIntegerField(choices=PrivateMessageStatus.Status.choices)
    at = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.message_id} {self.get_status_display()}"
