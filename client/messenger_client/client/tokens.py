"""Device tokens: kept in the sealed store, renewed by one process at a time, never printed.

SECURITY.md, Accounts and tokens. A refresh token is spent by its use. When the answer was lost, the successor is
unknown here, and a second use after the server's grace would end the session as stolen: the device then proves
its key instead.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..api import TokenPair
from ..errors import Refused, SignInNeeded
from ..protocol.device_proof import prove_device
from ..store import Transaction, locks, settings
from ..store.records import Me, Tokens

if TYPE_CHECKING:
    from .context import Context

EARLY = 60_000  # ms before its end at which a token is renewed
GRACE = 8_000  # ms for which a repeated refresh gets the same successor; the server allows 10 s


class TokenKeeper:
    def __init__(self, context: Context) -> None:
        self._context = context

    async def access(self, refused: str | None = None) -> str:
        """Return a device's access token that should work; not the one that was just refused."""
        kept = await self._context.write(_require)
        await self._require_its_origin(kept)
        if self._works(kept, refused):
            return kept.access
        async with locks.async_file_lock(self._context.store.directory / "tokens.lock"):
            # Another process may have renewed it meanwhile.
            kept = await self._context.write(_require)
            await self._require_its_origin(kept)
            if self._works(kept, refused):
                return kept.access
            return await self._renew(kept)

    async def seconds_left(self) -> float:
        """Until the access token should be renewed."""
        kept = await self._context.write(_require)
        return max(0.0, (kept.expires_at - EARLY - self._context.clock.now()) / 1000)

    async def prove(self, me: Me, *, token: str | None = None, refresh: str | None = None) -> str:
        """Prove the device's key to the server, and keep the tokens it gives."""
        from .context import own_device

        context = self._context
        nonce = await context.api.challenge(me.device, token)
        # The origin is the one used here, never one that a server names: a proof to one opens no other.
        signature = prove_device(own_device(me), context.origin, nonce)
        return await self._keep(await context.api.prove(me.device, nonce, signature, token=token, refresh=refresh))

    async def forget(self) -> None:
        await self._context.write(lambda tx: settings.save_tokens(tx, None))

    async def _require_its_origin(self, kept: Tokens) -> None:
        """Show tokens to nobody but the server they came from. Another port of its host is that server, too."""
        me = await self._context.write(settings.me, durable=False)
        issued_by = kept.origin or (me.server if me else "")
        if me is not None and _host_of(issued_by) != _host_of(self._context.origin):
            raise SignInNeeded(
                f"This profile is signed in at {issued_by}: to use it at {self._context.origin}, sign in there with"
                f" `messenger login {me.username}`.",
                "other_server",
            )

    async def _renew(self, kept: Tokens) -> str:
        context, now = self._context, self._context.clock.now()
        since = kept.refreshing_since
        if since is None or 0 <= now - since <= GRACE:
            marked = replace(kept, refreshing_since=since if since is not None else now)
            await context.write(lambda tx: settings.save_tokens(tx, marked))
            try:
                return await self._keep(await context.api.refresh(kept.refresh))
            except SignInNeeded:
                pass  # spent by an answer that never came: below
        me = await context.write(settings.me)
        if me is None:
            raise SignInNeeded("Nobody is signed in here.")
        try:
            return await self.prove(me, refresh=kept.refresh)
        except (SignInNeeded, Refused) as error:
            raise SignInNeeded(
                f"Your session has ended: sign in again with `messenger login {me.username}`.", "session_ended"
            ) from error

    async def _keep(self, pair: TokenPair) -> str:
        expires_at = self._context.clock.now() + pair.expires_in * 1000
        tokens = Tokens(pair.access, pair.refresh, expires_at, origin=self._context.origin)
        await self._context.write(lambda tx: settings.save_tokens(tx, tokens))
        return pair.access

    def _works(self, kept: Tokens, refused: str | None) -> bool:
        return kept.access != refused and self._context.clock.now() < kept.expires_at - EARLY


def _host_of(origin: str) -> tuple[str, str | None]:
    parts = urlsplit(origin)
    return parts.scheme, parts.hostname


def _require(tx: Transaction) -> Tokens:
    kept = settings.tokens(tx)
    if kept is not None:
        return kept
    me = settings.me(tx)
    if me is None or not me.username:
        raise SignInNeeded("Nobody is signed in here: start with `messenger register NAME --email E`.")
    raise SignInNeeded(f"Nobody is signed in here: use `messenger login {me.username}`.")
