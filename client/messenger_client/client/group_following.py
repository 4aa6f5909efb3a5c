"""Following group chats: what the server shows of a chain is held against what this device knows of it.

PROTOCOL.md, Groups. A chain that does not verify, forks or goes back stops all sending to that group chat, and one
line says why; it is looked at again with every occasion, and goes on once it follows from what was known.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from ..api import forms
from ..api.groups import GroupInfo, Operations
from ..errors import KeysRefused, Refused
from ..protocol.device_list import DeviceList, open_list
from ..protocol.errors import ListRefused, NotListed, ProtocolError, Unsupported
from ..protocol.group_link import GroupLink
from ..protocol.group_operation import Operation, open_operation
from ..protocol.group_state import GroupState
from ..protocol.ids import AccountId
from ..store import Transaction, groups, peers, timeline
from ..store.group_records import Group
from ..store.records import ChatState
from .context import Context, require_me
from .directory import Directory
from .group_applying import take_operations
from .group_lookup import GroupLookup, ListName, state_of

_ROUNDS = 1_000  # pages, and races with other processes

Extra = Mapping[ListName, DeviceList]
Reread = Callable[[Transaction, Group], None]  # reads what came before the operations that it needs


class _Raced(Exception):
    """Another process was faster."""


class Follower:
    def __init__(self, context: Context, directory: Directory) -> None:
        self._context = context
        self._directory = directory
        self._lock = asyncio.Lock()
        self.reread: Reread = lambda tx, group: None

    async def follow(self, group: bytes) -> Group | None:
        """Take what is new of a group chat. Returns it, with its trouble if there is one; None for a stranger's.

        Raises Unreachable, SignInNeeded.
        """
        async with self._lock:
            try:
                return await self._follow(group)
            finally:
                self._context.changed.set()

    async def look(self) -> None:
        """Follow every group chat of which the server has something new, and note those that are no more."""
        found = {one.group: one for one in await self._context.api.groups.known()}
        known = {one.id: one for one in await self._context.write(groups.known)}
        for group, info in found.items():
            state = state_of(known.get(group))
            await self._context.write(lambda tx, info=info: _note_request(tx, info))  # type: ignore[misc]
            if state is None or state.hash != info.hash or known[group].trouble or known[group].withheld:
                await self.follow(group)
        for group, one in known.items():
            if group not in found and one.standing in ("member", "pending"):
                await self.follow(group)

    async def gone(self, group: bytes) -> None:
        """The server says that this account is not in a group chat any more. It shows no operation that says so."""
        await self._context.write(lambda tx: self._gone(tx, group))
        self._context.changed.set()

    async def take_own(self, group: bytes, signed: bytes) -> Group | None:
        """An operation of our own was taken by the server."""

        def work(tx: Transaction) -> Group | None:
            found, operation = groups.get(tx, group), open_operation(signed)
            state = state_of(found)
            if found is None or operation.index != (0 if state is None else state.index + 1):
                return found  # another process was faster, or slower: it is followed like anybody's
            return take_operations(tx, require_me(tx), found, [signed], GroupLookup(tx))

        taken = await self._context.write(work)
        self._context.changed.set()
        return taken

    async def by_link(self, link: GroupLink, signature: bytes) -> GroupState:
        """The group chat that a link leads to, all of its operations verified. Raises Refused, KeysRefused."""
        signed: list[bytes] = []
        extra: dict[ListName, DeviceList] = {}
        page = None
        while page is None or page.more:
            page = await self._context.api.groups.operations(
                link.group, len(signed) - 1 if signed else None, (link.key.public, signature)
            )
            extra |= await self._learn(page)
            signed += page.operations
        try:
            return await self._context.write(lambda tx: link.follow(signed, GroupLookup(tx, extra)))
        except ProtocolError as error:
            raise KeysRefused(
                "The server shows another group chat than the one of this link, or one that does not verify: you have"
                " not joined."
            ) from error

    async def _follow(self, group: bytes) -> Group | None:
        taken: Group | None = None
        for _ in range(_ROUNDS):
            before = state_of(await self._context.write(lambda tx: groups.get(tx, group)))
            try:
                # From the newest one known, itself included, so that a fork of it shows.
                since = before.index - 1 if before is not None and before.index else None
                page = await self._context.api.groups.operations(group, since)
                extra = await self._learn(page)
            except Refused as error:
                if error.status != 404:
                    raise
                return await self._context.write(lambda tx: self._gone(tx, group))
            try:
                taken = await self._context.write(
                    lambda tx, page=page, extra=extra, before=before: self._take(  # type: ignore[misc]
                        tx, group, before, page.operations, extra
                    )
                )
            except _Raced:
                continue
            except ProtocolError as error:
                failure = error
                taken = await self._context.write(lambda tx, failure=failure: self._stop(tx, group, failure))  # type: ignore[misc]
                break
            if not page.more:
                break
        state = state_of(taken)
        if state is not None:
            await self._directory.name_accounts([*(one.account for one in state.roster), *state.pending])
        return taken

    def _take(
        self, tx: Transaction, group: bytes, before: GroupState | None, signed: Sequence[bytes], extra: Extra
    ) -> Group:
        known = groups.get(tx, group) or Group(group)
        state = state_of(known)
        if (state and state.hash) != (before and before.hash):
            raise _Raced
        if state is not None:
            if not signed:
                raise ListRefused("goes back")
            if open_operation(signed[0]).hash != state.hash:
                raise ListRefused("forks")
            signed = signed[1:]
        taken = take_operations(tx, require_me(tx), known, signed, GroupLookup(tx, extra))
        self.reread(tx, taken)
        return groups.get(tx, group) or taken

    async def _learn(self, page: Operations) -> dict[ListName, DeviceList]:
        """Fetch the lists that operations name. Returns those of ended chains, which no pin leads to."""
        named = {(bytes(one.account), one.list_hash) for one in _readable(page.operations)}

        def missing(tx: Transaction) -> tuple[set[bytes], set[bytes]]:
            lacking = {account for account, one in named if peers.list_named(tx, account, one) is None}
            return lacking, {account for account in lacking if peers.pin_of(peers.by_account(tx, account)) is None}

        lacking, strangers = await self._context.write(missing)
        await self._directory.refresh_all(lacking)

        def ended(tx: Transaction) -> dict[ListName, DeviceList]:
            found: dict[ListName, DeviceList] = {}
            for one in _lists(page):
                # An identity that was given up: known before, or of somebody who was not known at all.
                is_known = one.account in strangers or peers.knows_list(tx, one.account, one.hash)
                if is_known and peers.list_named(tx, one.account, one.hash) is None:
                    found[one.account, one.hash] = one
            return found

        return await self._context.write(ended)

    def _stop(self, tx: Transaction, group: bytes, failure: ProtocolError) -> Group:
        known = groups.get(tx, group) or Group(group)
        trouble = _trouble(known, failure)
        if known.trouble == trouble:
            return known
        if timeline.chat(tx, group) is None:
            timeline.save_chat(tx, ChatState(group, b"", is_group=True))
        timeline.note(tx, "warning", account=require_me(tx).account, chat=group, sent=self._now(), text=trouble)
        return groups.save(tx, replace(known, trouble=trouble))

    def _gone(self, tx: Transaction, group: bytes) -> Group | None:
        known = groups.get(tx, group)
        if known is None or known.standing not in ("member", "pending"):
            return known
        words = (
            f"You are no longer in {shown_title(known)}: you were removed, or left it on another device."
            if known.standing == "member"
            else f"You were not let into {shown_title(known)}."
        )
        timeline.note(tx, "warning", account=require_me(tx).account, chat=group, sent=self._now(), text=words)
        groups.end_chain(tx, group)
        return groups.save(tx, replace(known, standing="gone"))

    def _now(self) -> int:
        return self._context.clock.now()


def require_open(group: Group | None) -> GroupState:
    """The state to write to. Raises Refused, and KeysRefused while the chain is in doubt: then it has to wait."""
    state = state_of(group)
    if group is not None and group.trouble:
        raise KeysRefused(group.trouble)
    if group is None or state is None or group.standing == "":
        raise Refused("There is no such group chat here.", "not_found")
    if group.standing == "pending":
        raise Refused(f"{shown_title(group)}: you have not been let in yet.", "not_found")
    if group.standing != "member":
        raise Refused(f"You are no longer in {shown_title(group)}.", "not_found")
    if group.withheld and any(state.role(AccountId(bytes(account))) is not None for _, account in group.withheld):
        raise KeysRefused(withheld(group))
    return state


def withheld(group: Group) -> str:
    return (
        f"A member of {shown_title(group)} knows of an operation that the server does not show: it may be withholding"
        " one, such as a removal. Nothing is sent to it."
    )


def shown_title(group: Group) -> str:
    return f"“{group.title}”" if group.title else f"the group chat {forms.uuid(group.id)}"


def _trouble(group: Group, failure: ProtocolError) -> str:
    name = shown_title(group)
    if isinstance(failure, Unsupported):
        return f"An operation of {name} needs a newer version of this program: nothing is sent to it before."
    if isinstance(failure, NotListed):
        return (
            f"An operation of {name} is by a device that is on no list of its account that is known here; if somebody's"
            " identity has changed, `messenger verify` comes first. Nothing is sent to it."
        )
    why = {
        "forks": "The server shows another course of {} than before",
        "goes back": "The server does not show any more what has happened in {}",
        "not the next operation": "The server shows the operations of {} out of their order, or an old one again",
    }.get(failure.detail, "The server shows an operation of {} that its rules do not allow, or that nobody has signed")
    return f"{why.format(name)}: it may be lying. Nothing is sent to it."


def _note_request(tx: Transaction, info: GroupInfo) -> None:
    known = groups.get(tx, info.group) or Group(info.group)
    if known.request != info.request:
        groups.save(tx, replace(known, request=info.request))


def _readable(signed: Sequence[bytes]) -> list[Operation]:
    found = []
    for one in signed:
        try:
            found.append(open_operation(one))
        except ProtocolError:
            continue  # refused where it is taken
    return found


def _lists(page: Operations) -> list[DeviceList]:
    found = []
    for account, signed in page.lists:
        try:
            one = open_list(signed)
        except ProtocolError:
            continue
        if one.account == account:
            found.append(one)
    return found
