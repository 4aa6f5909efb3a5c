"""Registering, signing in, signing out. Every step is stored before the next, and can be taken again.

PROTOCOL.md, Keys and the device list. The first device of an account makes its account key; a later one proves its
own keys, and has to be linked by a device that holds the account key (`linking`).
"""

from __future__ import annotations

import contextlib
import platform
from collections.abc import Callable
from dataclasses import replace

from ..api import TokenPair
from ..errors import Refused, SignInNeeded, Unreachable, WrongUse
from ..protocol import keys
from ..protocol.device_list import Pin, listed, sign_list
from ..protocol.ids import AccountId
from ..protocol.primitives import DhKey, SigningKey
from ..store import Transaction, groups, peers, sessions, settings
from ..store.records import Linking, Me, PrekeyState
from .context import Context, own_device
from .directory import Directory
from .prekeys import PrekeyKeeper
from .standing import is_on, linking_needed, looked

DEVICE_NAME = "Terminal"


class Enrolment:
    def __init__(self, context: Context, directory: Directory, prekeys: PrekeyKeeper) -> None:
        self._context = context
        self._directory = directory
        self._prekeys = prekeys

    async def register(self, username: str, email: str, password: str, name: str = DEVICE_NAME) -> Me:
        me = await self._begin()
        if me.account:
            raise WrongUse(f"This profile belongs to {me.username}; name another one with --profile.")
        return await self._set_up(await self._context.api.register(username, email, password), name)

    async def login(self, username: str, password: str, name: str = DEVICE_NAME) -> Me:
        await self._begin()
        return await self._set_up(await self._context.api.sign_in(username, password), name)

    async def logout(self) -> None:
        """End the session at the server and forget the tokens; keys and conversations stay."""
        with contextlib.suppress(SignInNeeded):  # it may have ended already
            await self._context.api.sign_out()
        await self._context.tokens.forget()

    async def _begin(self) -> Me:
        """Make the device's keys, before the server hears of it."""

        def work(tx: Transaction) -> Me:
            me = settings.me(tx)
            if me is None:
                me = Me(self._context.origin, *self._new_keys())
                settings.save_me(tx, me)
            return me

        return await self._context.write(work)

    async def _set_up(self, pair: TokenPair, name: str) -> Me:
        me = await self._change(lambda me: _belongs_to(me, pair, self._context.origin))
        if not me.device:
            me = await self._register(me, pair, name)
        try:
            await self._context.tokens.prove(me, token=pair.access)
        except Refused as error:
            if error.code != "not_found":
                raise
            if me.account_key_seed:
                raise SignInNeeded(
                    "This device was ended, and it holds the account key, which is not thrown away: go on in a new"
                    " profile (--profile). What is here stays readable.",
                    "device_ended",
                ) from error
            # The device was ended. Its keys are spent; what it has received stays.
            me = await self._register(await self._context.write(self._start_anew), pair, name)
            await self._context.tokens.prove(me, token=pair.access)
        if not me.ready:
            await self._list(me)
            me = await self.finish()
        if me.unlinked:
            await self._directory.refresh(me.account)  # perhaps it is on the list again
            me = await self._change(lambda me: me)
            if me.unlinked:
                raise linking_needed(me)
        return me

    async def finish(self) -> Me:
        """Listed: publish prekeys, and be ready."""
        await self._prekeys.check()
        await self._context.write(lambda tx: looked(tx, self._context.clock.now()), durable=False)
        return await self._change(lambda me: replace(me, ready=True, unlinked=""))

    async def _register(self, me: Me, pair: TokenPair, name: str) -> Me:
        public = SigningKey.from_seed(me.signing_seed).public
        device = await self._context.api.register_device(pair.access, name, platform.system().lower()[:32], public)
        return await self._change(lambda me: replace(me, device=device))

    def _start_anew(self, tx: Transaction) -> Me:
        """Give a device that was ended new keys of its own, in the same profile."""
        me = settings.me(tx)
        if me is None:
            raise SignInNeeded("Nobody is signed in here.")
        fresh = Me(me.server, *self._new_keys(), username=me.username, account=me.account)
        settings.save_me(tx, fresh)
        settings.save_prekey_state(tx, PrekeyState(next_ids={}))
        # A code that was shown, or an identity that was begun, is of the keys of before.
        settings.save_linking(tx, Linking(looked_at=settings.linking(tx).looked_at))
        sessions.drop_all(tx)
        groups.end_chains(tx)
        sessions.forget_prekeys(tx)
        return fresh

    def _new_keys(self) -> tuple[bytes, bytes]:
        signing, identity = SigningKey.generate(self._context.entropy), DhKey.generate(self._context.entropy)
        return bytes(signing.seed), bytes(identity.private)

    async def _list(self, me: Me) -> None:
        """Get onto the account's device list: as its first device, or not at all yet."""
        if not me.account_key_seed:
            own = await self._directory.refresh(me.account)
            pin = peers.pin_of(own)
            if pin is not None:
                await self._find_on(pin, me)
                return
            await self._context.write(self._sign_first)
        pin = peers.pin_of(await self._context.write(lambda tx: peers.by_account(tx, me.account)))
        if pin is None:
            raise Unreachable("The device list is missing; sign in again.")
        try:
            await self._context.api.publish_list(pin.to_bytes())
        except Refused as error:
            if error.code != "list_conflict":
                raise
            # Another device was faster. The list that nobody saw is given up, with its key.
            await self._context.write(lambda tx: self._give_up(tx, me))
            raise linking_needed(me) from error

    async def _find_on(self, pin: Pin, me: Me) -> None:
        if not is_on(pin.newest, me):
            raise linking_needed(me)
        await self._change(lambda me: replace(me, account_key=pin.account_key))

    def _sign_first(self, tx: Transaction) -> None:
        me = settings.me(tx)
        if me is None or me.account_key:
            return
        account_key = keys.generate_account_key(self._context.entropy)
        me = replace(me, account_key=account_key.public, account_key_seed=bytes(account_key.seed))
        now = self._context.clock.now()
        first = sign_list(
            account_key, AccountId(me.account), [listed(own_device(me), added=now)], previous=None, now=now
        )
        settings.save_me(tx, me)
        peers.save_list(tx, first)
        peers.change(tx, me.account, username=me.username, pin=Pin(first).to_bytes())

    def _give_up(self, tx: Transaction, me: Me) -> None:
        settings.save_me(tx, replace(me, account_key=b"", account_key_seed=b""))
        peers.forget_lists(tx, me.account)
        peers.change(tx, me.account, pin=b"")

    async def _change(self, change: Callable[[Me], Me]) -> Me:
        def work(tx: Transaction) -> Me:
            me = settings.me(tx)
            if me is None:
                raise SignInNeeded("Nobody is signed in here.")
            me = change(me)
            settings.save_me(tx, me)
            return me

        return await self._context.write(work)


def _belongs_to(me: Me, pair: TokenPair, origin: str) -> Me:
    if me.account and me.account != pair.account:
        raise WrongUse(f"This profile belongs to {me.username}; name another one with --profile.")
    return replace(me, account=pair.account, username=pair.username, server=origin)
