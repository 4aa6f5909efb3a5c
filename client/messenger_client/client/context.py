"""What the parts of the client share: store, server, time, chance. One thread does all of the store's work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, TypeVarTuple

import httpx

from ..api import Api
from ..clock import Clock
from ..errors import SignInNeeded
from ..protocol.entropy import Entropy
from ..protocol.ids import AccountId, DeviceId
from ..protocol.keys import OwnDevice
from ..protocol.primitives import DhKey, SigningKey
from ..store import Store, Transaction, settings
from ..store.records import Me
from ..stream import Stream
from ..stream.backoff import Uniform

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
Notify = Callable[[str], None]  # one sentence for the person, outside of any conversation


class Context:
    """One profile at one server."""

    def __init__(
        self,
        store: Store,
        origin: str,
        *,
        notify: Notify,
        clock: Clock,
        entropy: Entropy,
        uniform: Uniform,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        from .tokens import TokenKeeper  # here: it needs a context in turn

        self.store = store
        self.origin = origin
        self.notify = notify
        self.clock = clock
        self.entropy = entropy
        self.uniform = uniform
        self.tokens = TokenKeeper(self)
        self.api = Api(origin, self.tokens.access, transport)
        self.stream: Stream | None = None  # while connected
        self.was_connected = False
        self.changed = asyncio.Event()  # something new may be in the store
        self.controls_wanted = asyncio.Event()  # a control content waits that no flush is looking after
        # Cryptography and waiting for the disk stay off the event loop, and SQLite on one thread.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="messenger-store")

    async def write(self, work: Callable[[Transaction, *Ts], T], *values: *Ts, durable: bool = True) -> T:
        """Run `work`, given the values too, in one transaction; also for reading."""

        def run() -> T:
            with self.store.transaction(durable=durable) as tx:
                return work(tx, *values)

        return await self.on_thread(run)

    async def on_thread(self, work: Callable[[], T]) -> T:
        # A transaction that has begun ends as it must, even when its caller is cancelled.
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._thread, work))

    async def me(self) -> Me:
        """Who this profile is, ready to write. Raises SignInNeeded, LinkingNeeded."""
        return await self.write(require_linked)

    async def close(self) -> None:
        await self.api.close()
        await asyncio.to_thread(self._thread.shutdown)
        self.store.close()


def require_linked(tx: Transaction) -> Me:
    """Who this profile is, ready to write. Raises SignInNeeded, LinkingNeeded."""
    from .standing import linking_needed  # here: it looks at keys as this module makes them

    me = require_me(tx)
    if me.unlinked:
        raise linking_needed(me)
    return me


def require_me(tx: Transaction) -> Me:
    """Who this profile is, ready to read. Raises SignInNeeded."""
    me = settings.me(tx)
    if me is None or not me.account:
        raise SignInNeeded("Nobody is signed in here: start with `messenger register NAME --email E`.")
    if not me.ready:
        raise SignInNeeded(f"This device is not set up yet: finish with `messenger login {me.username}`.")
    return me


def own_device(me: Me) -> OwnDevice:
    return OwnDevice(
        AccountId(me.account),
        DeviceId(me.device),
        me.account_key,
        SigningKey.from_seed(me.signing_seed),
        DhKey.from_private(me.identity_private),
    )
