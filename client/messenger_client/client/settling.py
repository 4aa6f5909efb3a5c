"""The end of a message's way out: accepted by the server, or given up. Inside one transaction."""

from __future__ import annotations

from dataclasses import replace

from ..api import Accepted
from ..store import Transaction, outbox, timeline
from ..store.records import Entry, Outgoing
from .context import require_me


def settle(tx: Transaction, accepted: list[tuple[Outgoing, Accepted]]) -> None:
    """The server has taken messages: they leave the outbox, and their fate at the recipient is open."""
    me = require_me(tx)
    for outgoing, answer in accepted:
        if outbox.get(tx, outgoing.id) is None:
            continue  # another process had the same answer before
        outbox.remove(tx, outgoing.id)
        entry = timeline.get(tx, me.account, outgoing.id)
        if entry is not None:
            skipped = (*entry.skipped, *answer.skipped)
            changed = replace(entry, state="accepted", accepted=answer.accepted_at, skipped=skipped, cause="")
            timeline.update(tx, changed, unsettled=True)


def fail(tx: Transaction, outgoing: Outgoing, why: str) -> bool:
    """Give a message up. False: another process has settled it meanwhile, and its word stands."""
    if outbox.get(tx, outgoing.id) is None:
        return False
    outbox.remove(tx, outgoing.id)
    entry = timeline.get(tx, require_me(tx).account, outgoing.id)
    if entry is not None:
        timeline.update(tx, replace(entry, state="failed", cause=why), unsettled=False)
        _give_back(tx, entry)
    return True


def _give_back(tx: Transaction, entry: Entry) -> None:
    """Free the counter of a message that never left, or its recipient would miss it. Not below a later one's."""
    chat = timeline.chat(tx, entry.chat) if entry.chat else None
    if chat is not None and entry.counter and chat.counter == entry.counter:
        timeline.save_chat(tx, replace(chat, counter=entry.counter - 1))
