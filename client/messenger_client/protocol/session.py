"""Sessions started, and messages sent and received on them.

Nothing here stores anything: `encrypt` and `receive` return the new pair and what else the store must do,
all of it in one transaction. An error changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from . import ratchet
from .content import Content, Sealed, check_place, read_padded
from .device_list import DeviceList
from .entropy import SYSTEM, Entropy
from .errors import (
    Malformed,
    NotListed,
    ProtocolError,
    Replayed,
    Undecryptable,
    UnknownPrekey,
    UnknownSession,
)
from .franking import check_frank
from .ids import AccountId, DeviceId, GroupId, MessageId, SessionId
from .keys import OwnDevice
from .pair import Pair as Pair
from .pair import Session as Session
from .pair import is_abandoned
from .pqxdh import Party, initiate, respond
from .prekeys import ONE_TIME, OPK, SPK, PrekeyLabel, PrivatePrekey, VerifiedBundle
from .primitives import DhKey, sha256
from .secret import Secret
from .wire import Header, Init, Message


class Lookup(Protocol):
    """What `receive` reads from the store. Nothing is written through it."""

    def private_prekey(self, label: PrekeyLabel, key_id: int) -> PrivatePrekey | None:
        """Return the private half of an own prekey, or None once it is deleted."""
        ...

    def psk(self, psk_id: bytes) -> Secret | None:
        """Return the pre-shared key of that id (`psk_id(s)`): linking or invitation."""
        ...

    def has_seen_ek(self, ek_hash: bytes) -> bool:
        """Tell whether a first message with this H(EK) was accepted before."""
        ...

    def list_named(self, account: AccountId, list_hash: bytes) -> DeviceList | None:
        """Return an accepted list of an account by its hash, or None."""
        ...

    def newest_list(self, account: AccountId) -> DeviceList | None:
        """Return the newest accepted list of an account, or None."""
        ...


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message as the server hands it over: the server's word until `receive` has checked it."""

    sender: AccountId
    sender_device: DeviceId
    wire: bytes
    message_id: MessageId | None = None  # the client message id the server knows it by
    chat_with: AccountId | None = None  # for a copy from one of our own devices: the chat's other account
    group: GroupId | None = None  # for a message out of a group chat that was asked for again: the line it repairs


@dataclass(frozen=True, slots=True)
class RememberedEk:
    """H(EK) of an accepted first message; keep it until the signed prekey `spk_id` is deleted."""

    ek_hash: bytes
    spk_id: int


@dataclass(frozen=True, slots=True)
class Sent:
    """Store `pair` and `wire` (the outbox) in one transaction, then send.

    A `retry` names the message by the session's id, `dh` and `n`: keep them in the send log.
    """

    pair: Pair
    session: Session  # the one that was used, as changed
    wire: bytes
    dh: bytes
    n: int
    dropped: tuple[SessionId, ...]


@dataclass(frozen=True, slots=True)
class Received:
    """A message that decrypted. Store all of this in one transaction, then acknowledge.

    `failure` is Malformed, Unsupported or BadFranking when the message opened but must not be shown: the
    state moves on all the same, or the message key would stay usable.
    """

    pair: Pair
    session: Session  # the one that was used, as changed
    content: Content | None  # None exactly when there is a failure
    failure: ProtocolError | None
    sealed: Sealed  # padded content with fk, and F: keep them where the message can be reported
    is_new_session: bool
    delete_prekeys: tuple[tuple[PrekeyLabel, int], ...]  # one-time private halves to delete
    used_psk: bytes | None  # id of the pre-shared key used; a linking one is deleted
    remember_ek: RememberedEk | None
    dropped: tuple[SessionId, ...]


def start_session(
    own: OwnDevice,
    own_list: DeviceList,
    bundle: VerifiedBundle,
    *,
    now: int,
    psk: Secret | None = None,
    entropy: Entropy = SYSTEM,
) -> Session:
    """Start a session from a verified bundle; `Pair.add` it, and `encrypt`. Raises BadKey, NotListed.

    NotListed: `own_list` does not show this device under its keys, so nobody would accept the session.
    """
    entry = own_list.find(own.device)
    mine = Party.of_own(own)
    if entry is None or Party.of_listed(own_list.account, own_list.account_key, entry) != mine:
        raise NotListed("this device")
    agreement, init = initiate(own, own_list.hash, bundle, psk, entropy)
    started = ratchet.start(agreement.transcript, agreement.secret, bundle.spk, now=now, entropy=entropy)
    return Session(agreement.session_id, now, None, init.to_bytes(), started)


def encrypt(
    pair: Pair,
    sealed: Sealed,
    *,
    now: int,
    session_id: SessionId | None = None,
    entropy: Entropy = SYSTEM,
) -> Sent:
    """Encrypt one sealed content for one device: on the session that decrypted last, or a named one.

    Raises UnknownSession when there is no session (any more): claim a bundle and start one.
    """
    dropped: tuple[SessionId, ...] = ()
    if any(is_abandoned(one, now) for one in pair.sessions):
        pair, dropped = pair.tidy(now=now)
    session = next(iter(pair.sessions), None) if session_id is None else pair.find(session_id)
    if session is None:
        raise UnknownSession
    state, header, header_bytes, body = ratchet.encrypt(session.ratchet, sealed.padded, sealed.tag, entropy=entropy)
    wire = Message(session.id, header_bytes, body, sealed.tag, session.init).to_bytes()
    moved = replace(session, ratchet=state)
    return Sent(_with(pair, moved), moved, wire, header.dh, header.n, dropped)


def receive(
    own: OwnDevice,
    pair: Pair,
    envelope: Envelope,
    lookup: Lookup,
    *,
    now: int,
    entropy: Entropy = SYSTEM,
) -> Received:
    """Decrypt one message of the device that `pair` and `envelope` name. Checks stand in PROTOCOL.md's order.

    Raises any failure; nothing changes then. NotListed may mean that lists are missing here: fetch them
    (`peek(wire)` names the hash), accept them, and call again. What fails after the message has opened is
    returned as `Received.failure`.
    """
    if (envelope.sender, envelope.sender_device) != (pair.account, pair.device):
        raise ValueError("the pair is another device's")  # the caller's mistake, not the sender's
    message = Message.from_bytes(envelope.wire)
    header = Header.from_bytes(message.header)
    session = pair.find(message.session_id)
    new = None
    if session is None:
        new = _answer(own, pair, message, lookup, now)
        session = new.session
    state, padded = ratchet.decrypt(
        session.ratchet, header, message.header, message.body, message.tag, now=now, entropy=entropy
    )
    session = replace(session, ratchet=state, decrypted=_latest(pair, message.session_id, now), init=None)
    moved, dropped = pair.add(session)
    content, failure = _read(padded, message.tag, own, envelope)
    return Received(
        pair=moved,
        session=session,
        content=content,
        failure=failure,
        sealed=Sealed(Secret(padded), message.tag),
        is_new_session=new is not None,
        delete_prekeys=new.one_time if new else (),
        used_psk=new.init.psk_id if new else None,
        remember_ek=RememberedEk(sha256(new.init.ek), new.init.spk_id) if new else None,
        dropped=dropped,
    )


@dataclass(frozen=True, slots=True)
class _New:
    session: Session
    init: Init
    one_time: tuple[tuple[PrekeyLabel, int], ...]


def _answer(own: OwnDevice, pair: Pair, message: Message, lookup: Lookup, now: int) -> _New:
    """B's side of a first message: PROTOCOL.md, Session set-up, checks in its order."""
    if message.init is None:
        raise UnknownSession
    init = Init.from_bytes(message.init)
    if (init.account, init.device) != (pair.account, pair.device):
        raise Malformed("another sender than the server named")
    if lookup.has_seen_ek(sha256(init.ek)):
        raise Replayed
    peer = _listed_sender(init, lookup)
    spk = _private(lookup, SPK, init.spk_id)
    opk = None if init.opk_id is None else _private(lookup, OPK, init.opk_id)
    kem_key = _private(lookup, init.kem_label, init.kem_id)
    psk = None
    if init.psk_id is not None:
        psk = lookup.psk(init.psk_id)
        if psk is None:
            raise UnknownPrekey("psk")
    agreement = respond(own, peer, init, spk, opk, kem_key, psk)
    if agreement.session_id != message.session_id:
        raise Undecryptable("another session id")
    state = ratchet.answer(agreement.transcript, agreement.secret, DhKey(spk.private, spk.public))
    used = [] if init.opk_id is None else [(OPK, init.opk_id)]
    if init.kem_label in ONE_TIME:
        used.append((init.kem_label, init.kem_id))
    return _New(Session(agreement.session_id, now, None, None, state), init, tuple(used))


def _listed_sender(init: Init, lookup: Lookup) -> Party:
    """Find the sending device, under the same keys, in the list it named and in the newest one."""
    named = lookup.list_named(init.account, init.list_hash)
    newest = lookup.newest_list(init.account)
    if named is None or newest is None:
        raise NotListed("list not known here")
    then, now = named.find(init.device), newest.find(init.device)
    if then is None or now is None or then.keys != now.keys or named.account_key != newest.account_key:
        raise NotListed
    return Party.of_listed(newest.account, newest.account_key, now)


def _private(lookup: Lookup, label: PrekeyLabel, key_id: int) -> PrivatePrekey:
    found = lookup.private_prekey(label, key_id)
    if found is None:
        raise UnknownPrekey(label)
    return found


def _read(padded: bytes, tag: bytes, own: OwnDevice, envelope: Envelope) -> tuple[Content | None, ProtocolError | None]:
    try:
        check_frank(padded, tag)
        content = read_padded(padded)
        check_place(
            content,
            own=own.account,
            sender=envelope.sender,
            chat_with=envelope.chat_with,
            group=envelope.group,
            message_id=envelope.message_id,
        )
    except ProtocolError as failure:
        # Made anew: a traceback would keep the plaintext alive in its frames.
        return None, type(failure)(failure.detail)
    return content, None


def _with(pair: Pair, session: Session) -> Pair:
    """Replace a session in its place: sending changes no order."""
    sessions = tuple(session if one.id == session.id else one for one in pair.sessions)
    return Pair(pair.account, pair.device, sessions)


def _latest(pair: Pair, session_id: SessionId, now: int) -> int:
    """A time after every other session's: which decrypted last must not hang on a clock that was set back."""
    return max([now, *(one.decrypted + 1 for one in pair.sessions if one.id != session_id and one.decrypted)])
