"""The line that stands for a message whose content is not here."""

from __future__ import annotations

import secrets

from ..api import Waiting
from ..store.records import Entry


def placeholder(one: Waiting, kind: str, chat: bytes, *, cause: str = "", raw: bytes = b"") -> Entry:
    """`kind`: expired, unreadable, update_needed. `raw`: what a newer version of this program can read."""
    return Entry(
        # Not the message's own id: it may yet come in a form that can be read.
        id=secrets.token_bytes(16),
        kind=kind,
        outgoing=False,
        account=one.account,
        chat=chat,
        sent=one.accepted_at,
        device=one.device,
        accepted=one.accepted_at,
        cause=cause,
        request=one.request,
        stamp=one.stamp,
        stamp_key=one.stamp_key,
        raw=raw,
    )
