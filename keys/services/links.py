"""The relay slot of a device that is to be linked: what a managing device leaves for it, and what it answers.

Both are sealed under a secret that the two devices passed each other by hand: here they are bytes. A slot lives ten
minutes, and ends when its device is listed.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection

from django.db import transaction

from accounts.models import Device, User
from keys.errors import NotListed
from keys.models import LinkSlot
from keys.services.sets import listed_devices
from messenger.lib.clock import Milliseconds
from messenger.lib.errors import NotFound, WrongToken

SLOT_LIFETIME = 10 * 60 * 1000  # milliseconds: what a person takes to walk from one device to the other


@transaction.atomic
def offer_link(*, by: Device, device_id: uuid.UUID, offer: bytes, now: Milliseconds) -> None:
    """Leave an offer for a device of one's own that is not listed yet, in place of any before it.

    Raises NotFound, NotListed (`by` is not on the list itself), WrongToken (`by` is suspended).
    """
    # As whoever publishes a list: a device is listed before the offer or after it, and no slot of it stays behind.
    User.objects.select_for_update(no_key=True).get(pk=by.user_id)
    if Device.objects.filter(pk=by.pk, suspended=True).exists():
        raise WrongToken("this device is suspended")
    listed = listed_devices(by.user_id)
    if by.pk not in listed:
        raise NotListed()
    device = Device.objects.filter(pk=device_id, user=by.user_id, suspended=False).exclude(pk__in=listed).first()
    if device is None:
        raise NotFound()
    if LinkSlot.objects.live(now).filter(device=device, offer=offer).exists():
        return  # repeated, as when the answer to it was lost: what the device has said to it stands
    LinkSlot.objects.update_or_create(
        device=device, defaults={"offer": offer, "answer": b"", "expires_at": now + SLOT_LIFETIME}
    )


@transaction.atomic
def answer_link(*, by: Device, device_id: uuid.UUID, answer: bytes, now: Milliseconds) -> None:
    """Answer the offer that was left for this device. NotFound for any other device, and where there is no offer."""
    own = LinkSlot.objects.live(now).filter(device=by.pk)
    if by.pk != device_id or not own.update(answer=answer):
        raise NotFound()


def read_link(*, by: Device, device_id: uuid.UUID, now: Milliseconds) -> LinkSlot:
    """The slot of this device, for itself and for the listed devices of its account. NotFound for everybody else."""
    slot = LinkSlot.objects.live(now).filter(device=device_id, device__user=by.user_id).first()
    if slot is None or (by.pk != device_id and by.pk not in listed_devices(by.user_id)):
        raise NotFound()
    return slot


@transaction.atomic
def end_link(*, by: Device, device_id: uuid.UUID, now: Milliseconds) -> None:
    """Give the linking up, from either side. NotFound as in `read_link`."""
    read_link(by=by, device_id=device_id, now=now).delete()


def end_links(devices: Collection[uuid.UUID]) -> None:
    """These devices are listed. Inside the transaction that lists them."""
    LinkSlot.objects.filter(device__in=devices).delete()


def purge_links(*, now: Milliseconds) -> int:
    """Delete the slots that ran out. How many there were."""
    ended, _ = LinkSlot.objects.filter(expires_at__lte=now).delete()
    return ended
