"""What is kept and what the server tells of open chats becomes what callers see. Inside one transaction."""

from __future__ import annotations

from ..api import forms
from ..api.open_chats import OpenHit, OpenInfo, OpenMessage
from ..store import Transaction, open_chats
from ..store.open_records import OpenChat, OpenNews, OpenOutgoing
from ..store.records import Me
from .mentions import called_in, folded
from .model import Change, Event, GroupChat, GroupMember, Hit, Message, Notice, Reached, State
from .showing import name_of

GONE = "You are no longer in “{title}”: you were removed, or left it on another device."
EARLIER = "There is more from before: `messenger history` shows it."


class Names:
    """The members of open groups by folded username: of each read once, and not before a text names somebody."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._of: dict[bytes, dict[str, bytes]] = {}

    def mentioned(self, chat: OpenChat | None, text: str) -> dict[bytes, str]:
        """The members of a group whom a text names: the server keeps no more than the text."""
        if chat is None or chat.kind != "group" or "@" not in text:
            return {}
        if chat.id not in self._of:
            self._of[chat.id] = {folded(name_of(self._tx, account)): bytes(account) for account, _ in chat.members}
        return {account: name_of(self._tx, account) for account in called_in(text, self._of[chat.id])}


def event_of_news(tx: Transaction, me: Me, news: OpenNews, position: int, names: Names) -> Event:
    """What is given out once, in the place that it has in the queue."""
    group, title = _group_of(tx, news.chat)
    known = open_chats.get(tx, news.chat)
    chat, message = forms.uuid(news.chat), forms.uuid(news.id)
    sender = name_of(tx, news.account) if news.account else ""
    if news.kind == "message":
        mentions = names.mentioned(known, news.text)
        return Message(
            message, chat, sender, news.text, news.at, is_request=news.request, position=position, group=group,
            title=title, is_open=True, number=news.number, muted=known is not None and known.muted,
            mentions=tuple(mentions.values()), mentioned=me.account in mentions,
        )  # fmt: skip
    if news.kind == "edited":
        return Change("edited", message, chat, sender, news.text, news.at, news.number, position, group, title)
    if news.kind == "deleted":
        return Change("deleted", message, chat, sender, "", news.at, news.number, position, group, title)
    is_gone = news.kind == "gone"
    return Notice(
        "warning" if is_gone else "earlier",
        message,
        chat,
        sender,
        GONE.format(title=title) if is_gone else EARLIER,
        news.at,
        "removed" if is_gone else "",
        position=position,
        group=group,
        title=title,
        is_open=True,
    )


def message_of(tx: Transaction, me: Me, info: OpenInfo, one: OpenMessage, names: Names) -> Message:
    """One of the history. An own one is read as far as any other member has come."""
    own = one.sender == me.account
    group, title = (forms.uuid(info.chat), info.title) if info.kind == "group" else ("", "")
    positions = [seen.read_position or 0 for seen in info.members if seen.profile.account != me.account]
    state: State = "read" if max(positions, default=0) >= one.position else "accepted"
    known = open_chats.get(tx, info.chat)
    mentions = names.mentioned(known, one.body)
    return Message(
        forms.uuid(one.message_id),
        forms.uuid(info.chat),
        name_of(tx, one.sender),
        one.body,
        one.accepted_at,
        own,
        state if own else "received",
        info.request and not own,
        group=group,
        title=title,
        muted=known is not None and known.muted,
        mentions=tuple(mentions.values()),
        mentioned=not own and me.account in mentions,
        reached=_reached(me, info, one) if own else (),
        is_open=True,
        number=one.position,
        edited_at=one.edited_at or 0,
        is_deleted=one.deleted,
    )


def _reached(me: Me, info: OpenInfo, one: OpenMessage) -> tuple[Reached, ...]:
    """How far it has come with each of the others; when, an open chat does not tell."""
    seen = [(member.profile, (member.read_position or 0) >= one.position) for member in info.members]
    found = [
        Reached(who.username, "read" if read else "accepted", None) for who, read in seen if who.account != me.account
    ]
    return tuple(sorted(found, key=lambda each: (each.state != "read", each.username)))


def message_on_its_way(tx: Transaction, me: Me, one: OpenOutgoing) -> Message:
    group, title = _group_of(tx, one.chat) if one.chat else ("", "")
    return Message(
        forms.uuid(one.id),
        forms.uuid(one.chat) if one.chat else "",
        me.username,
        one.text,
        one.at,
        True,
        "failed" if one.failed else "queued",
        reason=one.failed,
        group=group,
        title=title,
        is_open=True,
    )


def hit_of(tx: Transaction, one: OpenHit) -> Hit:
    group, _ = _group_of(tx, one.chat)
    known = open_chats.get(tx, one.chat)
    other = shown_other(tx, known) if known is not None else forms.uuid(one.chat)
    return Hit(
        forms.uuid(one.message_id),
        forms.uuid(one.chat),
        other,
        one.position,
        name_of(tx, one.sender),
        one.accepted_at,
        one.snippet,
        group,
    )


def group_chat_of(tx: Transaction, chat: OpenChat) -> GroupChat:
    is_in = chat.standing == "member"
    rows = chat.members if is_in else ()
    members = [GroupMember(name_of(tx, account), forms.uuid(account), role) for account, role in rows]
    return GroupChat(
        id=forms.uuid(chat.id),
        title=chat.title,
        standing=chat.standing,  # type: ignore[arg-type]  # one of these words, as it was kept
        role=chat.role if is_in else None,  # type: ignore[arg-type]  # likewise
        members=tuple(sorted(members, key=lambda one: one.username.casefold())),
        waiting=(),
        links=0,
        is_request=chat.request,
        trouble="",
        is_open=True,
        muted=chat.muted,
    )


def shown_other(tx: Transaction, chat: OpenChat) -> str:
    """The title of a group, the name of the other one of two."""
    return chat.title if chat.kind == "group" else name_of(tx, chat.other)


def _group_of(tx: Transaction, chat: bytes) -> tuple[str, str]:
    known = open_chats.get(tx, chat)
    return (forms.uuid(chat), known.title) if known is not None and known.kind == "group" else ("", "")
