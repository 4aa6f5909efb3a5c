"""What the key directory's services take and return. Frozen, and nothing of the framework in them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from keys.verify import SignedObject
from messenger.lib.clock import Milliseconds


@dataclass(frozen=True, slots=True)
class DeviceSet:
    """Whom to encrypt to: the devices of the newest signed list, and those of them that the server suspended."""

    list_hash: bytes
    devices: frozenset[uuid.UUID]
    added: Mapping[uuid.UUID, Milliseconds]  # to the account's lists, by the account's own word
    suspended: frozenset[uuid.UUID]
    version: int  # User.devices_version when this was read, or before
    chain: int  # of the list
    account_key: bytes

    @property
    def active(self) -> frozenset[uuid.UUID]:
        return self.devices - self.suspended


@dataclass(frozen=True, slots=True)
class PrekeyCounts:
    """What is on the server for a device; the ids are those of its current signed and last-resort keys."""

    one_time: int
    one_time_kem: int
    signed_prekey: int | None
    last_resort: int | None


@dataclass(frozen=True, slots=True)
class Target:
    """A device that somebody wants to write to."""

    account: uuid.UUID
    device: uuid.UUID


@dataclass(frozen=True, slots=True)
class Bundle:
    """PROTOCOL.md's `[account, device, spk, opk|null, [kem label, kem key]]`."""

    target: Target
    signed_prekey: SignedObject
    one_time: SignedObject | None
    kem_label: str
    kem: SignedObject


@dataclass(frozen=True, slots=True)
class Skipped:
    """A device that got no bundle: not_listed, suspended, no_prekeys, or rate_limited with the seconds to wait."""

    target: Target
    reason: str
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """The answer to a claim: each target is in one of the two."""

    bundles: tuple[Bundle, ...]
    skipped: tuple[Skipped, ...]
