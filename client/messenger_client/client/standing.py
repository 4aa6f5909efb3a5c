"""What this device is to its account: on the list, taken off it, or left behind by a new account key."""

from __future__ import annotations

from dataclasses import replace

from ..errors import LinkingNeeded
from ..protocol.device_list import DeviceList
from ..protocol.ids import DeviceId
from ..store import Transaction, peers, settings
from ..store.records import Me
from .context import own_device


def is_on(newest: DeviceList, me: Me) -> bool:
    """Whether a list shows this device under its own keys."""
    mine = own_device(me)
    found = newest.find(mine.device)
    return found is not None and found.keys == (mine.device, mine.signing.public, mine.identity.public)


def note_own_list(tx: Transaction, newest: DeviceList) -> None:
    """An account's newest list has been accepted. If it is one's own, see whether this device is still on it."""
    me = settings.me(tx)
    if me is not None and me.ready and me.account == newest.account:
        unlinked = "" if is_on(newest, me) else "removed"
        if me.unlinked != unlinked:
            settings.save_me(tx, replace(me, unlinked=unlinked))


def note_own_identity(tx: Transaction, account: bytes) -> None:
    """An account shows another account key than this device knows. If it is one's own, this device is out."""
    me = settings.me(tx)
    if me is not None and me.ready and me.account == account:
        settings.save_me(tx, replace(me, unlinked="identity"))


def linked_at(tx: Transaction, me: Me) -> int | None:
    """When (ms) this device came to others of its account; None for the one that was there before all others."""
    pin = peers.pin_of(peers.by_account(tx, me.account))
    mine = pin.newest.find(DeviceId(me.device)) if pin is not None else None
    if pin is None or mine is None or all(one.added >= mine.added for one in pin.newest.devices):
        return None
    return mine.added


def looked(tx: Transaction, now: int) -> None:
    """One's own list was looked at just now."""
    settings.save_linking(tx, replace(settings.linking(tx), looked_at=now))


def linking_needed(me: Me) -> LinkingNeeded:
    """Why this device can neither read nor write, and what helps."""
    ways = (
        "`messenger link` shows a code, and another device of yours approves it. Without any:"
        " `messenger reset-identity`."
    )
    if me.unlinked == "removed":
        return LinkingNeeded(
            f"This device was taken off {me.username}'s list of devices. What is here stays readable; to go on, {ways}"
        )
    if me.unlinked == "identity":
        return LinkingNeeded(
            f"{me.username} has a new identity, made on another device, and this device is no part of it. If that was"
            " not you, somebody else has your password: change it. What is here stays readable; to go on, " + ways
        )
    return LinkingNeeded(f"{me.username} has a device already, and this one has to be linked to it: {ways}")
