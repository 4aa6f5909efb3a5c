"""The connection while somebody listens: kept up, fed from the outbox, drained into the store.

docs/events.md. Reading, storing and acknowledging overlap: the socket is read on while a batch is decrypted.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any

from ..api import Status, answers, forms
from ..errors import ClientError, Defect, KeysRefused, Refused, SignInNeeded, Unreachable
from ..store import outbox
from ..stream import Backoff, Json, Stream
from .context import Context
from .controls import Controls
from .directory import Directory
from .group_frames import GroupFrames
from .groups import Groups
from .open_frames import OpenFrames
from .own_devices import OwnDevices
from .people import note_contact
from .prekeys import PrekeyKeeper
from .receiving import MOST, Inbox
from .sending import Sender
from .statuses import Statuses
from .typing_words import TypingWords

PARTING = 3.0  # seconds for the last acknowledgements to arrive
OUTBOX_EVERY = 5.0  # seconds between looks at what other processes could not send
CONTROLS_EVERY = 30.0  # seconds between looks at control contents that could not leave
STEADY = 10_000  # ms after which a connection has worked: one that breaks sooner is a failure like any other
LONGEST_WAIT = 300.0  # seconds before we connect again, whatever the server asks for
MOST_FRAMES = 2 * MOST  # read and not handled yet; the socket waits while there are as many

# Said once when the message was written, and shown in the conversation; not every few seconds.
STANDING = frozenset({"identity_changed", "list_refused", "no_keys"})

_STATUS_FRAMES = {"message.delivered": "delivered", "message.read": "read", "message.expired": "expired"}


class Live:
    """Run `run` in a task; `stop` ends it in good order."""

    def __init__(
        self,
        context: Context,
        sender: Sender,
        controls: Controls,
        inbox: Inbox,
        directory: Directory,
        prekeys: PrekeyKeeper,
        own: OwnDevices,
        groups: Groups,
        open_chats: OpenFrames,
        typing: TypingWords,
    ) -> None:
        self._context = context
        self._sender = sender
        self._controls = controls
        self._inbox = inbox
        self._directory = directory
        self._prekeys = prekeys
        self._own = own
        self._groups = GroupFrames(context, groups)
        self._open_chats = open_chats
        self._typing = typing
        self._statuses = Statuses(context)
        self._backoff = Backoff(context.uniform)
        self._stopping = asyncio.Event()
        self._drained = asyncio.Event()  # all that waited at the server has come
        self._frames: asyncio.Queue[Json] = asyncio.Queue(MOST_FRAMES)
        self._acks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Stay connected until stopped. Raises SignInNeeded, TakenOver, Defect; waits out everything else."""
        refused: str | None = None
        told = False
        while not self._stopping.is_set():
            wait = 0.0
            token = None
            opened: int | None = None
            try:
                token = await self._context.tokens.access(refused)
                async with Stream(self._context.origin, token) as stream:
                    refused, told = None, False
                    opened = self._context.clock.now()
                    self._context.was_connected = True
                    await self._serve(stream)
            except SignInNeeded as error:
                # A token that has just been renewed and is refused again will not get better.
                if error.code != "not_signed_in" or token is None or refused is not None:
                    raise
                refused = token
            except Unreachable as error:
                wait = error.retry_after or 0.0
                if not told and not self._stopping.is_set():
                    told = True
                    self._context.notify("Not connected; trying again. What you write meanwhile waits here.")
            if opened is not None and self._context.clock.now() - opened >= STEADY:
                self._backoff.worked()
            if not self._stopping.is_set():
                # Never sooner than after a failure that asks for nothing.
                await self._pause(min(max(wait, self._backoff.delay()), LONGEST_WAIT))

    async def stop(self) -> None:
        """Let what is being stored and acknowledged come to its end."""
        self._stopping.set()

    async def _pause(self, seconds: float) -> None:
        await _first(self._context.clock.sleep(seconds), self._stopping.wait())

    async def _serve(self, stream: Stream) -> None:
        """Serve one connection until it breaks or we stop."""
        self._frames = asyncio.Queue(MOST_FRAMES)
        self._drained.clear()
        self._context.stream = stream
        reader = asyncio.create_task(self._read(stream))
        works = (
            self._work(stream),
            self._tend(),
            self._keep_token(stream),
            self._empty_outbox(),
            self._send_controls(),
            self._groups.run(),
            self._open_chats.run(),
            self._open_chats.empty_outbox(),
        )
        others = [asyncio.create_task(work) for work in works]
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait([reader, *others, stopping], return_when=asyncio.FIRST_COMPLETED)
            if self._stopping.is_set() and not reader.done():
                # The reader stays: it takes in the answers to the last acknowledgements.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(PARTING):
                        await self._frames.join()
                        await asyncio.gather(*self._acks, return_exceptions=True)
        finally:
            self._context.stream = None
            for task in (reader, *others, stopping, *self._acks):
                task.cancel()
            results = await asyncio.gather(reader, *others, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result

    async def _read(self, stream: Stream) -> None:
        while True:
            frame = await stream.receive()
            if frame.get("type") == "server.draining":
                raise Unreachable("The server is restarting.", "draining", self._drain_delay(frame))
            if not self._stopping.is_set():
                await self._frames.put(frame)

    async def _work(self, stream: Stream) -> None:
        """Take what has arrived, up to a batch at once."""
        while True:
            frames = [await self._frames.get()]
            while len(frames) < MOST and not self._frames.empty():
                frames.append(self._frames.get_nowait())
            try:
                await self._handle(stream, frames)
            finally:
                for _ in frames:
                    self._frames.task_done()

    async def _handle(self, stream: Stream, frames: list[Json]) -> None:
        envelopes = [frame for frame in frames if frame.get("type") == "envelope"]
        if envelopes:
            ack = await self._inbox.take(envelopes)
            if ack is not None:
                # Not awaited: the next batch is decrypted while this answer travels.
                task = asyncio.create_task(self._ack(stream, ack))
                self._acks.add(task)
                task.add_done_callback(self._acks.discard)
        statuses: list[Status] = []
        for frame in frames:
            kind = frame.get("type")
            if kind in _STATUS_FRAMES:
                with contextlib.suppress(Defect):
                    statuses += answers.statuses_of_frame(frame, _STATUS_FRAMES[str(kind)])
            elif kind == "devices.changed":
                await self._refresh(frame)
            elif kind == "contact.changed":
                await self._note_contact(frame)
            elif kind == "group.changed":
                self._groups.soon(frame)
            elif kind in ("open.message", "open.changed", "open.chat"):
                self._open_chats.soon(frame)
            elif kind == "typing":
                await self._typing.heard(frame)
            elif kind == "prekeys.low":
                await self._prekeys.check()
            elif kind == "queue.empty":
                self._drained.set()
                self._context.changed.set()
                self._groups.soon(frame)
        if statuses:
            await self._statuses.apply(statuses)

    async def _ack(self, stream: Stream, ack: Json) -> None:
        # Lost: the envelopes come again, are recognised, and are acknowledged then.
        with contextlib.suppress(ClientError):
            await stream.request({"type": "ack", **ack})

    async def _note_contact(self, frame: Json) -> None:
        """Another own device has accepted or blocked somebody."""
        with contextlib.suppress(Defect):
            account, state = forms.identifier(frame.get("account")), forms.string(frame.get("state"))
            await self._context.write(lambda tx: note_contact(tx, account, state))

    async def _refresh(self, frame: Json) -> None:
        try:
            account = forms.identifier(frame.get("account"))
            if account == (await self._context.me()).account:
                await self._own.tend()
            else:
                await self._directory.refresh(account)
            await self._inbox.unpark()
        except Unreachable as error:
            # Many devices changed at once. Whoever writes to one of them, or hears from it, learns of it then.
            if error.code != "too_many_requests":
                raise
        except (KeysRefused, Defect, Refused) as error:
            self._context.notify(str(error))

    async def _tend(self) -> None:
        """What a fresh connection is good for, once."""
        with contextlib.suppress(Unreachable):  # asked to go slowly; the next connection asks again
            await self._prekeys.check_now_and_then()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LONGEST_WAIT):
                    await self._drained.wait()  # what was written before a list changed is read first
            await self._own.tend()
        await asyncio.Event().wait()

    async def _keep_token(self, stream: Stream) -> None:
        while True:
            await self._context.clock.sleep(await self._context.tokens.seconds_left() + 1.0)
            token = await self._context.tokens.access()
            await stream.request({"type": "token", "access": token})

    async def _empty_outbox(self) -> None:
        """Send what this and other processes have written, and read what they let in."""
        left: int | None = None  # messages that waited when the statuses were asked for
        while True:
            with contextlib.suppress(Unreachable):  # of a connection that broke, `_read` knows more
                for problem in (await self._sender.flush()).of.values():
                    if problem.code not in STANDING:
                        self._context.notify(str(problem))
                await self._inbox.unpark()  # also what another process had to leave
            waiting = await self._context.write(outbox.count, durable=False)
            if left is None or waiting < left:
                # Not before: what the server had all the while, and could not say so, has been delivered meanwhile.
                left = waiting
                with contextlib.suppress(Unreachable):  # asked to go slowly; the next connection asks again
                    await self._statuses.ask()
            await _first(self._context.clock.sleep(OUTBOX_EVERY), self._sender.wanted.wait())

    async def _send_controls(self) -> None:
        """Ask again for what could not be read, answer those who ask, and send on what other processes left."""
        while True:
            with contextlib.suppress(Unreachable):
                await self._inbox.ask_for_early()
                await self._controls.flush()
            await _first(self._context.clock.sleep(CONTROLS_EVERY), self._context.controls_wanted.wait())

    def _drain_delay(self, frame: Json) -> float:
        bounds = frame.get("reconnect_after_ms")
        if isinstance(bounds, list) and len(bounds) == 2 and all(type(one) is int and one >= 0 for one in bounds):
            # Capped as integers: one of a thousand digits is no float.
            least, most = (min(one, int(LONGEST_WAIT * 1000)) for one in sorted(bounds))
            return self._context.uniform(least, most) / 1000
        return self._backoff.delay()


async def _first(*waits: Coroutine[Any, Any, object]) -> None:
    """Return when one of them has ended; the others are given up."""
    tasks = [asyncio.ensure_future(one) for one in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
