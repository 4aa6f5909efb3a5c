"""Conversations as they are known here, inside one transaction: no network, nothing marked as seen."""

from __future__ import annotations

from ..api import forms
from ..store import Transaction, peers, timeline
from ..store.records import Peer
from .context import require_me
from .model import Chat, Event, Message
from .places import conversation_with
from .showing import event_of, name_of


def history(tx: Transaction, username: str, *, limit: int, now: int) -> list[Event]:
    """The last lines of one conversation, oldest first."""
    me = require_me(tx)
    timeline.release_due(tx, now=now)
    peer = peers.by_name(tx, username)
    if peer is None:
        entries = timeline.history_by_name(tx, username, limit=limit)
    else:
        entries = timeline.history(tx, conversation_with(me.account, peer.account), limit=limit)
    return [event_of(tx, me, entry, now=now) for entry in entries]


def chats(tx: Transaction, *, seen: int, now: int) -> list[Chat]:
    """All conversations, the latest first; unseen is what stands behind the position `seen`."""
    me = require_me(tx)
    timeline.release_due(tx, now=now)
    found = []
    for state in timeline.chats(tx):
        lines = timeline.history(tx, state.conversation, limit=1)
        last = event_of(tx, me, lines[-1], now=now) if lines else None
        unseen = timeline.count_unseen(tx, state.conversation, after=seen)
        verified = _is_verified(peers.by_account(tx, state.account))
        found.append(Chat(forms.uuid(state.conversation), name_of(tx, state.account), last, unseen, verified))
    return sorted(found, key=lambda chat: -_time(chat.last))


def _is_verified(peer: Peer | None) -> bool:
    pin = peers.pin_of(peer)
    return peer is not None and pin is not None and peer.verified_key == pin.account_key and not peer.changed_lists


def _time(last: Event | None) -> int:
    if last is None:
        return 0
    return last.sent_at if isinstance(last, Message) else last.at
