"""The public interface of the library; the modules beside it do the work."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import httpx

from ..api import forms, origin_of
from ..clock import Clock, SystemClock
from ..errors import ClientError, IdentityHasChanged, KeysRefused, Refused, Unreachable, WrongUse
from ..protocol.entropy import SYSTEM, Entropy
from ..protocol.secret import Secret
from ..store import Store, outbox, settings
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
from .group_sending import GroupSender, group_name
from .groups import group_named, is_group_name
from .linking import Approver, NewDeviceLinker
from .live import STANDING, Live
from .model import Account, Chat, Event, Message, Sent
from .own_devices import OwnDevices
from .people import People
from .prekeys import PrekeyKeeper
from .profiles import directory_of, server_of
from .receiving import Inbox
from .sending import Sender
from .statuses import Statuses

_log = logging.getLogger("messenger_client")


class Client(People, Devices):
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

    # Writing

    async def send(self, username: str, text: str, *, mentions: Iterable[str] | None = None) -> Sent:
        """Write to somebody, or to `#` and a group chat's title or id.

        The message is stored first; unreachable servers get it later (`queued`). In a group chat it mentions the
        members of the names given in `mentions`, or without that those whom the text names as `@name`.

        Raises UnknownPerson, Refused, WrongUse: then it was not sent, and will not be. IdentityHasChanged and
        KeysRefused: it is not sent now; its id is the error's `queued`, and it leaves once that is settled.
        """
        message_id, name = await self._enqueue(username, text, mentions)
        try:
            problems = await self._sender.flush()
        except Unreachable:
            return await self._sender.state_of(message_id)
        own = problems.of.pop(message_id, None) or problems.stuck.get(name.casefold())
        self._tell(problems.of.values())
        if own is not None and own.code != "no_keys":
            waits = isinstance(own, IdentityHasChanged | KeysRefused)
            own.queued = forms.uuid(message_id) if waits else ""
            raise own
        if own is not None:
            self._context.notify(str(own))
        return await self._sender.state_of(message_id)

    async def write_down(self, username: str, text: str, *, mentions: Iterable[str] | None = None) -> str:
        """Store a message for sending and return its id at once; a running `messages()` sends it."""
        return forms.uuid((await self._enqueue(username, text, mentions))[0])

    async def waiting(self) -> int:
        """Return how many messages wait here to be sent."""
        return await self._context.write(outbox.count, durable=False)

    async def sync(self) -> None:
        """Send what waits and fetch what is there, once. Raises Unreachable, SignInNeeded."""
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

    async def events(self, *, of: str | None = None) -> AsyncGenerator[Event]:
        """The same with notices: gaps, what cannot be read, changed identities. `of`: one person's only."""
        chat = None if of is None else await self._chat_of(of)
        async with self.connected() as failure:
            flow = self._events.flow(chat)
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
        live = Live(
            self._context, self._sender, self._controls, self._inbox, self._directory, self._prekeys, self._own, self
        )
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

    async def history(self, username: str, *, limit: int = 100) -> list[Event]:
        """Return the last lines of a conversation as they are known here, oldest first. Touches no network."""

        now = self._context.clock.now()
        return await self._context.write(lambda tx: reading.history(tx, username, limit=limit, now=now))

    async def chats(self) -> list[Chat]:
        """Return the conversations known here, the latest first. Touches no network."""

        now = self._context.clock.now()
        return await self._context.write(lambda tx: reading.chats(tx, seen=self._events.position, now=now))

    async def retry(self, username: str) -> int:
        """Ask once more for what somebody wrote and this device could not read; returns how many were asked for."""
        me = await self._context.me()
        chat = await self._chat_of(username)
        asked = await self._context.write(
            lambda tx: ask_again(tx, me, chat, now=self._context.clock.now(), entropy=self._context.entropy)
        )
        await self._controls.flush()
        return asked

    async def _enqueue(self, to: str, text: str, mentions: Iterable[str] | None) -> tuple[bytes, str]:
        """Store a message; returns its id, and the name that the outbox knows its recipient by."""
        if not is_group_name(to):
            if mentions is not None:
                raise WrongUse("Only members of a group chat can be mentioned.")
            return await self._sender.enqueue(to, text), to
        group = await self._context.write(lambda tx: group_named(tx, to))
        message_id = await self._group_sender.enqueue(group, text, mentions)
        self._sender.wanted.set()
        self._context.changed.set()
        return message_id, group_name(group)

    def _tell(self, problems: Iterable[ClientError]) -> None:
        for problem in problems:
            if problem.code not in STANDING:
                self._context.notify(str(problem))


def _account(me: Me) -> Account:
    return Account(me.username, forms.uuid(me.account), str(UUID(bytes=me.device)) if me.device else "", me.server)
