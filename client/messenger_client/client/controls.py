"""Control contents leave: each for one device, encrypted when its turn comes, sent until the server has taken it.

docs/events.md, `device.send`. What is for a device that is no longer listed, or was suspended, goes nowhere.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from ..api import answers, forms
from ..api.forms import Json
from ..errors import Defect, KeysRefused, Refused, Unreachable
from ..protocol.content import Sealed
from ..protocol.errors import ProtocolError
from ..protocol.ids import SessionId
from ..protocol.prekeys import Bundle, verify_bundle
from ..protocol.secret import Secret
from ..protocol.session import Pair, encrypt, start_session
from ..store import Transaction, controls, peers, repairs, sessions
from ..store.records import Control, Peer, SentTo
from .context import Context, own_device, require_me
from .directory import Directory
from .doctor import FRESH_EVERY
from .encrypting import false_keys, is_lie, save_seen, seen_prekeys
from .identity import shown_name

NO_KEYS_WAIT = 60_000  # ms before keys that were not there are claimed again
LONGEST_WAIT = 30.0  # seconds that a flush waits when asked to go slowly
_ROUNDS = 4  # lists that change, keys that are claimed


class _BundleNeeded(Exception):
    """A session has to be opened first."""


class Controls:
    def __init__(self, context: Context, directory: Directory) -> None:
        self._context = context
        self._directory = directory
        self._lock = asyncio.Lock()
        self._not_before: dict[bytes, int] = {}  # ms, by device: claims are few
        self._told: set[bytes] = set()  # devices whose keys were found to be false

    async def flush(self) -> None:
        """Send what waits, less what has no keys to go out with just now. Raises Unreachable, SignInNeeded."""
        async with self._lock:
            self._context.controls_wanted.clear()
            await self._context.me()
            after, now = 0, self._context.clock.now()
            # Devices whose turn has to come later: what is for one keeps its order.
            waiting = {device for device, at in self._not_before.items() if at > now}
            while rows := await self._context.write(lambda tx, after=after: controls.pending(tx, after=after)):  # type: ignore[misc]
                for after, control in rows:
                    if control.device not in waiting and not await self._try(after, control):
                        waiting.add(control.device)

    async def _try(self, position: int, control: Control) -> bool:
        try:
            return await self._send(position, control)
        except (Refused, Defect):
            return False  # of this one; the others are none the worse

    async def _send(self, position: int, control: Control) -> bool:
        """Send one, or drop it for good. False: its device has no keys to give just now."""
        for _ in range(_ROUNDS):
            ready = await self._prepare(position, control)
            if ready is None:
                return False
            if not ready.wire or await self._post(ready):
                await self._context.write(lambda tx: controls.remove(tx, position), durable=False)
                return True
        return False

    async def _prepare(self, position: int, control: Control) -> Control | None:
        """Encrypt, with keys from the server where it takes some. Without `wire`: it is for nobody any more."""
        bundle = None
        for _ in range(2):
            try:
                return await self._context.write(lambda tx, bundle=bundle: self._encrypt(tx, position, bundle))  # type: ignore[misc]
            except _BundleNeeded:
                target = (control.account, control.device)
                claimed = await self._directory.claim([target])
                bundle = claimed.found.get(target)
                if bundle is None:
                    self._not_before[control.device] = self._context.clock.now() + (
                        NO_KEYS_WAIT if claimed.retry_after is None else claimed.retry_after * 1000
                    )
                    if claimed.unusable.get(target) in ("not_listed", "suspended"):
                        await self._refresh(control.account)
                    return None
            except ProtocolError as error:
                self._not_before[control.device] = self._context.clock.now() + NO_KEYS_WAIT
                if is_lie(error):
                    await self._tell_false_keys(control)
                return None
        return None

    async def _post(self, control: Control) -> bool:
        """Give one to the server. False: the device's list has changed, so look again."""
        envelope: Json = {
            "account": forms.uuid(control.account),
            "device": forms.uuid(control.device),
            "body": forms.encode(control.wire),
        }
        frame: Json = {"message_id": forms.uuid(control.id), "envelopes": [envelope]}
        stream = self._context.stream
        try:
            if stream is not None:
                await stream.request({"type": "device.send", **frame})
            else:
                await self._context.api.send_to_devices(frame)
        except Unreachable as error:
            if error.code != "too_many_requests" or (error.retry_after or 1.0) > LONGEST_WAIT:
                raise
            await self._context.clock.sleep(error.retry_after or 1.0)
            return False
        except Refused as error:
            if error.code != "devices_changed":
                return True  # it never will be taken
            found = [answers.directory(one) for one in forms.items(error.problem.get("accounts"))]
            try:
                await self._directory.take(found)
            except (KeysRefused, Defect, Refused) as refused:
                self._context.notify(str(refused))
                return True
            return False
        return True

    async def _tell_false_keys(self, control: Control) -> None:
        if control.device not in self._told:
            self._told.add(control.device)
            peer = await self._context.write(lambda tx: peers.by_account(tx, control.account))
            self._context.notify(false_keys(shown_name(peer or Peer(control.account))))

    async def _refresh(self, account: bytes) -> None:
        try:
            await self._directory.refresh(account)
        except (KeysRefused, Defect, Refused) as error:
            self._context.notify(str(error))

    def _encrypt(self, tx: Transaction, position: int, bundle: bytes | None) -> Control:
        control = controls.get(tx, position)
        if control is None:
            return Control(b"", b"", b"", b"")  # another process has sent it
        me = require_me(tx)
        peer = peers.by_account(tx, control.account) or Peer(control.account)
        pin, own = peers.pin_of(peer), peers.pin_of(peers.by_account(tx, me.account))
        # Hazard: under another key it is another device, whatever its id.
        key = peers.signing_key(tx, control.account, control.device)
        listed = bool(key) and key == control.signing_key
        if pin is None or own is None or not listed or control.device in peer.suspended or peer.changed_lists:
            return replace(control, wire=b"")
        if control.wire:
            return control
        now, entropy = self._context.clock.now(), self._context.entropy
        pair, dropped = sessions.pair(tx, control.account, control.device).tidy(now=now)
        sessions.drop(tx, dropped)
        session_id = _session_for(control, pair, peer, now)
        if session_id is None:
            if bundle is None:
                raise _BundleNeeded
            seen = seen_prekeys(tx, control.account, control.device)
            verified = verify_bundle(Bundle.from_bytes(bundle), pin.newest, pair.device, seen, now=now)
            psk = Secret(control.psk) if control.psk else None
            session = start_session(own_device(me), own.newest, verified, now=now, psk=psk, entropy=entropy)
            save_seen(tx, control.account, control.device, verified.seen)
            pair, dropped = pair.add(session)
            sessions.drop(tx, dropped)
            sessions.save(tx, control.account, control.device, session)
            session_id = session.id
            peer = peers.by_account(tx, control.account) or peer
            opened = {**(peer.opened or {}), control.device: [now, bytes(session.id)]}
            peers.change(tx, control.account, opened=opened)
        sent = encrypt(pair, Sealed.from_bytes(control.padded), now=now, session_id=session_id, entropy=entropy)
        sessions.save(tx, control.account, control.device, sent.session)
        sessions.drop(tx, sent.dropped)
        if control.only:
            sessions.drop(tx, [one.id for one in pair.sessions if one.id != session_id])
        if control.logged:
            place = (sent.session.id, sent.dh, sent.n)
            repairs.log_sent(tx, place, SentTo(control.id, control.account, control.device, key), now=now)
        done = replace(control, wire=sent.wire)
        controls.update(tx, position, done)
        return done


def _session_for(control: Control, pair: Pair, peer: Peer, now: int) -> SessionId | None:
    """The session to send on; None: one has to be opened."""
    if not control.fresh:
        return pair.sessions[0].id if pair.sessions else None
    at, session_id = (peer.opened or {}).get(control.device, (0, b""))
    if control.psk or now - at < FRESH_EVERY:
        found = pair.find(SessionId(session_id))
        if found is not None:
            return found.id
    if not control.psk and now - at < FRESH_EVERY and pair.sessions:
        return max(pair.sessions, key=lambda one: (one.created, one.id)).id
    return None
