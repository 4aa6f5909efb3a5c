"""A group chat, as its signed operations have made it, becomes what callers see. Inside one transaction."""

from __future__ import annotations

from ..api import forms
from ..errors import WrongUse
from ..protocol.errors import ProtocolError
from ..protocol.group_args import ADMIN, MEMBER, OWNER
from ..protocol.group_meta import Meta, read_meta
from ..protocol.group_state import GroupState
from ..protocol.ids import AccountId
from ..store import Transaction, timeline
from ..store.group_records import Group
from .context import require_me
from .group_applying import group_key
from .group_lookup import state_of
from .model import GroupChat, GroupMember, LinkInfo, Role
from .naming import SHORTEST_ID
from .showing import name_of

ROLES: dict[int, Role] = {MEMBER: "member", ADMIN: "admin", OWNER: "owner"}
NUMBER_DIGITS = 2  # of a link's place among at most 20


def group_chat(tx: Transaction, group: Group) -> GroupChat:
    me, state = require_me(tx), state_of(group)
    own = state.role(AccountId(me.account)) if state is not None else None
    chat, meta = timeline.chat(tx, group.id), _meta(group, state)
    links = state.links if state is not None else ()
    return GroupChat(
        id=forms.uuid(group.id),
        title=group.title,
        standing=group.standing or "pending",  # type: ignore[arg-type]  # one of these words, as it was kept
        role=ROLES[own] if own is not None and group.standing == "member" else None,
        members=_members(tx, state) if state is not None else (),
        waiting=tuple(name_of(tx, one) for one in state.pending) if state is not None else (),
        links=len(links),
        is_request=group.request,
        trouble=group.trouble,
        muted=chat is not None and chat.muted,
        description=meta.description or "",
        colour=meta.colour,
        members_may_add=state is not None and state.members_may_add,
        open_links=tuple(LinkInfo(forms.encode(one.key), one.expires, one.uses, one.approval) for one in links),
    )


def link_named(group: Group | None, name: str) -> bytes:
    """The key of an open link, by its number or key, or the beginning of that. Raises WrongUse."""
    state = state_of(group)
    links = state.links if state is not None else ()
    if name.isascii() and name.isdigit() and len(name) <= NUMBER_DIGITS:
        found = list(links[int(name) - 1 : int(name)]) if int(name) else []
    else:
        found = [one for one in links if len(name) >= SHORTEST_ID and forms.encode(one.key).startswith(name)]
    if len(found) != 1:
        why = f"Several links begin with {name}" if found else f"There is no link {name}"
        raise WrongUse(f"{why}: `messenger group info` lists them.")
    return found[0].key


def _meta(group: Group, state: GroupState | None) -> Meta:
    """Without the group key of now, the title alone."""
    key = group_key(group)
    if state is not None and key is not None:
        try:
            return read_meta(state, key)
        except ProtocolError:
            pass
    return Meta(group.title)


def _members(tx: Transaction, state: GroupState) -> tuple[GroupMember, ...]:
    return tuple(
        GroupMember(name_of(tx, one.account), forms.uuid(one.account), ROLES[one.role]) for one in state.roster
    )
