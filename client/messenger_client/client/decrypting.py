"""One batch of envelopes inside one transaction. Reads the store through itself, so that a session loaded once
serves every message of the batch; what it changed is written at the end."""

from __future__ import annotations

import json
import secrets
from dataclasses import replace

from ..api import Waiting
from ..protocol import errors as failures
from ..protocol.account_data import AccountData, History
from ..protocol.body import Reset, Retry, Text, is_control
from ..protocol.content import Content
from ..protocol.device_list import DeviceList
from ..protocol.entropy import Entropy
from ..protocol.errors import ProtocolError
from ..protocol.ids import AccountId, DeviceId, MessageId, SessionId
from ..protocol.pqxdh import psk_id as psk_id_of
from ..protocol.prekeys import PrekeyLabel, PrivatePrekey
from ..protocol.secret import Secret
from ..protocol.session import Envelope, Pair, Received, Session, receive
from ..store import Transaction, envelopes, peers, repairs, sessions, settings, timeline
from ..store.records import Entry, Me, Peer, Unreadable
from . import sharing
from .context import own_device
from .doctor import Doctor
from .group_reading import GroupReader
from .mentions import members_among
from .placeholder import placeholder
from .places import chat_with, group_of

Device = tuple[bytes, bytes]  # account, device


class Batch:
    """Also what the protocol looks things up in (`protocol.session.Lookup`)."""

    def __init__(self, tx: Transaction, me: Me, *, now: int, entropy: Entropy, last: bool) -> None:
        self.done: set[int] = set()  # to acknowledge
        self.causes: dict[int, str] = {}  # to acknowledge as unreadable
        self.not_listed: set[int] = set()  # to try again with newer lists, unless this is the last try
        self.unknown_heads: set[tuple[bytes, bytes]] = set()  # account, list hash
        self._tx = tx
        self._me = me
        self._own = own_device(me)
        self._now = now
        self._entropy = entropy
        self._last = last
        self._pairs: dict[Device, Pair] = {}
        self._changed: dict[SessionId, tuple[Device, Session]] = {}
        self._peers: dict[bytes, Peer] = {}
        self._known_heads: set[tuple[bytes, bytes]] = set()
        self._doctor = Doctor(tx, me, now=now, entropy=entropy)
        self.groups = GroupReader(tx, me, now=now, entropy=entropy)

    def take(self, one: Waiting) -> None:
        """Deal with one envelope. An error of the protocol concerns it alone and changes nothing else."""
        if envelopes.is_known(self._tx, one.number):
            self.done.add(one.number)
            return
        peer = self._peer(one.account)
        if peer.changed_lists and not one.expired:
            # Neither read nor lost: until the person has seen that the identity changed.
            self.park(one)
            self.done.add(one.number)
            return
        if one.group is not None:
            cause = self.groups.take(one)
            self.causes |= {} if cause is None else {one.number: cause}
            self._finished(one)
            return
        try:
            if one.expired:
                self._line(one, "expired")
            else:
                self._receive(one)
        except failures.Duplicate:
            self._look_for(one)
        except failures.Unsupported:
            self._line(one, "update_needed", raw=one.body)
        except failures.NotListed as error:
            if not self._last:
                self.not_listed.add(one.number)
                return
            self._unreadable(one, error)
        except ProtocolError as error:
            self._unreadable(one, error)
        self._finished(one)

    def park(self, one: Waiting) -> None:
        """Keep an envelope as it came, to be dealt with later."""
        envelopes.park(self._tx, one.number, one.account, json.dumps(one.frame).encode())
        envelopes.remember(self._tx, one.number, now=self._now)

    def finish(self) -> None:
        """Write the sessions that moved."""
        for (account, device), session in self._changed.values():
            sessions.save(self._tx, account, device, session)

    # What the protocol looks up

    def private_prekey(self, label: PrekeyLabel, key_id: int) -> PrivatePrekey | None:
        return sessions.prekey(self._tx, label, key_id)

    def psk(self, psk_id: bytes) -> Secret | None:
        secret = settings.linking(self._tx).secret
        return Secret(secret) if secret and psk_id_of(secret) == psk_id else None

    def has_seen_ek(self, ek_hash: bytes) -> bool:
        return sessions.has_seen_ek(self._tx, ek_hash)

    def list_named(self, account: AccountId, list_hash: bytes) -> DeviceList | None:
        return peers.list_named(self._tx, account, list_hash)

    def newest_list(self, account: AccountId) -> DeviceList | None:
        pin = peers.pin_of(peers.by_account(self._tx, account))
        return None if pin is None else pin.newest

    def _receive(self, one: Waiting) -> None:
        device = (one.account, one.device)
        pair = self._pairs.get(device)
        if pair is None:
            pair = sessions.pair(self._tx, *device)
        repaired = repairs.unreadable(self._tx, *device, one.message_id) if one.control else None
        envelope = Envelope(
            AccountId(one.account),
            DeviceId(one.device),
            one.body,
            MessageId(one.message_id),
            self._other_of_copy(one, repaired),
            None if repaired is None else group_of(self._tx, repaired.chat),
        )
        received = receive(self._own, pair, envelope, self, now=self._now, entropy=self._entropy)
        self._keep(device, received)
        if received.content is not None:
            self._show(one, received, received.content)
        elif isinstance(received.failure, failures.Unsupported):
            self._line(one, "update_needed", raw=bytes(received.sealed.padded))
        elif received.failure is not None:
            self._unreadable(one, received.failure)

    def _keep(self, device: Device, received: Received) -> None:
        self._pairs[device] = received.pair
        self._changed[received.session.id] = (device, received.session)
        for session_id in received.dropped:
            self._changed.pop(session_id, None)
        sessions.drop(self._tx, received.dropped)
        for label, key_id in received.delete_prekeys:
            sessions.delete_prekey(self._tx, label, key_id)
        if received.used_psk is not None:
            settings.save_linking(self._tx, replace(settings.linking(self._tx), secret=b""))
        if received.remember_ek is not None:
            sessions.remember_ek(self._tx, received.remember_ek.ek_hash, received.remember_ek.spk_id)

    def _show(self, one: Waiting, received: Received, content: Content) -> None:
        body = content.body
        copy = one.account == self._me.account
        if is_control(body.kind):
            self._obey(one, received, content)
            return
        if one.control and not self._was_asked_for(one):
            return  # nothing may come in that way past a person's Requests
        line = self._doctor.repaired(one.account, one.device, one.message_id)
        # Of a message that was sent again, the server's words are those of the first time.
        told = line if line is not None else one
        kind = "text" if isinstance(body, Text) else "update_needed"
        entry = Entry(
            id=content.message_id, kind=kind, outgoing=copy, account=one.account, chat=content.conversation,
            sent=content.sent, device=one.device,
            text=body.text if isinstance(body, Text) else "",
            accepted=line.accepted if line is not None else one.accepted_at,
            counter=content.counter,
            request=told.request,
            state="accepted" if copy else "",
            padded=bytes(received.sealed.padded),
            stamp=told.stamp,
            stamp_key=told.stamp_key,
            mentions=members_among(self._tx, content.conversation, body.mentions) if isinstance(body, Text) else (),
        )  # fmt: skip
        timeline.place(self._tx, entry, now=self._now)
        if not copy and group_of(self._tx, content.conversation) is None:
            chat_with(self._tx, self._me.account, one.account)
            if not one.control:
                self._note_request(one)
        self._look_at_heads(one.account, content)

    def _obey(self, one: Waiting, received: Received, content: Content) -> None:
        """A control content: what it asks for is done, or waits in the store to be done."""
        body = content.body
        if self.groups.obey(one, content, bytes(received.sealed.padded)):
            return
        if isinstance(body, Retry):
            self._doctor.answer(one.account, one.device, body)
        elif isinstance(body, AccountData):
            self._me = sharing.take_account_data(self._tx, self._me, body)
        elif isinstance(body, History):
            sharing.take_history(self._tx, self._me, body)
        elif isinstance(body, Reset):
            device = (one.account, one.device)
            self._pairs[device], gone = received.pair.only(received.session.id)
            for session_id in gone:
                self._changed.pop(session_id, None)
            sessions.drop(self._tx, gone)

    def _was_asked_for(self, one: Waiting) -> bool:
        failed = repairs.unreadable(self._tx, one.account, one.device, one.message_id)
        return failed is not None and failed.asked > 0

    def _look_for(self, one: Waiting) -> None:
        """A message came on a place that was read before. If it is another one than was read there, ask for it.

        So it is when its sender went back to an older state. It is shown nowhere, unless it comes.
        """
        chat = None if one.control or self._doctor.is_known(one) else self._chat_of(one)
        if chat is not None:
            self._doctor.note(one, chat, secrets.token_bytes(16), "")

    def _note_request(self, one: Waiting) -> None:
        peer = self._peer(one.account)
        if one.request != peer.request:
            self._peers[one.account] = peers.change(self._tx, one.account, request=one.request)

    def _look_at_heads(self, sender: bytes, content: Content) -> None:
        heads = [(sender, content.heads.own)]
        if content.heads.recipient is not None and sender != self._me.account:
            heads.append((self._me.account, content.heads.recipient))
        for head in heads:
            if head in self._known_heads:
                continue
            if peers.knows_list(self._tx, *head):
                self._known_heads.add(head)
            else:
                self.unknown_heads.add(head)

    def _unreadable(self, one: Waiting, error: ProtocolError) -> None:
        self.causes[one.number] = error.code
        self._line(one, "unreadable", cause=error.code)

    def _line(self, one: Waiting, kind: str, *, cause: str = "", raw: bytes = b"") -> None:
        if one.control and kind != "update_needed":
            if kind == "unreadable":
                self._doctor.note_control(one, cause)
            return  # no message of a person's
        chat = self._chat_of(one)
        if chat is None:
            return
        if kind == "unreadable" and self._doctor.is_known(one):
            return  # one line a message
        entry = placeholder(one, kind, chat, cause=cause, raw=raw)
        timeline.add(self._tx, entry, unseen=True, hidden=one.control)
        if kind == "unreadable":
            self._doctor.note(one, chat, entry.id, cause)

    def _chat_of(self, one: Waiting) -> bytes | None:
        """Where what has no content is shown. A copy of one's own device: where the server says, if that is a chat."""
        if one.account == self._me.account:
            return None if self._other_of_copy(one) is None else one.chat
        return chat_with(self._tx, self._me.account, one.account).conversation

    def _finished(self, one: Waiting) -> None:
        envelopes.remember(self._tx, one.number, now=self._now)
        self.done.add(one.number)

    def _peer(self, account: bytes) -> Peer:
        peer = self._peers.get(account)
        if peer is None:
            peer = self._peers[account] = peers.by_account(self._tx, account) or Peer(account)
        return peer

    def _other_of_copy(self, one: Waiting, repaired: Unreadable | None = None) -> AccountId | None:
        """For a copy from another of one's own devices: whose chat the server says it belongs to."""
        conversation = one.chat if repaired is None else repaired.chat
        if one.account != self._me.account or conversation is None:
            return None
        chat = timeline.chat(self._tx, conversation)
        return None if chat is None or chat.is_group else AccountId(chat.account)
