"""One live socket of a device: who it speaks for, and what was sent to it and not acknowledged. No transport."""

from __future__ import annotations

import time
import uuid
from typing import Protocol

from chats.ids import AccountId, DeviceId
from chats.limits import WINDOW, WINDOW_BYTES


class Transport(Protocol):
    """What a connection needs of a socket. Neither call blocks; `full`: too much waits for a slow reader."""

    @property
    def full(self) -> bool: ...

    def write(self, text: str) -> None: ...

    def close(self, code: int) -> None: ...


class Connection:
    """`behind`: the database may hold envelopes that were not sent here; nothing is pushed from memory until a
    drain has found none. `reading`: a drain is asking the database right now. `listed`: the device is on its
    account's newest list, as of `list_version`; otherwise nothing is delivered here. `browser`: a page holds it, and
    no token that another browser's session opened can take it over.
    """

    __slots__ = (
        "account",
        "acking",
        "announced_empty",
        "behind",
        "browser",
        "closed",
        "device",
        "expires_at",
        "gathered",
        "in_flight",
        "in_flight_bytes",
        "list_version",
        "listed",
        "opened",
        "reading",
        "session",
        "transport",
    )

    def __init__(
        self,
        transport: Transport,
        *,
        account: AccountId,
        device: DeviceId,
        session: str,
        expires_at: int,
        listed: bool,
        list_version: int,
        browser: uuid.UUID | None = None,
    ) -> None:
        self.transport = transport
        self.account, self.device, self.session, self.expires_at = account, device, session, expires_at
        self.browser = browser
        self.opened = time.time_ns()
        self.listed, self.list_version = listed, list_version
        self.in_flight: dict[int, int] = {}  # position: bytes
        self.in_flight_bytes = 0
        self.acking: set[int] = set()  # acknowledged, but perhaps still in the database
        self.gathered = 0  # positions, known or not, that wait to be deleted
        self.behind, self.reading, self.announced_empty, self.closed = True, False, False, False

    @property
    def has_room(self) -> bool:
        return self.listed and len(self.in_flight) < WINDOW and self.in_flight_bytes < WINDOW_BYTES

    @property
    def wants_more(self) -> bool:
        """Half of the window is free: asking for less would be a query an envelope."""
        return self.listed and len(self.in_flight) <= WINDOW // 2 and self.in_flight_bytes <= WINDOW_BYTES // 2

    def send(self, text: str) -> None:
        """Send a frame. A reader that leaves too many unread loses its socket, and finds everything on return."""
        if self.closed:
            return
        if self.transport.full:
            self.close(1013)
            return
        self.transport.write(text)

    def push(self, position: int, size: int, text: str) -> None:
        """Send an envelope, and hold its place in the window until it is acknowledged."""
        if position in self.in_flight or position in self.acking:
            return
        self.in_flight[position] = size
        self.in_flight_bytes += size
        self.send(text)

    def release(self, positions: list[int]) -> int:
        """These were acknowledged: their places are free, and they are not to be sent again. How many were not here."""
        strange = 0
        for position in positions:
            size = self.in_flight.pop(position, None)
            if size is not None:
                self.in_flight_bytes -= size
                self.acking.add(position)
            else:
                strange += 1
        return strange

    def close(self, code: int) -> None:
        """Close the socket with one of the documented codes. Nothing is sent after."""
        if not self.closed:
            self.closed = True
            self.transport.close(code)
