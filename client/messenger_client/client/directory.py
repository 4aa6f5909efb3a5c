"""Who somebody is: names, signed device lists, bundles. Pins at first contact; believes the chain, not the server.

PROTOCOL.md, Keys and the device list. The server's word counts for two things only: which account has a name,
and which listed devices are suspended.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from ..api import Directory as Answer
from ..errors import Defect, KeysRefused, Refused, UnknownPerson
from ..protocol import errors as protocol_errors
from ..protocol.device_list import Pin, accept_lists, open_list
from ..protocol.ids import AccountId
from ..store import Transaction, groups, peers, sessions, settings, timeline
from ..store.records import Peer
from .context import Context
from .identity import acknowledge, save_accepted, shown_name
from .places import conversation_with
from .standing import note_own_identity, note_own_list

PAGE = 100  # lists in one answer
MOST_ACCOUNTS = 100  # in one call
_ROUNDS = 30  # pages and races before something is wrong


@dataclass(frozen=True, slots=True)
class Bundles:
    """What a claim gave: bundles, and why there is none for the other devices."""

    found: dict[tuple[bytes, bytes], bytes]
    unusable: dict[tuple[bytes, bytes], str]
    retry_after: int | None  # seconds, where a device may have one again


class Directory:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._warned: set[tuple[bytes, str]] = set()

    async def resolve(self, username: str) -> Peer:
        """Find an account by its name, or by its id where it has none here. Raises UnknownPerson."""
        peer = await self._context.write(lambda tx: _known(tx, username))
        if peer is not None:
            return peer
        profile = await self._profile(username)
        if profile is None:
            raise UnknownPerson(f"There is no account called {username}.")
        account, name = profile
        if name.casefold() == username.casefold():
            peer = await self._context.write(lambda tx: peers.change(tx, account, username=name))
        # Else it would be written to somebody who was not asked for.
        if peer is None or peer.username.casefold() != username.casefold():
            raise UnknownPerson(f"The server answers with another account than {username}'s: nothing is sent to it.")
        return peer

    async def pinned(self, username: str) -> Peer:
        """The same, with a device list. Raises UnknownPerson where there is none yet."""
        peer = await self.resolve(username)
        if not peer.pin:
            peer = await self.refresh(peer.account)
        if not peer.pin:
            name = shown_name(peer)
            raise UnknownPerson(f"{name} has not set up a device yet, so nobody can write to {name}.")
        return peer

    async def name_accounts(self, accounts: Iterable[bytes]) -> None:
        """Learn the names of accounts that are only ids here."""
        for account in set(accounts):
            peer = await self._context.write(peers.by_account, account)
            if peer is None or not peer.username:
                try:
                    profile = await self._profile(str(UUID(bytes=account)))
                except (Defect, Refused):
                    continue  # shown by id
                if profile is not None and profile[0] == account:
                    name = profile[1]
                    named = await self._context.write(partial(peers.change, account=account, username=name))
                    self.check_name(named, name)

    def check_name(self, peer: Peer, name: str) -> None:
        """Warn, once, when the server gives an account a name that it cannot have here."""
        if peer.username.casefold() != name.casefold() and (peer.account, name) not in self._warned:
            self._warned.add((peer.account, name))
            self._context.notify(
                f"The server says that the account {shown_name(peer)} is called {name}, too. It may be lying: that"
                f" account is shown as {shown_name(peer)}, and what you write to {name} goes to whom it went before."
            )

    async def refresh(self, account: bytes, first: tuple[Pin | None, Answer] | None = None) -> Peer:
        """Fetch what is new of an account's lists and hold it against the pin.

        A changed identity is noted in the returned record, for the caller to judge; a chain that contradicts
        itself raises KeysRefused. `first`: what was fetched already, and the pin it was asked for.
        """
        for _ in range(_ROUNDS):
            if first is None:
                pin = (await self._pins([account]))[account]
                answer = await self._read(account, *_since(pin))
            else:
                (pin, answer), first = first, None
            if not answer.lists:
                if pin is None:
                    return await self._context.write(lambda tx: peers.by_account(tx, account)) or Peer(account)
                # It says nothing even of the pinned list: what does it show at all?
                answer = await self.newest(account)
            peer, raced = await self._context.write(self._apply, answer, pin)
            if not raced and len(answer.lists) < PAGE:
                return self._checked(peer)
        raise KeysRefused("The server's device lists do not come to an end.")

    async def refresh_all(self, accounts: Iterable[bytes]) -> None:
        """The same for many accounts, in as few calls as it takes. What goes wrong with one is told, stops nothing."""
        todo = sorted(set(accounts))
        for start in range(0, len(todo), MOST_ACCOUNTS):
            pins = await self._pins(todo[start : start + MOST_ACCOUNTS])
            asked = [(account, *_since(pin)) for account, pin in pins.items()]
            found: dict[bytes, Answer] = {}
            try:
                found = {answer.account: answer for answer in await self._context.api.directory(asked)}
            except (Defect, Refused) as error:
                self._context.notify(str(error))
            for account, pin in pins.items():
                try:
                    await self.refresh(account, (pin, found.get(account, Answer(account, (), ()))))
                except (KeysRefused, Defect, Refused) as error:
                    self._context.notify(str(error))

    async def read_older(self, account: bytes) -> None:
        """Fetch the lists before the pinned one, where a pin was taken over from another own device."""
        pin = (await self._pins([account]))[account]
        if pin is not None and pin.newest.seq <= PAGE:
            answer = await self._read(account, 0, pin.account_key)
            await self._context.write(lambda tx: self._apply(tx, answer, pin))

    async def take(self, answers: Sequence[Answer]) -> None:
        """Apply what a rejected send said of the accounts' newest lists; fetch where lists are missing between."""
        for answer in answers:
            before = await self._context.write(peers.by_account, answer.account)
            pin = peers.pin_of(before)
            try:
                newest = open_list(answer.lists[-1]) if answer.lists else None
            except protocol_errors.ProtocolError as error:
                raise _refused(before) from error
            follows = (
                newest is not None
                and pin is not None
                and newest.account_key == pin.account_key
                and (newest.hash == pin.newest.hash or newest.previous == pin.newest.hash)
            )
            if not follows:
                await self.refresh(answer.account)
                continue
            peer, _ = await self._context.write(self._apply, answer, pin)
            self._checked(peer)

    async def claim(self, devices: Sequence[tuple[bytes, bytes]]) -> Bundles:
        """Claim bundles, one a device; each uses up one-time keys of that device."""
        found: dict[tuple[bytes, bytes], bytes] = {}
        unusable: dict[tuple[bytes, bytes], str] = {}
        waits: list[int] = []
        for start in range(0, len(devices), 20):
            claimed = await self._context.api.claim(devices[start : start + 20])
            found |= claimed.bundles
            for key, (reason, retry_after) in claimed.skipped.items():
                unusable[key] = reason
                if retry_after is not None:
                    waits.append(retry_after)
        for key in devices:
            if key not in found:
                unusable.setdefault(key, "no_prekeys")
        return Bundles(found, unusable, min(waits, default=None))

    async def acknowledge(self, account: bytes) -> Peer:
        """Take a changed identity as it is now: new pin, old sessions dropped, the verified mark gone."""
        return await self._context.write(lambda tx: acknowledge(tx, account))

    async def newest(self, account: bytes) -> Answer:
        """What the server shows of an account just now, held against nothing."""
        return await self._read(account, None)

    async def _profile(self, who: str) -> tuple[bytes, str] | None:
        try:
            profile = await self._context.api.account(who)
        except Refused as error:
            if error.status == 404:
                return None
            raise
        return profile.account, profile.username

    async def _pins(self, accounts: Sequence[bytes]) -> dict[bytes, Pin | None]:
        return await self._context.write(
            lambda tx: {account: peers.pin_of(peers.by_account(tx, account)) for account in accounts}
        )

    async def _read(self, account: bytes, since: int | None, account_key: bytes = b"") -> Answer:
        for answer in await self._context.api.directory([(account, since, account_key)]):
            if answer.account == account:
                return answer
        return Answer(account, (), ())

    def _apply(self, tx: Transaction, answer: Answer, expected: Pin | None) -> tuple[Peer, bool]:
        """Accept lists inside the transaction that stores them; true when another process was faster."""
        peer = peers.by_account(tx, answer.account) or Peer(answer.account)
        pin = peers.pin_of(peer)
        if (pin and pin.newest.hash) != (expected and expected.newest.hash):
            return peer, True
        now = self._context.clock.now()
        try:
            accepted = accept_lists(AccountId(answer.account), pin, answer.lists)
        except protocol_errors.IdentityChanged:
            return self._note_change(tx, peer, answer.lists, now), False
        except (protocol_errors.ListRefused, protocol_errors.Malformed) as error:
            raise _refused(peer) from error
        for gone in accepted.removed:
            sessions.drop_pair(tx, answer.account, gone)
            groups.drop_device(tx, answer.account, gone)
        if peer.changed_lists:
            self._note_return(tx, peer, now)
        note_own_list(tx, accepted.pin.newest)
        return save_accepted(tx, peer, accepted, suspended=answer.suspended, changed_lists=(), changed_key=b""), False

    def _note_change(self, tx: Transaction, peer: Peer, lists: Sequence[bytes], now: int) -> Peer:
        changed_key = open_list(lists[-1]).account_key
        me = settings.me(tx)
        if me is not None and me.account != peer.account and changed_key != peer.changed_key:
            chat = conversation_with(me.account, peer.account)
            timeline.note(tx, "identity_changed", account=peer.account, chat=chat, sent=now)
        note_own_identity(tx, peer.account)
        return peers.change(tx, peer.account, changed_lists=tuple(lists), changed_key=changed_key)

    def _note_return(self, tx: Transaction, peer: Peer, now: int) -> None:
        me = settings.me(tx)
        if me is not None and me.account != peer.account:
            name = shown_name(peer)
            text = (
                f"{name}'s identity is again the one that you know. The server showed another one for a while and has"
                f" taken it back; what you write goes to {name} as before."
            )
            chat = conversation_with(me.account, peer.account)
            timeline.note(tx, "warning", account=peer.account, chat=chat, sent=now, text=text)

    def _checked(self, peer: Peer) -> Peer:
        self._context.changed.set()
        return peer


def _since(pin: Pin | None) -> tuple[int, bytes]:
    """Where to read on: from the pinned list, itself included, so that a fork of it shows; in the chain of its AK."""
    return (pin.newest.seq - 1, pin.account_key) if pin else (0, b"")


def _known(tx: Transaction, name_or_id: str) -> Peer | None:
    peer = peers.by_name(tx, name_or_id)
    if peer is None:
        with contextlib.suppress(ValueError):
            return peers.by_account(tx, UUID(name_or_id).bytes)
    return peer


def _refused(peer: Peer | None) -> KeysRefused:
    name = (peer.username if peer else "") or "an account"
    return KeysRefused(
        f"The server shows a device list of {name} that is not signed as it must be or contradicts an earlier one:"
        " nothing is encrypted to it."
    )
