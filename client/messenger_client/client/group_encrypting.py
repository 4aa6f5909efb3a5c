"""A message of a group chat becomes one ciphertext, and whoever has not got this device's chain yet is told it.

PROTOCOL.md, Groups. Chain, sender keys and ciphertext are stored in one transaction; the sender keys leave first.
"""

from __future__ import annotations

import secrets
from dataclasses import replace

from ..protocol import content, group_message
from ..protocol.body import Body, Text
from ..protocol.device_list import DeviceList
from ..protocol.entropy import Entropy
from ..protocol.group_state import GroupState
from ..protocol.ids import AccountId, ConversationId, GroupId, MessageId
from ..protocol.sender_key import OwnChain, Recipient
from ..store import Transaction, controls, groups, outbox, peers, repairs, timeline
from ..store.group_records import Group
from ..store.records import ChatState, Control, Me, Outgoing, SentTo
from .context import own_device
from .encrypting import Missing
from .group_applying import group_key
from .group_lookup import GroupLookup
from .identity import require_unchanged


class GroupSealer:
    """Of one transaction."""

    def __init__(self, tx: Transaction, me: Me, *, now: int, entropy: Entropy) -> None:
        self._tx = tx
        self._me = me
        self._own = own_device(me)
        self._lookup = GroupLookup(tx)
        self._now = now
        self._entropy = entropy

    def missing(self, state: GroupState) -> Missing | None:
        """Members whose lists are not known yet. Raises IdentityHasChanged where one waits for the person's word."""
        lacking = []
        for member in state.roster:
            peer = peers.by_account(self._tx, member.account)
            if peer is None or not peer.pin:
                lacking.append(bytes(member.account))
            else:
                require_unchanged(peer)
        return Missing(lists=tuple(lacking)) if lacking else None

    def announce(self, group: Group, state: GroupState) -> OwnChain:
        """The chain to send on, made anew where it is due; whoever has not got it is to be told."""
        readers = group_message.recipients(state, self._own, self._lookup)
        found = groups.own_chain(self._tx, group.id)
        if found is None or found[0].is_due(state, found[1].keys(), readers, now=self._now):
            chain, told = OwnChain.begin(state, now=self._now, entropy=self._entropy), dict[Recipient, int]()
            groups.begin_chain(self._tx, chain)
        else:
            chain, told = found[0], dict(found[1])
        new = sorted(readers - told.keys(), key=lambda one: (one.account, one.device))
        if new:
            self.tell(group, chain, new)
            groups.save_told(self._tx, chain, told | dict.fromkeys(new, chain.n))
        return chain

    def tell(self, group: Group, chain: OwnChain, readers: list[Recipient]) -> None:
        """Have devices told the chain from its next message on, and the group key with it."""
        message = secrets.token_bytes(16)
        padded = self._seal(group, chain.announce(group_key(group)), message, 0)
        for one in readers:
            told = Control(message, one.account, one.device, padded, signing_key=one.signing_key)
            controls.add(self._tx, told)

    def encrypt(self, group: Group, state: GroupState, outgoing: Outgoing) -> Outgoing | Missing:
        """Encrypt and store the result, or say what is missing and use up nothing."""
        lacking = self.missing(state)
        if lacking is not None:
            return lacking
        chain = self.announce(group, state)
        padded = outgoing.padded or self._seal_text(group, outgoing)
        sent = group_message.encrypt(chain, self._own, content.Sealed.from_bytes(padded), entropy=self._entropy)
        groups.move_chain(self._tx, sent.chain)
        place = (sent.name.session_id, sent.name.dh, sent.name.n)
        repairs.log_sent(self._tx, place, SentTo(outgoing.id, group.id, b""), now=self._now)
        done = replace(
            outgoing,
            padded=padded,
            lists=self._lists_hash(state),
            gsh=state.hash,
            envelopes=[[b"", sent.wire]],
            attempts=outgoing.attempts + 1,
        )
        outbox.update(self._tx, done)
        entry = timeline.get(self._tx, self._me.account, outgoing.id)
        if entry is not None:
            counter = entry.counter if outgoing.padded else self._chat(group).counter
            timeline.update(self._tx, replace(entry, padded=padded, counter=counter), unsettled=False)
        return done

    def is_current(self, state: GroupState, outgoing: Outgoing) -> bool:
        """Whether what was encrypted is for the group chat and the devices of now."""
        return outgoing.gsh == state.hash and outgoing.lists == self._lists_hash(state)

    def _lists_hash(self, state: GroupState) -> dict[bytes, bytes]:
        return {state.group: group_message.lists_hash(self._lists(state))}

    def _lists(self, state: GroupState) -> list[DeviceList]:
        found = [self._lookup.newest_list(one.account) for one in state.roster]
        return [newest for newest in found if newest is not None]  # all of them: `missing` has looked

    def _seal_text(self, group: Group, outgoing: Outgoing) -> bytes:
        chat = self._chat(group)
        chat = replace(chat, counter=chat.counter + 1)
        timeline.save_chat(self._tx, chat)
        return self._seal(
            group,
            Text(outgoing.text, mentions=tuple(AccountId(one) for one in outgoing.mentions)),
            outgoing.id,
            chat.counter,
            sent=outgoing.sent,
        )

    def _seal(self, group: Group, body: Body, message: bytes, counter: int, *, sent: int | None = None) -> bytes:
        own = self._lookup.newest_list(AccountId(self._me.account))
        sealed = content.seal(
            content.Content(
                sent=self._now if sent is None else sent,
                message_id=MessageId(message),
                conversation=GroupId(ConversationId(group.id)),
                body=body,
                heads=content.Heads(own.hash if own is not None else bytes(32), None),
                counter=counter,
            ),
            self._entropy,
        )
        return bytes(sealed.to_bytes())

    def _chat(self, group: Group) -> ChatState:
        return timeline.chat(self._tx, group.id) or ChatState(group.id, b"", is_group=True)
