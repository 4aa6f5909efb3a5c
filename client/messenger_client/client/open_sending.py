"""Messages of open chats leave: stored first, in an outbox of their own, and sent again until the server has answered.

Nothing here encrypts, and nothing of an encrypted chat comes here: what is sent was written into an open one.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from dataclasses import replace

from ..api import forms
from ..errors import ClientError, Defect, Refused, UnknownPerson, Unreachable, WrongUse
from ..store import Transaction, open_chats, peers
from ..store.open_records import OpenChat, OpenOutgoing
from .context import Context, require_linked
from .directory import Directory
from .model import Sent, State
from .open_keeping import OpenKeeper
from .sending import LONGEST_WAIT, REASONS
from .wording import check_name

MOST_TEXT = 16_000  # characters; the server's limit


class OpenSender:
    def __init__(self, context: Context, directory: Directory, keeper: OpenKeeper) -> None:
        self._context = context
        self._directory = directory
        self._keeper = keeper
        self._lock = asyncio.Lock()
        self.wanted = asyncio.Event()  # something waits that no flush is looking after

    async def enqueue(self, text: str, *, to: str = "", chat: bytes = b"") -> bytes:
        """Store a message to somebody, or for a chat; returns its id. Touches no network. Raises WrongUse, Refused."""
        check_open_text(text)
        if to:
            check_name(to)
        message_id = secrets.token_bytes(16)

        def work(tx: Transaction) -> None:
            me = require_linked(tx)
            if to and to.casefold() == me.username.casefold():
                raise WrongUse("That is you.")
            found = open_chats.get(tx, chat) if chat else with_person(tx, to)
            if chat:
                require_member(found)
            name = f"#{forms.uuid(chat)}" if chat else to
            known = found.id if found is not None and found.standing == "member" else b""
            open_chats.enqueue(tx, OpenOutgoing(message_id, text, self._context.clock.now(), name, known))

        await self._context.write(work)
        self.wanted.set()
        self._context.changed.set()
        return message_id

    async def flush(self) -> dict[bytes, ClientError]:
        """Send what waits, in order. Returns why some of it was given up; raises Unreachable, SignInNeeded."""
        async with self._lock:
            self.wanted.clear()
            problems: dict[bytes, ClientError] = {}
            while (one := await self._context.write(open_chats.pending, durable=False)) is not None:
                try:
                    await self._send(one)
                except Unreachable as error:
                    wait = error.retry_after or 1.0
                    if error.code != "too_many_requests" or wait > LONGEST_WAIT:
                        raise
                    await self._context.clock.sleep(wait)
                except (Refused, Defect, UnknownPerson, WrongUse) as error:
                    problems[one.id] = await self._give_up(one, error)
                else:
                    await self._context.write(open_chats.remove_outgoing, one.id)
                    self._context.changed.set()
            return problems

    async def state_of(self, message_id: bytes) -> Sent:
        def work(tx: Transaction) -> State:
            found = open_chats.find_outgoing(tx, message_id)
            return "accepted" if found is None else "failed" if found.failed else "queued"

        return Sent(forms.uuid(message_id), await self._context.write(work), is_open=True)

    async def _send(self, outgoing: OpenOutgoing) -> None:
        chat = outgoing.chat or await self._begin(outgoing)
        stream = self._context.stream
        if stream is None:
            await self._context.api.open_chats.send(chat, outgoing.id, outgoing.text)
            return
        frame = {"open_chat": forms.uuid(chat), "message_id": forms.uuid(outgoing.id), "body": outgoing.text}
        await stream.request({"type": "open.send", **frame})

    async def _begin(self, outgoing: OpenOutgoing) -> bytes:
        """The chat with somebody: there is one a pair, and asking for it makes it."""
        peer = await self._directory.resolve(outgoing.to_name)
        info = await self._context.api.open_chats.create_private(peer.account)
        kept = await self._keeper.keep(info)
        if kept is None or kept.kind != "private" or kept.other != peer.account:
            raise Refused(f"The server answers with another chat than the one with {outgoing.to_name}.", "not_found")
        return kept.id

    async def _give_up(self, outgoing: OpenOutgoing, error: ClientError) -> ClientError:
        told = await self._context.write(lambda tx: _reason(tx, outgoing, error))
        failed = replace(outgoing, failed=str(told))
        await self._context.write(lambda tx: open_chats.update_outgoing(tx, failed))
        self._context.changed.set()
        if told.code == "not_found" and outgoing.chat:
            with contextlib.suppress(Unreachable, Refused, Defect):  # the next look finds out
                await self._keeper.refresh(outgoing.chat)
        return told


def with_person(tx: Transaction, username: str) -> OpenChat | None:
    """The open chat with somebody, if there is one here."""
    peer = peers.by_name(tx, username)
    known = open_chats.known(tx) if peer is not None else []
    return next((one for one in known if one.kind == "private" and peer and one.other == peer.account), None)


def require_member(chat: OpenChat | None) -> OpenChat:
    """Raises Refused where one is not in it."""
    if chat is None:
        raise Refused("There is no such open chat here.", "not_found")
    if chat.standing != "member":
        raise not_in(chat)
    return chat


def not_in(chat: OpenChat) -> Refused:
    return Refused(f"You are no longer in “{chat.title}”.", "not_found")


def check_open_text(text: str) -> None:
    """Refuse what no message of an open chat can hold. Raises WrongUse."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise WrongUse("That text is not valid Unicode.") from error
    if not text.strip() or len(text) > MOST_TEXT or "\0" in text:
        raise WrongUse(f"A message in an open chat has 1 to {MOST_TEXT:,} characters.")


def in_words(error: Refused, name: str) -> Refused:
    """A refusal about somebody in the words that other chats have."""
    reason = REASONS.get(error.code)
    return error if reason is None else Refused(reason.format(name=name), error.code)


def is_blocked(tx: Transaction, account: bytes) -> bool:
    peer = peers.by_account(tx, account)
    return peer is not None and peer.blocked


def _reason(tx: Transaction, outgoing: OpenOutgoing, error: ClientError) -> ClientError:
    chat = open_chats.get(tx, outgoing.chat) if outgoing.chat else None
    if not isinstance(error, Refused):
        return error
    if error.code == "not_found" and chat is not None and chat.kind == "group":
        return not_in(chat)
    return in_words(error, outgoing.to_name)
