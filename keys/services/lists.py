"""Device lists: each the successor of the newest one, and none of them forgotten."""

from __future__ import annotations

import uuid

from django.db import transaction
from django.db.models import F

from accounts.models import Device, User
from keys import verify
from keys.errors import ListConflict
from keys.models import DeviceList
from keys.services.links import end_links
from keys.verify import SignedObject
from messenger.lib import base64url
from messenger.lib.clock import Milliseconds
from messenger.lib.errors import Malformed, WrongToken
from messenger.lib.events import DevicesChanged, publish_on_commit


def publish_device_list(*, by: Device, signed: SignedObject, now: Milliseconds) -> DeviceList:
    """Store the successor of the account's newest list and return it; the newest list again changes nothing.

    Raises Malformed, BadSignature, BadKey, WrongToken (`by` is suspended), ListConflict.
    """
    # Signatures before the transaction: nobody should wait for a lock meanwhile.
    verified = verify.device_list(signed, account=by.user_id, now=now)
    return _store_list(verified, signed, by=by)


@transaction.atomic
def _store_list(verified: verify.VerifiedList, signed: SignedObject, *, by: Device) -> DeviceList:
    # Without the key part of the lock, so that rows which refer to the account can be written meanwhile.
    account = User.objects.select_for_update(no_key=True).get(pk=by.user_id)
    newest = DeviceList.objects.newest([account.pk]).first()
    if newest and bytes(newest.hash) == verified.hash:
        return newest
    # A new account key, which would start a new chain, is refused with the rest.
    expected = (bytes(newest.account_key), newest.seq + 1, bytes(newest.hash)) if newest else None
    if (verified.account_key, verified.seq, verified.previous) != (
        expected or (verified.account_key, 1, verify.NO_PREVIOUS)
    ):
        raise ListConflict(extra={"list": _readable(newest.signed) if newest else None})
    _check_devices(verified, by=by, listed_before=verify.listed_ids(bytes(newest.payload)) if newest else frozenset())
    stored = DeviceList.objects.create(
        account=account,
        account_key=verified.account_key,
        seq=verified.seq,
        hash=verified.hash,
        payload=signed.payload,
        signature=signed.signature,
    )
    end_links([listed.device for listed in verified.devices])
    User.objects.filter(pk=account.pk).update(devices_version=F("devices_version") + 1)
    publish_on_commit(DevicesChanged(account_id=account.pk))
    return stored


def _check_devices(verified: verify.VerifiedList, *, by: Device, listed_before: frozenset[uuid.UUID]) -> None:
    """Each listed device is registered with that key, and not suspended unless it was listed already."""
    registered = {device.pk: device for device in Device.objects.filter(user=verified.account)}
    for listed in verified.devices:
        device = registered.get(listed.device)
        if device is None or bytes(device.signing_key) != listed.signing_key:
            raise Malformed("the list names a device that is not registered with that signing key")
        if device.suspended and device.pk not in listed_before:
            raise Malformed("the list adds a suspended device")
    publisher = registered.get(by.pk)
    if publisher is None or by.pk not in {listed.device for listed in verified.devices}:
        raise Malformed("the list does not name the device that publishes it")
    if publisher.suspended:
        raise WrongToken("this device is suspended")


def _readable(signed: SignedObject) -> dict[str, str]:
    return {"payload": base64url.encode(signed.payload), "signature": base64url.encode(signed.signature)}
