"""Which of the connected devices are on their account's newest list. The others hear next to nothing.

Learnt when a socket opens and when the account's devices change, and compared in each sweep: a word that was lost, or
a change during the handshake, costs the time to the next one.
"""

from __future__ import annotations

from collections.abc import Collection

from chats import services
from chats.delivery.connection import Connection
from chats.delivery.hub import Hub
from chats.delivery.on_demand import OnDemand
from chats.ids import AccountId
from chats.services.listing import NOBODY_LISTED
from chats.threads import Threads

TOGETHER = 1_000  # accounts that are asked for in one go


class Listing:
    def __init__(self, hub: Hub, threads: Threads) -> None:
        self._hub, self._threads = hub, threads
        self._changed: set[AccountId] = set()
        self._work = OnDemand("chats-listing", self._load_changed, lambda: bool(self._changed))
        self.cancel = self._work.cancel

    def changed(self, account: AccountId) -> None:
        """The devices of this account are others than before."""
        if account in self._hub.accounts:
            self._changed.add(account)
            self._work.wake()

    async def check(self, connection: Connection) -> bool:
        """Ask the database whether the device of this connection is listed."""
        await self._load([connection.account])
        return connection.listed

    async def sweep(self) -> None:
        """Find the changes that no word told of."""
        accounts = list(self._hub.accounts)
        for start in range(0, len(accounts), TOGETHER):
            versions = await self._threads.run(services.list_versions, accounts[start : start + TOGETHER])
            await self._load([account for account in versions if self._knows_another(account, versions[account])])

    def _knows_another(self, account: AccountId, version: int) -> bool:
        return any(one.list_version != version for one in self._hub.accounts.get(account, ()))

    async def _load_changed(self) -> None:
        accounts = list(self._changed)[:TOGETHER]
        self._changed.difference_update(accounts)  # before the question: a change from now on is another one
        await self._load(accounts)

    async def _load(self, accounts: Collection[AccountId]) -> None:
        found = await self._threads.run(services.listed_devices, accounts) if accounts else {}
        for account in accounts:
            listed = found.get(account, NOBODY_LISTED)
            for connection in self._hub.accounts.get(account, ()):
                connection.list_version = listed.version
                self._hub.set_listed(connection, connection.device in listed.devices)
