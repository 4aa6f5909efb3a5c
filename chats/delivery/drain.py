"""From the database to the sockets: the one way that connect, reconnect, nudge and poll share.

It asks for "not acked and not in flight" in the order of the queue. A cursor would lose rows that commit out of order.
"""

from __future__ import annotations

from chats.delivery import messages
from chats.delivery.connection import Connection
from chats.delivery.on_demand import OnDemand
from chats.ids import DeviceId
from chats.limits import DRAIN_DEVICES, DRAIN_ROWS, WINDOW, WINDOW_BYTES
from chats.writer.store import Store, Waiting

DRAIN_BYTES = 4 * 1024 * 1024  # of ciphertext that one query reads, for all its devices together


class Drain:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._wanting: dict[DeviceId, Connection] = {}
        self._work = OnDemand("chats-drain", self._round, lambda: bool(self._wanting))
        self.cancel = self._work.cancel

    def want(self, connection: Connection) -> None:
        """Fetch for this connection as soon as possible."""
        self._wanting[connection.device] = connection
        self._work.wake()

    async def _round(self) -> None:
        asking = [self._wanting.pop(device) for device in list(self._wanting)[:DRAIN_DEVICES]]
        asking = [one for one in asking if not one.closed and not one.reading]
        if not asking:
            return
        limit = min(max(1, DRAIN_ROWS // len(asking)), WINDOW)
        rooms = {
            one.device: min(max(1, WINDOW_BYTES - one.in_flight_bytes), DRAIN_BYTES // len(asking)) for one in asking
        }
        held = [position for one in asking for position in (*one.in_flight, *one.acking)]
        for one in asking:
            # Before the question: what is committed from now on sets it again.
            one.behind, one.reading = False, True
        rows: list[Waiting] = []
        try:
            rows = await self._store.waiting_for(rooms, held, limit)
        except BaseException:
            for one in asking:
                one.behind = True
                # It asks again by itself: the poll knows only of devices that have envelopes, and those who have
                # none wait for `queue.empty`.
                self._wanting.setdefault(one.device, one)
            raise
        finally:
            for one in asking:
                one.reading = False
        self._push(asking, rows, limit, rooms)

    def _push(self, asking: list[Connection], rows: list[Waiting], limit: int, rooms: dict[DeviceId, int]) -> None:
        found: dict[DeviceId, list[Waiting]] = {one.device: [] for one in asking}
        for row in rows:
            found[row.device].append(row)
        for one in asking:
            mine = found[one.device]
            for row in mine:
                if not one.has_room:
                    one.behind = True
                    break
                one.push(row.position, len(row.ciphertext), messages.envelope(row))
            if len(mine) >= limit or sum(len(row.ciphertext) for row in mine) >= rooms[one.device]:
                one.behind = True
            if one.behind:
                if one.wants_more:
                    self.want(one)
            elif not one.announced_empty:
                one.announced_empty = True
                one.send(messages.QUEUE_EMPTY)
