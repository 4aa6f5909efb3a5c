"""The queue: what each device has still to fetch."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from chats.models.groups import GroupMessage
from chats.models.private import PrivateMessage


class Envelope(models.Model):
    """What one device has still to fetch. `position` is the order of the queue, and what a device acknowledges."""

    class Kind(models.IntegerChoices):
        MESSAGE = 0, "message to a recipient"
        COPY = 1, "message to another device of the sender's account"
        CONTROL = 2, "control content"
        GROUP = 3, "message of a group chat"
        GROUP_COPY = 4, "message of a group chat to another device of the sender's account"

    position = models.BigAutoField(primary_key=True)
    device = models.ForeignKey(
        "accounts.Device", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    kind = models.SmallIntegerField(choices=Kind.choices)
    # Null for control contents, which have no message row and no status, and for messages of group chats.
    message = models.ForeignKey(
        PrivateMessage, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, null=True, related_name="+"
    )
    # Its ciphertext is stored once, beside the message, and the one here is empty.
    group_message = models.ForeignKey(
        GroupMessage, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, null=True, related_name="+"
    )
    sender_device = models.ForeignKey(
        "accounts.Device", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    client_message_id = models.UUIDField()
    created_at = models.BigIntegerField()
    ciphertext = models.BinaryField()
    expired = models.BooleanField(default=False)  # the ciphertext was deleted; the device is still to be told

    class Meta:
        indexes: ClassVar = [models.Index(fields=["device", "position"], name="envelopes_of_a_device")]

    def __str__(self) -> str:
        return f"envelope {self.position}"
