"""What became of own messages: accepted, delivered, read, expired. The server's word; no secret depends on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..api import Status
from ..errors import Refused
from ..protocol.limits import DAY
from ..store import Transaction, groups, peers, settings, timeline
from ..store.records import ChatState, Entry
from .context import Context
from .group_lookup import state_of
from .model import State
from .places import conversation_with, group_of

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
        for (chat, is_group), messages in (await self._context.write(_unread)).items():
            try:
                await self.apply(await self._context.api.statuses(messages, chat, is_group=is_group))
            except Refused as error:
                if error.code != "not_found" or not is_group:  # one is no longer in it
                    raise

    async def apply(self, statuses: Sequence[Status]) -> None:
        await self._context.write(lambda tx: _apply(tx, statuses), durable=False)
        self._context.changed.set()


def outgoing_state(entry: Entry) -> State:
    """The state of an own message: the furthest that any device of the recipient has come."""
    if entry.state != "accepted":
        return "failed" if entry.state == "failed" else "queued"
    furthest = max((_rank(status[0]) for status in (entry.statuses or {}).values()), default=0)
    return next((name for name, rank in _RANKS.items() if rank == furthest), "accepted")


def reached(entry: Entry, account: bytes) -> tuple[State, int | None]:
    """How far an own message has come with one of its recipients, on any of their devices; and since when (ms)."""
    found = [status for key, status in (entry.statuses or {}).items() if key.startswith(account)]
    name, at = max(found, key=lambda one: (_rank(one[0]), -one[1]), default=(None, None))
    return next((known for known in _RANKS if known == name), "accepted"), at


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


def _unread(tx: Transaction) -> dict[tuple[bytes, bool], list[bytes]]:
    """Unread messages by chat (and whether it is a group chat), where there are other devices to read them on."""
    me = settings.me(tx)
    pin = peers.pin_of(peers.by_account(tx, me.account)) if me is not None else None
    found: dict[tuple[bytes, bool], list[bytes]] = {}
    if pin is not None and len(pin.newest.devices) > 1:
        for entry in timeline.unread(tx, limit=MOST):
            if entry.kind == "text":
                found.setdefault((entry.chat, group_of(tx, entry.chat) is not None), []).append(entry.id)
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
            for account in _writers(tx, chat) if chat is not None else ():
                timeline.mark_read(tx, account, status.message)
            continue
        entry = timeline.get(tx, me.account, status.message)
        if entry is None or not entry.outgoing:
            continue
        if entry.chat != conversation_with(me.account, status.account) and group_of(tx, entry.chat) is None:
            continue
        known = dict(entry.statuses or {})
        key = status.account + status.device
        if _rank(status.status) > _rank(known.get(key, [""])[0]):
            known[key] = [status.status, status.at]
            changed = replace(entry, statuses=known)
            # What another own device has told for all of them says of none that there is no more to ask.
            of_others = {key: one for key, one in known.items() if not key.startswith(me.account)}
            timeline.update(tx, changed, unsettled=outgoing_state(replace(entry, statuses=of_others)) != "read")


def _writers(tx: Transaction, chat: ChatState) -> list[bytes]:
    """Whose message it may be that was read."""
    if not chat.is_group:
        return [chat.account]
    state = state_of(groups.get(tx, chat.conversation))
    return [] if state is None else [one.account for one in state.roster]
