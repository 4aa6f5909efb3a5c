"""The history of open chats, and what is found in it: read from the server, page by page, and kept nowhere here."""

from __future__ import annotations

from ..api import forms
from ..api.open_chats import MOST_PAGE, OpenInfo, OpenMessage
from ..errors import Refused, SignInNeeded, Unreachable, WrongUse
from ..store import Transaction, open_chats
from ..store.open_records import OpenChat, OpenOutgoing
from .context import Context, require_me
from .directory import Directory
from .model import Chat, Hits, Message, OpenPage
from .naming import SHORTEST_ID
from .open_keeping import OpenKeeper
from .open_sending import not_in
from .open_showing import Names, hit_of, message_of, message_on_its_way, shown_other

MOST_SHOWN = 20  # chats of which a list shows the newest message
NEW_SHOWN = 50  # messages that a list counts at most
LOOKED_THROUGH = 1_000  # newest messages among which one is found by its id

_EDIT_REFUSALS = {
    "not_found": "There is no such message there, or it was deleted.",
    "not_allowed": "Only who wrote a message edits it.",
}
_DELETE_REFUSALS = {
    "not_found": "There is no such message there.",
    "not_allowed": "Only who wrote a message, or an admin, deletes it.",
}


class OpenReader:
    def __init__(self, context: Context, directory: Directory, keeper: OpenKeeper) -> None:
        self._context = context
        self._directory = directory
        self._keeper = keeper

    async def page(self, chat: OpenChat, *, limit: int, before: int | None = None) -> OpenPage:
        """Messages of a chat, oldest first; at the end what is still on its way. Raises Refused, Unreachable."""
        info = await self._keeper.refresh(chat.id)
        if info is None:
            raise not_in(chat)
        found, has_more = await self._messages(chat, limit=limit, before=before)
        await self._directory.name_accounts(one.sender for one in found)

        def work(tx: Transaction) -> tuple[Message, ...]:
            me, names = require_me(tx), Names(tx)
            lines = [message_of(tx, me, info, one, names) for one in reversed(found)]
            if before is None:
                lines += [message_on_its_way(tx, me, one) for one in _waiting(tx, chat.id)]
            return tuple(lines)

        return OpenPage(await self._context.write(work), found[-1].position if has_more else None)

    async def edit(self, chat: OpenChat, message: str, text: str) -> Message:
        """Put another text in place of one's own message. `message`: its number or id. Raises Refused, WrongUse."""
        number = await self._number(chat, message)
        try:
            changed = await self._context.api.open_chats.edit(chat.id, number, text)
        except Refused as error:
            raise _in_words(error, _EDIT_REFUSALS) from error

        def work(tx: Transaction) -> Message:
            info = OpenInfo(chat.id, "group" if chat.kind == "group" else "private", chat.title, 0, "", False, None, 0)
            return message_of(tx, require_me(tx), info, changed, Names(tx))

        return await self._context.write(work)

    async def delete(self, chat: OpenChat, message: str) -> int:
        """Empty a message for everybody; returns its position. Raises Refused, WrongUse."""
        number = await self._number(chat, message)
        try:
            await self._context.api.open_chats.delete(chat.id, number)
        except Refused as error:
            raise _in_words(error, _DELETE_REFUSALS) from error
        return number

    async def search(self, words: str, chat: OpenChat | None, *, limit: int, before: str | None = None) -> Hits:
        """Messages that have all the words, newest first. Raises Refused, Unreachable, WrongUse."""
        try:
            hits, following = await self._context.api.open_chats.search(
                words, chat.id if chat else None, cursor=before, limit=min(limit, MOST_PAGE)
            )
        except Refused as error:
            if chat is not None and error.code == "not_found":
                raise not_in(chat) from error
            raise
        strange = await self._context.write(
            lambda tx: {one.chat for one in hits if open_chats.get(tx, one.chat) is None}, durable=False
        )
        for one in strange:
            await self._keeper.refresh(one)
        await self._directory.name_accounts(one.sender for one in hits)
        return Hits(await self._context.write(lambda tx: tuple(hit_of(tx, one) for one in hits)), following)

    async def chats(self, *, given: int) -> list[Chat]:
        """Those one is in, with the newest message of the latest ones, if the server answers this device.

        `given`: the place in the queue of news up to which they were given out.
        """
        try:
            return await self._chats(given)
        except (Unreachable, SignInNeeded, Refused):
            return await self._context.write(lambda tx: _known(tx, given))

    async def _chats(self, given: int) -> list[Chat]:
        found = []
        for place, info in enumerate(await self._keeper.look()):
            page: list[OpenMessage] = []
            if info.newest is not None and place < MOST_SHOWN:
                page, _ = await self._context.api.open_chats.messages(info.chat, limit=NEW_SHOWN)
                await self._directory.name_accounts(one.sender for one in page[:1])
            found.append(await self._context.write(_shown, info, page, given))
        return [one for one in found if one is not None]

    async def _messages(self, chat: OpenChat, *, limit: int, before: int | None) -> tuple[list[OpenMessage], bool]:
        """So many, newest first, and whether there are more."""
        found: list[OpenMessage] = []
        while True:
            page, has_more = await self._context.api.open_chats.messages(
                chat.id, before=found[-1].position if found else before, limit=min(limit - len(found), MOST_PAGE)
            )
            found += page
            if not has_more or len(found) >= limit or not page:
                return found, has_more

    async def _number(self, chat: OpenChat, message: str) -> int:
        """The position of a message that is named by it, or by its id or the beginning of that."""
        wanted = message.strip().removeprefix("[").removesuffix("]").casefold()
        if wanted.isascii() and wanted.isdigit() and len(wanted) < 19:
            return int(wanted)
        found: list[OpenMessage] = []
        if len(wanted) >= SHORTEST_ID:
            newest, _ = await self._messages(chat, limit=LOOKED_THROUGH, before=None)
            found = [one for one in newest if forms.uuid(one.message_id).startswith(wanted)]
        if len(found) != 1:
            many = "Several messages begin" if found else "No message there begins"
            raise WrongUse(f"{many} with {message}: `messenger history` shows a number in front of each.")
        return found[0].position


def _waiting(tx: Transaction, chat: bytes) -> list[OpenOutgoing]:
    return [one for one in open_chats.outgoing(tx) if one.chat == chat]


def _in_words(error: Refused, words: dict[str, str]) -> Refused:
    return Refused(words.get(error.code, str(error)), error.code, status=error.status)


def _known(tx: Transaction, given: int) -> list[Chat]:
    known = [one for one in open_chats.known(tx) if one.standing == "member"]
    return [_chat(tx, one, None, _ungiven(tx, one, 0, given)) for one in known]


def _shown(tx: Transaction, info: OpenInfo, page: list[OpenMessage], given: int) -> Chat | None:
    me, known = require_me(tx), open_chats.get(tx, info.chat)
    if known is None:
        return None
    after = max(info.read_position, known.taken)
    new = [one for one in page if one.position > after and one.sender != me.account and not one.deleted]
    unseen = min(len(new) + _ungiven(tx, known, info.read_position, given), NEW_SHOWN)
    return _chat(tx, known, message_of(tx, me, info, page[0], Names(tx)) if page else None, unseen)


def _ungiven(tx: Transaction, chat: OpenChat, read: int, given: int) -> int:
    """How many messages were taken in, and neither given out nor read on another device."""
    waiting = open_chats.news(tx, after=given, limit=NEW_SHOWN, chat=chat.id)
    return sum(one.kind == "message" and one.number > read for _, one in waiting)


def _chat(tx: Transaction, known: OpenChat, last: Message | None, unseen: int) -> Chat:
    group = forms.uuid(known.id) if known.kind == "group" else ""
    return Chat(forms.uuid(known.id), shown_other(tx, known), last, unseen, False, group, known.muted, is_open=True)
