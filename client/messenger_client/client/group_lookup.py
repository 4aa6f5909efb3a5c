"""What the protocol core looks up about group chats, out of the store, inside one transaction."""

from __future__ import annotations

from ..protocol import group_chain
from ..protocol.announced_chain import AnnouncedChain
from ..protocol.device_list import DeviceList
from ..protocol.group_state import GroupState
from ..protocol.ids import AccountId, DeviceId, GroupId
from ..store import Transaction, groups, peers
from ..store.group_records import Group


class GroupLookup:
    """`group_message.Lookup`."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._states: dict[tuple[bytes, bytes], GroupState | None] = {}
        self._newest: dict[bytes, GroupState | None] = {}
        self._lists: dict[bytes, DeviceList | None] = {}

    def newest_group(self, group: GroupId) -> GroupState | None:
        if group not in self._newest:
            self._newest[group] = state_of(groups.get(self._tx, group))
        return self._newest[group]

    def group_at(self, group: GroupId, gsh: bytes) -> GroupState | None:
        newest = self.newest_group(group)
        if newest is not None and newest.hash == gsh:
            return newest
        if (group, gsh) not in self._states:
            before = groups.operations_to(self._tx, group, gsh)
            self._states[group, gsh] = group_chain.rebuild(before) if before else None
        return self._states[group, gsh]

    def list_named(self, account: AccountId, list_hash: bytes) -> DeviceList | None:
        return peers.list_named(self._tx, account, list_hash)

    def newest_list(self, account: AccountId) -> DeviceList | None:
        if account not in self._lists:
            pin = peers.pin_of(peers.by_account(self._tx, account))
            self._lists[account] = None if pin is None else pin.newest
        return self._lists[account]

    def chains(self, group: GroupId, account: AccountId, device: DeviceId) -> list[AnnouncedChain]:
        return groups.chains(self._tx, group, account, device)


def state_of(group: Group | None) -> GroupState | None:
    return GroupState.from_bytes(group.state) if group is not None and group.state else None
