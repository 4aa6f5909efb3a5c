"""What became of own messages: accepted, delivered, read, expired. The server's word; no secret depends on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..api import Status
from ..protocol.limits import DAY
from ..store import Transaction, peers, settings, timeline
from ..store.records import Entry
from .context import Context
from .model import State
from .places import conversation_with

MOST = 500
OPEN_FOR = 31 * DAY  # after that nobody comes for a message any more

_RANKS: dict[State, int] = {"expired": 1, "delivered": 2, "read": 3}


class Statuses:
    def __init__(self, context: Context) -> None:
        self._context = context

    async def ask(self) -> None:
        """Ask for the fate of own messages where it is open."""
        now = self._context.clock.now()
        asked = await self._context.write(lambda tx: _open(tx, now))
        if asked:
            await self.apply(await self._context.api.statuses(asked))
        # What was read on own other devices, while this one was away.
        for chat, messages in (await self._context.write(_unread)).items():
            await self.apply(await self._context.api.statuses(messages, chat))

    async def apply(self, statuses: Sequence[Status]) -> None:
        await self._context.write(lambda tx: _apply(tx, statuses), durable=False)
        self._context.changed.set()


def outgoing_state(entry: Entry) -> State:
    """The state of an own message: the furthest that any device of the recipient has come."""
    if entry.state != "accepted":
        return "failed" if entry.state == "failed" else "queued"
    furthest = max((_rank(status[0]) for status in (entry.statuses or {}).values()), default=0)
    return next((name for name, rank in _RANKS.items() if rank == furthest), "accepted")


def _rank(name: str) -> int:
    return next((rank for known, rank in _RANKS.items() if known == name), 0)


def _open(tx: Transaction, now: int) -> list[bytes]:
    found = []
    for entry in timeline.unsettled(tx, limit=MOST):
        if now - entry.accepted > OPEN_FOR:
            timeline.update(tx, entry, unsettled=False)
        else:
            found.append(entry.id)
    return found


def _unread(tx: Transaction) -> dict[bytes, list[bytes]]:
    """Unread messages by chat, where there are other devices to read them on."""
    me = settings.me(tx)
    pin = peers.pin_of(peers.by_account(tx, me.account)) if me is not None else None
    found: dict[bytes, list[bytes]] = {}
    if pin is not None and len(pin.newest.devices) > 1:
        for entry in timeline.unread(tx, limit=MOST):
            if entry.kind == "text":
                found.setdefault(entry.chat, []).append(entry.id)
    return found


def _apply(tx: Transaction, statuses: Sequence[Status]) -> None:
    me = settings.me(tx)
    if me is None:
        return
    for status in statuses:
        if not _rank(status.status):
            continue
        if status.account == me.account:
            chat = timeline.chat(tx, status.chat) if status.status == "read" else None
            if chat is not None:
                timeline.mark_read(tx, chat.account, status.message)
            continue
        entry = timeline.get(tx, me.account, status.message)
        if entry is None or not entry.outgoing or entry.chat != conversation_with(me.account, status.account):
            continue
        known = dict(entry.statuses or {})
        key = status.account + status.device
        if _rank(status.status) > _rank(known.get(key, [""])[0]):
            known[key] = [status.status, status.at]
            changed = replace(entry, statuses=known)
            timeline.update(tx, changed, unsettled=outgoing_state(changed) != "read")
