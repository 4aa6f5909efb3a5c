"""Open chats: not end-to-end encrypted, by the choice of who made them. A part of `Client`.

The verbs of group chats work for both kinds: a name that means an open one goes to the server's own calls.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from uuid import UUID

from ..api.open_chats import OpenCalls
from ..errors import Refused, Unreachable, WrongUse
from ..protocol.ids import ID_SIZE
from ..store import Transaction, open_chats
from ..store.open_records import OpenChat
from .groups import KEEP, Groups, check_title
from .model import GroupChat, Hits, Message, OpenPage, Role
from .naming import chat_named, is_group_name
from .open_keeping import OpenKeeper
from .open_reading import OpenReader
from .open_sending import check_open_text, in_words, is_blocked, not_in, require_member, with_person
from .open_showing import group_chat_of
from .people import People

NOT_ENCRYPTED = "Not end-to-end encrypted: the server reads what is written there, and keeps it."
NOT_YET = "Messages of end-to-end encrypted chats cannot be edited or deleted yet."

ADMINS_ALONE = "Only an admin or an owner can do that."
OWNER_ALONE = "Only the owner can do that."


class OpenChats(People, Groups):
    _open: OpenKeeper
    _open_reader: OpenReader

    # Group chats of both kinds

    async def groups(self) -> list[GroupChat]:
        """Return the group chats known here, by title; those that one has left, too. Touches no network."""
        open_ones = await self._context.write(
            lambda tx: [group_chat_of(tx, one) for one in open_chats.known(tx) if one.kind == "group"]
        )
        return sorted([*await super().groups(), *open_ones], key=lambda one: (one.title.casefold(), one.id))

    async def group(self, name: str) -> GroupChat:
        """Return one of them, after asking what is new. `name`: its title or id, or the beginning of that."""
        chat = await self._open_group(name)
        if chat is None:
            return await super().group(name)
        await self._open.refresh(chat.id)
        return await self._shown(chat)

    async def create_group(
        self, title: str, members: Iterable[str] = (), *, members_may_add: bool = False, open_chat: bool = False
    ) -> GroupChat:
        """Start a group chat that one owns. Raises UnknownPerson, Refused, WrongUse.

        `open_chat`: one that is not end-to-end encrypted; it stays so.
        """
        if not open_chat:
            return await super().create_group(title, members, members_may_add=members_may_add)
        if members_may_add:
            raise WrongUse("In an open chat admins alone add people.")
        check_title(title)
        accounts = {await self._account(one): one for one in members}
        creation = self._context.entropy.random(ID_SIZE)
        try:
            info = await self._calls.create_group(creation, title, accounts)
        except Unreachable as error:
            if error.code == "too_many_requests":
                raise
            # Perhaps the answer alone was lost: the same id gives the same chat.
            info = await self._calls.create_group(creation, title, accounts)
        except Refused as error:
            who = await self._context.write(lambda tx: [one for one in accounts if is_blocked(tx, one)])
            raise _in_words(in_words(error, " and ".join(accounts[one] for one in who or accounts))) from error
        kept = await self._open.keep(info)
        if kept is None:
            raise Refused("The server gives an open chat the id of an encrypted one.", "not_found")
        return await self._shown(kept)

    async def add_to_group(self, name: str, username: str) -> GroupChat:
        """Add somebody. Who comes to an open chat sees all that was written before. Raises Refused."""
        chat = await self._open_group(name)
        if chat is None:
            return await super().add_to_group(name, username)
        account = await self._account(username)

        async def add() -> None:
            try:
                await self._calls.add(chat.id, account)
            except Refused as error:
                if error.code == "not_found" and await self._open.refresh(chat.id) is None:
                    raise  # it is the chat that is not there
                raise in_words(error, username) from error

        return await self._change_open(chat, add)

    async def remove_from_group(self, name: str, username: str) -> GroupChat:
        """Remove somebody: they can read nothing any more of an open chat, and nothing that follows of another."""
        chat = await self._open_group(name)
        if chat is None:
            return await super().remove_from_group(name, username)
        account = await self._account(username)
        words = ADMINS_ALONE if chat.role == "member" else "Only the owner removes an admin."
        return await self._change_open(chat, lambda: self._calls.remove(chat.id, account), words, of=account)

    async def leave_group(self, name: str) -> GroupChat:
        """Leave, decline, or take the wish to join back. What is here stays readable; of an open chat nothing is."""
        chat = await self._open_group(name)
        if chat is None:
            return await super().leave_group(name)
        me = await self._context.me()
        try:
            await self._calls.remove(chat.id, me.account)
        except Refused as error:
            if error.code != "not_found":
                raise
        await self._open.gone(chat.id, standing="left")
        return await self._shown(chat)

    async def set_group_role(self, name: str, username: str, role: Role) -> GroupChat:
        """Make somebody an owner, an admin or a member, as an owner. An open chat has one owner at a time."""
        chat = await self._open_group(name)
        if chat is None:
            return await super().set_group_role(name, username, role)
        account = await self._account(username)
        if account not in {bytes(one) for one, _ in chat.members} and await self._open.refresh(chat.id) is not None:
            chat = await self._kept(chat)
        if account not in {bytes(one) for one, _ in chat.members}:
            raise Refused("They are not in it.", "not_found")
        known = chat
        return await self._change_open(known, lambda: self._calls.set_role(known.id, account, role), OWNER_ALONE)

    async def rename_group(self, name: str, title: str, *, open_chat: bool = False) -> GroupChat:
        """Give it another title, as an admin. `open_chat`: as in `change_group`."""
        return await self.change_group(name, title=title, open_chat=open_chat)

    async def change_group(
        self,
        name: str,
        *,
        title: str | None = None,
        description: str | None = None,
        colour: int | None = KEEP,
        members_may_add: bool | None = None,
        open_chat: bool = False,
    ) -> GroupChat:
        """Change what people see of it, or who may add to it, as an admin; of an open chat, the title alone.

        An open chat is meant by its id or by `open_chat`, as in `send`.
        """
        chat = await self._open_group(name, only_open=open_chat, to_write=title is not None)
        if chat is None:
            return await super().change_group(
                name, title=title, description=description, colour=colour, members_may_add=members_may_add
            )
        if title is None or not (description is None and colour == KEEP and members_may_add is None):
            raise WrongUse(f"{name} is an open chat: it has a title, and nothing else to set.")
        check_title(title)

        async def rename() -> None:
            await self._calls.rename(chat.id, title)

        return await self._change_open(chat, rename)

    async def accept_group(self, name: str) -> GroupChat:
        """Stay in a group chat that somebody unknown has added one to; `leave_group` declines."""
        chat = await self._open_group(name)
        if chat is None:
            return await super().accept_group(name)
        return await self._change_open(chat, lambda: self._calls.accept(chat.id))

    async def mark_read(self, messages: Sequence[Message]) -> None:
        """Tell senders that their messages were read. At most 500 of one chat."""
        if not messages or not messages[0].is_open:
            await super().mark_read(messages)
            return
        await self._calls.mark_read(UUID(messages[0].chat).bytes, max(one.number for one in messages))

    # What only open chats have

    async def open_history(
        self, name: str, *, limit: int = 100, before: int | None = None, open_chat: bool = True
    ) -> OpenPage:
        """Return messages of an open chat from the server, oldest first. `name`: `#` and a group's title or id, or a
        username; `before`: below the message of that number. Raises Unreachable, Refused, WrongUse."""
        chat = await self._open_chat(name, open_chat=open_chat)
        return await self._open_reader.page(chat, limit=limit, before=before)

    async def edit_line(self, name: str, message: str, text: str, *, open_chat: bool = False) -> Message:
        """Put another text in place of an own message of an open chat, named by its number or id.

        Raises WrongUse for a message of an encrypted chat: that comes later. Which chat is meant: as in `send`.
        """
        chat = await self._changeable(name, open_chat=open_chat, to_write=True)
        check_open_text(text)
        return await self._open_reader.edit(chat, message, text)

    async def delete_line(self, name: str, message: str, *, open_chat: bool = False) -> int:
        """Delete a message of an open chat for everybody, as its author or an admin; returns its number.

        Raises as `edit_line`.
        """
        return await self._open_reader.delete(await self._changeable(name, open_chat=open_chat), message)

    async def search(self, words: str, *, name: str | None = None, limit: int = 50, before: str | None = None) -> Hits:
        """Return messages of open chats that have all the words, of all or of one; newest first, 100 at most.

        Encrypted chats are not looked into: the server has none of their words.
        """
        if not words.strip():
            raise WrongUse("Which words?")
        await self._context.me()
        chat = None if name is None else await self._open_chat(name)
        return await self._open_reader.search(words, chat, limit=limit, before=before)

    # Which one is meant

    @property
    def _calls(self) -> OpenCalls:
        return self._context.api.open_chats

    async def _open_group(self, name: str, *, only_open: bool = False, to_write: bool = False) -> OpenChat | None:
        """The open group chat that is meant; None: an encrypted one is. Raises WrongUse for none, or several."""

        def work(tx: Transaction) -> OpenChat | None:
            named = chat_named(tx, name, only_open=only_open, to_write=to_write)
            return open_chats.get(tx, named.id) if named.is_open else None

        return await self._context.write(work)

    async def _open_chat(self, name: str, *, open_chat: bool = False) -> OpenChat:
        """The open chat that is meant, of a group or with somebody. Raises WrongUse where there is none."""

        def work(tx: Transaction) -> OpenChat | None:
            if is_group_name(name):
                named = chat_named(tx, name, only_open=open_chat)
                return open_chats.get(tx, named.id) if named.is_open else None
            return with_person(tx, name)

        found = await self._context.write(work)
        if found is None and not is_group_name(name):
            await self._context.me()
            await self._directory.resolve(name)
            await self._open.look()
            found = await self._context.write(work)
        if found is None:
            if is_group_name(name):
                raise WrongUse(f"{name} is end-to-end encrypted: the server has nothing of it to show.")
            raise WrongUse(f"There is no open chat with {name}: `messenger send --open {name} TEXT` starts one.")
        return found

    async def _changeable(self, name: str, *, open_chat: bool, to_write: bool = False) -> OpenChat:
        if not open_chat and not is_group_name(name):
            raise WrongUse(f"{NOT_YET} The open chat with somebody is meant by --open.")
        if is_group_name(name) and not open_chat and await self._open_group(name, to_write=to_write) is None:
            raise WrongUse(NOT_YET)
        return require_member(await self._open_chat(name, open_chat=open_chat))

    async def _change_open(
        self,
        chat: OpenChat,
        work: Callable[[], Awaitable[None]],
        not_allowed: str = ADMINS_ALONE,
        *,
        of: bytes | None = None,
    ) -> GroupChat:
        """Have the server change a chat, then read it. With `of`, it is about a member, who may be none any more."""
        require_member(chat)
        try:
            await work()
        except Refused as error:
            info = await self._open.refresh(chat.id) if error.code == "not_found" else None
            if error.code != "not_found":
                raise _in_words(error, not_allowed) from error
            if info is None:
                raise not_in(chat) from error
            if of is None or any(one.profile.account == of for one in info.members):
                raise
        else:
            await self._open.refresh(chat.id)
        return await self._shown(chat)

    async def _shown(self, chat: OpenChat) -> GroupChat:
        kept = await self._kept(chat)
        return await self._context.write(lambda tx: group_chat_of(tx, kept))

    async def _kept(self, chat: OpenChat) -> OpenChat:
        return await self._context.write(lambda tx: open_chats.get(tx, chat.id)) or chat

    async def _account(self, username: str) -> bytes:
        me = await self._context.me()
        peer = await self._directory.resolve(username)
        if peer.account == me.account:
            raise WrongUse("That is you.")
        return peer.account


def _in_words(error: Refused, not_allowed: str = ADMINS_ALONE) -> Refused:
    words = {"not_allowed": not_allowed, "too_many_members": "It is full."}
    return Refused(words.get(error.code, str(error)), error.code, status=error.status)
