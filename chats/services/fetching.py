"""What waits for a device, and its acknowledgement, for REST. The socket has its own ways to the same statements."""

from __future__ import annotations

import uuid

from django.db import transaction

from chats import effects
from chats.delivery.acks import delivered
from chats.ids import AccountId, DeviceId
from chats.models import Envelope
from chats.writer import on_django
from chats.writer.store import Waiting
from messenger.lib import metrics
from messenger.lib.clock import now_ms

MOST = 256


def waiting_envelopes(*, device: DeviceId, limit: int) -> tuple[list[Waiting], bool]:
    """The oldest envelopes of a device, and whether there are more."""
    return on_django.waiting_for(device, limit)


@transaction.atomic
def acknowledge(*, account: AccountId, device: DeviceId, positions: set[int]) -> int:
    """Delete exactly these envelopes of the device's own. How many there were."""
    now = now_ms()
    count = Envelope.objects.filter(device=uuid.UUID(device), position__in=positions).count()
    entered = on_django.acknowledge([(device, position) for position in positions], now)
    metrics.delivered.inc(count)
    for told, text in delivered(entered, {device: account}, now):
        effects.account_told(told, text)
    return count
