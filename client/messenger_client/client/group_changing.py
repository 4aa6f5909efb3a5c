"""One's own operations on group chats: made, signed, judged, given to the server; again where another was faster.

PROTOCOL.md, Groups. What the rules refuse never leaves this device.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ..api import answers, forms
from ..errors import Defect, IdentityHasChanged, KeysRefused, Refused, UnknownPerson, Unreachable, WrongUse
from ..protocol import group_chain
from ..protocol.device_list import DeviceList
from ..protocol.entropy import Entropy
from ..protocol.errors import ListRefused, ProtocolError
from ..protocol.group_args import ADMIN, MEMBER, OWNER, Args, Create, Join, Member, OpenLink, Rekey
from ..protocol.group_link import GroupLink, new_link_key
from ..protocol.group_meta import Meta, generate_group_key, read_meta, seal_meta
from ..protocol.group_operation import open_operation
from ..protocol.group_state import GroupState
from ..protocol.ids import ID_SIZE, AccountId, ConversationId, GroupId
from ..protocol.sender_key import GroupKey
from ..store import Transaction, groups, peers
from ..store.group_records import Group
from ..store.records import Me
from .context import Context, own_device, require_linked
from .directory import Directory
from .group_applying import group_key
from .group_following import Follower, require_open
from .group_sending import GroupSender

MOST_ATTEMPTS = 5  # at one operation that others are faster than
NO_LINK = "This link leads nowhere: it was ended, has expired, or is used up."

_RULES = {
    "may not do that": "Only an admin or an owner can do that.",
    "an admin removes members only": "Only an owner removes an admin or an owner.",
    "no owner would be left": "Somebody has to own it: make somebody else an owner first.",
    "oneself": "That is you: `messenger group leave`.",
    "in it, or waiting, already": "They are in it already, or wait to be let in.",
    "not in it": "They are not in it.",
    "not in it, or of that role already": "They are not in it, or have that role already.",
    "does not wait": "They do not wait to be let in.",
    "meta too long": "Title and description are too long together.",
    "too many members": "It is full.",
    "the same link, or one too many": "It has too many links: end one first.",
}


@dataclass
class Pen:
    """What an operation is written with; `key` is the group key that it brings, if it brings one."""

    me: Me
    group: Group
    state: GroupState
    entropy: Entropy
    key: GroupKey | None = None

    @property
    def role(self) -> int:
        role = self.state.role(AccountId(self.me.account))
        return MEMBER if role is None else role

    def meta(self) -> Meta:
        """What people see of it now. Raises Refused where this device has not been told the group key yet."""
        key = group_key(self.group)
        try:
            if key is not None:
                return read_meta(self.state, key)
        except ProtocolError:
            pass
        if not self.group.title:
            raise Refused("This device has not been told the title yet: try again in a moment.", "no_title")
        return Meta(self.group.title)

    def sealed(self, meta: Meta) -> bytes:
        """Under the group key of now."""
        key = group_key(self.group)
        if key is None:
            raise Refused("This device has not been told the newest group key yet: try again in a moment.", "no_title")
        return seal_meta(meta, self.state.group, key, self.entropy)

    def sealed_anew(self) -> bytes:
        """Under a new group key."""
        self.key = generate_group_key(self.state, self.entropy)
        return seal_meta(self.meta(), self.state.group, self.key, self.entropy)


Decide = Callable[[Pen], Args | None]


class Changer:
    def __init__(self, context: Context, directory: Directory, follower: Follower, sender: GroupSender) -> None:
        self._context = context
        self._directory = directory
        self._follower = follower
        self._sender = sender

    async def create(self, title: str, members: list[bytes], *, members_may_add: bool) -> bytes:
        """Start a group chat that this account owns; returns its id. Raises Refused."""
        group = GroupId(ConversationId(self._context.entropy.random(ID_SIZE)))
        for _ in range(MOST_ATTEMPTS):
            signed = await self._context.write(lambda tx: self._create(tx, group, title, members, members_may_add))
            try:
                await self._context.api.groups.create(signed)
            except Refused as error:
                if error.code != "devices_changed":
                    raise
                await self._take_lists(error)
                continue
            await self._follower.take_own(group, signed)
            await self._announce(group)
            return group
        raise Unreachable("Your list of devices keeps changing; try again.")

    async def change(self, group: bytes, decide: Decide, *, announce: bool = False) -> bool:
        """Have an operation taken. `decide` is asked anew after each that was faster; None: it makes no sense (any
        more), and nothing is done. Raises Refused, WrongUse, KeysRefused."""
        found = await self._follower.follow(group)
        if found is None:
            raise Refused("There is no such group chat.", "not_found")
        for _ in range(MOST_ATTEMPTS):
            signed = await self._context.write(lambda tx: self._propose(tx, group, decide))
            if signed is None:
                return False
            try:
                await self._context.api.groups.add_operation(group, signed)
            except Refused as error:
                await self._after(error, group)
                continue
            await self._follower.take_own(group, signed)
            if announce:
                await self._announce(group)
            return True
        raise Unreachable("Others keep changing this group chat; try again.", "group_changed")

    async def rekey_where_due(self) -> None:
        """Have a new group key where somebody has left, if this account may. Losing a race is fine."""

        def due(tx: Transaction) -> list[bytes]:
            return [one.id for one in groups.known(tx) if one.rekey_due and one.standing == "member"]

        for group in await self._context.write(due):
            try:
                await self.change(group, _rekey_if_due, announce=True)
            except (IdentityHasChanged, KeysRefused, Refused, UnknownPerson):
                continue  # the next admin that comes online does it

    async def open_link(self, group: bytes, *, expires: int | None, uses: int | None, approval: bool) -> str:
        """Open a link; returns its code, which holds the secret."""
        key = new_link_key(self._context.entropy)
        await self.change(group, lambda pen: OpenLink(key.public, expires, uses, approval))

        def work(tx: Transaction) -> bytes:
            for signed in reversed(groups.operations_to(tx, group, require_open(groups.get(tx, group)).hash)):
                operation = open_operation(signed)
                if isinstance(operation.args, OpenLink) and operation.args.key == key.public:
                    return operation.hash
            raise Defect("The link is not in the group chat.")

        return GroupLink(GroupId(ConversationId(group)), key, await self._context.write(work)).to_text()

    async def join(self, link: GroupLink) -> bytes:
        """Join by a link, or ask to be let in. Raises Refused, KeysRefused."""
        me = await self._context.me()
        args = link.join(AccountId(me.account))
        for _ in range(MOST_ATTEMPTS):
            try:
                state = await self._follower.by_link(link, args.signature)
            except Refused as error:
                raise Refused(NO_LINK, "not_found") if error.status == 404 else error from None
            own = AccountId(me.account)
            if state.role(own) is None and own not in state.pending:
                signed = await self._context.write(self._join, state, args)
                try:
                    await self._context.api.groups.add_operation(link.group, signed)
                except Refused as error:
                    if error.code == "group_changed":
                        continue
                    if error.code != "devices_changed":
                        raise
                    await self._take_lists(error)
                    continue
                await self._follower.take_own(link.group, signed)
            await self._follower.follow(link.group)
            return link.group
        raise Unreachable("Others keep changing this group chat; try again.", "group_changed")

    async def _announce(self, group: bytes) -> None:
        """Tell the members what an operation brings. It has happened: what fails here goes along with a message."""
        try:
            await self._sender.announce(group)
        except (IdentityHasChanged, KeysRefused, Refused, UnknownPerson, Unreachable, Defect) as error:
            self._context.notify(f"That is done; its keys go to the members with the next message. {error}")

    def _create(
        self, tx: Transaction, group: GroupId, title: str, members: list[bytes], members_may_add: bool
    ) -> bytes:
        me, entropy = require_linked(tx), self._context.entropy
        key = generate_group_key(None, entropy)
        roster = [Member(AccountId(me.account), OWNER), *(Member(AccountId(one), MEMBER) for one in members)]
        try:
            meta = seal_meta(Meta(title), group, key, entropy)
            args = Create.of(roster, meta, members_may_add=members_may_add)
            made = group_chain.create(own_device(me), _own_list(tx, me), group, args, now=self._context.clock.now())
        except ProtocolError as error:
            raise _refusal(error) from error
        groups.save(tx, Group(group, next_key=bytes(key.key), next_version=key.version))
        return made.operation.signed

    def _propose(self, tx: Transaction, group: bytes, decide: Decide) -> bytes | None:
        me, found = require_linked(tx), groups.get(tx, group)
        pen = Pen(me, _required(found), _state_to_change(found), self._context.entropy)
        try:
            args = decide(pen)
            if args is None:
                return None
            now = self._context.clock.now()
            made = group_chain.propose(own_device(me), _own_list(tx, me), pen.state, args, now=now)
        except ProtocolError as error:
            raise _refusal(error) from error
        if pen.key is not None:
            # Kept before it leaves: an answer that is lost must not take the group key along.
            groups.save(tx, replace(pen.group, next_key=bytes(pen.key.key), next_version=pen.key.version))
        return made.operation.signed

    def _join(self, tx: Transaction, state: GroupState, args: Join) -> bytes:
        me = require_linked(tx)
        try:
            made = group_chain.propose(own_device(me), _own_list(tx, me), state, args, now=self._context.clock.now())
        except ProtocolError as error:
            raise Refused(NO_LINK, "not_found") from error
        return made.operation.signed

    async def _after(self, error: Refused, group: bytes) -> None:
        """An operation was refused: see what has changed, or raise why it never will be taken."""
        if error.code == "group_changed":
            await self._follower.follow(group)
        elif error.code == "devices_changed":
            await self._take_lists(error)
        else:
            raise error

    async def _take_lists(self, error: Refused) -> None:
        await self._directory.take([answers.directory(one) for one in forms.items(error.problem.get("accounts"))])


def read_link(text: str) -> GroupLink:
    """A link, or its code alone. Raises WrongUse."""
    code = text.strip().rsplit("#", 1)[-1].rsplit("/", 1)[-1].rsplit("=", 1)[-1]
    try:
        return GroupLink.from_text(code)
    except ProtocolError as error:
        raise WrongUse("That is no link to a group chat.") from error


def _rekey_if_due(pen: Pen) -> Args | None:
    if not pen.group.rekey_due or pen.role < ADMIN or pen.group.request:
        return None
    return Rekey(pen.sealed_anew())


def _state_to_change(group: Group | None) -> GroupState:
    """Also of one that has not let us in yet: a wish can be taken back."""
    if group is not None and group.standing == "pending" and not group.trouble:
        return GroupState.from_bytes(group.state)
    return require_open(group)


def _required(group: Group | None) -> Group:
    if group is None:
        raise Refused("There is no such group chat.", "not_found")
    return group


def _own_list(tx: Transaction, me: Me) -> DeviceList:
    pin = peers.pin_of(peers.by_account(tx, me.account))
    if pin is None:
        raise ListRefused("no list of our own")
    return pin.newest


def _refusal(error: ProtocolError) -> Refused:
    return Refused(
        _RULES.get(error.detail, f"The rules of a group chat do not allow that ({error.detail})."), error.code
    )
