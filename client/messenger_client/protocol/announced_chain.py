"""Another device's chain in a group chat, as it was announced: a key for each message, late ones within limits.

PROTOCOL.md, Groups.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from . import cbor, form
from .errors import Duplicate, Malformed, TooFar, Undecryptable
from .ids import AccountId, ChainId, ConversationId, DeviceId, GroupId
from .limits import CHAIN_RETENTION, MAX_JUMP, MAX_SKIPPED
from .primitives import HASH_SIZE, KEY_SIZE
from .ratchet_state import SkippedKey, is_stale
from .secret import Secret
from .sender_key import SenderKey, message_key, next_key

_STATE_VERSION = 1
_SKIPPED_ROW = 8 + KEY_SIZE + 8  # n, message key, time stored


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

    def is_of(self, announced: SenderKey) -> bool:
        """Tell whether a sender key tells of this very chain."""
        held = (self.id, self.epoch, self.gsh, self.signing_key)
        return held == (announced.chain, announced.epoch, announced.gsh, announced.signing_key)

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
            skipped[number] = SkippedKey(message_key(key), now)
            key = next_key(key)
        for oldest in list(skipped)[: max(0, len(skipped) - MAX_SKIPPED)]:
            del skipped[oldest]
        moved = replace(self, n=n + 1, key=next_key(key), skipped=skipped)
        return moved, message_key(key)

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
