"""Device lists: each the successor of the newest one, or the first under a new account key. None is forgotten."""

from __future__ import annotations

import uuid

from django.db import transaction
from django.db.models import F

from accounts.mail import tell_of_new_identity
from accounts.models import Device, User
from keys import verify
from keys.errors import ListConflict
from keys.models import DeviceList
from keys.services.links import end_links
from keys.verify import SignedObject
from messenger.lib import base64url
from messenger.lib.clock import Milliseconds
from messenger.lib.errors import Conflict, Malformed, WrongToken
from messenger.lib.events import DevicesChanged, publish_on_commit


def publish_device_list(*, by: Device, signed: SignedObject, now: Milliseconds) -> DeviceList:
    """Store the successor of the account's newest list and return it; the newest list again changes nothing.

    Raises Malformed, BadSignature, BadKey, WrongToken (`by` is suspended), ListConflict.
    """
    # Signatures before the transaction: nobody should wait for a lock meanwhile.
    verified = verify.device_list(signed, account=by.user_id, now=now)
    return _store_list(verified, signed, by=by)


def replace_account_key(*, by: Device, signed: SignedObject, replaces: bytes, now: Milliseconds) -> DeviceList:
    """Store the first list under a new account key, in place of the newest list, whose hash is `replaces`.

    Nobody's signature says that the account is still the same: contacts are shown a changed identity, and the owner
    gets a mail. The same list again changes nothing. Raises as `publish_device_list`, and Conflict (a key that the
    account had before).
    """
    verified = verify.device_list(signed, account=by.user_id, now=now)
    return _store_first_list(verified, signed, by=by, replaces=replaces)


@transaction.atomic
def _store_list(verified: verify.VerifiedList, signed: SignedObject, *, by: Device) -> DeviceList:
    newest = _lock_newest(by.user_id)
    if newest and bytes(newest.hash) == verified.hash:
        return newest
    expected = (bytes(newest.account_key), newest.seq + 1, bytes(newest.hash)) if newest else None
    if (verified.account_key, verified.seq, verified.previous) != (
        expected or (verified.account_key, 1, verify.NO_PREVIOUS)
    ):
        raise _conflict(newest)
    _check_devices(verified, by=by, listed_before=verify.listed_ids(bytes(newest.payload)) if newest else frozenset())
    return _store(verified, signed, chain=newest.chain if newest else 1)


@transaction.atomic
def _store_first_list(
    verified: verify.VerifiedList, signed: SignedObject, *, by: Device, replaces: bytes
) -> DeviceList:
    newest = _lock_newest(by.user_id)
    if newest and bytes(newest.hash) == verified.hash:
        return newest
    if newest is None or bytes(newest.hash) != replaces or verified.seq != 1:
        raise _conflict(newest)
    # Whoever has pinned that key would take its old chain and the new one for one with two lists of a number.
    if DeviceList.objects.filter(account=by.user_id, account_key=verified.account_key).exists():
        raise Conflict("the account had this account key before")
    _check_devices(verified, by=by, listed_before=frozenset())
    tell_of_new_identity(by.user, device=by.name)
    return _store(verified, signed, chain=newest.chain + 1)


def _lock_newest(account_id: uuid.UUID) -> DeviceList | None:
    """The newest list, while nobody else can publish one."""
    # Without the key part of the lock, so that rows which refer to the account can be written meanwhile.
    User.objects.select_for_update(no_key=True).get(pk=account_id)
    return DeviceList.objects.newest([account_id]).first()


def _conflict(newest: DeviceList | None) -> ListConflict:
    return ListConflict(extra={"list": _readable(newest.signed) if newest else None})


def _store(verified: verify.VerifiedList, signed: SignedObject, *, chain: int) -> DeviceList:
    stored = DeviceList.objects.create(
        account_id=verified.account,
        account_key=verified.account_key,
        chain=chain,
        seq=verified.seq,
        hash=verified.hash,
        payload=signed.payload,
        signature=signed.signature,
    )
    end_links([listed.device for listed in verified.devices])
    User.objects.filter(pk=verified.account).update(devices_version=F("devices_version") + 1)
    publish_on_commit(DevicesChanged(account_id=verified.account))
    return stored


def _check_devices(verified: verify.VerifiedList, *, by: Device, listed_before: frozenset[uuid.UUID]) -> None:
    """Each listed device is registered with that key, and not suspended unless it was listed already."""
    registered = {device.pk: device for device in Device.objects.filter(user=verified.account)}
    publisher = registered.get(by.pk)
    if publisher is None or by.pk not in {listed.device for listed in verified.devices}:
        raise Malformed("the list does not name the device that publishes it")
    if publisher.suspended:
        raise WrongToken("this device is suspended")
    for listed in verified.devices:
        device = registered.get(listed.device)
        if device is None or bytes(device.signing_key) != listed.signing_key:
            raise Malformed("the list names a device that is not registered with that signing key")
        if device.suspended and device.pk not in listed_before:
            raise Malformed("the list adds a suspended device")


def _readable(signed: SignedObject) -> dict[str, str]:
    return {"payload": base64url.encode(signed.payload), "signature": base64url.encode(signed.signature)}
