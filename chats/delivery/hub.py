"""The devices that are connected to this process, and what is pushed to them. Others are nudged elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from chats.delivery import messages
from chats.delivery.connection import Connection
from chats.group_sends import GroupSend
from chats.ids import AccountId, DeviceId
from chats.sends import Accepted, Send


class Hub:
    """`nudge` is told of devices that are not here; `drain` of connections that may have something to fetch."""

    def __init__(self, *, nudge: Callable[[DeviceId], None], drain: Callable[[Connection], None]) -> None:
        self._nudge_elsewhere, self._drain = nudge, drain
        self.devices: dict[DeviceId, Connection] = {}
        self.accounts: dict[AccountId, list[Connection]] = {}

    def __iter__(self) -> Iterator[Connection]:
        return iter(list(self.devices.values()))

    def add(self, connection: Connection) -> None:
        """One live socket a device: the newer one wins."""
        if older := self.devices.get(connection.device):
            self.remove(older)
            older.close(4409)
        self.devices[connection.device] = connection
        self.accounts.setdefault(connection.account, []).append(connection)
        if connection.wants_more:
            self._drain(connection)

    def set_listed(self, connection: Connection, listed: bool) -> None:
        """What is delivered begins when the account lists the device, and ends when it does no more."""
        if connection.listed != listed:
            connection.listed = listed
            self.fall_behind(connection)

    def remove(self, connection: Connection) -> None:
        """Forget a connection. What was in flight on it is sent again on the next one."""
        if self.devices.get(connection.device) is connection:
            del self.devices[connection.device]
            of_account = self.accounts[connection.account]
            of_account.remove(connection)
            if not of_account:
                del self.accounts[connection.account]

    def deliver(self, send: Send, verdict: Accepted) -> None:
        """After the commit: the envelopes of a send, from memory where nothing else is pending."""
        for parcel, position in zip(send.outgoing, verdict.positions, strict=True):
            connection = self.devices.get(parcel.device)
            if connection is None:
                self._nudge_elsewhere(parcel.device)
            elif connection.behind or connection.reading or not connection.has_room:
                self.fall_behind(connection)
            else:
                text = messages.fresh_envelope(send, parcel, position, verdict.accepted_at)
                connection.push(position, len(parcel.data), text)

    def deliver_group(self, send: GroupSend, verdict: Accepted) -> None:
        """The same for a message to a group chat. The frame is built once: only the number differs."""
        size, texts = len(send.data), {}
        for one, position in zip(send.outgoing, verdict.positions, strict=True):
            connection = self.devices.get(one.device)
            if connection is None:
                self._nudge_elsewhere(one.device)
            elif connection.behind or connection.reading or not connection.has_room:
                self.fall_behind(connection)
            else:
                if one.request not in texts:
                    texts[one.request] = messages.group_envelope(send, verdict.accepted_at, request=one.request)
                before, after = texts[one.request]
                connection.push(position, size, f"{before}{position}{after}")

    def nudge(self, device: DeviceId) -> None:
        """Something was written for this device, by another process or by a request."""
        if connection := self.devices.get(device):
            self.fall_behind(connection)

    def fall_behind(self, connection: Connection) -> None:
        """There is something in the database for it: the drain fetches it as soon as there is room."""
        connection.behind = True
        if not connection.reading and connection.wants_more:
            self._drain(connection)

    def tell_account(self, account: AccountId, text: str, but: DeviceId | None = None) -> None:
        """A frame to every device of an account that is connected here. Unlisted ones hear of their own list alone."""
        for connection in self.accounts.get(account, ()):
            if connection.device != but and (connection.listed or text == messages.devices_changed(account)):
                connection.send(text)

    def tell_device(self, device: DeviceId, text: str) -> None:
        if connection := self.devices.get(device):
            connection.send(text)

    def close_sessions(self, sessions: set[str]) -> None:
        """End the sockets of token families that were ended."""
        for connection in self:
            if connection.session in sessions:
                self.remove(connection)
                connection.close(4403)
