"""The sessions of one pair of devices, as the store keeps them: ordered, bounded, tidied."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from . import cbor, form
from .ids import AccountId, DeviceId, SessionId
from .limits import MAX_SESSIONS, UNANSWERED_MAX_AGE
from .ratchet_state import Ratchet
from .secret import Secret

_STATE_VERSION = 1


@dataclass(frozen=True, slots=True)
class Session:
    """One session. Callers read id, created and decrypted; the rest moves with every message."""

    id: SessionId
    created: int  # ms
    decrypted: int | None  # ms, when it last decrypted; None: unanswered
    init: bytes | None  # rides on each message until an answer has been decrypted
    ratchet: Ratchet

    def to_bytes(self) -> Secret:
        fields = [_STATE_VERSION, self.id, self.created, self.decrypted, self.init, self.ratchet.to_value()]
        return Secret(cbor.dump(fields))

    @classmethod
    def from_bytes(cls, data: bytes) -> Session:
        version, session_id, created, decrypted, init, ratchet = form.array(cbor.decode(bytes(data)), 6)
        form.unsigned(version, _STATE_VERSION, _STATE_VERSION)
        return cls(
            SessionId(form.identifier(session_id)),
            form.unsigned(created),
            None if decrypted is None else form.unsigned(decrypted),
            None if init is None else form.any_octets(init),
            Ratchet.from_value(ratchet),
        )


@dataclass(frozen=True, slots=True)
class Pair:
    """This device and one other device (a peer's, or another of our own): at most 5 sessions.

    The first of `sessions` sends: the one that decrypted last. Store them one by one (`Session.to_bytes`, in
    rows keyed by session id, put together again by `Pair.of`) or all at once (`Pair.to_bytes`). A row that
    `Session.from_bytes` cannot read is dropped like one that never was: the peer asks, or is asked, again.
    """

    account: AccountId
    device: DeviceId
    sessions: tuple[Session, ...] = ()

    @classmethod
    def of(cls, account: AccountId, device: DeviceId, sessions: Iterable[Session]) -> Pair:
        """Put a pair together from its sessions in any order."""
        return cls(account, device, tuple(sorted(sessions, key=_usefulness, reverse=True)))

    def find(self, session_id: SessionId) -> Session | None:
        return next((session for session in self.sessions if session.id == session_id), None)

    def add(self, session: Session) -> tuple[Pair, tuple[SessionId, ...]]:
        """Add a started session, or put a changed one in place; returns the ids that had to go to stay within 5."""
        others = [one for one in self.sessions if one.id != session.id]
        # The one that has been idle longest goes, never the new one.
        others.sort(key=lambda one: (max(one.created, one.decrypted or 0), one.id), reverse=True)
        kept, gone = others[: MAX_SESSIONS - 1], others[MAX_SESSIONS - 1 :]
        return Pair.of(self.account, self.device, [session, *kept]), tuple(one.id for one in gone)

    def only(self, session_id: SessionId) -> tuple[Pair, tuple[SessionId, ...]]:
        """Give up every session but one, on which a `reset` came; returns the ids of the others."""
        kept = [one for one in self.sessions if one.id == session_id]
        gone = tuple(one.id for one in self.sessions if one.id != session_id)
        return Pair.of(self.account, self.device, kept), gone

    def tidy(self, *, now: int) -> tuple[Pair, tuple[SessionId, ...]]:
        """Drop sessions unanswered for 30 days and skipped keys older than that; returns the dropped ids."""
        kept = [_with_fresh_keys(one, now) for one in self.sessions if not is_abandoned(one, now)]
        gone = tuple(one.id for one in self.sessions if is_abandoned(one, now))
        return Pair.of(self.account, self.device, kept), gone

    def to_bytes(self) -> Secret:
        sessions = [bytes(session.to_bytes()) for session in self.sessions]
        return Secret(cbor.dump([self.account, self.device, sessions]))

    @classmethod
    def from_bytes(cls, data: bytes) -> Pair:
        account, device, sessions = form.array(cbor.decode(bytes(data)), 3)
        return cls.of(
            AccountId(form.identifier(account)),
            DeviceId(form.identifier(device)),
            [Session.from_bytes(form.any_octets(one)) for one in form.array(sessions)],
        )


def _usefulness(session: Session) -> tuple[int, int, bytes]:
    return (-1 if session.decrypted is None else session.decrypted, session.created, session.id)


def is_abandoned(session: Session, now: int) -> bool:
    return session.decrypted is None and now - session.created > UNANSWERED_MAX_AGE


def _with_fresh_keys(session: Session, now: int) -> Session:
    archive = session.ratchet.archive.fresh(now)
    return replace(session, ratchet=replace(session.ratchet, archive=archive))
