"""The cast in a group chat: each device with what it keeps of the group, and no network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from protocol_cast import Account, Cast, Dice, Phone, an_id

from messenger_client.protocol import (
    body,
    content,
    device_list,
    errors,
    group_chain,
    group_message,
    ids,
    keys,
    sender_key,
)
from messenger_client.protocol.announced_chain import AnnouncedChain
from messenger_client.protocol.group_args import ADMIN, MEMBER, OWNER, Args, Create, Member
from messenger_client.protocol.group_meta import Meta, generate_group_key, seal_meta
from messenger_client.protocol.group_operation import sign_operation
from messenger_client.protocol.group_state import GroupState
from messenger_client.protocol.sender_key import GroupKey, OwnChain

GID = ids.GroupId(ids.ConversationId(an_id("a group chat")))


@dataclass
class Device:
    """A phone with its part of one group chat. It is the Lookup of its own store."""

    phone: Phone
    operations: list[bytes] = field(default_factory=list)
    state: GroupState | None = None
    key: GroupKey | None = None
    own_chain: OwnChain | None = None
    told: set[sender_key.Recipient] = field(default_factory=set)
    held: dict[bytes, list[AnnouncedChain]] = field(default_factory=dict)
    counter: int = 0

    # Lookup

    def newest_group(self, group: ids.GroupId) -> GroupState | None:
        return self.state if self.state is not None and self.state.group == group else None

    def group_at(self, group: ids.GroupId, gsh: bytes) -> GroupState | None:
        for count in range(1, len(self.operations) + 1):
            state = group_chain.rebuild(self.operations[:count])
            if (state.group, state.hash) == (group, gsh):
                return state
        return None

    def list_named(self, account: ids.AccountId, list_hash: bytes) -> device_list.DeviceList | None:
        return self.phone.list_named(account, list_hash)

    def newest_list(self, account: ids.AccountId) -> device_list.DeviceList | None:
        return self.phone.newest_list(account)

    def chains(self, group: ids.GroupId, account: ids.AccountId, device: ids.DeviceId) -> list[AnnouncedChain]:
        return [one for one in self.held.get(device, []) if (one.group, one.account) == (group, account)]

    # What a client does

    @property
    def own(self) -> ids.AccountId:
        return self.phone.own.account

    @property
    def group(self) -> GroupState:
        assert self.state is not None
        return self.state

    def follow(self, *signed: bytes) -> None:
        self.state = group_chain.follow(GID, self.state, signed, self.phone)
        self.operations += signed

    def propose(self, args: Args) -> bytes:
        newest = self.phone.account.newest
        proposed = group_chain.propose(self.phone.own, newest, self.group, args, now=self.phone.now)
        return proposed.operation.signed

    def chain(self, *, anew: bool = False) -> OwnChain:
        if anew or self.own_chain is None or self.is_due():
            self.told = set()
            self.own_chain = OwnChain.begin(self.group, now=self.phone.now, entropy=self.phone.dice)
        return self.own_chain

    def is_due(self) -> bool:
        assert self.own_chain is not None
        recipients = group_message.recipients(self.group, self.phone.own, self)
        return self.own_chain.is_due(self.group, self.told, recipients, now=self.phone.now)

    def announcement(self, announced: sender_key.SenderKey | None = None) -> content.Content:
        return content.Content(
            self.phone.now,
            ids.MessageId(self.phone.dice.random(16)),
            GID,
            announced or self.chain().announce(self.key),
            content.Heads(self.phone.account.newest.hash, None),
            0,
        )

    def tell(self, receiver: Device) -> None:
        """Note who was told, as a client does."""
        own = receiver.phone.own
        self.told.add(sender_key.Recipient(own.account, own.device, own.signing.public))

    def hear(self, sender: Device, announced: content.Content) -> None:
        """Take what came over the session with a device."""
        accepted = group_message.accept_sender_key(
            announced, sender.own, sender.phone.own.device, self, now=self.phone.now
        )
        held = [one for one in self.chains(GID, sender.own, sender.phone.own.device) if one.id not in accepted.dropped]
        self.held[sender.phone.own.device] = [one for one in held if one.id != accepted.chain.id] + [accepted.chain]
        assert isinstance(announced.body, sender_key.SenderKey)
        self.key = announced.body.group_key or self.key

    def text(self, words: str) -> content.Content:
        self.counter += 1
        return content.Content(
            self.phone.now,
            ids.MessageId(self.phone.dice.random(16)),
            GID,
            body.Text(words),
            content.Heads(self.phone.account.newest.hash, None),
            self.counter,
        )

    def send(self, words: str, one: content.Content | None = None) -> bytes:
        sealed = content.seal(one or self.text(words), self.phone.dice)
        sent = group_message.encrypt(self.chain(), self.phone.own, sealed, entropy=self.phone.dice)
        self.own_chain = sent.chain
        return sent.wire

    def receive(self, sender: Device, wire: bytes) -> group_message.GroupReceived:
        envelope = group_message.GroupEnvelope(GID, sender.own, sender.phone.own.device, wire)
        received = group_message.receive(envelope, self, now=self.phone.now)
        others = [one for one in self.held[sender.phone.own.device] if one.id != received.chain.id]
        self.held[sender.phone.own.device] = [*others, received.chain]
        return received

    def read(self, sender: Device, wire: bytes) -> str:
        received = self.receive(sender, wire)
        assert received.failure is None
        assert received.content is not None
        assert isinstance(received.content.body, body.Text)
        return received.content.body.text

    def restart(self) -> None:
        """Forget everything that is not in the store's bytes."""
        self.state = self.state and GroupState.from_bytes(self.state.to_bytes())
        self.own_chain = self.own_chain and OwnChain.from_bytes(self.own_chain.to_bytes())
        self.held = {
            device: [AnnouncedChain.from_bytes(one.to_bytes()) for one in held] for device, held in self.held.items()
        }


def create(owner: Device, members: list[Member], *, members_may_add: bool = False) -> bytes:
    """The first operation; its author holds the group key."""
    owner.key = generate_group_key(None, owner.phone.dice)
    meta = seal_meta(Meta("Friends"), GID, owner.key, owner.phone.dice)
    args = Create.of(members, meta, members_may_add=members_may_add)
    proposed = group_chain.create(owner.phone.own, owner.phone.account.newest, GID, args, now=owner.phone.now)
    return proposed.operation.signed


def sealed_anew(author: Device, title: str = "Friends") -> bytes:
    """A meta under a new group key, for a remove or a rekey; its author holds the key."""
    author.key = generate_group_key(author.group, author.phone.dice)
    return seal_meta(Meta(title), GID, author.key, author.phone.dice)


class Room:
    """alice owns the group chat, bob is an admin, dora a member; charlie is outside."""

    def __init__(self, cast: Cast, *, members_may_add: bool = False) -> None:
        doras = Account("dora", keys.generate_account_key(Dice("dora")))
        dora = Phone(doras, "dora's phone")
        doras.publish(dora.own)
        self.accounts = (cast.alice.account, cast.bob.account, cast.charlie.account, doras)
        self.alice, self.tablet, self.bob, self.charlie, self.dora = (
            Device(one) for one in (cast.alice, cast.tablet, cast.bob, cast.charlie, dora)
        )
        self.everybody = (self.alice, self.tablet, self.bob, self.charlie, self.dora)
        self.learn()
        rows = [Member(self.alice.own, OWNER), Member(self.bob.own, ADMIN), Member(self.dora.own, MEMBER)]
        self.publish(create(self.alice, rows, members_may_add=members_may_add))

    def learn(self) -> None:
        """Everybody knows everybody's lists."""
        for one in self.everybody:
            for account in self.accounts:
                one.phone.learn(account)

    @property
    def state(self) -> GroupState:
        return self.alice.group

    def publish(self, signed: bytes) -> None:
        for one in self.everybody:
            one.follow(signed)

    def do(self, author: Device, args: Args) -> GroupState:
        self.publish(author.propose(args))
        return self.state

    def refuses(self, author: Device, args: Args, failure: type[errors.ProtocolError] = errors.Malformed) -> None:
        """Nobody takes it, and its author's own client does not even sign it."""
        with pytest.raises(failure):
            author.propose(args)
        before = self.state
        own, state = author.phone.own, self.state
        newest = author.phone.account.newest.hash
        forced = sign_operation(own, newest, GID, state.index + 1, state.hash, args, time=author.phone.now)
        for one in self.everybody:
            with pytest.raises(failure):
                one.follow(forced.signed)
            assert one.state == before


def announce(sender: Device, *receivers: Device) -> content.Content:
    made = sender.announcement()
    for one in receivers:
        sender.tell(one)
        one.hear(sender, made)
    return made


def refused(
    receiver: Device, sender: Device, wire: bytes, failure: type[errors.ProtocolError] | tuple[Any, ...]
) -> None:
    before = {device: list(held) for device, held in receiver.held.items()}
    with pytest.raises(failure):
        receiver.receive(sender, wire)
    assert receiver.held == before
