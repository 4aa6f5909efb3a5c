"""Following group chats: what the server shows of a chain is held against what this device knows of it.

PROTOCOL.md, Groups. A chain that does not verify, forks or goes back stops all sending to that group chat, and one
line says why; it is looked at again with every occasion, and goes on once it follows from what was known.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from ..api.groups import GroupInfo, Operations
from ..errors import Defect, KeysRefused, Refused, SignInNeeded, Unreachable
from ..protocol.device_list import DeviceList, open_list
from ..protocol.errors import ListRefused, ProtocolError
from ..protocol.group_link import GroupLink
from ..protocol.group_operation import Operation, open_operation
from ..protocol.group_state import GroupState
from ..protocol.ids import AccountId
from ..store import Transaction, groups, peers, settings, timeline
from ..store.group_records import Group
from ..store.records import ChatState, Peer
from .context import Context, require_me
from .directory import Directory
from .group_applying import take_operations
from .group_authors import Authors, ListName, Shown
from .group_lookup import state_of
from .group_wording import shown_title, trouble_of, withheld
from .identity import shown_name

MOST_PAGES = 200  # of one answer to "what is new": a chain has to come to an end
_RACES = 100  # with other processes
_FAILURES = (Unreachable, SignInNeeded, KeysRefused, Defect, Refused)

Reread = Callable[[Transaction, Group], None]  # reads what came before the operations that it needs


class _Raced(Exception):
    """Another process was faster."""


@dataclass(frozen=True, slots=True)
class _Fetched:
    after: bytes | None  # hash of the newest operation kept here when it was asked for; it comes first
    operations: list[bytes]
    lists: dict[ListName, DeviceList]


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
        for group in await self._with_news():
            await self.follow(group)

    async def _with_news(self) -> list[bytes]:
        found = {one.group: one for one in await self._context.api.groups.known()}
        await self._context.write(_note_first, found)
        known = {one.id: one for one in await self._context.write(groups.known)}
        news = []
        for group, info in found.items():
            state = state_of(known.get(group))
            await self._context.write(_note_request, info)
            if state is None or state.hash != info.hash or known[group].trouble or known[group].withheld:
                news.append(group)
        gone = [group for group, one in known.items() if group not in found and one.standing in ("member", "pending")]
        return news + gone

    async def catch_up(self) -> None:
        """The same before and after an identity changes here, as far as the server is there.

        What was signed under the one that is given up counts only while it is the known one. A group chat that cannot
        be followed keeps no other from it.
        """
        with contextlib.suppress(*_FAILURES):
            for group in await self._with_news():
                with contextlib.suppress(*_FAILURES):
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
            taken, failure = take_operations(tx, require_me(tx), found, Shown([signed], {}))
            if failure is not None:
                raise failure
            return taken

        taken = await self._context.write(work)
        self._context.changed.set()
        return taken

    async def by_link(self, link: GroupLink, signature: bytes) -> GroupState:
        """Follow the group chat that a link leads to, as one who is not in it yet. Raises Refused, KeysRefused.

        What was verified is kept: nothing but this chain will be followed.
        """
        async with self._lock:
            for _ in range(_RACES):
                known = await self._context.write(lambda tx: groups.get(tx, link.group), durable=False)
                try:
                    shown = await self._fetch(link.group, state_of(known), (link.key.public, signature))
                    return await self._context.write(self._take_linked, link, shown)
                except _Raced:
                    continue
                except ProtocolError as error:
                    raise KeysRefused(
                        "The server shows another group chat than the one of this link, or one that does not verify:"
                        " you have not joined. If somebody in it has a new identity, ask for a new link."
                    ) from error
        raise Unreachable("Others keep changing this group chat; try again.", "group_changed")

    async def _follow(self, group: bytes) -> Group | None:
        for _ in range(_RACES):
            before = state_of(await self._context.write(lambda tx: groups.get(tx, group), durable=False))
            try:
                shown = await self._fetch(group, before)
            except Refused as error:
                if error.status != 404:
                    raise
                return await self._context.write(lambda tx: self._gone(tx, group))
            except ProtocolError as error:
                return await self._context.write(self._stop, group, error)
            try:
                taken = await self._context.write(self._take, group, shown)
            except _Raced:
                continue
            state = state_of(taken)
            if state is not None:
                await self._directory.name_accounts([*(one.account for one in state.roster), *state.pending])
            return taken
        raise Unreachable("This group chat keeps changing; try again.", "group_changed")

    async def _fetch(
        self, group: bytes, before: GroupState | None, link: tuple[bytes, bytes] | None = None
    ) -> _Fetched:
        """All that the server shows behind what is kept here, and the lists that it names.

        All of it before any is judged: who let one in may stand on the last page. Raises Refused, ListRefused.
        """
        # From the newest one known, itself included, so that a fork of it shows.
        first = before.index - 1 if before is not None and before.index else None
        signed: list[bytes] = []
        lists: dict[ListName, DeviceList] = {}
        for _ in range(MOST_PAGES):
            since = first if not signed else len(signed) + (-1 if first is None else first)
            page = await self._context.api.groups.operations(group, since, link)
            lists |= await self._learn(page)
            signed += page.operations
            if not page.more:
                return _Fetched(None if before is None else before.hash, signed, lists)
            if not page.operations:
                break
        raise ListRefused("without end")

    def _take(self, tx: Transaction, group: bytes, fetched: _Fetched) -> Group:
        known = groups.get(tx, group) or Group(group)
        try:
            taken, failure = take_operations(tx, require_me(tx), known, _unknown(known, fetched))
        except ListRefused as error:
            return self._stop(tx, group, error)
        if failure is not None:
            return self._stop(tx, group, failure, fetched)
        self.reread(tx, taken)
        return groups.get(tx, group) or taken

    def _take_linked(self, tx: Transaction, link: GroupLink, fetched: _Fetched) -> GroupState:
        """All of it or nothing. Raises ProtocolError."""
        me, known = require_me(tx), groups.get(tx, link.group) or Group(link.group)
        shown = _unknown(known, fetched)
        if not Authors(tx, me, known, shown).names(link.gsh):
            raise ListRefused("not the group of the link")
        taken, failure = take_operations(tx, me, known, shown, link=link.gsh)
        state = state_of(taken)
        if failure is not None or state is None:
            raise failure or ListRefused("no operation")
        return state

    async def _learn(self, page: Operations) -> dict[ListName, DeviceList]:
        """Have the newest lists of the authors; returns the lists that the server names, under whatever key."""
        named = {(bytes(one.account), one.list_hash) for one in _readable(page.operations)}

        def lacking(tx: Transaction) -> set[bytes]:
            return {account for account, one in named if peers.list_named(tx, account, one) is None}

        unknown = await self._context.write(lacking, durable=False)
        await self._directory.refresh_all(unknown)
        await self._directory.name_accounts(unknown)
        return {(bytes(one.account), one.hash): one for one in _lists(page)}

    def _stop(self, tx: Transaction, group: bytes, failure: ProtocolError, fetched: _Fetched | None = None) -> Group:
        known = groups.get(tx, group) or Group(group)
        trouble = trouble_of(known, failure, _author(tx, known, fetched))
        if known.trouble == trouble:
            return known
        if timeline.chat(tx, group) is None:
            timeline.save_chat(tx, ChatState(group, b"", is_group=True))
        timeline.note(tx, "warning", account=require_me(tx).account, chat=group, sent=self._now(), text=trouble)
        return groups.save(tx, replace(known, trouble=trouble))

    def _gone(self, tx: Transaction, group: bytes) -> Group | None:
        known = groups.get(tx, group)
        if known is None or known.standing not in ("member", "pending"):
            groups.drop_all_early(tx, group)
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


def _unknown(known: Group, fetched: _Fetched) -> Shown:
    """What follows what is kept here. Raises ListRefused where it does not follow."""
    state, signed = state_of(known), fetched.operations
    if (state and state.hash) != fetched.after:
        raise _Raced
    if state is not None:
        if not signed:
            raise ListRefused("goes back")
        if open_operation(signed[0]).hash != state.hash:
            raise ListRefused("forks")
        signed = signed[1:]
    return Shown(signed, fetched.lists)


def _author(tx: Transaction, known: Group, fetched: _Fetched | None) -> str:
    """The name of whose operation comes next."""
    state = state_of(known)
    for operation in [] if fetched is None else _readable(fetched.operations):
        if operation.index == (0 if state is None else state.index + 1):
            return shown_name(peers.by_account(tx, operation.account) or Peer(operation.account))
    return "somebody"


def _note_first(tx: Transaction, found: Collection[bytes]) -> None:
    """Of the group chats that are there when this device begins, what is from before it was linked is no news."""
    state = settings.linking(tx)
    if state.groups is None:
        settings.save_linking(tx, replace(state, groups=tuple(sorted(found))))


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
