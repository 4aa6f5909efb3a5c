"""Signed device lists, their chain, and the pin on an account. Refuses ghosts, forks and rollbacks.

PROTOCOL.md, Keys and the device list. A list travels as `CBOR[payload bytes, signature]`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from . import cbor, form
from .errors import BadSignature, IdentityChanged, ListRefused, Malformed
from .ids import AccountId, DeviceId
from .keys import OwnDevice
from .limits import MAX_DEVICES
from .primitives import HASH_SIZE, KEY_SIZE, SIGNATURE_SIZE, SigningKey, sha256, verify

NO_PREVIOUS = bytes(HASH_SIZE)  # `prev` of the first list


@dataclass(frozen=True, slots=True)
class ListedDevice:
    """One device as its account's list shows it."""

    device: DeviceId
    signing_key: bytes  # DSK
    identity_key: bytes  # IK
    added: int  # ms
    bind: bytes  # the device's signature under AK, account, device, IK: it agrees

    @property
    def keys(self) -> tuple[DeviceId, bytes, bytes]:
        return (self.device, self.signing_key, self.identity_key)


@dataclass(frozen=True, slots=True)
class DeviceList:
    """A list whose form and signatures have been checked; `accept_lists` judges its place in the chain."""

    account: AccountId
    account_key: bytes  # AK
    seq: int
    previous: bytes
    time: int  # ms
    devices: tuple[ListedDevice, ...]
    hash: bytes  # H(payload), the list's name everywhere
    signed: bytes  # the object as it travels

    def find(self, device: DeviceId) -> ListedDevice | None:
        return next((listed for listed in self.devices if listed.device == device), None)


@dataclass(frozen=True, slots=True)
class Pin:
    """What this client holds an account to: its AK, and the newest list seen."""

    newest: DeviceList

    @property
    def account(self) -> AccountId:
        return self.newest.account

    @property
    def account_key(self) -> bytes:
        return self.newest.account_key

    def to_bytes(self) -> bytes:
        return self.newest.signed

    @classmethod
    def from_bytes(cls, data: bytes) -> Pin:
        return cls(open_list(data))


@dataclass(frozen=True, slots=True)
class Accepted:
    """Lists that hold together with the pin: store `pin` and `lists`, drop the sessions with `removed`."""

    pin: Pin
    lists: tuple[DeviceList, ...]  # all that were given, oldest first: kept to look a named list up
    removed: tuple[DeviceId, ...]  # gone from the list, or under other keys than before
    added: tuple[DeviceId, ...]  # new on the list, or under other keys than before


def bind_device(own: OwnDevice) -> bytes:
    """Sign this device's agreement to be listed under `own.account_key` (label `devbind`)."""
    return own.signing.sign("devbind", _bind_payload(own.account_key, own.account, own.device, own.identity.public))


def check_bind(account_key: bytes, account: AccountId, one: ListedDevice) -> None:
    """Check a device's agreement to be listed under an account key. Raises BadSignature."""
    verify(one.signing_key, "devbind", _bind_payload(account_key, account, one.device, one.identity_key), one.bind)


def listed(own: OwnDevice, *, added: int) -> ListedDevice:
    """Return this device's own entry for a list, bound."""
    return ListedDevice(own.device, own.signing.public, own.identity.public, added, bind_device(own))


def sign_list(
    account_key: SigningKey,
    account: AccountId,
    devices: Iterable[ListedDevice],
    *,
    previous: DeviceList | None,
    now: int,
) -> DeviceList:
    """Make the next list: seq 1 when there is no previous list under this AK, else the previous seq + 1.

    A new AK starts a new chain: pass `previous=None`. Raises Malformed, ListRefused (a bad `bind`).
    """
    ordered = sorted(devices, key=lambda one: one.device)
    payload = cbor.encode(
        [
            "devlist",
            account,
            account_key.public,
            previous.seq + 1 if previous else 1,
            previous.hash if previous else NO_PREVIOUS,
            now,
            [[d.device, d.signing_key, d.identity_key, d.added, 0, d.bind] for d in ordered],
        ]
    )
    # Opened at once: what others would refuse never leaves.
    return open_list(cbor.encode([payload, account_key.sign("devlist", payload)]))


def open_list(signed: bytes) -> DeviceList:
    """Check form, signature and binds of one list. Raises Malformed, ListRefused."""
    payload_value, signature_value = form.array(cbor.decode(signed), 2)
    payload = form.any_octets(payload_value)
    signature = form.octets(signature_value, SIGNATURE_SIZE)
    kind, account, account_key, seq, previous, time, entries = form.array(cbor.decode(payload), 7)
    if kind != "devlist":
        raise Malformed("not a device list")
    rows = form.array(entries)
    if len(rows) > MAX_DEVICES:
        raise Malformed("too many devices")
    result = DeviceList(
        AccountId(form.identifier(account)),
        form.octets(account_key, KEY_SIZE),
        form.unsigned(seq, 1),
        form.octets(previous, HASH_SIZE),
        form.unsigned(time),
        tuple(_entry(row) for row in rows),
        sha256(payload),
        signed,
    )
    ids = [one.device for one in result.devices]
    if any(first >= second for first, second in pairwise(ids)):
        raise Malformed("devices out of order")
    _check_signatures(result, payload, signature)
    if (result.seq == 1) != (result.previous == NO_PREVIOUS):
        raise ListRefused("the chain starts wrongly")
    return result


def accept_lists(account: AccountId, pin: Pin | None, objects: Sequence[bytes]) -> Accepted:
    """Hold lists that the server gave (oldest first, no gap) against the pin; `pin=None` at first contact.

    With a pin, the lists must reach it: include it, or start right after it; older ones may precede it.
    Raises Malformed; ListRefused for a lower seq, a fork, a gap or a bad signature (a gap: fetch what is
    missing and call again; else report it); IdentityChanged for a well-made chain under another AK: stop
    sending, ask the person, then `acknowledge_identity`. An error changes nothing.
    """
    lists = _open_chain(account, objects)
    newest = lists[-1]
    if pin is None:
        return Accepted(Pin(newest), lists, (), tuple(one.device for one in newest.devices))
    if newest.account_key != pin.account_key:
        raise IdentityChanged
    if newest.seq < pin.newest.seq:
        raise ListRefused("rolled back")
    first = lists[0]
    if first.seq > pin.newest.seq:
        if first.seq != pin.newest.seq + 1 or first.previous != pin.newest.hash:
            raise ListRefused("gap or fork")
    elif lists[pin.newest.seq - first.seq].hash != pin.newest.hash:
        raise ListRefused("fork")
    before = {one.keys for one in pin.newest.devices}
    after = {one.keys for one in newest.devices}
    return Accepted(
        Pin(newest),
        lists,
        tuple(sorted({keys[0] for keys in before - after})),
        tuple(sorted({keys[0] for keys in after - before})),
    )


def acknowledge_identity(pin: Pin, account_key: bytes, objects: Sequence[bytes]) -> Accepted:
    """Pin the new AK that the person has acknowledged; all sessions with the old one are `removed`.

    Raises Malformed, ListRefused, and IdentityChanged when the lists show yet another AK.
    """
    lists = _open_chain(pin.account, objects)
    newest = lists[-1]
    if newest.account_key != account_key:
        raise IdentityChanged
    return Accepted(
        Pin(newest),
        lists,
        tuple(one.device for one in pin.newest.devices),
        tuple(one.device for one in newest.devices),
    )


def _open_chain(account: AccountId, objects: Sequence[bytes]) -> tuple[DeviceList, ...]:
    if not objects:
        raise ListRefused("no list")
    lists = tuple(open_list(signed) for signed in objects)
    if any(one.account != account for one in lists):
        raise ListRefused("another account")
    for older, newer in pairwise(lists):
        if (newer.account_key, newer.seq, newer.previous) != (older.account_key, older.seq + 1, older.hash):
            raise ListRefused("broken chain")
    return lists


def _entry(row: cbor.Value) -> ListedDevice:
    device, signing_key, identity_key, added, caps, bind = form.array(row, 6)
    form.unsigned(caps, 0, 0)
    return ListedDevice(
        DeviceId(form.identifier(device)),
        form.octets(signing_key, KEY_SIZE),
        form.octets(identity_key, KEY_SIZE),
        form.unsigned(added),
        form.octets(bind, SIGNATURE_SIZE),
    )


def _check_signatures(result: DeviceList, payload: bytes, signature: bytes) -> None:
    try:
        verify(result.account_key, "devlist", payload, signature)
        for one in result.devices:
            check_bind(result.account_key, result.account, one)
    except BadSignature as error:
        raise ListRefused("signature") from error


def _bind_payload(account_key: bytes, account: AccountId, device: DeviceId, identity_key: bytes) -> bytes:
    return cbor.encode([account_key, account, device, identity_key])
