"""What comes of group chats: sender keys over sessions, messages under them. Inside one batch's transaction.

PROTOCOL.md, Groups. What came before that which it needs is kept, and read once that has come.
"""

from __future__ import annotations

import json
from dataclasses import replace

from ..api import Waiting, answers
from ..protocol import errors as failures
from ..protocol import group_message
from ..protocol.announced_chain import AnnouncedChain
from ..protocol.body import Retry, Text
from ..protocol.content import Content, read_padded
from ..protocol.entropy import Entropy
from ..protocol.errors import ProtocolError
from ..protocol.group_message import GroupEnvelope
from ..protocol.group_wire import peek_group
from ..protocol.ids import AccountId, ConversationId, DeviceId, GroupId, MessageId
from ..protocol.limits import MINUTE
from ..protocol.sender_key import SenderKey
from ..store import Transaction, groups, peers, repairs, timeline
from ..store.group_records import Early, Group
from ..store.records import Entry, Me, Unreadable
from .doctor import Doctor
from .group_applying import take_group_key
from .group_lookup import GroupLookup, state_of
from .group_repairing import answer_in_group
from .mentions import members_among
from .placeholder import placeholder

PATIENCE = MINUTE  # ms that a message waits for its sender key before it is asked for


class GroupReader:
    """`to_follow` names group chats of which operations may be missing here, `to_look_up` accounts with new lists."""

    def __init__(self, tx: Transaction, me: Me, *, now: int, entropy: Entropy) -> None:
        self.to_follow: set[bytes] = set()
        self.to_look_up: set[bytes] = set()
        self._tx = tx
        self._me = me
        self._now = now
        self._entropy = entropy
        self._lookup = GroupLookup(tx)
        self._doctor = Doctor(tx, me, now=now, entropy=entropy)

    def take(self, one: Waiting) -> str | None:
        """Deal with a message's envelope. Returns the cause where it cannot be read, and will not be."""
        group = one.group or b""
        known = groups.get(self._tx, group)
        if one.expired:
            self._add_line(one, "expired")
            return None
        if known is None or not known.state:
            self.to_follow.add(group)
        cause = self._read(one)
        if cause == "unknown_session" or (cause == "not_listed" and self._may_be_news(one)):
            early = Early(one.account, one.device, json.dumps(one.frame).encode())
            if groups.keep(self._tx, group, early, now=self._now):
                return None
        if cause is not None:
            self._unreadable(one, cause)
        return cause

    def obey(self, one: Waiting, content: Content, padded: bytes) -> bool:
        """Do what a control content is for, if it is about a group chat."""
        if isinstance(content.body, SenderKey):
            self._take_sender_key(one.account, one.device, content, padded)
        elif isinstance(content.body, Retry) and content.body.dh == group_message.NO_RATCHET_KEY:
            answer_in_group(
                self._tx, self._me, one.account, one.device, content.body, now=self._now, entropy=self._entropy
            )
        else:
            return False
        return True

    def _take_sender_key(self, account: bytes, device: bytes, content: Content, padded: bytes) -> None:
        """Take a chain that a device announced over its own session; kept, if operations are missing here.

        Where there is no room for it, the group chat is followed all the same.
        """
        group = content.conversation
        try:
            self._accept(account, device, content)
        except failures.NotListed:
            self._keep_sender_key(group, Early(account, device, padded=padded))
            self.to_follow.add(bytes(group))
            self.to_look_up.add(account)
        except ProtocolError:
            return  # nothing of it is taken
        else:
            self._read_early(group)

    def _keep_sender_key(self, group: bytes, early: Early) -> None:
        """A member's, by what is kept here, takes the place of the oldest of somebody's who is none."""
        if groups.keep(self._tx, group, early, now=self._now):
            return
        known = groups.get(self._tx, group)
        state = None if known is None else state_of(known)
        if state is None or state.role(AccountId(early.account)) is None:
            return
        for position, _, one in groups.early(self._tx, group):
            if one.padded and state.role(AccountId(one.account)) is None:
                groups.drop_early(self._tx, position)
                groups.keep(self._tx, group, early, now=self._now)
                return

    def reread(self, group: Group) -> None:
        """Operations were taken: read what waited for them, and see whether the server withholds one."""
        kept = [(position, one) for position, _, one in groups.early(self._tx, group.id) if one.padded]
        withheld = {(bytes(gsh), bytes(account)) for gsh, account in group.withheld}
        for position, one in kept:
            try:
                content = read_padded(one.padded)
                self._accept(one.account, one.device, content)
            except failures.NotListed:
                announced = content.body
                if isinstance(announced, SenderKey) and self._is_ahead(group, announced, one):
                    withheld.add((announced.gsh, one.account))
                continue
            except ProtocolError:
                pass
            groups.drop_early(self._tx, position)
        if withheld != {(bytes(gsh), bytes(account)) for gsh, account in group.withheld}:
            newest = groups.get(self._tx, group.id) or group
            groups.save(self._tx, replace(newest, withheld=tuple(sorted(withheld))))
        self._read_early(group.id)

    def ask_for_early(self) -> None:
        """Ask for the messages whose sender keys have not come, once they have waited long enough."""
        for group in groups.known(self._tx):
            for position, at, one in groups.early(self._tx, group.id):
                if one.frame and not one.asked and self._now - at >= PATIENCE:
                    groups.update_early(self._tx, position, replace(one, asked=True))
                    self._unreadable(answers.waiting(json.loads(one.frame)), "unknown_session")

    def _accept(self, account: bytes, device: bytes, content: Content) -> None:
        accepted = group_message.accept_sender_key(
            content, AccountId(account), DeviceId(device), self._lookup, now=self._now
        )
        groups.drop_chains(self._tx, accepted.chain, accepted.dropped)
        groups.save_chain(self._tx, accepted.chain)
        known, announced = groups.get(self._tx, accepted.chain.group), content.body
        if known is not None and isinstance(announced, SenderKey) and announced.group_key is not None:
            groups.save(self._tx, take_group_key(known, announced.group_key))

    def _read_early(self, group: bytes) -> None:
        for position, _, one in groups.early(self._tx, group):
            if one.frame:
                cause = self._read(answers.waiting(json.loads(one.frame)))
                if cause == "unknown_session":
                    continue
                groups.drop_early(self._tx, position)
                if cause is not None and not one.asked:
                    self._unreadable(answers.waiting(json.loads(one.frame)), cause)

    def _read(self, one: Waiting) -> str | None:
        """Read a message and show it. Returns what failed, for which nothing was changed."""
        group = GroupId(ConversationId(one.group or b""))
        envelope = GroupEnvelope(
            group, AccountId(one.account), DeviceId(one.device), one.body, MessageId(one.message_id)
        )
        try:
            received = group_message.receive(envelope, self._lookup, now=self._now)
        except failures.Duplicate:
            return None
        except failures.Unsupported:
            self._add_line(one, "update_needed", raw=one.body)
            return None
        except ProtocolError as error:
            return error.code
        groups.save_chain(self._tx, received.chain)
        if received.content is None:
            return received.failure.code if received.failure is not None else "malformed"
        self._show(one, received.content, bytes(received.sealed.padded), is_first=self._is_first(one, received.chain))
        return None

    def _is_first(self, one: Waiting, chain: AnnouncedChain) -> bool:
        """Whether this is the first message of a device that this one can read at all."""
        held = self._lookup.chains(chain.group, chain.account, chain.device)
        return len(held) == 1 and peek_group(one.body).header.n == chain.first

    def _show(self, one: Waiting, content: Content, padded: bytes, *, is_first: bool) -> None:
        own, body = one.account == self._me.account, content.body
        line = self._doctor.repaired(one.account, one.device, one.message_id)
        told = line if line is not None else one
        entry = Entry(
            id=content.message_id,
            kind="text" if isinstance(body, Text) else "update_needed",
            outgoing=own,
            account=one.account,
            chat=content.conversation,
            sent=content.sent,
            device=one.device,
            text=body.text if isinstance(body, Text) else "",
            accepted=line.accepted if line is not None else one.accepted_at,
            counter=content.counter,
            request=told.request,
            state="accepted" if own else "",
            padded=padded,
            stamp=told.stamp,
            stamp_key=told.stamp_key,
            mentions=members_among(self._tx, content.conversation, body.mentions) if isinstance(body, Text) else (),
        )
        if is_first:
            timeline.begin_flow(self._tx, entry)
        timeline.place(self._tx, entry, now=self._now)

    def _may_be_news(self, one: Waiting) -> bool:
        """Perhaps an operation that lets the sender in, or a list with its device, is only not known here yet."""
        group = one.group or b""
        known = groups.get(self._tx, group)
        if known is None or known.standing in ("", "member", "pending"):
            self.to_follow.add(group)
            self.to_look_up.add(one.account)
            return True
        return False

    def _is_ahead(self, group: Group, announced: SenderKey, one: Early) -> bool:
        """Whether a member knows an operation that this device was not shown, though it has just asked."""
        state = state_of(group)
        newest = peers.pin_of(peers.by_account(self._tx, one.account))
        return (
            state is not None
            and state.role(AccountId(one.account)) is not None
            and newest is not None
            and newest.newest.find(DeviceId(one.device)) is not None
            and not groups.has_operation(self._tx, group.id, announced.gsh)
        )

    def _unreadable(self, one: Waiting, cause: str) -> None:
        if self._doctor.is_known(one):
            return
        line = self._add_line(one, "unreadable", cause=cause)
        failed = Unreadable(line, one.message_id, one.account, one.device, one.group or b"", self._now, cause)
        try:
            name = group_message.named(peek_group(one.body).header)
        except ProtocolError:
            pass
        else:
            failed = replace(failed, session=name.session_id, dh=name.dh, n=name.n)
        repairs.save(self._tx, failed)
        if not one.request:
            self._doctor.ask(failed)

    def _add_line(self, one: Waiting, kind: str, *, cause: str = "", raw: bytes = b"") -> bytes:
        entry = placeholder(one, kind, one.group or b"", cause=cause, raw=raw)
        timeline.add(self._tx, entry, unseen=True)
        return entry.id
