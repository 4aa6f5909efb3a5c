"""Sender keys: what a device announces of its chain in a group chat, and its own chain.

PROTOCOL.md, Groups. A chain gives a key a message; it does not heal, so that its sender makes a new one often.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, replace
from typing import ClassVar

from . import cbor, form
from .entropy import SYSTEM, Entropy
from .errors import Malformed
from .group_state import GroupState
from .ids import ID_SIZE, AccountId, ChainId, ConversationId, DeviceId, GroupId
from .limits import CHAIN_MESSAGES, CHAIN_PERIOD
from .primitives import HASH_SIZE, KEY_SIZE, SigningKey, hmac
from .secret import Secret

Map = dict[int, cbor.Value]

_STATE_VERSION = 1


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
        return replace(self, n=self.n + 1, key=next_key(self.key)), message_key(self.key)

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


def message_key(chain_key: Secret) -> Secret:
    """HMAC(CK, 01)."""
    return Secret(hmac(chain_key, b"\x01"))


def next_key(chain_key: Secret) -> Secret:
    """HMAC(CK, 02): the next CK."""
    return Secret(hmac(chain_key, b"\x02"))
