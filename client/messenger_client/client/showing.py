"""What stands in the store becomes what callers see: names for ids, one plain sentence for what is no message."""

from __future__ import annotations

from ..api import forms
from ..store import Transaction, peers, repairs
from ..store.records import Entry, Me
from .doctor import Repair, repair_of
from .model import Event, Message, Notice
from .statuses import outgoing_state

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


def event_of(tx: Transaction, me: Me, entry: Entry, position: int = 0, *, now: int) -> Event:
    sender = me.username if entry.outgoing else name_of(tx, entry.account)
    chat = forms.uuid(entry.chat) if entry.chat else ""
    identifier = forms.uuid(entry.id)
    if entry.kind == "text":
        state = outgoing_state(entry) if entry.outgoing else "received"
        reason = entry.cause if state == "failed" else ""
        return Message(
            identifier, chat, sender, entry.text, entry.sent, entry.outgoing, state, entry.request, reason, position
        )
    if entry.kind == "unreadable":
        repair = _repair(tx, entry, now)
        text = _unreadable(entry, sender, repair)
        return Notice("unreadable", identifier, chat, sender, text, entry.sent, entry.cause, 0, repair, position)
    kind, text = _notice(entry, sender)
    return Notice(kind, identifier, chat, sender, text, entry.sent, entry.cause, entry.missing, "", position)  # type: ignore[arg-type]


def name_of(tx: Transaction, account: bytes) -> str:
    peer = peers.by_account(tx, account)
    return peer.username if peer is not None and peer.username else forms.uuid(account)


def _repair(tx: Transaction, entry: Entry, now: int) -> Repair:
    pin = peers.pin_of(peers.by_account(tx, entry.account))
    if pin is None or all(one.device != entry.device for one in pin.newest.devices):
        return "none"  # nobody is asked who is not on the list
    return repair_of(repairs.behind(tx, entry.id), now=now)


def _unreadable(entry: Entry, name: str, repair: Repair) -> str:
    """Why, and what happens next or can be done."""
    why = f"A message from {name} cannot be read: {CAUSES.get(entry.cause, entry.cause)}."
    if repair == "asked":
        return f"{why} {name}'s app has been asked to send it again."
    if repair == "possible":
        return f"{why} `messenger retry {name}` asks {name}'s app to send it again."
    return f"{why} Ask {name} to send it again."


def _notice(entry: Entry, name: str) -> tuple[str, str]:
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
