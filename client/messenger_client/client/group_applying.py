"""Operations of a group chat are taken: verified, kept with their state, and shown as lines. Inside one transaction.

PROTOCOL.md, Groups. The server orders; what a group chat is, its operations alone say.
"""

from __future__ import annotations

from dataclasses import replace

from ..protocol.errors import ListRefused, ProtocolError
from ..protocol.group_args import (
    Add,
    Approve,
    CloseLink,
    Create,
    Join,
    Leave,
    OpenLink,
    Rekey,
    Remove,
    SetMeta,
    SetRole,
)
from ..protocol.group_meta import check_group_key, open_meta, read_meta
from ..protocol.group_operation import Operation
from ..protocol.group_state import GroupState
from ..protocol.ids import AccountId, ConversationId, GroupId
from ..protocol.secret import Secret
from ..protocol.sender_key import GroupKey
from ..store import Transaction, groups, peers, settings, timeline
from ..store.group_records import Group
from ..store.records import ChatState, Entry, Me
from .group_authors import Shown, judge
from .group_lookup import state_of
from .standing import linked_at

# What a line is called, by the operation.
_WORDS = {
    Create: "created", Add: "added", Remove: "removed", Leave: "left", SetRole: "role", SetMeta: "renamed",
    OpenLink: "link_opened", CloseLink: "link_closed", Join: "joined", Approve: "approved",
}  # fmt: skip


def take_operations(
    tx: Transaction, me: Me, group: Group, shown: Shown, *, link: bytes = b""
) -> tuple[Group, ProtocolError | None]:
    """Take the next operations, in order, up to the first that does not hold. Returns what failed there, too.

    What was taken is never judged again: a list that counts today may be of a given-up identity tomorrow.
    """
    state, was = state_of(group), group.standing
    # Of a group chat that is new here, what is from before this device was linked is no news.
    is_new = (state is None or group.fresh) and _was_there(tx, group)
    began = linked_at(tx, me) if is_new else None
    steps, failure = judge(tx, me, group, shown, link=link)
    for one in steps:
        operation, state = one.operation, one.after
        groups.add_operation(tx, group.id, operation.index, operation.hash, one.signed)
        group = _moved(me, group, one.before, operation)
        line = _line(me, group, one.before, operation, state)
        if line is None:
            continue
        if began is not None and operation.time < began:
            timeline.add_past(tx, line)
        else:
            timeline.add(tx, line, unseen=operation.account != me.account)
    if state is None:
        return group, failure or ListRefused("no operation")
    is_fresh = failure is not None and (group.fresh or not group.state)
    group = replace(group, state=state.to_bytes(), standing=_standing(group, state, me), fresh=is_fresh)
    group = _with_key(group if failure else replace(group, trouble=""))
    hidden = [list(one) for one in group.withheld if not groups.has_operation(tx, group.id, one[0])]
    group = replace(group, withheld=hidden)
    if group.standing != "member":
        groups.end_chain(tx, group.id)
    elif was in ("gone", "left", "removed"):
        groups.start_over(tx, group.id, _devices(tx, state))
    if group.standing and timeline.chat(tx, group.id) is None:
        timeline.save_chat(tx, ChatState(group.id, b"", is_group=True))
    return groups.save(tx, group), failure


def _was_there(tx: Transaction, group: Group) -> bool:
    """When this device was linked. Of one that comes later, the times in its operations hide nothing."""
    first = settings.linking(tx).groups
    return first is None or group.id in first


def take_group_key(group: Group, announced: GroupKey) -> Group:
    """Keep a group key that a member has told and that was checked against the operation that it is of."""
    if group.key and announced.version <= group.key_version:
        return group
    return _titled(replace(group, key=bytes(announced.key), key_version=announced.version))


def group_key(group: Group) -> GroupKey | None:
    """The group key of now, if it is known here."""
    state = state_of(group)
    if state is None or not group.key or group.key_version != state.key_version:
        return None
    return GroupKey(group.key_version, Secret(group.key))


def _with_key(group: Group) -> Group:
    """Take the group key of an operation of our own that has been taken; and what the title is by now."""
    state = state_of(group)
    if state is not None and group.next_key and group.next_version == state.key_version and group_key(group) is None:
        key = GroupKey(group.next_version, Secret(group.next_key))
        try:
            check_group_key(state, key)
        except ProtocolError:
            pass  # another's operation of that number was faster
        else:
            group = replace(group, key=group.next_key, key_version=key.version)
    return _titled(group)


def _titled(group: Group) -> Group:
    state, key = state_of(group), group_key(group)
    if state is None or key is None:
        return group
    try:
        return replace(group, title=read_meta(state, key).title)
    except ProtocolError:
        return group


def _moved(me: Me, group: Group, before: GroupState | None, operation: Operation) -> Group:
    args = operation.args
    if isinstance(args, Remove | Rekey | Create):
        return replace(group, rekey_due=False)
    if not isinstance(args, Leave):
        return group
    if operation.account == me.account:
        return replace(group, standing="left")
    if before is not None and before.role(operation.account) is not None:
        return replace(group, rekey_due=True)
    return group


def _standing(group: Group, state: GroupState, me: Me) -> str:
    own = AccountId(me.account)
    if state.role(own) is not None:
        return "member"
    if own in state.pending:
        return "pending"
    if group.standing == "left":
        return "left"
    return "removed" if own in state.removed else ""


def _line(me: Me, group: Group, before: GroupState | None, operation: Operation, after: GroupState) -> Entry | None:
    """A line for those who were in it, or came in by this."""
    own = AccountId(me.account)
    was_in = before is not None and (before.role(own) is not None or own in before.pending)
    args = operation.args
    word = _WORDS.get(type(args))
    if word is None or not (was_in or after.role(own) is not None or own in after.pending):
        return None
    text = ""
    if isinstance(args, SetRole):
        text = str(args.role)
    if isinstance(args, SetMeta):
        text = _title_of(group, args.meta)
        if before is not None and text and text == (_title_of(group, before.meta) or group.title):
            word, text = "changed", ""
    if isinstance(args, Join) and operation.account in after.pending:
        word = "asks"
    if isinstance(args, Leave) and before is not None and operation.account in before.pending:
        word = "took_back"
    if isinstance(args, Remove) and before is not None and args.account in before.pending:
        word = "refused"
    target = args.account if isinstance(args, Add | Remove | SetRole | Approve) else b""
    return Entry(
        id=operation.hash[:16],
        kind="group",
        outgoing=False,
        account=operation.account,
        chat=group.id,
        sent=operation.time,
        accepted=operation.time,
        cause=word,
        text=text,
        raw=target,
        request=group.request,
    )


def _devices(tx: Transaction, state: GroupState) -> list[tuple[bytes, bytes]]:
    pins = [peers.pin_of(peers.by_account(tx, one.account)) for one in state.roster]
    return [(pin.newest.account, one.device) for pin in pins if pin is not None for one in pin.newest.devices]


def _title_of(group: Group, meta: bytes) -> str:
    if not group.key:
        return ""
    try:
        key = GroupKey(group.key_version, Secret(group.key))
        return open_meta(meta, GroupId(ConversationId(group.id)), key).title
    except ProtocolError:
        return ""
