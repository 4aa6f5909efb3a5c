"""The sessions of one pair of devices: started, found, used in turn, dropped.

Nothing here stores anything: `encrypt` and `receive` return the new pair and what else the store must do,
all of it in one transaction. An error changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from .content import Content, Sealed
from .device_list import DeviceList
from .entropy import SYSTEM, Entropy
from .errors import ProtocolError
from .ids import AccountId, DeviceId, MessageId, SessionId
from .keys import OwnDevice
from .prekeys import PrekeyLabel, PrivatePrekey, VerifiedBundle
from .secret import Secret


@dataclass(frozen=True, slots=True)
class Session:
    """One session. Opaque to the caller but for these; `to_bytes` is cheap when little has changed."""

    id: SessionId
    created: int  # ms
    decrypted: int | None  # ms, when it last decrypted; None: unanswered, init rides on each message

    def to_bytes(self) -> Secret:
        raise NotImplementedError

    @classmethod
    def from_bytes(cls, data: bytes) -> Session:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Pair:
    """This device and one other device (a peer's, or another of our own): at most 5 sessions.

    The first of `sessions` sends: the one that decrypted last. Store them one by one (`Session.to_bytes`, in
    rows keyed by session id, put together again by `Pair.of`) or all at once (`Pair.to_bytes`).
    """

    account: AccountId
    device: DeviceId
    sessions: tuple[Session, ...] = ()

    @classmethod
    def of(cls, account: AccountId, device: DeviceId, sessions: Iterable[Session]) -> Pair:
        """Put a pair together from its sessions in any order."""
        raise NotImplementedError

    def find(self, session_id: SessionId) -> Session | None:
        raise NotImplementedError

    def add(self, session: Session) -> tuple[Pair, tuple[SessionId, ...]]:
        """Add a started session; returns the ids that had to go to stay within 5."""
        raise NotImplementedError

    def tidy(self, *, now: int) -> tuple[Pair, tuple[SessionId, ...]]:
        """Drop sessions unanswered for 30 days and skipped keys older than that; returns the dropped ids."""
        raise NotImplementedError

    def to_bytes(self) -> Secret:
        raise NotImplementedError

    @classmethod
    def from_bytes(cls, data: bytes) -> Pair:
        raise NotImplementedError


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


@dataclass(frozen=True, slots=True)
class RememberedEk:
    """H(EK) of an accepted first message; keep it until the signed prekey `spk_id` is deleted."""

    ek_hash: bytes
    spk_id: int


@dataclass(frozen=True, slots=True)
class Sent:
    """Store `pair` and `wire` (the outbox) in one transaction, then send."""

    pair: Pair
    session: Session  # the one that was used, as changed
    wire: bytes
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
    raise NotImplementedError


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
    raise NotImplementedError


def receive(
    own: OwnDevice,
    pair: Pair,
    envelope: Envelope,
    lookup: Lookup,
    *,
    now: int,
    entropy: Entropy = SYSTEM,
) -> Received:
    """Decrypt one message of the device `pair` names. Checks stand in PROTOCOL.md's order.

    Raises any failure but those of `Received.failure`'s kind after opening; nothing changes then.
    NotListed may mean that lists are missing here: fetch them (`peek(wire)` names the hash), accept them,
    and call again.
    """
    raise NotImplementedError
