"""What cannot be read is asked for again, and what others could not read is sent again. Inside one transaction.

PROTOCOL.md, Unable to decrypt. A message is asked for 3 times at most, and only of the device that sent it; what
is sent again goes to the very device that did not get it, and to no other.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Literal

from ..api import Waiting
from ..protocol import content
from ..protocol.body import Body, Reset, Retry
from ..protocol.entropy import Entropy
from ..protocol.errors import ProtocolError
from ..protocol.ids import AccountId, MessageId, SessionId
from ..protocol.limits import HOUR
from ..protocol.wire import peek
from ..store import Transaction, controls, peers, repairs, timeline
from ..store.records import Control, Entry, Me, Peer, Unreadable
from .places import conversation_with

MOST_TIMES = 3  # that one message is asked for, or sent again to one device
FRESH_EVERY = HOUR  # at most one session opened to repair a device pair
PATIENCE = HOUR  # ms; after that an answer is not expected by itself any more

ASKED_FOR = frozenset(
    {"undecryptable", "unknown_session", "unknown_prekey", "too_far", "kem_step", "bad_key", "replayed"}
)

Repair = Literal["asked", "possible", "none"]


def seal_control(
    tx: Transaction, me: Me, account: bytes, body: Body, *, now: int, entropy: Entropy
) -> tuple[bytes, bytes]:
    """Seal a control content for an account's devices; returns its message id and the padded content."""
    message = secrets.token_bytes(16)
    heads = [peers.pin_of(peers.by_account(tx, one)) for one in (me.account, account)]
    own, other = (pin.newest.hash if pin else bytes(32) for pin in heads)
    sealed = content.seal(
        content.Content(
            sent=now,
            message_id=MessageId(message),
            conversation=conversation_with(me.account, AccountId(account)),
            body=body,
            heads=content.Heads(own, other),
            counter=0,
        ),
        entropy,
    )
    return message, bytes(sealed.to_bytes())


class Doctor:
    """Of one batch. What it decides waits in the store for `Controls`."""

    def __init__(self, tx: Transaction, me: Me, *, now: int, entropy: Entropy) -> None:
        self._tx = tx
        self._me = me
        self._now = now
        self._entropy = entropy

    def note(self, one: Waiting, chat: bytes, line: bytes, cause: str) -> None:
        """A message could not be read: `line` stands for it, unless there is no cause. Ask for it if that helps."""
        failed = Unreadable(line, one.message_id, one.account, one.device, chat, self._now, cause)
        place = _place(one.body)
        if place is not None:
            failed = replace(failed, session=place[0], dh=place[1], n=place[2])
        repairs.save(self._tx, failed)
        # A stranger would learn from the question that their message has arrived: the person may ask.
        if not one.request:
            self.ask(failed)

    def note_control(self, one: Waiting, cause: str) -> None:
        """A control content could not be read: ask again for the message that it was to bring, else start anew."""
        awaited = repairs.unreadable(self._tx, one.account, one.device, one.message_id)
        place = _place(one.body)
        if cause not in ASKED_FOR or place is None:
            return
        if awaited is not None and awaited.asked:
            self.ask(replace(awaited, session=place[0], dh=place[1], n=place[2]))
        elif awaited is None and not self._is_being_repaired(one):
            self._send(one.account, one.device, Reset(), only=True)

    def ask(self, failed: Unreadable) -> bool:
        """Have a message asked for again. False: it cannot be, or was often enough."""
        if not may_ask(failed, now=self._now):
            return False
        repairs.save(self._tx, replace(failed, asked=failed.asked + 1, asked_at=self._now))
        self._send(failed.account, failed.device, Retry(SessionId(failed.session), failed.dh, failed.n))
        return True

    def answer(self, account: bytes, device: bytes, retry: Retry) -> None:
        """Send a message again, under its own id, to the device that did not get it."""
        found = repairs.sent_at(self._tx, retry.session_id, retry.dh, retry.n, now=self._now)
        if found is None:
            return
        sent, answered = found
        if (sent.account, sent.device) != (account, device) or answered >= MOST_TIMES:
            return
        # Hazard: a device's id is the server's word. Under another key it is not the one that this was for.
        if not sent.signing_key or sent.signing_key != peers.signing_key(self._tx, account, device):
            return
        entry = timeline.get(self._tx, self._me.account, sent.message)
        if entry is None or not entry.padded:
            return
        repairs.count_answer(self._tx, sent)
        again = Control(sent.message, account, device, entry.padded, logged=True, signing_key=sent.signing_key)
        controls.add(self._tx, again)

    def is_known(self, one: Waiting) -> bool:
        """Whether a message has its line: its text, which may have come as history, or one in its place."""
        return (
            timeline.get(self._tx, one.account, one.message_id) is not None
            or repairs.unreadable(self._tx, one.account, one.device, one.message_id) is not None
        )

    def repaired(self, account: bytes, device: bytes, message: bytes) -> Entry | None:
        """A message has come in a form that can be read: the line that stood for it goes, and is returned."""
        failed = repairs.unreadable(self._tx, account, device, message)
        if failed is None:
            return None
        line = timeline.get(self._tx, account, failed.entry)
        timeline.take_back(self._tx, account, failed.entry)
        repairs.forget(self._tx, failed)
        return line

    def _is_being_repaired(self, one: Waiting) -> bool:
        peer = peers.by_account(self._tx, one.account) or Peer(one.account)
        opened = (peer.opened or {}).get(one.device)
        lately = opened is not None and self._now - opened[0] < FRESH_EVERY
        return lately or controls.count(self._tx, one.device) > 0

    def _send(self, account: bytes, device: bytes, body: Body, *, only: bool = False) -> None:
        message, padded = seal_control(self._tx, self._me, account, body, now=self._now, entropy=self._entropy)
        key = peers.signing_key(self._tx, account, device)
        controls.add(self._tx, Control(message, account, device, padded, fresh=True, only=only, signing_key=key))


def ask_again(tx: Transaction, me: Me, chat: bytes, *, now: int, entropy: Entropy) -> int:
    """Ask for every unreadable message of a chat that can be asked for; returns how many."""
    doctor = Doctor(tx, me, now=now, entropy=entropy)
    return sum(doctor.ask(failed) for failed in repairs.of_chat(tx, chat))


def may_ask(failed: Unreadable, *, now: int) -> bool:
    known = not failed.cause or failed.cause in ASKED_FOR
    return known and bool(failed.session) and failed.asked < MOST_TIMES and now - failed.at < repairs.LOG_KEPT


def repair_of(failed: Unreadable | None, *, now: int) -> Repair:
    """What becomes of an unreadable message: it has been asked for, can be by the person, or cannot be."""
    if failed is None:
        return "none"
    if failed.asked and now - failed.asked_at < PATIENCE:
        return "asked"
    return "possible" if may_ask(failed, now=now) else "none"


def _place(wire: bytes) -> tuple[bytes, bytes, int] | None:
    try:
        seen = peek(wire)
    except ProtocolError:
        return None
    return seen.session_id, seen.dh, seen.n
