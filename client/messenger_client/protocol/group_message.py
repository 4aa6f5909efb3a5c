"""Messages of a group chat under sender keys, and the sender keys that announce them.

PROTOCOL.md, Groups. Nothing here stores anything, and an error changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from . import cbor
from .announced_chain import AnnouncedChain
from .body import Retry
from .content import Content, Sealed, check_group_place, read_padded
from .device_list import DeviceList
from .entropy import SYSTEM, Entropy
from .errors import Malformed, NotListed, ProtocolError, UnknownSession
from .franking import check_frank
from .group_meta import check_group_key
from .group_state import GroupState
from .group_wire import GroupHeader, GroupMessage, signed_part
from .ids import AccountId, ChainId, DeviceId, GroupId, MessageId, SessionId
from .keys import OwnDevice
from .limits import MAX_CHAINS, MAX_GROUP_DEVICES
from .primitives import KEY_SIZE, copen, cseal, sha256, verify
from .secret import Secret
from .sender_key import OwnChain, Recipient, SenderKey

NO_RATCHET_KEY = bytes(KEY_SIZE)  # the `dh` of a `retry` for a group chat's message; no session has that key

_DOMAIN = "msgr/1/sk"
_LABEL = "sk"
_SIGNATURE_LABEL = "skmsg"


class Lookup(Protocol):
    """What is read from the store. Nothing is written through it."""

    def newest_group(self, group: GroupId) -> GroupState | None:
        """Return a group chat as it is now, or None."""
        ...

    def group_at(self, group: GroupId, gsh: bytes) -> GroupState | None:
        """Return a group chat as it was (the newest one, or `group_chain.rebuild`), or None."""
        ...

    def list_named(self, account: AccountId, list_hash: bytes) -> DeviceList | None:
        """Return an accepted list of an account by its hash, or None."""
        ...

    def newest_list(self, account: AccountId) -> DeviceList | None:
        """Return the newest accepted list of an account, or None."""
        ...

    def chains(self, group: GroupId, account: AccountId, device: DeviceId) -> Sequence[AnnouncedChain]:
        """Return the chains of a device in a group chat, in any order."""
        ...


@dataclass(frozen=True, slots=True)
class GroupEnvelope:
    """A message as the server hands it over: the server's word until `receive` has checked it."""

    group: GroupId
    sender: AccountId
    sender_device: DeviceId
    wire: bytes
    message_id: MessageId | None = None  # the client message id the server knows it by


@dataclass(frozen=True, slots=True)
class GroupSent:
    """Store `chain` and `wire` (the outbox) in one transaction, then send the same bytes to everybody.

    `name` is the `retry` that would ask for the message: keep it in the send log.
    """

    chain: OwnChain
    wire: bytes
    name: Retry


@dataclass(frozen=True, slots=True)
class GroupReceived:
    """A message that decrypted. Store `chain` and the content in one transaction, then acknowledge.

    `failure` is Malformed, Unsupported or BadFranking when the message opened but must not be shown.
    """

    chain: AnnouncedChain
    content: Content | None  # None exactly when there is a failure
    failure: ProtocolError | None
    sealed: Sealed


@dataclass(frozen=True, slots=True)
class AcceptedChain:
    """Store `chain`, drop the chains of `dropped`, and keep the announced group key, checked, by version."""

    chain: AnnouncedChain
    dropped: tuple[ChainId, ...]


def recipients(state: GroupState, own: OwnDevice, lookup: Lookup) -> frozenset[Recipient]:
    """Return who is to have this device's chain: every listed device of every member but this one.

    At most 500 devices read a group chat: those that were added to their lists last are left out.
    """
    devices = [
        (listed.added, member.account, listed.device, listed.signing_key)
        for member in state.roster
        if (newest := lookup.newest_list(member.account)) is not None
        for listed in newest.devices
    ]
    kept = sorted(devices)[:MAX_GROUP_DEVICES]
    return frozenset(
        Recipient(account, device, signing_key)
        for _, account, device, signing_key in kept
        if (account, device) != (own.account, own.device)
    )


def lists_hash(lists: Iterable[DeviceList]) -> bytes:
    """H(CBOR[[account, list hash] by account]): whom a send was meant for, its own account included."""
    rows = sorted((one.account, one.hash) for one in lists)
    return sha256(cbor.encode([list(row) for row in rows]))


def encrypt(chain: OwnChain, own: OwnDevice, sealed: Sealed, *, entropy: Entropy = SYSTEM) -> GroupSent:
    """Encrypt one sealed content for everybody who has the chain."""
    header = GroupHeader(chain.group, chain.epoch, own.account, own.device, chain.id, chain.n)
    header_bytes = header.to_bytes()
    moved, key = chain.next()
    body = cseal(key, _LABEL, _associated(header_bytes, chain.gsh, sealed.tag), sealed.padded, entropy)
    signature = chain.signing.sign(_SIGNATURE_LABEL, signed_part(header_bytes, body, sealed.tag))
    wire = GroupMessage(header_bytes, body, signature, sealed.tag).to_bytes()
    return GroupSent(moved, wire, named(header))


def named(header: GroupHeader) -> Retry:
    """The `retry` that asks a message's sender for it again, also when its chain is not known here."""
    return Retry(SessionId(header.chain), NO_RATCHET_KEY, header.n)


def accept_sender_key(
    content: Content, sender: AccountId, device: DeviceId, lookup: Lookup, *, now: int
) -> AcceptedChain:
    """Judge a sender key that came over the session with that device; its content's body is a SenderKey.

    A chain that is held already stays as it is. Raises NotListed (not listed or no member, then or now; or the
    group's operations or the lists are not known here up to there: fetch them, and call again); Malformed;
    BadKey (the group key is not the group's): nothing of it is taken.
    """
    announced = content.body
    if not isinstance(announced, SenderKey):
        raise ValueError("no sender key")  # the caller's mistake
    then = lookup.group_at(announced.group, announced.gsh)
    if then is None or then.role(sender) is None:
        raise NotListed("no member then")
    _check_member(announced.group, sender, device, lookup)
    _check_listed_then(content, sender, device, lookup)
    if announced.epoch != then.epoch:
        raise Malformed("another epoch")
    if announced.group_key is not None:
        check_group_key(then, announced.group_key)
    held = list(lookup.chains(announced.group, sender, device))
    known = next((one for one in held if one.id == announced.chain), None)
    if known is not None:
        if not known.is_of(announced):
            raise Malformed("another chain of that id")
        return AcceptedChain(known, ())
    # The oldest go, never the new one.
    held.sort(key=lambda one: (one.received, one.id), reverse=True)
    made = AnnouncedChain.of(announced, sender, device, now=now)
    return AcceptedChain(made, tuple(one.id for one in held[MAX_CHAINS - 1 :]))


def receive(envelope: GroupEnvelope, lookup: Lookup, *, now: int) -> GroupReceived:
    """Decrypt one message of a group chat. Checks stand in PROTOCOL.md's order.

    Raises Malformed, Unsupported; UnknownSession (no such chain of that device: ask for it with a `retry`);
    NotListed (its sender is no member, or its device not listed, now); BadSignature; Undecryptable; Duplicate;
    TooFar. What fails after the message has opened is returned as `GroupReceived.failure`.
    """
    message = GroupMessage.from_bytes(envelope.wire)
    header = GroupHeader.from_bytes(message.header)
    if (header.group, header.account, header.device) != (envelope.group, envelope.sender, envelope.sender_device):
        raise Malformed("another group or sender than the server named")
    chain = _chain(header, lookup)
    _check_member(header.group, header.account, header.device, lookup)
    signed = signed_part(message.header, message.body, message.tag)
    verify(chain.signing_key, _SIGNATURE_LABEL, signed, message.signature)
    moved, key = chain.take(header.n, now=now)
    padded = copen(key, _LABEL, _associated(message.header, chain.gsh, message.tag), message.body)
    content, failure = _read(padded, message.tag, envelope)
    return GroupReceived(moved, content, failure, Sealed(Secret(padded), message.tag))


def _chain(header: GroupHeader, lookup: Lookup) -> AnnouncedChain:
    # By account and device, too: a member must not pass another's chain off as his own.
    held = lookup.chains(header.group, header.account, header.device)
    chain = next((one for one in held if one.id == header.chain), None)
    if chain is None:
        raise UnknownSession("no such chain")
    if header.epoch != chain.epoch:
        raise Malformed("another epoch")
    return chain


def _check_member(group: GroupId, account: AccountId, device: DeviceId, lookup: Lookup) -> None:
    state, newest = lookup.newest_group(group), lookup.newest_list(account)
    if state is None or state.role(account) is None:
        raise NotListed("no member")
    if newest is None or newest.find(device) is None:
        raise NotListed("device")


def _check_listed_then(content: Content, account: AccountId, device: DeviceId, lookup: Lookup) -> None:
    """The device must be, under the same keys, in the list that its content names as its account's newest."""
    listing, newest = lookup.list_named(account, content.heads.own), lookup.newest_list(account)
    then = None if listing is None else listing.find(device)
    now = None if newest is None else newest.find(device)
    if listing is None or newest is None or then is None or now is None:
        raise NotListed("device, then")
    if (then.keys, listing.account_key) != (now.keys, newest.account_key):
        raise NotListed("device, then")


def _read(padded: bytes, tag: bytes, envelope: GroupEnvelope) -> tuple[Content | None, ProtocolError | None]:
    try:
        check_frank(padded, tag)
        content = read_padded(padded)
        check_group_place(content, group=envelope.group, message_id=envelope.message_id)
    except ProtocolError as failure:
        # Made anew: a traceback would keep the plaintext alive in its frames.
        return None, type(failure)(failure.detail)
    return content, None


def _associated(header: bytes, gsh: bytes, tag: bytes) -> bytes:
    """CBOR["msgr/1/sk", hdr bytes, gsh, F]."""
    return cbor.dump([_DOMAIN, header, gsh, tag])
