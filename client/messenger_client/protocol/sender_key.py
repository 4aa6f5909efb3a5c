"""Sender keys: what a device announces of its chain in a group chat, and the chains of both sides.

PROTOCOL.md, Groups. A chain gives a key a message; it does not heal, so that its sender makes a new one often.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field, replace
from typing import ClassVar

from . import cbor, form
from .entropy import SYSTEM, Entropy
from .errors import Duplicate, Malformed, TooFar, Undecryptable
from .group_state import GroupState
from .ids import ID_SIZE, AccountId, ChainId, ConversationId, DeviceId, GroupId
from .limits import CHAIN_MESSAGES, CHAIN_PERIOD, CHAIN_RETENTION, MAX_JUMP, MAX_SKIPPED
from .primitives import HASH_SIZE, KEY_SIZE, SigningKey, hmac
from .ratchet_state import SkippedKey, is_stale
from .secret import Secret

Map = dict[int, cbor.Value]

_STATE_VERSION = 1
_MESSAGE_KEY, _NEXT_KEY = b"\x01", b"\x02"
_SKIPPED_ROW = 8 + KEY_SIZE + 8  # n, message key, time stored


@dataclass(frozen=True, slots=True)
class GroupKey:
    """What title and picture are sealed under."""

    version: int  # the index of the operation that brought it
    key: Secret


@dataclass(frozen=True, slots=True)
class SenderKey:
    """A chain from one of its iterations on: whoever has it reads from there."""

    kind: ClassVar[int] = 6
    group: GroupId
    epoch: int
    gsh: bytes  # the group as its sender knew it when it made the chain
    chain: ChainId
    n: int  # the iteration
    key: Secret  # CK
    signing_key: bytes
    group_key: GroupKey | None  # None: the sender has not got it yet itself

    def to_map(self) -> Map:
        fields: Map = {
            0: self.group,
            1: self.epoch,
            2: self.gsh,
            3: self.chain,
            4: self.n,
            5: bytes(self.key),
            6: self.signing_key,
        }
        if self.group_key is None:
            return fields
        return {**fields, 7: bytes(self.group_key.key), 8: self.group_key.version}

    @classmethod
    def from_map(cls, fields: Map) -> SenderKey:
        if (7 in fields) != (8 in fields):
            raise Malformed("half a group key")
        return cls(
            GroupId(ConversationId(form.identifier(fields.get(0)))),
            form.unsigned(fields.get(1)),
            form.octets(fields.get(2), HASH_SIZE),
            ChainId(form.identifier(fields.get(3))),
            form.unsigned(fields.get(4)),
            Secret(form.octets(fields.get(5), KEY_SIZE)),
            form.octets(fields.get(6), KEY_SIZE),
            GroupKey(form.unsigned(fields[8]), Secret(form.octets(fields[7], KEY_SIZE))) if 7 in fields else None,
        )


@dataclass(frozen=True, slots=True)
class Recipient:
    """A device that is to have this device's chain, or has got it: under new keys it is another one."""

    account: AccountId
    device: DeviceId
    signing_key: bytes  # DSK


@dataclass(frozen=True, slots=True)
class OwnChain:
    """This device's own chain in a group chat; it has one at a time."""

    group: GroupId
    epoch: int
    gsh: bytes
    id: ChainId
    n: int  # number of the next message
    key: Secret  # CK
    signing: SigningKey
    created: int  # ms

    @classmethod
    def begin(cls, state: GroupState, *, now: int, entropy: Entropy = SYSTEM) -> OwnChain:
        """Make a chain for the group as it is now. Announce it before the first message, to every device."""
        chain, key = ChainId(entropy.random(ID_SIZE)), Secret(entropy.random(KEY_SIZE))
        return cls(state.group, state.epoch, state.hash, chain, 0, key, SigningKey.generate(entropy), now)

    def is_due(self, state: GroupState, told: Set[Recipient], recipients: Set[Recipient], *, now: int) -> bool:
        """Tell whether the next message needs a new chain.

        `told`: who was ever told this one; `recipients`: who is to read what follows (`group_message.recipients`).
        After this device's own reset, too, a new one is due: the caller knows.
        """
        if self.epoch != state.epoch or not told <= recipients:
            return True
        return self.n >= CHAIN_MESSAGES or now - self.created >= CHAIN_PERIOD

    def announce(self, group_key: GroupKey | None) -> SenderKey:
        """What a device is told: from the next message on. A new member or device cannot read what was before."""
        return SenderKey(self.group, self.epoch, self.gsh, self.id, self.n, self.key, self.signing.public, group_key)

    def next(self) -> tuple[OwnChain, Secret]:
        """Return the chain after its next message, and that message's key."""
        moved = replace(self, n=self.n + 1, key=Secret(hmac(self.key, _NEXT_KEY)))
        return moved, Secret(hmac(self.key, _MESSAGE_KEY))

    def to_bytes(self) -> Secret:
        fields = [
            _STATE_VERSION,
            self.group,
            self.epoch,
            self.gsh,
            self.id,
            self.n,
            bytes(self.key),
            bytes(self.signing.seed),
            self.created,
        ]
        return Secret(cbor.dump(fields))

    @classmethod
    def from_bytes(cls, data: bytes) -> OwnChain:
        version, group, epoch, gsh, chain, n, key, seed, created = form.array(cbor.decode(bytes(data)), 9)
        form.unsigned(version, _STATE_VERSION, _STATE_VERSION)
        return cls(
            GroupId(ConversationId(form.identifier(group))),
            form.unsigned(epoch),
            form.octets(gsh, HASH_SIZE),
            ChainId(form.identifier(chain)),
            form.unsigned(n),
            Secret(form.octets(key, KEY_SIZE)),
            SigningKey.from_seed(form.octets(seed, KEY_SIZE)),
            form.unsigned(created),
        )


@dataclass(frozen=True, slots=True)
class AnnouncedChain:
    """Another device's chain, from the iteration on that it announced. Known by group, account, device and id."""

    group: GroupId
    account: AccountId
    device: DeviceId
    id: ChainId
    epoch: int
    gsh: bytes
    signing_key: bytes
    first: int  # the first iteration received
    received: int  # ms, when
    n: int  # number of the next message in order
    key: Secret  # CK
    skipped: dict[int, SkippedKey] = field(default_factory=dict, repr=False)  # oldest first, never mutated

    @classmethod
    def of(cls, announced: SenderKey, account: AccountId, device: DeviceId, *, now: int) -> AnnouncedChain:
        """Take a chain from a sender key that came over that device's session, once it has been judged."""
        return cls(
            announced.group,
            account,
            device,
            announced.chain,
            announced.epoch,
            announced.gsh,
            announced.signing_key,
            announced.n,
            now,
            announced.n,
            announced.key,
        )

    def take(self, n: int, *, now: int) -> tuple[AnnouncedChain, Secret]:
        """Return the chain after message n, and its key: keep the chain once the message has opened.

        Raises Undecryptable (before the first iteration received), Duplicate, TooFar.
        """
        stored = self.skipped.get(n)
        if stored is not None and not is_stale(stored, now):
            rest = {number: one for number, one in self.skipped.items() if number != n}
            return replace(self, skipped=rest), stored.key
        if n < self.first:
            raise Undecryptable("before the first iteration")
        if n < self.n:
            raise Duplicate
        if n - self.n > MAX_JUMP:
            raise TooFar
        skipped, key = dict(self.skipped) if n == self.n else self._fresh(now), self.key
        for number in range(self.n, n):
            skipped[number] = SkippedKey(Secret(hmac(key, _MESSAGE_KEY)), now)
            key = Secret(hmac(key, _NEXT_KEY))
        for oldest in list(skipped)[: max(0, len(skipped) - MAX_SKIPPED)]:
            del skipped[oldest]
        moved = replace(self, n=n + 1, key=Secret(hmac(key, _NEXT_KEY)), skipped=skipped)
        return moved, Secret(hmac(key, _MESSAGE_KEY))

    def tidy(self, *, now: int) -> AnnouncedChain | None:
        """Drop keys stored for more than 30 days, or the whole chain once nothing of it can come any more."""
        if now - self.received > CHAIN_RETENTION:
            return None
        return replace(self, skipped=self._fresh(now))

    def _fresh(self, now: int) -> dict[int, SkippedKey]:
        return {number: one for number, one in self.skipped.items() if not is_stale(one, now)}

    def to_bytes(self) -> Secret:
        rows = (n.to_bytes(8, "big") + one.key + one.stored.to_bytes(8, "big") for n, one in self.skipped.items())
        fields = [
            _STATE_VERSION,
            self.group,
            self.account,
            self.device,
            self.id,
            self.epoch,
            self.gsh,
            self.signing_key,
            self.first,
            self.received,
            self.n,
            bytes(self.key),
            b"".join(rows),
        ]
        return Secret(cbor.dump(fields))

    @classmethod
    def from_bytes(cls, data: bytes) -> AnnouncedChain:
        version, group, account, device, *rest = form.array(cbor.decode(bytes(data)), 13)
        chain, epoch, gsh, signing_key, first, received, n, key, rows = rest
        form.unsigned(version, _STATE_VERSION, _STATE_VERSION)
        return cls(
            GroupId(ConversationId(form.identifier(group))),
            AccountId(form.identifier(account)),
            DeviceId(form.identifier(device)),
            ChainId(form.identifier(chain)),
            form.unsigned(epoch),
            form.octets(gsh, HASH_SIZE),
            form.octets(signing_key, KEY_SIZE),
            form.unsigned(first),
            form.unsigned(received),
            form.unsigned(n),
            Secret(form.octets(key, KEY_SIZE)),
            _skipped(form.any_octets(rows)),
        )


def _skipped(rows: bytes) -> dict[int, SkippedKey]:
    if len(rows) % _SKIPPED_ROW:
        raise Malformed("skipped keys")
    skipped = {}
    for start in range(0, len(rows), _SKIPPED_ROW):
        row = rows[start : start + _SKIPPED_ROW]
        skipped[int.from_bytes(row[:8], "big")] = SkippedKey(Secret(row[8:40]), int.from_bytes(row[40:], "big"))
    return skipped
