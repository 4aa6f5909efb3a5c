"""The public interface of the library; the modules beside it do the work."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import httpx

from ..api import forms, origin_of
from ..clock import Clock, SystemClock
from ..errors import Defect, Refused, Unreachable, WrongUse
from ..protocol.entropy import SYSTEM, Entropy
from ..protocol.secret import Secret
from ..store import Store, Transaction, open_chats, settings, timeline
from ..store.records import Me
from . import reading
from .account import DEVICE_NAME, Enrolment
from .context import Context, Notify
from .controls import Controls
from .devices import Devices
from .directory import Directory
from .doctor import ask_again
from .events import Events
from .group_changing import Changer
from .group_following import Follower
from .group_sending import GroupSender
from .linking import Approver, NewDeviceLinker
from .live import Live
from .model import Account, Chat, Event, Message
from .open_frames import OpenFrames
from .open_keeping import OpenKeeper
from .open_reading import OpenReader
from .open_sending import OpenSender
from .own_devices import OwnDevices
from .prekeys import PrekeyKeeper
from .profiles import directory_of, server_of
from .receiving import Inbox
from .sending import Sender
from .statuses import Statuses
from .typing_words import TypingWords
from .writing import Writing

_log = logging.getLogger("messenger_client")


class Client(Writing, Devices):
    """One account's device. Get one from `Client.open`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._directory = Directory(context)
        self._prekeys = PrekeyKeeper(context)
        self._enrolment = Enrolment(context, self._directory, self._prekeys)
        self._follower = Follower(context, self._directory)
        self._inbox = Inbox(context, self._directory, self._follower)
        self._controls = Controls(context, self._directory)
        self._group_sender = GroupSender(context, self._directory, self._follower, self._controls)
        self._changer = Changer(context, self._directory, self._follower, self._group_sender)
        self._sender = Sender(context, self._directory, self._inbox, self._group_sender)
        self._statuses = Statuses(context)
        self._own = OwnDevices(context, self._directory, self._enrolment, self._inbox)
        self._linker = NewDeviceLinker(context, self._directory, self._enrolment, self._inbox, self._controls)
        self._approver = Approver(context, self._directory, self._own, self._controls)
        self._open = OpenKeeper(context, self._directory)
        self._open_sender = OpenSender(context, self._directory, self._open)
        self._open_reader = OpenReader(context, self._directory, self._open)
        self._typing = TypingWords(context)
        self._events = Events(context)

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        profile: str | Path | None = None,
        *,
        server: str | None = None,
        passphrase: str | None = None,
        notify: Notify = _log.warning,
        clock: Clock | None = None,
        entropy: Entropy = SYSTEM,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> AsyncIterator[Client]:
        """Open a profile (a directory, made if it is not there). Touches no network. Raises StoreError.

        `server` is needed once, to register or sign in; later it overrides the one that was used then.
        `passphrase` seals a new profile and opens one that was sealed with it. `notify` gets sentences for
        the person that belong to no conversation.
        """
        directory = directory_of(profile)
        secret = Secret(passphrase.encode()) if passphrase else None
        store = await asyncio.to_thread(Store.open, directory, secret)
        if store.notice:
            notify(store.notice)
        with store.transaction() as tx:
            me = settings.me(tx)
        origin = origin_of(server_of(server, me.server if me else None))
        context = Context(
            store,
            origin,
            notify=notify,
            clock=clock or SystemClock(),
            entropy=entropy,
            uniform=random.uniform,
            transport=transport,
        )
        client = cls(context)
        try:
            yield client
        finally:
            await context.close()
            client._events.close()

    # Who this is

    async def account(self) -> Account | None:
        """Return who this profile is, or None before `register` or `login`."""
        me = await self._context.write(settings.me)
        return _account(me) if me is not None and me.account else None

    async def register(self, username: str, email: str, password: str, *, device: str = DEVICE_NAME) -> Account:
        """Make an account whose first device this is, and call that `device`.

        Raises Refused: `username_taken`, `email_taken`, `malformed`.
        """
        return _account(await self._enrolment.register(username, email, password, device))

    async def login(self, username: str, password: str, *, device: str = DEVICE_NAME) -> Account:
        """Sign in again on this device, or set up the first device of an account that has none.

        Raises WrongCredentials, and LinkingNeeded where the account has devices and this is none of them: it is signed
        in all the same, and `link_code` goes on from there.
        """
        return _account(await self._enrolment.login(username, password, device))

    async def logout(self) -> None:
        """End this device's session. Keys and conversations stay for the next `login`."""
        await self._enrolment.logout()

    # Both ways

    async def sync(self) -> None:
        """Send what waits and fetch what is there, once. Raises Unreachable, SignInNeeded.

        Of open chats what goes wrong is a notice.
        """
        await self._context.me()
        self._tell((await self._sender.flush()).of.values())
        await self._inbox.unpark()
        try:
            await self._inbox.fetch()
        except Refused as error:
            if error.code == "not_listed":
                await self._own.tend()  # says why
            raise
        await self.look_at_groups()
        await self._inbox.ask_for_early()
        await self._controls.flush()
        await self._statuses.ask()
        await self._prekeys.check_now_and_then()
        await self._own.tend_now_and_then()
        # Last, and told only: nothing of an encrypted chat waits for an open one, or fails with it.
        try:
            self._tell((await self._open_sender.flush()).values())
            await self._open.look()
        except (Unreachable, Refused, Defect) as error:
            self._context.notify(str(error))

    # Reading

    async def messages(self) -> AsyncGenerator[Message]:
        """Yield each received message once, for ever, staying connected meanwhile.

        A message counts as given when the next one is asked for or `seen` is called with it; a program that
        dies before gets it again. Leave the loop with `contextlib.aclosing` where order of closing matters.
        """
        async with contextlib.aclosing(self.events()) as events:
            async for event in events:
                if isinstance(event, Message):
                    yield event

    async def events(self, *, of: str | None = None, open_chat: bool = False) -> AsyncGenerator[Event]:
        """The same with notices: gaps, what cannot be read, changed identities; and changes in open chats.

        `of`: of one chat only, with `open_chat` of the open one with somebody.
        """
        find = None if of is None else await self._finder(of, open_chat=open_chat)
        async with self.connected() as failure:
            flow = self._events.flow(find)
            upcoming = asyncio.ensure_future(anext(flow))
            try:
                while True:
                    await asyncio.wait([upcoming, failure], return_when=asyncio.FIRST_COMPLETED)
                    if not upcoming.done():
                        failure.result()  # raises why the connection is gone for good
                        return
                    event = upcoming.result()
                    yield event
                    upcoming = asyncio.ensure_future(anext(flow))
            finally:
                upcoming.cancel()
                await asyncio.gather(upcoming, return_exceptions=True)
                await flow.aclose()

    def seen(self, event: Event) -> None:
        """Mark an event as given, at once: it does not come again, whatever happens next."""
        self._events.seen(event)

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[asyncio.Task[None]]:
        """Stay connected inside the block. The task ends only by what waiting does not cure."""
        await self._context.me()
        open_frames = OpenFrames(self._context, self._open, self._open_sender)
        live = Live(
            self._context, self._sender, self._controls, self._inbox, self._directory, self._prekeys, self._own, self,
            open_frames, self._typing,
        )  # fmt: skip
        task = asyncio.create_task(live.run())
        try:
            yield task
        finally:
            await live.stop()
            await asyncio.wait([task], timeout=10)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    @property
    def was_connected(self) -> bool:
        """Whether the socket has been open at all since this client was opened."""
        return self._context.was_connected

    async def history(
        self, username: str, *, limit: int = 100, open_chat: bool = False, details: bool = False
    ) -> list[Event]:
        """Return the last lines of a conversation as they are known here, oldest first. Touches no network.

        Those of an open chat are at the server and are read there: `open_history` has their pages. `details`: own
        messages with how far they have come with each of the others (`reached`).
        """
        named = await self._named_chat(username, open_chat=open_chat)
        if open_chat or (named is not None and named.is_open):
            return list((await self.open_history(username, limit=limit, open_chat=open_chat)).messages)
        now = self._context.clock.now()
        return await self._context.write(
            lambda tx: reading.history(tx, username, limit=limit, now=now, details=details)
        )

    async def chats(self) -> list[Chat]:
        """Return the conversations known here, the latest first; of open chats what the server says, if it answers."""
        now = self._context.clock.now()
        found = await self._context.write(lambda tx: reading.chats(tx, seen=self._events.position, now=now))
        open_ones = await self._open_reader.chats(given=self._events.open_position)
        return sorted([*found, *open_ones], key=reading.order_of)

    async def retry(self, username: str) -> int:
        """Ask once more for what somebody wrote and this device could not read; returns how many were asked for."""
        me = await self._context.me()
        chat = await self._chat_of(username)
        asked = await self._context.write(
            lambda tx: ask_again(tx, me, chat, now=self._context.clock.now(), entropy=self._context.entropy)
        )
        await self._controls.flush()
        return asked

    async def mute(self, name: str, *, muted: bool = True, open_chat: bool = False) -> None:
        """Let a chat not stand out on this device, or let it again; nothing of it is held back."""
        finder = await self._finder(name, open_chat=open_chat)

        def work(tx: Transaction) -> None:
            chat = finder.find(tx)
            if finder.is_open and chat and (found := open_chats.get(tx, chat)) is not None:
                open_chats.save(tx, replace(found, muted=muted))
            elif not finder.is_open and chat and (state := timeline.chat(tx, chat)) is not None:
                timeline.save_chat(tx, replace(state, muted=muted))
            else:
                raise WrongUse(f"There is no such chat with {name} yet.")

        await self._context.write(work)


def _account(me: Me) -> Account:
    return Account(me.username, forms.uuid(me.account), str(UUID(bytes=me.device)) if me.device else "", me.server)
