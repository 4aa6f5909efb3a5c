"""Conversations as they are known here, inside one transaction: no network, nothing marked as seen."""

from __future__ import annotations

from ..api import forms
from ..store import Transaction, groups, peers, timeline
from ..store.records import ChatState, Entry, Peer
from .context import require_me
from .model import Chat, Event, Message
from .naming import group_named, is_group_name
from .places import conversation_with
from .showing import event_of, name_of, with_reached


def history(tx: Transaction, username: str, *, limit: int, now: int, details: bool = False) -> list[Event]:
    """The last lines of one conversation, oldest first; with `details` how far own ones have come with whom."""
    me = require_me(tx)
    timeline.release_due(tx, now=now)
    peer = None if is_group_name(username) else peers.by_name(tx, username)
    if is_group_name(username):
        entries = _lines(tx, group_named(tx, username), limit=limit)
    elif peer is None:
        entries = timeline.history_by_name(tx, username, limit=limit)
    else:
        entries = timeline.history(tx, conversation_with(me.account, peer.account), limit=limit)
    events = [(entry, event_of(tx, me, entry, now=now)) for entry in entries]
    return [with_reached(tx, me, entry, event) if details else event for entry, event in events]


def chats(tx: Transaction, *, seen: int, now: int) -> list[Chat]:
    """All conversations, the latest first; unseen is what stands behind the position `seen`."""
    me = require_me(tx)
    timeline.release_due(tx, now=now)
    found = []
    for state in timeline.chats(tx):
        lines = _lines(tx, state.conversation, limit=1)
        last = event_of(tx, me, lines[-1], now=now) if lines else None
        unseen = timeline.count_unseen(tx, state.conversation, after=seen)
        if state.is_group:
            found.append(_group(tx, state, last, unseen))
            continue
        verified = _is_verified(peers.by_account(tx, state.account))
        identifier, name = forms.uuid(state.conversation), name_of(tx, state.account)
        found.append(Chat(identifier, name, last, unseen, verified, muted=state.muted))
    return sorted(found, key=order_of)


def _lines(tx: Transaction, chat: bytes, *, limit: int) -> list[Entry]:
    """The last lines; of a group chat that was not followed yet none that came as history, but why it was not."""
    entries = timeline.history(tx, chat, limit=limit)
    group = groups.get(tx, chat)
    if group is None or group.standing:
        return entries
    return [entry for entry in entries if entry.kind != "text"]


def _group(tx: Transaction, state: ChatState, last: Event | None, unseen: int) -> Chat:
    group = groups.get(tx, state.conversation)
    identifier = forms.uuid(state.conversation)
    title = group.title if group is not None else ""
    return Chat(identifier, title, last, unseen, False, identifier, state.muted)


def _is_verified(peer: Peer | None) -> bool:
    pin = peers.pin_of(peer)
    return peer is not None and pin is not None and peer.verified_key == pin.account_key and not peer.changed_lists


def order_of(chat: Chat) -> int:
    """The latest stands first."""
    if chat.last is None:
        return 0
    return -(chat.last.sent_at if isinstance(chat.last, Message) else chat.last.at)
