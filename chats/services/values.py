"""What the services of chats answer with."""

from __future__ import annotations

import uuid
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Status:
    """One device's word on one message. `message` is the id that the client chose."""

    message: uuid.UUID
    account: uuid.UUID
    device: uuid.UUID
    status: str
    at: int
