"""The outbox: what is written is stored first, leaves in order, and leaves again until the server has answered.

PROTOCOL.md, State on a client. A lost answer: the same bytes again. Changed lists: the same content, encrypted
anew, under the same message id.
"""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
from dataclasses import dataclass, replace

from ..api import Accepted, answers, forms
from ..api.forms import Json
from ..errors import (
    ClientError,
    Defect,
    IdentityHasChanged,
    KeysRefused,
    Refused,
    UnknownPerson,
    Unreachable,
    WrongUse,
)
from ..store import Transaction, outbox, peers, timeline
from ..store.records import Entry, Outgoing, Peer
from .context import Context, require_linked, require_me
from .directory import Directory
from .encrypting import NO_KEYS, Keys, Missing, encrypt_outgoing, false_keys
from .group_sending import GroupSender
from .identity import require_unchanged, shown_name
from .model import Sent, State
from .places import chat_with
from .receiving import Inbox
from .settling import fail, settle
from .wording import check_name, check_text

AT_ONCE = 16  # sends in flight
MOST_ATTEMPTS = 6  # at one message whose lists keep changing
LONGEST_WAIT = 30.0  # seconds that a flush waits when asked to go slowly

REASONS = {
    "not_found": "{name} cannot be written to.",
    "contact_blocked": "You have blocked {name}; `messenger accept {name}` takes that back.",
    "not_listed": "This device is no longer on your account's device list, so it cannot send.",
}

# Trouble of the profile or of the whole client, and of no single message.
_ELSEWHERE = (ClientError, OSError, sqlite3.Error)


@dataclass(frozen=True, slots=True)
class Problems:
    """Why messages could not leave: by message, and for people to whom nothing leaves until something happens."""

    of: dict[bytes, ClientError]
    stuck: dict[str, ClientError]  # by name, lower case


class Sender:
    def __init__(self, context: Context, directory: Directory, inbox: Inbox, groups: GroupSender) -> None:
        self._context = context
        self._directory = directory
        self._inbox = inbox
        self._groups = groups
        self._lock = asyncio.Lock()
        self._told: set[bytes] = set()  # accounts whose devices' keys were found to be false
        self.wanted = asyncio.Event()  # something waits that no flush is looking after

    async def enqueue(self, to: str, text: str) -> bytes:
        """Store a message for sending, encrypted if its keys are at hand; returns its id. Touches no network."""
        check_name(to)
        check_text(text)
        message_id = secrets.token_bytes(16)
        await self._context.write(lambda tx: self._enqueue(tx, message_id, to, text))
        self.wanted.set()
        self._context.changed.set()
        return message_id

    async def flush(self) -> Problems:
        """Send what waits. Returns why some of it could not leave; raises Unreachable, SignInNeeded."""
        async with self._lock:
            self.wanted.clear()
            problems = Problems({}, {})
            while True:
                waiting = await self._context.write(lambda tx: outbox.pending(tx, problems.of.keys(), limit=AT_ONCE))
                if not waiting:
                    return problems
                await self._send_some(waiting, problems)

    async def state_of(self, message_id: bytes) -> Sent:
        def work(tx: Transaction) -> Sent:
            entry = timeline.get(tx, require_me(tx).account, message_id)
            if entry is None:
                raise Defect("The message is not in the store.")
            state: State = (
                "accepted" if entry.state == "accepted" else "failed" if entry.state == "failed" else "queued"
            )
            return Sent(forms.uuid(message_id), state, tuple(forms.uuid(one) for one in entry.skipped))

        return await self._context.write(work)

    def _enqueue(self, tx: Transaction, message_id: bytes, to: str, text: str) -> None:
        me = require_linked(tx)
        peer = peers.by_name(tx, to)
        if to.casefold() == me.username.casefold() or (peer and peer.account == me.account):
            raise WrongUse("That is you.")
        now = self._context.clock.now()
        account = peer.account if peer else b""
        chat = chat_with(tx, me.account, account).conversation if peer else b""
        outgoing = Outgoing(message_id, peer.username if peer else to, now, text, account)
        entry = Entry(
            id=message_id, kind="text", outgoing=True, account=me.account, chat=chat, sent=now,
            device=me.device, to_name=outgoing.to_name, text=text, state="queued",
        )  # fmt: skip
        timeline.add(tx, entry)
        outbox.add(tx, outgoing, timeline.chat_key(tx, entry))
        if peer and not peer.changed_lists and outbox.is_next(tx, message_id):
            self._encrypt(tx, outgoing, NO_KEYS, set())

    async def _send_some(self, ready: list[Outgoing], problems: Problems) -> None:
        """Encrypt in order, send together, settle."""
        encrypted = await self._encrypt_all(ready, problems)
        if not await self._context.write(lambda tx: all(_is_current(tx, one) for one in encrypted), durable=False):
            # Learnt while the last were encrypted: the first would be refused, and come long after them.
            encrypted = await self._encrypt_all(encrypted, problems)
        results = await asyncio.gather(*(self._post(one) for one in encrypted), return_exceptions=True)
        answered = list(zip(encrypted, results, strict=True))
        accepted = [(one, result) for one, result in answered if isinstance(result, Accepted)]
        if accepted:
            await self._context.write(lambda tx: settle(tx, accepted), durable=False)
            self._context.changed.set()
        wait: float | None = None
        # The last first: each that fails gives its counter back.
        for outgoing, result in reversed(answered):
            if isinstance(result, Refused):
                await self._refused(outgoing, result, problems)
            elif isinstance(result, Unreachable) and result.code == "too_many_requests":
                wait = max(wait or 0.0, result.retry_after or 1.0)
                if wait > LONGEST_WAIT:
                    raise result
            elif isinstance(result, Exception) and not isinstance(result, _ELSEWHERE):
                await self._give_up(outgoing, result, problems)
            elif isinstance(result, BaseException):
                raise result
        if wait is not None:
            await self._context.clock.sleep(wait)

    async def _encrypt_all(self, ready: list[Outgoing], problems: Problems) -> list[Outgoing]:
        """Those that can leave, in order."""
        encrypted: list[Outgoing] = []
        for outgoing in ready:
            if outgoing.to_name.casefold() in problems.stuck:
                continue
            try:
                if outgoing.group:
                    await self._groups.require_open(outgoing.group)
                await self._require_unchanged(outgoing.account)
                prepared = await self._context.write(self._encrypted, outgoing)
                if prepared is None:
                    prepared = await self._prepare(outgoing)
                if prepared is not None:
                    encrypted.append(prepared)
            except (IdentityHasChanged, KeysRefused) as error:
                problems.of[outgoing.id] = error
                problems.stuck[outgoing.to_name.casefold()] = error
            except (UnknownPerson, Refused, WrongUse) as error:
                problems.of[outgoing.id] = error
                await self._fail(outgoing, error)
            except Unreachable as error:
                # Only the keys of this one recipient have to wait: `rate_limited` says so.
                if error.code != "no_keys":
                    raise
                problems.of[outgoing.id] = error
                problems.stuck[outgoing.to_name.casefold()] = error
            except _ELSEWHERE:
                raise
            except Exception as error:
                await self._give_up(outgoing, error, problems)
        return encrypted

    def _encrypted(self, tx: Transaction, outgoing: Outgoing) -> Outgoing | None:
        """What was encrypted before. None: nothing, or for others than it would be for now; then it is made anew."""
        current = outbox.get(tx, outgoing.id)
        if current is None or not current.envelopes:
            return None
        if self._groups.is_current(tx, current) if current.group else _is_current(tx, current):
            return current
        outbox.update(tx, replace(current, envelopes=(), attempts=current.attempts - 1))  # the server refused nothing
        return None

    async def _prepare(self, outgoing: Outgoing) -> Outgoing | None:
        """Get what a message's encryption needs from the server, then encrypt it."""
        if outgoing.group:
            return await self._groups.prepare(outgoing)
        if not outgoing.account:
            outgoing = await self._address(outgoing)
        keys = NO_KEYS
        false: set[bytes] = set()
        for _ in range(MOST_ATTEMPTS):
            await self._require_unchanged(outgoing.account)
            result = await self._context.write(self._encrypt, outgoing, keys, false)
            await self._tell_false_keys(false)
            if result is None:
                return None
            if isinstance(result, Outgoing):
                if result.envelopes:
                    return result
                raise Unreachable(
                    f"None of {outgoing.to_name}'s devices has keys to start a conversation with just now;"
                    " the message waits here.",
                    "no_keys",
                )
            for account in result.lists:
                refreshed = await self._directory.refresh(account)
                if not refreshed.pin:
                    raise UnknownPerson(
                        f"{outgoing.to_name} has not set up a device yet, so nobody can write to {outgoing.to_name}."
                    )
            if result.bundles:
                claimed = await self._directory.claim(result.bundles)
                keys = Keys({**keys.bundles, **claimed.found}, {**keys.unusable, **claimed.unusable})
        raise Unreachable(f"{outgoing.to_name}'s devices keep changing; the message waits here.", "no_keys")

    async def _require_unchanged(self, account: bytes) -> None:
        """Also of what is encrypted already: it was, before the identity changed."""
        peer = await self._context.write(lambda tx: peers.by_account(tx, account) if account else None, durable=False)
        if peer is not None:
            require_unchanged(peer)

    async def _tell_false_keys(self, accounts: set[bytes]) -> None:
        for account in accounts - self._told:
            self._told.add(account)
            peer = await self._context.write(peers.by_account, account, durable=False)
            self._context.notify(false_keys(shown_name(peer or Peer(account))))

    def _encrypt(self, tx: Transaction, outgoing: Outgoing, keys: Keys, false: set[bytes]) -> Outgoing | Missing | None:
        me = require_me(tx)
        current = outbox.get(tx, outgoing.id)
        if current is None:
            return None  # another process has sent it
        if current.envelopes:
            return current  # another process has encrypted it: its bytes are the ones that count
        # The row as it stands: another process may have sealed its content before.
        current = replace(current, account=outgoing.account)
        now, entropy = self._context.clock.now(), self._context.entropy
        return encrypt_outgoing(tx, me, current, keys, now=now, entropy=entropy, false=false)

    async def _address(self, outgoing: Outgoing) -> Outgoing:
        """Find the account of a message that was written to a mere name."""
        peer = await self._directory.resolve(outgoing.to_name)

        def work(tx: Transaction) -> Outgoing:
            me = require_me(tx)
            if peer.account == me.account:
                raise WrongUse("That is you.")
            addressed = replace(outgoing, account=peer.account)
            chat = chat_with(tx, me.account, peer.account).conversation
            entry = timeline.get(tx, me.account, outgoing.id)
            if entry is not None:
                entry = replace(entry, chat=chat)
                timeline.update(tx, entry, unsettled=False)
                outbox.move(tx, addressed, timeline.chat_key(tx, entry))
            return addressed

        return await self._context.write(work)

    async def _post(self, outgoing: Outgoing) -> Accepted:
        if outgoing.group:
            return await self._groups.post(outgoing)
        body = outgoing.envelopes
        frame: Json = {
            "message_id": forms.uuid(outgoing.id),
            "to": forms.uuid(outgoing.account),
            "lists": {forms.uuid(account): forms.encode(value) for account, value in (outgoing.lists or {}).items()},
            "envelopes": [{"device": forms.uuid(device), "body": forms.encode(wire)} for device, wire in body],
            "skipped": [forms.uuid(device) for device in outgoing.skipped],
        }
        stream = self._context.stream
        if stream is not None:
            return answers.accepted(await stream.request({"type": "message.send", **frame}))
        return await self._context.api.send(frame)

    async def _refused(self, outgoing: Outgoing, error: Refused, problems: Problems) -> None:
        if error.code in ("devices_changed", "group_changed") and outgoing.attempts < MOST_ATTEMPTS:
            try:
                if outgoing.group:
                    await self._inbox.fetch()
                    await self._groups.look_at(outgoing, error)
                elif await self._context.write(lambda tx: _is_current(tx, outgoing), durable=False):
                    # First what a device that has been taken off wrote before: its sessions go with it.
                    await self._inbox.fetch()
                    found = [answers.directory(one) for one in forms.items(error.problem.get("accounts"))]
                    await self._directory.take(found)
                # Else the refusal of another one has told it.
            except KeysRefused as refused:
                problems.of[outgoing.id] = problems.stuck[outgoing.to_name.casefold()] = refused
                return
            # Not the old bytes again: they are for devices that are no longer the right ones.
            await self._context.write(lambda tx: self._clear(tx, outgoing))
            return
        reason = REASONS.get(error.code) if not outgoing.group or error.code == "not_listed" else None
        if reason is not None:
            error = Refused(reason.format(name=outgoing.to_name), error.code)
        if await self._fail(outgoing, error):
            problems.of[outgoing.id] = error

    def _clear(self, tx: Transaction, outgoing: Outgoing) -> None:
        current = outbox.get(tx, outgoing.id)
        # Another attempt: a process that had the same refusal before has encrypted it anew.
        if current is not None and current.attempts == outgoing.attempts:
            outbox.update(tx, replace(current, envelopes=()))

    async def _give_up(self, outgoing: Outgoing, error: Exception, problems: Problems) -> None:
        """Fail the one message that nobody foresaw, or it would stop all the others at every try."""
        problems.of[outgoing.id] = Defect(f"This message cannot be sent ({type(error).__name__}).")
        await self._fail(outgoing, problems.of[outgoing.id])

    async def _fail(self, outgoing: Outgoing, error: ClientError) -> bool:
        return await self._context.write(lambda tx: fail(tx, outgoing, str(error)))


def _is_current(tx: Transaction, outgoing: Outgoing) -> bool:
    """Whether a message is encrypted for the lists that are known now. What a group chat's is for, that says."""
    if outgoing.group:
        return True
    pins = {account: peers.pin_of(peers.by_account(tx, account)) for account in outgoing.lists or {}}
    return outgoing.lists == {account: pin.newest.hash for account, pin in pins.items() if pin is not None}
