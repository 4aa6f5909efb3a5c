"""The state of one Double Ratchet, as values, and its bytes for the store."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from . import cbor, form, kem
from .errors import Malformed
from .limits import MAX_OLD_CHAINS, MAX_SKIPPED, SKIPPED_MAX_AGE
from .primitives import HASH_SIZE, KEY_SIZE, DhKey
from .secret import Secret

_SKIPPED_ROW = KEY_SIZE + 8 + KEY_SIZE + 8  # dh, n, message key, time stored


@dataclass(frozen=True, slots=True)
class SkippedKey:
    """The key of a message that has not come yet."""

    key: Secret
    stored: int  # ms


@dataclass(frozen=True, slots=True)
class SendingChain:
    key: Secret  # CK
    n: int  # number of the next message
    pn: int  # messages in the chain before
    ek: bytes | None  # a KEM key for the peer to answer, in every header of the chain
    ct: bytes | None  # the answer to the peer's


@dataclass(frozen=True, slots=True)
class ReceivingChain:
    dh: bytes
    key: Secret  # CK
    n: int  # number of the next message in order


@dataclass(frozen=True)
class Archive:
    """What late messages need. Changes seldom, and may be large: its bytes are kept once made."""

    chains: tuple[bytes, ...] = ()  # the dh of receiving chains before the current one, oldest first
    skipped: dict[tuple[bytes, int], SkippedKey] = field(default_factory=dict, repr=False)  # never mutated

    def with_chain(self, dh: bytes) -> Archive:
        return Archive((*self.chains, dh)[-MAX_OLD_CHAINS:], self.skipped)

    def with_skipped(self, keys: dict[tuple[bytes, int], SkippedKey]) -> Archive:
        """Add keys; beyond 2,000 the oldest go first."""
        skipped = {**self.skipped, **keys}
        for oldest in list(skipped)[: max(0, len(skipped) - MAX_SKIPPED)]:
            del skipped[oldest]
        return Archive(self.chains, skipped)

    def without(self, place: tuple[bytes, int]) -> Archive:
        return Archive(self.chains, {key: value for key, value in self.skipped.items() if key != place})

    def fresh(self, now: int) -> Archive:
        """Drop keys stored for more than 30 days."""
        # Keys are in the order they were stored, so the first one tells whether there is anything to do.
        first = next(iter(self.skipped.values()), None)
        if first is None or not is_stale(first, now):
            return self
        return Archive(self.chains, {key: v for key, v in self.skipped.items() if not is_stale(v, now)})

    @cached_property
    def encoded(self) -> Secret:
        rows = (
            dh + n.to_bytes(8, "big") + one.key + one.stored.to_bytes(8, "big") for (dh, n), one in self.skipped.items()
        )
        return Secret(cbor.dump([b"".join(self.chains), b"".join(rows)]))

    @classmethod
    def decode(cls, data: bytes) -> Archive:
        chains_value, rows_value = form.array(cbor.decode(data), 2)
        chains, rows = form.any_octets(chains_value), form.any_octets(rows_value)
        if len(chains) % KEY_SIZE or len(rows) % _SKIPPED_ROW:
            raise Malformed("ratchet archive")
        skipped = {}
        for start in range(0, len(rows), _SKIPPED_ROW):
            row = rows[start : start + _SKIPPED_ROW]
            place = (row[:32], int.from_bytes(row[32:40], "big"))
            skipped[place] = SkippedKey(Secret(row[40:72]), int.from_bytes(row[72:], "big"))
        return cls(tuple(chains[i : i + KEY_SIZE] for i in range(0, len(chains), KEY_SIZE)), skipped)


def is_stale(skipped: SkippedKey, now: int) -> bool:
    return now - skipped.stored > SKIPPED_MAX_AGE


@dataclass(frozen=True, slots=True)
class Ratchet:
    """One side's state."""

    transcript: bytes  # T
    root: Secret  # RK
    own: DhKey  # the current ratchet key pair; B's first one is its signed prekey
    sending: SendingChain | None  # None only inside B's reading of the first message
    receiving: ReceivingChain | None
    awaited: Secret | None  # the seed of the KEM key in our current chain: the next chain must answer it
    sent_since_ek: int  # messages sent since the last chain with a KEM key was made
    ek_made: int | None  # ms, when that was
    archive: Archive

    def to_value(self) -> list[object]:
        sending, receiving = self.sending, self.receiving
        return [
            self.transcript,
            bytes(self.root),
            bytes(self.own.private),
            self.own.public,
            sending and [bytes(sending.key), sending.n, sending.pn, sending.ek, sending.ct],
            receiving and [receiving.dh, bytes(receiving.key), receiving.n],
            None if self.awaited is None else bytes(self.awaited),
            self.sent_since_ek,
            self.ek_made,
            bytes(self.archive.encoded),
        ]

    @classmethod
    def from_value(cls, value: cbor.Value) -> Ratchet:
        fields = form.array(value, 10)
        transcript, root, private, public, sending, receiving, awaited, since, made, archive = fields
        return cls(
            form.octets(transcript, HASH_SIZE),
            Secret(form.octets(root, KEY_SIZE)),
            DhKey(Secret(form.octets(private, KEY_SIZE)), form.octets(public, KEY_SIZE)),
            None if sending is None else _sending(sending),
            None if receiving is None else _receiving(receiving),
            None if awaited is None else Secret(form.octets(awaited, kem.SEED_SIZE)),
            form.unsigned(since),
            None if made is None else form.unsigned(made),
            Archive.decode(form.any_octets(archive)),
        )


def _sending(value: cbor.Value) -> SendingChain:
    key, n, pn, ek, ct = form.array(value, 5)
    return SendingChain(
        Secret(form.octets(key, KEY_SIZE)),
        form.unsigned(n),
        form.unsigned(pn),
        None if ek is None else form.octets(ek, kem.PUBLIC_SIZE),
        None if ct is None else form.octets(ct, kem.CIPHERTEXT_SIZE),
    )


def _receiving(value: cbor.Value) -> ReceivingChain:
    dh, key, n = form.array(value, 3)
    return ReceivingChain(form.octets(dh, KEY_SIZE), Secret(form.octets(key, KEY_SIZE)), form.unsigned(n))
