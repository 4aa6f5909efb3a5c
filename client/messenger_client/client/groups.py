"""Group chats. A part of `Client`."""

from __future__ import annotations

from collections.abc import Iterable

from ..api import forms
from ..errors import Defect, IdentityHasChanged, KeysRefused, Refused, UnknownPerson, Unreachable, WrongUse
from ..protocol.group_args import Add, Approve, Args, CloseLink, Leave, Remove, SetMeta, SetRole
from ..protocol.group_meta import MAX_COLOUR, Meta
from ..protocol.ids import AccountId
from ..store import Transaction, groups
from .context import Context
from .directory import Directory
from .group_changing import Changer, Decide, Pen, read_link
from .group_following import Follower
from .group_sending import GroupSender
from .group_showing import ROLES, group_chat, link_named
from .model import GroupChat, Role
from .naming import group_named

LONGEST_TITLE = 120  # characters
LONGEST_DESCRIPTION = 1_000  # characters: sealed with the title, at most 4 KiB
KEEP = -1  # a colour that is none: that of now


class Groups:
    _context: Context
    _directory: Directory
    _follower: Follower
    _group_sender: GroupSender
    _changer: Changer

    async def groups(self) -> list[GroupChat]:
        """Return the group chats known here, by title; those that one has left, too. Touches no network."""

        def work(tx: Transaction) -> list[GroupChat]:
            return [group_chat(tx, one) for one in groups.known(tx) if one.standing or one.trouble]

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
        number = next(number for number, word in ROLES.items() if word == role)
        return await self._change(
            name, lambda pen: None if pen.state.role(account) == number else SetRole(account, number)
        )

    async def change_group(
        self,
        name: str,
        *,
        title: str | None = None,
        description: str | None = None,
        colour: int | None = KEEP,
        members_may_add: bool | None = None,
    ) -> GroupChat:
        """Change what people see of it, or who may add to it, as an admin: in one operation, or none if all is so.

        What is not given stays. `colour`: 0xRRGGBB, or None for none; an empty `description` takes it away.
        Raises Refused where one may not, WrongUse.
        """
        if title is not None:
            check_title(title)
        _check_changes(description, colour)

        def decide(pen: Pen) -> Args | None:
            meta, may_add = pen.meta(), pen.state.members_may_add
            new = Meta(
                meta.title if title is None else title,
                meta.description if description is None else description or None,
                meta.colour if colour == KEEP else colour,
                meta.avatar,
            )
            new_may_add = may_add if members_may_add is None else members_may_add
            return None if (new, new_may_add) == (meta, may_add) else SetMeta(pen.sealed(new), new_may_add)

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

    async def close_group_link(self, name: str, link: str) -> str:
        """End one link, named by its number among `open_links`, from 1 on, or by its key or the beginning of that.

        Returns the key. Raises WrongUse where there is none, or several.
        """
        group = await self._named(name)
        await self._follower.follow(group)
        key = await self._context.write(lambda tx: link_named(groups.get(tx, group), link))
        await self._changer.change(group, lambda pen: CloseLink(key) if pen.state.link(key) else None)
        return forms.encode(key)

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
            return group_chat(tx, found)

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


def _check_changes(description: str | None, colour: int | None) -> None:
    if description is not None:
        try:
            description.encode()
        except UnicodeEncodeError as error:
            raise WrongUse("That text is not valid Unicode.") from error
        if len(description) > LONGEST_DESCRIPTION:
            raise WrongUse(f"A description has {LONGEST_DESCRIPTION:,} characters at most.")
    if colour is not None and colour != KEEP and not 0 <= colour <= MAX_COLOUR:
        raise WrongUse("A colour is six digits, as in ff8800.")


def check_title(title: str) -> None:
    if not 0 < len(title.strip()) <= LONGEST_TITLE or not title.isprintable():
        raise WrongUse(f"A title has 1 to {LONGEST_TITLE} characters, on one line.")
