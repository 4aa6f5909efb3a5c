"""Private chats and their messages. No readable body is ever stored here."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from messenger.lib.clock import now_ms
from messenger.lib.ids import new_id


class PrivateChatQuerySet(models.QuerySet["PrivateChat"]):
    def visible_to(self, account_id: uuid.UUID) -> PrivateChatQuerySet:
        """The chats that an account is one of the two people of."""
        return self.filter(Q(lower_id=account_id) | Q(higher_id=account_id))


class PrivateChat(models.Model):
    """Two accounts that have written to each other. The id is the protocol's conversation id of the pair."""

    id = models.UUIDField(primary_key=True, editable=False)
    lower = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, db_index=False, related_name="+")
    higher = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, db_index=False, related_name="+")
    # Grows with each change of what the two think of each other (accounts.Contact). What was decided from older
    # states is decided again: the statement that accepts a message compares it.
    version = models.BigIntegerField(default=0)
    created_at = models.BigIntegerField(default=now_ms)

    objects = PrivateChatQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["lower", "higher"], name="one_private_chat_per_pair"),
            models.CheckConstraint(condition=Q(lower__lt=models.F("higher")), name="a_pair_is_written_lower_first"),
        ]
        # In the order in which they are listed, so that a page is read and not all of them.
        indexes: ClassVar = [
            models.Index(fields=["lower", "-created_at", "id"], name="private_chats_of_the_lower"),
            models.Index(fields=["higher", "-created_at", "id"], name="private_chats_of_the_higher"),
        ]

    def __str__(self) -> str:
        return f"private chat {self.id}"

    def peer_of(self, account_id: uuid.UUID) -> uuid.UUID:
        """The other one of the two."""
        return self.higher_id if self.lower_id == account_id else self.lower_id


class PrivateMessage(models.Model):
    """That a device sent a message, and when. The ciphertext is in the envelopes while it waits, and nowhere after.

    The references of this table, of the one below and of the queue carry no foreign key constraint in the database:
    each would cost a look-up and a row lock of the referenced row for every message, and the statement that inserts
    has compared the same rows already (see chats/writer). Nothing cascades: rows that an account's deletion leaves
    behind end with the retention time (see chats/jobs.py).
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    chat = models.ForeignKey(PrivateChat, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    sender_device = models.ForeignKey(
        "accounts.Device", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    client_message_id = models.UUIDField()
    accepted_at = models.BigIntegerField()
    stamp = models.BinaryField(max_length=32)
    stamp_key = models.CharField(max_length=16)
    # The devices that the server suspended at the time, 16 bytes each: part of the answer that is given again.
    skipped = models.BinaryField(default=b"", max_length=20 * 16)
    # The recipient had not accepted the sender (or had blocked them): the sender is shown no statuses.
    hidden = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["sender_device", "client_message_id"], name="one_message_per_device_and_client_message_id"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["chat"], condition=Q(hidden=True), name="hidden_messages_of_a_chat"),
        ]

    def __str__(self) -> str:
        return f"message {self.id}"


class PrivateMessageStatus(models.Model):
    """What became of a message on one device of its recipient."""

    class Status(models.IntegerChoices):
        DELIVERED = 1, "delivered"
        READ = 2, "read"
        EXPIRED = 3, "expired"

    pk = models.CompositePrimaryKey("message", "device", "status")
    message = models.ForeignKey(
        PrivateMessage, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="statuses"
    )
    device = models.ForeignKey(
        "accounts.Device", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    status = models.SmallIntegerField(choices=Status.choices)
    at = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.message_id} {self.get_status_display()}"
