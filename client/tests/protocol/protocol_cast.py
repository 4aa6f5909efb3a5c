"""The cast: devices with a store in memory, a repeatable source of randomness, a clock set by hand.

This folder is no package: two folders of the repository are called `tests`, and imports would meet.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from messenger_client.protocol import (
    body,
    cbor,
    content,
    device_list,
    entropy,
    ids,
    keys,
    limits,
    prekeys,
    primitives,
    session,
)
from messenger_client.protocol.secret import Secret

Some = TypeVar("Some")

NOW = 1_750_000_000_000


class Dice(entropy.SystemEntropy):
    """Random bytes that come again with the same seed. Encapsulation stays the library's own."""

    def __init__(self, seed: str) -> None:
        self.seed = seed.encode()
        self.count = 0

    def random(self, size: int) -> bytes:
        self.count += 1
        return hashlib.shake_256(self.seed + self.count.to_bytes(8, "big")).digest(size)


def items(data: bytes) -> list[Any]:
    """Decode an array, to be changed."""
    value = cbor.decode(data)
    assert isinstance(value, list)
    return value


def entries(data: bytes) -> dict[int, Any]:
    """Decode a map, to be changed."""
    value = cbor.decode(data)
    assert isinstance(value, dict)
    return value


def changed(value: Some, fields: dict[str, Any]) -> Some:
    """A frozen value with other fields, whose names a test may compute."""
    other: Some = replace(value, **fields)  # type: ignore[type-var]  # a dataclass
    return other


def an_id(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()[:16]


@dataclass
class Account:
    """An account with its AK and the chain of its lists."""

    name: str
    key: primitives.SigningKey
    lists: list[device_list.DeviceList] = field(default_factory=list)

    @property
    def id(self) -> ids.AccountId:
        return ids.AccountId(an_id(self.name))

    @property
    def newest(self) -> device_list.DeviceList:
        return self.lists[-1]

    def publish(self, *devices: keys.OwnDevice, now: int = NOW) -> device_list.DeviceList:
        previous = self.lists[-1] if self.lists else None
        entries = [device_list.listed(one, added=now) for one in devices]
        signed = device_list.sign_list(self.key, self.id, entries, previous=previous, now=now)
        self.lists.append(signed)
        return signed


class Phone:
    """A device with everything that a client stores, and no network. It is the Lookup of its own store."""

    def __init__(self, account: Account, name: str) -> None:
        self.account = account
        self.dice = Dice(name)
        device = ids.DeviceId(an_id(name))
        self.own = keys.OwnDevice.generate(account.id, device, account.key.public, self.dice)
        self.privates: dict[tuple[str, int], prekeys.PrivatePrekey] = {}
        self.published: dict[str, list[prekeys.SignedPrekey]] = {"spk": [], "klr": [], "opk": [], "okpk": []}
        self.psks: dict[bytes, Secret] = {}
        self.seen_eks: dict[bytes, int] = {}
        self.known_lists: dict[ids.AccountId, list[device_list.DeviceList]] = {}
        self.pairs: dict[ids.DeviceId, session.Pair] = {}
        self.now = NOW
        self.counter = 0
        self.make_prekeys()

    # Lookup

    def private_prekey(self, label: str, key_id: int) -> prekeys.PrivatePrekey | None:
        return self.privates.get((label, key_id))

    def psk(self, psk_id: bytes) -> Secret | None:
        return self.psks.get(psk_id)

    def has_seen_ek(self, ek_hash: bytes) -> bool:
        return ek_hash in self.seen_eks

    def list_named(self, account: ids.AccountId, list_hash: bytes) -> device_list.DeviceList | None:
        return next((one for one in self.known_lists.get(account, []) if one.hash == list_hash), None)

    def newest_list(self, account: ids.AccountId) -> device_list.DeviceList | None:
        known = self.known_lists.get(account, [])
        return known[-1] if known else None

    # What a client does

    def make_prekeys(self, *, one_time: int = 2) -> None:
        for label, count in ((prekeys.SPK, 1), (prekeys.KLR, 1), (prekeys.OPK, one_time), (prekeys.OKPK, one_time)):
            first = 1 + max([key_id for held, key_id in self.privates if held == label], default=0)
            for made in prekeys.generate_prekeys(
                self.own, label, first_id=first, count=count, now=self.now, entropy=self.dice
            ):
                self.privates[label, made.private.key_id] = made.private
                self.published[label].append(made.signed)

    def learn(self, account: Account) -> None:
        self.known_lists[account.id] = list(account.lists)

    def bundle(self, *, opk: bool = True, one_time_kem: bool = True) -> prekeys.Bundle:
        """What the server would hand out next."""
        kem_label = prekeys.OKPK if one_time_kem else prekeys.KLR
        return prekeys.Bundle(
            self.own.account,
            self.own.device,
            self.published["spk"][-1],
            self.published["opk"].pop(0) if opk else None,
            kem_label,
            self.published[kem_label].pop(0) if one_time_kem else self.published["klr"][-1],
        )

    def verified(self, peer: Phone, **bundle: bool) -> prekeys.VerifiedBundle:
        newest = self.newest_list(peer.own.account)
        assert newest is not None
        return prekeys.verify_bundle(
            peer.bundle(**bundle), newest, peer.own.device, prekeys.SeenPrekeys(), now=self.now
        )

    def pair(self, peer: Phone) -> session.Pair:
        return self.pairs.get(peer.own.device, session.Pair(peer.own.account, peer.own.device))

    def start(self, peer: Phone, *, psk: Secret | None = None, **bundle: bool) -> session.Session:
        started = session.start_session(
            self.own, self.account.newest, self.verified(peer, **bundle), now=self.now, psk=psk, entropy=self.dice
        )
        self.pairs[peer.own.device], _ = self.pair(peer).add(started)
        return started

    def text(self, words: str, peer: Account) -> content.Content:
        self.counter += 1
        return content.Content(
            self.now,
            ids.MessageId(self.dice.random(16)),
            content.private_conversation(self.account.id, peer.id),
            body.Text(words),
            content.Heads(self.account.newest.hash, peer.newest.hash),
            self.counter,
        )

    def seal(self, words: str, peer: Account) -> content.Sealed:
        return content.seal(self.text(words, peer), self.dice)

    def send(self, peer: Phone, words: str) -> bytes:
        return self.send_sealed(peer, self.seal(words, peer.account))

    def send_sealed(self, peer: Phone, sealed: content.Sealed, *, on: ids.SessionId | None = None) -> bytes:
        sent = session.encrypt(self.pair(peer), sealed, now=self.now, session_id=on, entropy=self.dice)
        self.pairs[peer.own.device] = sent.pair
        return sent.wire

    def receive(
        self, peer: Phone, wire: bytes, *, chat_with: Account | None = None, message_id: bytes | None = None
    ) -> session.Received:
        envelope = session.Envelope(
            peer.own.account,
            peer.own.device,
            wire,
            None if message_id is None else ids.MessageId(message_id),
            chat_with.id if chat_with else None,
        )
        received = session.receive(self.own, self.pair(peer), envelope, self, now=self.now, entropy=self.dice)
        # What a store does in one transaction.
        self.pairs[peer.own.device] = received.pair
        for label, key_id in received.delete_prekeys:
            del self.privates[label, key_id]
        if received.used_psk is not None:
            del self.psks[received.used_psk]
        if received.remember_ek is not None:
            self.seen_eks[received.remember_ek.ek_hash] = received.remember_ek.spk_id
        return received

    def read(self, peer: Phone, wire: bytes) -> str:
        received = self.receive(peer, wire)
        assert received.failure is None
        assert received.content is not None
        assert isinstance(received.content.body, body.Text)
        return received.content.body.text

    def restart(self) -> None:
        """Forget everything that is not in the store's bytes."""
        self.own = keys.OwnDevice.from_bytes(self.own.to_bytes())
        self.pairs = {device: session.Pair.from_bytes(pair.to_bytes()) for device, pair in self.pairs.items()}
        self.privates = {
            place: prekeys.PrivatePrekey.from_bytes(one.to_bytes()) for place, one in self.privates.items()
        }
        self.known_lists = {
            account: [device_list.open_list(one.signed) for one in lists] for account, lists in self.known_lists.items()
        }

    def snapshot(self) -> Callable[[], None]:
        """Take a copy of the pairs; call the result to go back to it."""
        pairs = dict(self.pairs)

        def restore() -> None:
            self.pairs = dict(pairs)

        return restore


@dataclass
class Cast:
    """alice has two devices, bob has one, charlie stands outside."""

    alice: Phone
    tablet: Phone
    bob: Phone
    charlie: Phone

    def wait(self, milliseconds: int = limits.MINUTE) -> None:
        for phone in (self.alice, self.tablet, self.bob, self.charlie):
            phone.now += milliseconds


def make_cast(seed: str = "") -> Cast:
    def account(name: str) -> Account:
        return Account(name, keys.generate_account_key(Dice(seed + name)))

    alice, bob, charlie = account("alice"), account("bob"), account("charlie")
    cast = Cast(
        Phone(alice, seed + "alice's phone"),
        Phone(alice, seed + "alice's tablet"),
        Phone(bob, seed + "bob's phone"),
        Phone(charlie, seed + "charlie's phone"),
    )
    alice.publish(cast.alice.own, cast.tablet.own)
    bob.publish(cast.bob.own)
    charlie.publish(cast.charlie.own)
    for phone in (cast.alice, cast.tablet, cast.bob, cast.charlie):
        for one in (alice, bob, charlie):
            phone.learn(one)
    return cast
