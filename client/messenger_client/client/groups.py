"""Group chats. A part of `Client`."""

from __future__ import annotations

from collections.abc import Iterable

from ..api import forms
from ..errors import Defect, IdentityHasChanged, KeysRefused, Refused, UnknownPerson, Unreachable, WrongUse
from ..protocol.group_args import ADMIN, MEMBER, OWNER, Add, Approve, Args, CloseLink, Leave, Remove, SetMeta, SetRole
from ..protocol.group_meta import Meta
from ..protocol.group_state import GroupState
from ..protocol.ids import AccountId
from ..store import Transaction, groups
from ..store.group_records import Group
from .context import Context, require_me
from .directory import Directory
from .group_changing import Changer, Decide, Pen, read_link
from .group_following import Follower
from .group_lookup import state_of
from .group_sending import GroupSender
from .model import GroupChat, GroupMember, Role
from .naming import group_named
from .showing import name_of

LONGEST_TITLE = 120  # characters

_ROLES: dict[int, Role] = {MEMBER: "member", ADMIN: "admin", OWNER: "owner"}


class Groups:
    _context: Context
    _directory: Directory
    _follower: Follower
    _group_sender: GroupSender
    _changer: Changer

    async def groups(self) -> list[GroupChat]:
        """Return the group chats known here, by title; those that one has left, too. Touches no network."""

        def work(tx: Transaction) -> list[GroupChat]:
            return [_shown(tx, one) for one in groups.known(tx) if one.standing or one.trouble]

        return sorted(await self._context.write(work), key=lambda one: (one.title.casefold(), one.id))

    async def group(self, name: str) -> GroupChat:
        """Return one of them, after following it. `name`: its title or id, or the beginning of that."""
        group = await self._named(name)
        await self._follower.follow(group)
        return await self._known(group)

    async def create_group(
        self, title: str, members: Iterable[str] = (), *, members_may_add: bool = False
    ) -> GroupChat:
        """Start a group chat that one owns. Raises UnknownPerson, Refused, WrongUse."""
        check_title(title)
        accounts = [await self._person(one) for one in members]
        return await self._known(
            await self._changer.create(title, list(dict.fromkeys(accounts)), members_may_add=members_may_add)
        )

    async def add_to_group(self, name: str, username: str) -> GroupChat:
        """Add somebody. Raises Refused where one may not."""
        account = AccountId(await self._person(username))
        return await self._change(name, lambda pen: _unless_in(pen, account, Add(account)), announce=True)

    async def remove_from_group(self, name: str, username: str) -> GroupChat:
        """Remove somebody, or refuse one who waits: they can read nothing that follows."""
        account = AccountId((await self._directory.resolve(username)).account)

        def decide(pen: Pen) -> Args | None:
            if pen.state.role(account) is None and account not in pen.state.pending:
                return None
            return Remove(account, pen.sealed_anew())

        return await self._change(name, decide, announce=True)

    async def leave_group(self, name: str) -> GroupChat:
        """Leave, decline, or take the wish to join back. What is here stays readable."""
        return await self._change(name, lambda pen: Leave())

    async def set_group_role(self, name: str, username: str, role: Role) -> GroupChat:
        """Make somebody an owner, an admin or a member, as an owner."""
        account = AccountId((await self._directory.resolve(username)).account)
        number = next(number for number, word in _ROLES.items() if word == role)
        return await self._change(
            name, lambda pen: None if pen.state.role(account) == number else SetRole(account, number)
        )

    async def rename_group(self, name: str, title: str) -> GroupChat:
        """Give it another title, as an admin."""
        check_title(title)

        def decide(pen: Pen) -> Args:
            meta = pen.meta()
            new = Meta(title, meta.description, meta.colour, meta.avatar)
            return SetMeta(pen.sealed(new), pen.state.members_may_add)

        return await self._change(name, decide)

    async def open_group_link(
        self, name: str, *, expires: int | None = None, uses: int | None = None, approval: bool = False
    ) -> str:
        """Return a link that lets whoever has it join: until `expires` (ms), so many times, or ask to be let in.

        It holds a secret, behind the `#`, which no server is told.
        """
        group = await self._named(name)
        code = await self._changer.open_link(group, expires=expires, uses=uses, approval=approval)
        return f"{self._context.origin}/chats/#join/{code}"

    async def close_group_links(self, name: str) -> int:
        """End all links; returns how many."""
        group, closed = await self._named(name), 0
        while await self._changer.change(
            group, lambda pen: CloseLink(pen.state.links[0].key) if pen.state.links else None
        ):
            closed += 1
        return closed

    async def join_group(self, link: str) -> GroupChat:
        """Join by a link; `standing` of what is returned is `pending` where an admin has to agree first."""
        return await self._known(await self._changer.join(read_link(link)))

    async def approve_in_group(self, name: str, username: str) -> GroupChat:
        """Let somebody in who has asked, as an admin."""
        account = AccountId((await self._directory.pinned(username)).account)
        return await self._change(name, lambda pen: _unless_in(pen, account, Approve(account)), announce=True)

    async def accept_group(self, name: str) -> GroupChat:
        """Stay in a group chat that somebody unknown has added one to; `leave_group` declines."""
        group = await self._named(name)
        await self._context.api.groups.accept(group)
        await self._follower.look()
        return await self._known(group)

    async def look_at_groups(self) -> None:
        """Follow all of them, and do what an admin's device is due to do. Raises Unreachable, SignInNeeded."""
        await self._follower.look()
        await self._changer.rekey_where_due()

    async def group_changed(self, group: bytes, *, removed: bool) -> None:
        """The server says that there are new operations; or that one is in it no longer."""
        if removed:
            await self._follower.gone(group)
            return
        await self._follower.follow(group)
        await self._changer.rekey_where_due()

    async def announce_in_groups(self) -> None:
        """Tell this device's chains to devices that are new on a list, as far as it goes now."""

        def work(tx: Transaction) -> list[bytes]:
            return [one.id for one in groups.known(tx) if one.standing == "member" and not one.request]

        for group in await self._context.write(work):
            try:
                await self._group_sender.announce(group)
            except (Defect, IdentityHasChanged, KeysRefused, Refused, UnknownPerson) as error:
                self._context.notify(str(error))
            except Unreachable as error:
                self._context.notify(str(error))
                return

    async def _change(self, name: str, decide: Decide, *, announce: bool = False) -> GroupChat:
        group = await self._named(name)
        await self._changer.change(group, decide, announce=announce)
        return await self._known(group)

    async def _known(self, group: bytes) -> GroupChat:
        def work(tx: Transaction) -> GroupChat:
            found = groups.get(tx, group)
            if found is None:
                raise Refused("There is no such group chat.", "not_found")
            return _shown(tx, found)

        return await self._context.write(work)

    async def _named(self, name: str) -> bytes:
        return await self._context.write(lambda tx: group_named(tx, name))

    async def _person(self, username: str) -> bytes:
        me = await self._context.me()
        peer = await self._directory.pinned(username)
        if peer.account == me.account:
            raise WrongUse("That is you.")
        return peer.account


def _unless_in(pen: Pen, account: AccountId, args: Args) -> Args | None:
    return None if pen.state.role(account) is not None else args


def _shown(tx: Transaction, group: Group) -> GroupChat:
    me, state = require_me(tx), state_of(group)
    members = _members(tx, state) if state is not None else ()
    own = state.role(AccountId(me.account)) if state is not None else None
    return GroupChat(
        id=forms.uuid(group.id),
        title=group.title,
        standing=group.standing or "pending",  # type: ignore[arg-type]
        role=_ROLES[own] if own is not None and group.standing == "member" else None,
        members=members,
        waiting=tuple(name_of(tx, one) for one in state.pending) if state is not None else (),
        links=len(state.links) if state is not None else 0,
        is_request=group.request,
        trouble=group.trouble,
    )


def _members(tx: Transaction, state: GroupState) -> tuple[GroupMember, ...]:
    return tuple(
        GroupMember(name_of(tx, one.account), forms.uuid(one.account), _ROLES[one.role]) for one in state.roster
    )


def check_title(title: str) -> None:
    if not 0 < len(title.strip()) <= LONGEST_TITLE or not title.isprintable():
        raise WrongUse(f"A title has 1 to {LONGEST_TITLE} characters, on one line.")
