"""Which device lists count for the authors of a group chat's operations. Inside one transaction.

docs/protocol.md, 76. A list under the account key that is pinned here counts. One under another key, of an identity
that was given up or that somebody made up, is the server's word: it counts only where somebody vouches for what it
is named by, or where the very device that signed is listed now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from ..protocol.content import Content, read_padded
from ..protocol.device_list import DeviceList, ListedDevice
from ..protocol.errors import BadSignature, ListRefused, ProtocolError
from ..protocol.group_args import ADMIN, Add, Approve, Create, Leave, Remove, SetRole
from ..protocol.group_chain import apply, rebuild
from ..protocol.group_operation import Operation, open_operation
from ..protocol.group_state import GroupState
from ..protocol.ids import AccountId, DeviceId
from ..protocol.sender_key import SenderKey
from ..store import Transaction, groups, peers
from ..store.group_records import Early, Group
from ..store.records import Me
from .group_lookup import state_of

ListName = tuple[bytes, bytes]  # account, list hash


@dataclass(frozen=True, slots=True)
class Shown:
    """What the server shows of a chain: operations that follow what is kept here, and the lists that they name."""

    operations: Sequence[bytes]
    lists: Mapping[ListName, DeviceList]  # well made, each under an account key of its own word


@dataclass(frozen=True, slots=True)
class Step:
    """An operation that holds, and the group before and after it."""

    operation: Operation
    signed: bytes
    before: GroupState | None
    after: GroupState


def judge(
    tx: Transaction, me: Me, group: Group, shown: Shown, *, link: bytes = b""
) -> tuple[list[Step], ProtocolError | None]:
    """The next operations, in order, up to the first that does not hold; and what fails there. Writes nothing.

    What does not hold vouches for nothing before it: without it, the rest is judged anew. Each time it is less.
    """
    failure: ProtocolError | None = None
    while True:
        steps, failed = _steps(tx, me, group, shown, link)
        if failed is None:
            return steps, failure
        failure, shown = failed, Shown(shown.operations[: len(steps)], shown.lists)


def _steps(tx: Transaction, me: Me, group: Group, shown: Shown, link: bytes) -> tuple[list[Step], ProtocolError | None]:
    steps: list[Step] = []
    state, authors = state_of(group), Authors(tx, me, group, shown, link=link)
    for position, signed in enumerate(shown.operations):
        try:
            operation = open_operation(signed)
            after = apply(state, signed, authors.at(position, operation, state))
            if after.group != group.id:
                raise ListRefused("another group")
        except ProtocolError as error:
            return steps, error
        steps.append(Step(operation, signed, state, after))
        state = after
    return steps, None


class Authors:
    """Judges the operations of one answer, those behind what is kept of `group` here.

    An own device that is listed answers for what it has signed, and for what its sender key names; whoever lets this
    account in, and the link that it joins by, for what was before.
    """

    def __init__(self, tx: Transaction, me: Me, group: Group, shown: Shown, *, link: bytes = b"") -> None:
        """`link`: the hash of the operation that the link names by which one is about to join."""
        self._tx = tx
        self._me = me
        self._group = group
        self._shown = shown
        self._link = link
        self._vouched: int | None = None
        self._compared: int | None = None

    def at(self, position: int, operation: Operation, state: GroupState | None) -> _NamedList:
        """What `group_chain.apply` looks the author's list up in, at a position in what is shown."""
        found = self._list(operation)
        return _NamedList(found if found is None or self._counts(position, operation, found, state) else None)

    def names(self, operation_hash: bytes) -> bool:
        """Whether the chain, as it is kept and shown, has an operation."""
        return groups.has_operation(self._tx, self._group.id, operation_hash) or any(
            one.hash == operation_hash for one in self._linked
        )

    def _counts(self, position: int, operation: Operation, found: DeviceList, state: GroupState | None) -> bool:
        if self._counts_by_itself(operation, found):
            return True
        key = self._pinned_key(operation.account)
        authors = () if state is None else state.authors
        if any((one.account, one.account_key) == (operation.account, key) for one in authors):
            return False  # who has written under the key of now does not go back to another
        if self._vouched is None:
            self._vouched = self._last_vouched()
        if position > self._vouched and self._compared is None:
            self._compared = self._last_compared(state)
            self._vouched = max(self._vouched, self._compared)
        if position > self._vouched:
            self._vouched = self._admission(position, state)
        return position <= self._vouched

    def _last_vouched(self) -> int:
        """The last position for which the link or an own device answers; -1: there is none."""
        for position, operation in reversed(list(enumerate(self._linked))):
            if operation.hash == self._link or self._me.account in self._named.get(operation.hash, ()):
                return position
            if operation.account == self._me.account and self._is_signed_by_a_listed_device(operation):
                return position
        return -1

    def _last_compared(self, before: GroupState | None) -> int:
        """The last position that the sender key of a member names who was compared; -1: there is none.

        `before`: the group before the first operation for which neither its list nor an own device or the link
        answers. Hazard: what comes behind that could let somebody in again who was removed.
        """
        for position, operation in reversed(list(enumerate(self._linked))):
            for account in self._named.get(operation.hash, set()) - {self._me.account}:
                is_in = before is None or before.role(AccountId(account)) is not None
                if is_in and self._was_in(account, position):
                    return position
        return -1

    def _admission(self, start: int, before: GroupState | None) -> int:
        """Where the operation stands by which somebody lets this account in, and answers for what is before it.

        `start`: where an operation stands that nothing else vouches for; `before`: the group before that. -1: none.
        Hazard: what nobody vouches for could make a member an admin, who lets one in again over a ghost. So
        only the group `before` says who may.
        """
        if self._link:
            return -1  # the link answers
        found = [at for at in range(start, len(self._linked)) if self._lets_in(self._linked[at])]
        if before is None:
            able = found if self._is_alone() else found[:1]
        else:
            able = [at for at in found if _may_let_in(self._linked[at], before)]
            if before.role(AccountId(self._me.account)) is None:
                able = able[:1]  # what comes behind it, one can have judged oneself
            else:
                able = [at for at in able if _is_admin(self._linked[at].account, before)]
            able = [at for at in able if not self._has_lost_its_role(self._linked[at].account, start, at, before)]
        signed = [at for at in able if self._is_signed_by_a_listed_device(self._linked[at])]
        return max(signed, default=-1)

    def _has_lost_its_role(self, author: AccountId, start: int, end: int, before: GroupState) -> bool:
        """Whether an operation between two positions, that counts by itself, removes or lowers an account."""
        return any(
            _removes_or_lowers(operation, author, before) and self._counts_by_itself(operation, self._list(operation))
            for operation in self._linked[start:end]
        )

    def _counts_by_itself(self, operation: Operation, found: DeviceList | None) -> bool:
        return found is not None and (
            found.account_key == self._pinned_key(operation.account)
            or self._is_listed_now(operation, found.find(operation.device))
        )

    def _lets_in(self, operation: Operation) -> bool:
        args, own = operation.args, self._me.account
        return (isinstance(args, Add | Approve) and args.account == own) or (
            isinstance(args, Create) and any(one.account == own for one in args.roster)
        )

    def _is_alone(self) -> bool:
        """No other own device could say what it has judged."""
        pin = peers.pin_of(peers.by_account(self._tx, self._me.account))
        return pin is not None and {bytes(one.device) for one in pin.newest.devices} == {self._me.device}

    def _is_signed_by_a_listed_device(self, operation: Operation) -> bool:
        found, listed = self._list(operation), self._listed_now(operation)
        if found is None or listed is None or not self._is_listed_now(operation, found.find(operation.device)):
            return False
        try:
            operation.check_signature(listed.signing_key)
        except BadSignature:
            return False
        return True

    @cached_property
    def _named(self) -> dict[bytes, set[bytes]]:
        """What sender keys name that wait for an operation: an own device's, and, while nothing of the chain is relied
        on here, those of people who were compared."""
        found: dict[bytes, set[bytes]] = {}
        is_new = not self._group.state or self._group.fresh
        for _, _, one in groups.early(self._tx, self._group.id):
            content = _content(one.padded)
            if content is None or not isinstance(content.body, SenderKey) or not self._is_listed(one, content):
                continue
            if one.account == self._me.account or (is_new and self._is_verified(one.account)):
                found.setdefault(bytes(content.body.gsh), set()).add(one.account)
        return found

    def _is_listed(self, one: Early, content: Content) -> bool:
        """Whether the device that announced a chain was listed then, and is now, under one key."""
        named = peers.list_named(self._tx, one.account, content.heads.own)
        then = None if named is None else named.find(DeviceId(one.device))
        return then is not None and then.signing_key == peers.signing_key(self._tx, one.account, one.device)

    def _was_in(self, account: bytes, position: int) -> bool:
        """Whether an account was a member once the operation at a position was taken."""
        if account == self._me.account:
            return True
        state = state_of(self._group)
        kept = [] if state is None else groups.operations_to(self._tx, self._group.id, state.hash)
        try:
            return rebuild([*kept, *self._shown.operations[: position + 1]]).role(AccountId(account)) is not None
        except ProtocolError:
            return False

    @cached_property
    def _linked(self) -> list[Operation]:
        """The operations shown, as far as each names the one before: only these does a later one vouch for."""
        state, linked = state_of(self._group), list[Operation]()
        before = None if state is None else state.hash
        for signed in self._shown.operations:
            try:
                operation = open_operation(signed)
            except ProtocolError:
                break
            if before is not None and operation.previous != before:
                break
            before = operation.hash
            linked.append(operation)
        return linked

    def _list(self, operation: Operation) -> DeviceList | None:
        """The list that an operation names, under whatever key.

        One under the pinned key would be known here, but while the server shows another identity.
        """
        name = (bytes(operation.account), operation.list_hash)
        known, shown = peers.list_named(self._tx, *name), self._shown.lists.get(name)
        if known is not None or shown is None or shown.account_key != self._pinned_key(operation.account):
            return known or shown
        peer = peers.by_account(self._tx, operation.account)
        return shown if peer is not None and peer.changed_lists else None

    def _pinned_key(self, account: bytes) -> bytes | None:
        pin = peers.pin_of(peers.by_account(self._tx, account))
        return None if pin is None else pin.account_key

    def _listed_now(self, operation: Operation) -> ListedDevice | None:
        pin = peers.pin_of(peers.by_account(self._tx, operation.account))
        return None if pin is None else pin.newest.find(DeviceId(operation.device))

    def _is_listed_now(self, operation: Operation, then: ListedDevice | None) -> bool:
        """A device keeps its key where it has given up its account's identity itself."""
        now = self._listed_now(operation)
        return now is not None and then is not None and now.signing_key == then.signing_key

    def _is_verified(self, account: bytes) -> bool:
        peer = peers.by_account(self._tx, account)
        return peer is not None and not peer.changed_lists and peer.verified_key == self._pinned_key(account)


@dataclass(frozen=True, slots=True)
class _NamedList:
    found: DeviceList | None

    def list_named(self, account: AccountId, list_hash: bytes) -> DeviceList | None:
        return self.found


def _is_admin(account: AccountId, state: GroupState) -> bool:
    role = state.role(account)
    return role is not None and role >= ADMIN


def _may_let_in(operation: Operation, state: GroupState) -> bool:
    """Whether the author of an operation that lets somebody in may do so in a group."""
    if isinstance(operation.args, Add) and state.members_may_add:
        return state.role(operation.account) is not None
    return _is_admin(operation.account, state)


def _removes_or_lowers(operation: Operation, account: AccountId, before: GroupState) -> bool:
    args = operation.args
    if isinstance(args, Leave):
        return operation.account == account
    if isinstance(args, SetRole):
        return args.account == account and args.role < (before.role(account) or 0)
    return isinstance(args, Remove) and args.account == account


def _content(padded: bytes) -> Content | None:
    try:
        return read_padded(padded) if padded else None
    except ProtocolError:
        return None
