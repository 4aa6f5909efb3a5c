"""Other people: contacts, requests, blocks, safety numbers, changed identities. A part of `Client`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from uuid import UUID

from ..api import ContactState, forms
from ..errors import KeysRefused, Refused, SignInNeeded, Unreachable, WrongUse
from ..protocol.ids import AccountId
from ..protocol.safety_number import safety_number
from ..store import Transaction, peers
from ..store.records import Peer
from .context import Context
from .directory import Directory
from .group_following import Follower
from .identity import current_key, mark_verified, shown_name
from .model import ComparedNumber, Contact, Message
from .naming import group_named, is_group_name
from .places import chat_with, conversation_with
from .receiving import Inbox


class People:
    _context: Context
    _directory: Directory
    _inbox: Inbox
    _follower: Follower

    async def contacts(self) -> list[Contact]:
        """Return everybody the server knows a decision or a request of, the latest first."""
        answer = sorted(await self._context.api.contacts(), key=lambda one: one.changed_at, reverse=True)

        def work(tx: Transaction) -> list[Peer]:
            for one in answer:
                peers.change(tx, one.account, username=one.username)
            return [note_contact(tx, one.account, one.state) for one in answer]

        found = list(zip(await self._context.write(work), answer, strict=True))
        for peer, one in found:
            self._directory.check_name(peer, one.username)
        return [_contact(peer, one) for peer, one in found]

    async def requests(self) -> list[Contact]:
        """Return those who wrote and wait for an answer: `accept` or `block`."""
        return [one for one in await self.contacts() if one.state == "requested"]

    async def accept(self, username: str) -> None:
        """Accept somebody, after fetching what they wrote. Takes a block back, too."""
        await self._context.me()
        await self._inbox.fetch()
        peer = await self._directory.resolve(username)
        await self._answer(peer, "accept")

    async def block(self, username: str) -> None:
        """Hear nothing more from somebody, who is not told."""
        await self._context.me()
        await self._answer(await self._directory.resolve(username), "block")

    async def safety_number(self, username: str) -> ComparedNumber:
        """Return the number to compare with somebody; of the new identity where it has changed."""
        me = await self._context.me()
        peer = await self._directory.pinned(username)
        if peer.account == me.account:
            raise Refused("There is nobody to compare with.", "not_found")
        if peer.changed_lists:
            peer = await self._looked_at_again(peer)
        key = current_key(peer)
        own, other = AccountId(me.account), AccountId(peer.account)
        number = await asyncio.to_thread(safety_number, own, me.account_key, other, key)
        await self._context.write(lambda tx: peers.change(tx, peer.account, shown_key=key))
        return ComparedNumber(number.digits, number.scannable, key)

    async def verify(self, username: str, key: bytes | None = None) -> None:
        """Mark somebody as verified, once both have compared the safety number. Acknowledges a changed identity.

        `key` is that of the number that was compared; without it, of the one that this profile showed last. Raises
        IdentityHasChanged if the key is another one by now, WrongUse if no number was ever shown.
        """
        peer = await self._directory.pinned(username)
        compared = peer.shown_key if key is None else key
        if not compared:
            raise WrongUse(f"Compare first: `messenger safety-number {shown_name(peer)}`.")
        if peer.changed_lists:
            await self._follower.catch_up()
        await self._context.write(lambda tx: mark_verified(tx, peer.account, compared))
        await self._unpark()
        await self._follower.catch_up()

    async def acknowledge(self, username: str) -> None:
        """Write on to somebody whose identity has changed, without having compared anything."""
        peer = await self._directory.pinned(username)
        if peer.changed_lists:
            await self._follower.catch_up()
            await self._directory.acknowledge(peer.account)
            await self._unpark()
            await self._follower.catch_up()

    async def mark_read(self, messages: Sequence[Message]) -> None:
        """Tell senders that their messages were read. At most 500 of one chat."""
        if messages:
            ids = [UUID(message.id).bytes for message in messages]
            first = messages[0]
            await self._context.api.mark_read(UUID(first.chat).bytes, ids, is_group=bool(first.group))

    async def _chat_of(self, username: str) -> bytes:
        me = await self._context.me()
        if is_group_name(username):
            return await self._context.write(lambda tx: group_named(tx, username))
        peer = await self._directory.resolve(username)
        await self._context.write(lambda tx: chat_with(tx, me.account, peer.account))
        return conversation_with(me.account, peer.account)

    async def _looked_at_again(self, peer: Peer) -> Peer:
        """Perhaps the server has taken a change back, or made another."""
        with contextlib.suppress(Unreachable, KeysRefused):
            peer = await self._directory.refresh(peer.account)
            await self._unpark()
        return peer

    async def _unpark(self) -> None:
        # What stays parked is read at the next `sync`, or by whoever is connected.
        with contextlib.suppress(Unreachable, SignInNeeded):
            await self._inbox.unpark()

    async def _answer(self, peer: Peer, verb: str) -> None:
        await self._context.api.answer_contact(peer.account, verb)
        blocked = verb == "block"
        await self._context.write(lambda tx: peers.change(tx, peer.account, request=False, blocked=blocked))


def note_contact(tx: Transaction, account: bytes, state: str) -> Peer:
    """Keep what one has decided about somebody, on this or another own device."""
    return peers.change(tx, account, request=state == "requested", blocked=state == "blocked")


def _contact(peer: Peer, one: ContactState) -> Contact:
    account = forms.uuid(one.account)
    return Contact(shown_name(peer), account, one.state, one.changed_at)  # type: ignore[arg-type]  # the server's word
