"""What another process tells, done here: a table from the members of a word to functions."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from chats import buckets
from chats.ids import AccountId, DeviceId

if TYPE_CHECKING:
    from chats.delivery.delivery import Delivery

logger = logging.getLogger(__name__)


def hear(delivery: Delivery, word: dict[str, Any]) -> None:
    """Do what a word says. During an update it may be another version's: what cannot be understood is dropped."""
    for member, do in _HEARING.items():
        try:
            do(delivery, word.get(member, ()))
        except (TypeError, ValueError, AttributeError):
            logger.warning("word_not_understood member=%s", member)


def _changed(delivery: Delivery, accounts: list[AccountId]) -> None:
    for account in accounts:
        delivery.facts.forget_account(account)
        delivery.listing.changed(account)


def _pairs(delivery: Delivery, pairs: list[tuple[AccountId, AccountId]]) -> None:
    for one, other in pairs:
        delivery.facts.forget_pair(one, other)


def _nudges(delivery: Delivery, devices: list[DeviceId]) -> None:
    for device in devices:
        delivery.hub.nudge(device)


def _accounts(delivery: Delivery, frames: list[tuple[str, DeviceId | None, list[AccountId]]]) -> None:
    for text, but, accounts in frames:
        if not isinstance(text, str):
            raise TypeError("a frame is text")  # or it would be the end of the sockets that it goes to
        for account in accounts:
            delivery.hub.tell_account(account, text, but)


def _devices(delivery: Delivery, frames: list[tuple[DeviceId, str]]) -> None:
    for device, text in frames:
        if not isinstance(text, str):
            raise TypeError("a frame is text")
        delivery.hub.tell_device(device, text)


def _arrived(delivery: Delivery, sockets: list[tuple[DeviceId, int]]) -> None:
    for device, opened in sockets:
        here = delivery.hub.devices.get(device)
        if here is not None and here.opened < opened:
            delivery.hub.remove(here)
            here.close(4409)


def _ended(delivery: Delivery, sessions: list[str]) -> None:
    if sessions:
        delivery.hub.close_sessions(set(sessions))


def _taken(delivery: Delivery, shares: list[tuple[str, DeviceId, int]]) -> None:
    now = buckets.clock()
    for share, device, amount in shares:
        getattr(buckets, share).taken_elsewhere(device, now, amount)


_HEARING: dict[str, Callable[[Delivery, Any], None]] = {
    "changed": _changed,
    "pairs": _pairs,
    "nudges": _nudges,
    "accounts": _accounts,
    "devices": _devices,
    "arrived": _arrived,
    "ended": _ended,
    "taken": _taken,
}
