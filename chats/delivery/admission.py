"""From a frame to the writer. What memory allows goes straight on; everything else is looked up first, in order."""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic

from chats.checking import ChatToOpen, FactsMissing
from chats.delivery.on_demand import OnDemand
from chats.facts import FactsCache
from chats.ids import DeviceId
from chats.limits import ATTEMPTS, WAITING_BYTES, WAITING_PER_DEVICE, WRITER_QUEUE
from chats.sends import Accepted
from chats.threads import Threads
from chats.writer.group import AnySend, GroupWriter
from messenger.lib.errors import DomainError, Unavailable

logger = logging.getLogger(__name__)
TOGETHER = 100  # sends whose facts are loaded in one go


@dataclass(frozen=True, slots=True)
class Rules(Generic[AnySend]):
    """How sends of a kind are checked: `check` by memory; `load` and `decide` ask the database."""

    check: Callable[[AnySend, FactsCache], None]
    load: Callable[[Sequence[AnySend], FactsCache], None]
    decide: Callable[[AnySend, DomainError | None, FactsCache], Accepted | None]


class Admission(Generic[AnySend]):
    """Nobody is refused on what memory says: a refusal is decided on facts that were loaded for it."""

    def __init__(self, rules: Rules[AnySend], facts: FactsCache, threads: Threads) -> None:
        self._check, self._load, self._decide_one = rules.check, rules.load, rules.decide
        self._facts, self._threads = facts, threads
        self.writer: GroupWriter[AnySend]
        self._waiting: deque[tuple[AnySend, DomainError | None]] = deque()
        self._waiting_of: Counter[DeviceId] = Counter()
        self._bytes = 0  # of ciphertext that waits
        self._work = OnDemand("chats-admission", self._admit, lambda: bool(self._waiting))
        self.finish = self._work.finish

    def admit(self, send: AnySend) -> None:
        """Check a send and pass it on, now or as soon as its facts are here."""
        # A device's sends stay in the order that they came in.
        if not self._waiting_of[send.device]:
            try:
                self._check(send, self._facts)
            except (FactsMissing, ChatToOpen, DomainError):
                pass
            else:
                self.writer.put(send)
                return
        self._wait(send, None)

    def refuse(self, send: AnySend, error: DomainError) -> None:
        """Answer `error`, unless the message was accepted before: idempotency comes first."""
        self._wait(send, error)

    def again(self, send: AnySend) -> None:
        """The facts changed under a send: forget them, and decide anew."""
        send.attempts += 1
        if send.attempts >= ATTEMPTS:
            send.settle(send, Unavailable("the devices of the chat keep changing", retry_after=1))
            return
        self._queue(send, None)

    def _wait(self, send: AnySend, error: DomainError | None) -> None:
        full = len(self._waiting) >= WRITER_QUEUE or self._bytes >= WAITING_BYTES
        if full or self._waiting_of[send.device] >= WAITING_PER_DEVICE:
            send.settle(send, Unavailable("the server is busy", retry_after=1))
            return
        self._queue(send, error)

    def _queue(self, send: AnySend, error: DomainError | None) -> None:
        self._waiting.append((send, error))
        self._waiting_of[send.device] += 1
        self._bytes += send.size
        self._work.wake()

    async def _admit(self) -> None:
        together = list(self._waiting)[:TOGETHER]
        try:
            await self._threads.run(self._load, [send for send, error in together if not error], self._facts)
        except Exception:
            logger.exception("facts_failed sends=%d", len(together))
            for send, _ in together:
                self._settle(send, Unavailable("the database does not answer", retry_after=1))
            return
        for send, error in together:
            if error is None:
                try:
                    self._check(send, self._facts)
                except (FactsMissing, ChatToOpen, DomainError):
                    pass
                else:
                    self._pass_on(send)
                    continue
            await self._decide(send, error)

    async def _decide(self, send: AnySend, error: DomainError | None) -> None:
        try:
            stored = await self._threads.run(self._decide_one, send, error, self._facts)
        except DomainError as refusal:
            self._settle(send, refusal)
        except Exception:
            logger.exception("decision_failed device=%s", send.device)
            self._settle(send, Unavailable("the database does not answer", retry_after=1))
        else:
            if stored is not None:
                self._settle(send, stored)
            else:
                self._pass_on(send)

    def _pass_on(self, send: AnySend) -> None:
        self._forget(send)
        self.writer.put(send)

    def _settle(self, send: AnySend, outcome: Accepted | DomainError) -> None:
        self._forget(send)
        send.settle(send, outcome)

    def _forget(self, send: AnySend) -> None:
        self._waiting.popleft()
        self._bytes -= send.size
        self._waiting_of[send.device] -= 1
        if not self._waiting_of[send.device]:
            del self._waiting_of[send.device]
