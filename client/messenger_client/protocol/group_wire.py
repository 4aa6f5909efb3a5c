"""The bytes of a group chat's message. Reads form only: no key is touched here.

PROTOCOL.md, Groups.
"""

from __future__ import annotations

from dataclasses import dataclass

from . import cbor, form
from .errors import Malformed, Unsupported
from .ids import AccountId, ChainId, ConversationId, DeviceId, GroupId
from .primitives import CSEAL_OVERHEAD, HASH_SIZE, SIGNATURE_SIZE

GROUP = 2  # outer type of a group chat's message


@dataclass(frozen=True, slots=True)
class GroupHeader:
    """hdr = CBOR[gid, epoch, account, device, chain id, n]."""

    group: GroupId
    epoch: int
    account: AccountId
    device: DeviceId
    chain: ChainId
    n: int

    def to_bytes(self) -> bytes:
        return cbor.dump([self.group, self.epoch, self.account, self.device, self.chain, self.n])

    @classmethod
    def from_bytes(cls, data: bytes) -> GroupHeader:
        group, epoch, account, device, chain, n = form.array(cbor.decode(data), 6)
        return cls(
            GroupId(ConversationId(form.identifier(group))),
            form.unsigned(epoch),
            AccountId(form.identifier(account)),
            DeviceId(form.identifier(device)),
            ChainId(form.identifier(chain)),
            form.unsigned(n),
        )


@dataclass(frozen=True, slots=True)
class GroupMessage:
    """CBOR[2, hdr bytes, body, sig, F]."""

    header: bytes
    body: bytes
    signature: bytes
    tag: bytes  # F

    def to_bytes(self) -> bytes:
        return cbor.dump([GROUP, self.header, self.body, self.signature, self.tag])

    @classmethod
    def from_bytes(cls, data: bytes) -> GroupMessage:
        """Read a group chat's message. Raises Malformed, Unsupported (another outer type)."""
        fields = form.array(cbor.decode(data))
        if not fields:
            raise Malformed("message")
        if form.unsigned(fields[0]) != GROUP:
            raise Unsupported("outer type")
        _, header, body, signature, tag = form.array(fields, 5)
        return cls(
            form.any_octets(header),
            form.any_octets(body, CSEAL_OVERHEAD),
            form.octets(signature, SIGNATURE_SIZE),
            form.octets(tag, HASH_SIZE),
        )


def signed_part(header: bytes, body: bytes, tag: bytes) -> bytes:
    """CBOR[hdr bytes, body, F]: what the chain's signing key signs."""
    return cbor.dump([header, body, tag])


@dataclass(frozen=True, slots=True)
class GroupPeek:
    """What a message says of itself before anything is checked: enough to ask for it, or to name it in a report."""

    header: GroupHeader
    tag: bytes  # F


def peek_group(wire: bytes) -> GroupPeek:
    """Read a message's outside. Raises Malformed, Unsupported."""
    message = GroupMessage.from_bytes(wire)
    return GroupPeek(GroupHeader.from_bytes(message.header), message.tag)
