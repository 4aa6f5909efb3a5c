"""What stands in the store becomes what callers see: names for ids, one plain sentence for what is no message."""

from __future__ import annotations

from dataclasses import replace

from ..api import forms
from ..store import Transaction, groups, peers, repairs, timeline
from ..store.records import Entry, Me
from .doctor import Repair, repair_of
from .group_lookup import state_of
from .model import Event, Message, Notice, NoticeKind, Reached
from .statuses import outgoing_state, reached

CAUSES = {
    "unknown_session": "it belongs to a session that this device does not have",
    "unknown_prekey": "it was encrypted for a key that this device no longer has",
    "not_listed": "its device is not on the sender's signed list",
    "replayed": "it repeats an earlier first message",
    "too_far": "too many messages before it are missing",
    "kem_step": "a step of the key exchange is missing",
    "undecryptable": "it does not decrypt",
    "bad_key": "it carries a key that is none",
    "bad_franking": "its tag does not belong to its text",
    "malformed": "its form is wrong",
}


_GROUP_LINES = {
    "created": "{who} created the group chat.",
    "added": "{who} added {whom}.",
    "removed": "{who} removed {whom}.",
    "refused": "{who} did not let {whom} in.",
    "left": "{who} left.",
    "joined": "{who} joined by a link.",
    "asks": "{who} asks to be let in.",
    "took_back": "{who} does not want to be let in any more.",
    "approved": "{who} let {whom} in.",
    "renamed": "{who} changed the title.",
    "link_opened": "{who} made a link to join by.",
    "link_closed": "{who} ended a link.",
}
_ROLE_WORDS = {"0": "a member", "1": "an admin", "2": "an owner"}


def event_of(tx: Transaction, me: Me, entry: Entry, position: int = 0, *, now: int) -> Event:
    sender = me.username if entry.outgoing else name_of(tx, entry.account)
    chat = forms.uuid(entry.chat) if entry.chat else ""
    identifier = forms.uuid(entry.id)
    group, title = _group_of(tx, entry)
    if entry.kind == "text":
        state = outgoing_state(entry) if entry.outgoing else "received"
        reason = entry.cause if state == "failed" else ""
        return Message(
            identifier, chat, sender, entry.text, entry.sent, entry.outgoing, state, entry.request, reason, position,
            group, title, tuple(name_of(tx, one) for one in entry.mentions),
            not entry.outgoing and me.account in entry.mentions, is_muted(tx, entry.chat),
        )  # fmt: skip
    if entry.kind == "unreadable":
        repair = _repair(tx, entry, now)
        text = _unreadable(entry, sender, repair, f"'#{title or group}'" if group else sender)
        return Notice(
            "unreadable", identifier, chat, sender, text, entry.sent, entry.cause, 0, repair, position, group, title
        )
    kind, text = _notice(tx, me, entry, sender)
    kept = entry.sent, entry.cause, entry.missing
    return Notice(kind, identifier, chat, sender, text, *kept, "", position, group, title)


def with_reached(tx: Transaction, me: Me, entry: Entry, event: Event) -> Event:
    """An own message with how far each of the others has come, the furthest first."""
    if not isinstance(event, Message) or not entry.outgoing or not entry.chat:
        return event
    state, chat = state_of(groups.get(tx, entry.chat)), timeline.chat(tx, entry.chat)
    accounts = {key[: len(me.account)] for key in entry.statuses or {}}
    if me.account in accounts:
        pass  # another device has told how far it came, and not with whom
    elif state is not None:
        accounts |= {bytes(one.account) for one in state.roster}
    elif chat is not None:
        accounts.add(chat.account)
    found = [Reached(name_of(tx, one), *reached(entry, one)) for one in accounts - {me.account}]
    return replace(event, reached=tuple(sorted(found, key=lambda one: (one.at is None, one.at, one.username))))


def _group_of(tx: Transaction, entry: Entry) -> tuple[str, str]:
    found = groups.get(tx, entry.chat) if entry.chat else None
    return ("", "") if found is None else (forms.uuid(found.id), found.title)


def _group_line(tx: Transaction, me: Me, entry: Entry) -> str:
    who = "You" if entry.account == me.account else name_of(tx, entry.account)
    whom = "" if not entry.raw else "you" if entry.raw == me.account else name_of(tx, entry.raw)
    if entry.cause == "role":
        return f"{who} made {whom} {_ROLE_WORDS.get(entry.text, entry.text)}."
    if entry.cause == "renamed" and entry.text:
        return f"{who} changed the title to “{entry.text}”."
    return _GROUP_LINES.get(entry.cause, "{who} changed the group chat.").format(who=who, whom=whom)


def is_muted(tx: Transaction, conversation: bytes) -> bool:
    chat = timeline.chat(tx, conversation) if conversation else None
    return chat is not None and chat.muted


def name_of(tx: Transaction, account: bytes) -> str:
    peer = peers.by_account(tx, account)
    return peer.username if peer is not None and peer.username else forms.uuid(account)


def _repair(tx: Transaction, entry: Entry, now: int) -> Repair:
    pin = peers.pin_of(peers.by_account(tx, entry.account))
    if pin is None or all(one.device != entry.device for one in pin.newest.devices):
        return "none"  # nobody is asked who is not on the list
    return repair_of(repairs.behind(tx, entry.id), now=now)


def _unreadable(entry: Entry, name: str, repair: Repair, chat: str) -> str:
    """Why, and what happens next or can be done."""
    why = f"A message from {name} cannot be read: {CAUSES.get(entry.cause, entry.cause)}."
    if repair == "asked":
        return f"{why} {name}'s app has been asked to send it again."
    if repair == "possible":
        return f"{why} `messenger retry {chat}` asks {name}'s app to send it again."
    return f"{why} Ask {name} to send it again."


def _notice(tx: Transaction, me: Me, entry: Entry, name: str) -> tuple[NoticeKind, str]:
    if entry.kind == "group":
        return "group", _group_line(tx, me, entry)
    if entry.kind == "gap":
        many = "A message" if entry.missing == 1 else f"{entry.missing} messages"
        verb = "has" if entry.missing == 1 else "have"
        return "gap", f"{many} from {name} {verb} not arrived; what follows was written later."
    if entry.kind == "expired":
        return "expired", f"A message from {name} expired before this device fetched it."
    if entry.kind == "identity_changed":
        return (
            "identity_changed",
            f"{name}'s identity has changed. Nothing is sent to {name} until you have compared the new safety number:"
            f" `messenger verify {name}`.",
        )
    if entry.kind == "update_needed":
        return "update_needed", f"{name} sent something that needs a newer version of this program; it is kept."
    return "warning", entry.text or entry.cause
