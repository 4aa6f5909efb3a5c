"""Prekeys: published by their device, handed out once each."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence

from django.db import transaction
from django.db.models import Count, Q

from accounts.models import Device
from keys import limits, sql, verify
from keys.errors import NotListed
from keys.models import OneTimePrekey, OneTimeSeries, SignedPrekey
from keys.services.sets import listed_devices, recipients
from keys.values import Bundle, Claimed, PrekeyCounts, Skipped, Target
from keys.verify import KLR, OKPK, OPK, SPK, SignedObject
from messenger.lib.clock import Milliseconds
from messenger.lib.errors import Conflict, WrongToken
from messenger.lib.events import PrekeysLow, publish_on_commit

LOW_WATER = 25  # fewer one-time keys than that, and the device is asked for more
MOST_STORED = 200  # one-time keys of a kind: a full refill of 100, and room for one that was already there


def publish_prekeys(
    *,
    by: Device,
    now: Milliseconds,
    signed_prekey: SignedObject | None = None,
    last_resort: SignedObject | None = None,
    one_time: Sequence[SignedObject] = (),
    one_time_kem: Sequence[SignedObject] = (),
) -> PrekeyCounts:
    """Store prekeys of `by` and return what is on the server now; what is there already changes nothing.

    Raises Malformed, BadSignature, BadKey, NotListed, WrongToken, Conflict (an id that was used or counts backwards).
    """
    offered = {SPK: [signed_prekey], KLR: [last_resort], OPK: one_time, OKPK: one_time_kem}
    verified = {
        label: [_verify_prekey(one, label, by, now) for one in objects if one is not None]
        for label, objects in offered.items()
    }
    return _store_prekeys(verified, by=by)


def _verify_prekey(signed: SignedObject, label: str, by: Device, now: Milliseconds) -> verify.VerifiedPrekey:
    return verify.prekey(
        signed, label=label, account=by.user_id, device=by.pk, signing_key=bytes(by.signing_key), now=now
    )


@transaction.atomic
def _store_prekeys(verified: Mapping[str, Sequence[verify.VerifiedPrekey]], *, by: Device) -> PrekeyCounts:
    device = Device.objects.select_for_update(no_key=True).get(pk=by.pk)
    if device.suspended:
        raise WrongToken("this device is suspended")
    if device.pk not in listed_devices(device.user_id):
        raise NotListed()
    for label in (SPK, KLR):
        for prekey in verified[label]:
            _store_signed(device, label, prekey)
    for label in (OPK, OKPK):
        _store_one_time(device, label, verified[label])
    return prekey_counts(device_id=device.pk)


def _store_signed(device: Device, label: str, prekey: verify.VerifiedPrekey) -> None:
    stored = SignedPrekey.objects.filter(device=device, label=label).first()
    if stored and stored.key_id >= prekey.key_id:
        if stored.key_id == prekey.key_id and stored.signed == prekey.signed:
            return
        # A lower id is what a server would show that rolls a device's prekeys back: clients refuse it.
        raise Conflict(f"key ids of {label} have counted further than {prekey.key_id}")
    SignedPrekey.objects.update_or_create(
        device=device,
        label=label,
        defaults={
            "key_id": prekey.key_id,
            "payload": prekey.signed.payload,
            "signature": prekey.signed.signature,
            "created": prekey.created,
        },
    )


def _store_one_time(device: Device, label: str, prekeys: Sequence[verify.VerifiedPrekey]) -> None:
    if not prekeys:
        return
    batch = hashlib.sha256(b"".join(one.signed.payload + one.signed.signature for one in prekeys)).digest()
    series = OneTimeSeries.objects.filter(device=device, label=label).first()
    if series and bytes(series.last_batch) == batch:
        return
    ids = [one.key_id for one in prekeys]
    if len(set(ids)) != len(ids):
        raise Conflict(f"a key id of {label} comes twice")
    stored = {row.key_id: row.signed for row in OneTimePrekey.objects.filter(device=device, label=label)}
    fresh = [one for one in prekeys if stored.get(one.key_id) != one.signed]
    highest = series.highest if series else 0
    if any(one.key_id <= highest for one in fresh):
        # The key with that id may have been given out: a second one would make the first message unreadable.
        raise Conflict(f"key ids of {label} have counted to {highest}")
    if len(stored) + len(fresh) > MOST_STORED:
        raise Conflict(f"there are {len(stored)} keys of {label} on the server already")
    OneTimePrekey.objects.bulk_create(
        OneTimePrekey(
            device=device,
            label=label,
            key_id=one.key_id,
            payload=one.signed.payload,
            signature=one.signed.signature,
        )
        for one in fresh
    )
    OneTimeSeries.objects.update_or_create(
        device=device, label=label, defaults={"highest": max([highest, *ids]), "last_batch": batch}
    )


def prekey_counts(*, device_id: uuid.UUID) -> PrekeyCounts:
    """What is on the server for a device."""
    current = dict(SignedPrekey.objects.filter(device=device_id).values_list("label", "key_id"))
    rows = OneTimePrekey.objects.filter(device=device_id)
    left = rows.aggregate(opk=Count("pk", filter=Q(label=OPK)), okpk=Count("pk", filter=Q(label=OKPK)))
    return PrekeyCounts(left["opk"], left["okpk"], current.get(SPK), current.get(KLR))


def claim(*, by: Device, targets: Sequence[Target], now: Milliseconds) -> Claimed:
    """Hand out one bundle for each target that has one; each one-time key is handed out once.

    A device without one-time keys gives what it has: no one-time key, and the last-resort KEM key, named so.
    """
    # Once each: a transaction does not skip the rows that it has locked itself, and would give the same key twice.
    targets = tuple(dict.fromkeys(targets))
    # The limit is charged before the transaction: Redis is not asked while locks are held.
    skipped, admitted = _admit(by=by, targets=targets, now=now)
    if not admitted:
        return Claimed((), tuple(skipped))
    with transaction.atomic():
        # Clients refuse older ones (PROTOCOL.md): giving them out would waste the one-time keys beside them.
        taken = sql.take([target.device for target in admitted], created_since=now - verify.PREKEY_MAX_AGE)
        bundles = [bundle for target in admitted if (bundle := _bundle(target, taken[target.device]))]
        for device, gave in taken.items():
            one_time, one_time_kem = gave.left
            if min(one_time, one_time_kem) < LOW_WATER:
                publish_on_commit(PrekeysLow(device_id=device, one_time=one_time, one_time_kem=one_time_kem))
    served = {bundle.target for bundle in bundles}
    skipped += [Skipped(target, "no_prekeys") for target in admitted if target not in served]
    return Claimed(tuple(bundles), tuple(skipped))


def _admit(*, by: Device, targets: Sequence[Target], now: Milliseconds) -> tuple[list[Skipped], list[Target]]:
    sets = recipients({target.account for target in targets})
    skipped, admitted = [], []
    for target in targets:
        devices = sets.get(target.account)
        if devices is None or target.device not in devices.devices:
            skipped.append(Skipped(target, "not_listed"))
        elif target.device in devices.suspended:
            skipped.append(Skipped(target, "suspended"))
        elif wait := limits.claim(by=by.pk, target=target.device, now=now):
            skipped.append(Skipped(target, "rate_limited", wait))
        else:
            admitted.append(target)
    return skipped, admitted


def _bundle(target: Target, gave: sql.Taken) -> Bundle | None:
    kem = gave.one_time_kem or gave.last_resort
    if gave.signed_prekey is None or kem is None:
        return None
    return Bundle(target, gave.signed_prekey, gave.one_time, OKPK if gave.one_time_kem else KLR, kem)
