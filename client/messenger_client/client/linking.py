"""Linking: a new device shows a code, a managing one reads and approves it. PROTOCOL.md, Linking.

What the server carries between the two is sealed under a secret that only the code has. The new device believes
the account key in the offer, whatever the server showed; the managing one believes the keys in the code.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace

from ..api import LinkSlot, forms
from ..errors import KeysRefused, Refused, SignInNeeded, Unreachable, WrongUse
from ..protocol.device_list import DeviceList, ListedDevice, Pin
from ..protocol.errors import ProtocolError
from ..protocol.limits import MAX_DEVICES
from ..protocol.linking import LinkCode, new_link_code, open_answer, open_offer, seal_answer, seal_offer
from ..protocol.secret import Secret
from ..store import Transaction, controls, groups, peers, sessions, settings
from ..store.records import Linking, Me
from . import sharing
from .account import Enrolment
from .context import Context, own_device
from .controls import Controls
from .directory import Directory
from .model import NewDevice
from .own_devices import OwnDevices, managing_of, patiently
from .receiving import Inbox
from .standing import is_on

POLL = 1.5  # seconds
APPROVAL = 600.0  # seconds that a managing device waits for the other one's answer; the server's slot lives as long
KEYS_AFTER = (1.5, 1.5, 3.0, 6.0, 12.0, 24.0)  # seconds between looks for the new device's prekeys
PATIENCE = 60.0  # seconds without news after which the rest is left to the next command


class NewDeviceLinker:
    """The new device's side."""

    def __init__(
        self, context: Context, directory: Directory, enrolment: Enrolment, inbox: Inbox, controls: Controls
    ) -> None:
        self._context = context
        self._directory = directory
        self._enrolment = enrolment
        self._inbox = inbox
        self._controls = controls

    async def is_approved(self) -> bool:
        """Whether a code of this device was approved already, and only the rest is to come."""
        return await self._has_agreed() and await patiently(self._context, self._is_listed)

    async def code(self) -> LinkCode:
        """Make the code that this device shows; one that was shown before is worth nothing any more."""
        with contextlib.suppress(KeysRefused):  # perhaps it is on the list again
            await self._directory.refresh((await self._unlinked()).account)
        if await self.is_approved():
            # Hazard: what the other device sends along starts from the secret of the code that it was shown.
            raise WrongUse("Another device of yours has approved this one already: it only has to go on.")

        def work(tx: Transaction) -> LinkCode:
            me = _require_unlinked(settings.me(tx))
            code = new_link_code(own_device(me), self._context.entropy)
            settings.save_linking(tx, Linking(secret=bytes(code.secret)))
            return code

        return await self._context.write(work)

    async def wait(self) -> None:
        """Wait for the other device's approval, then for what it sends along. Raises what waiting does not cure."""
        read: bytes | None = None
        while not await self.is_approved():
            read = await self._wait_for_the_end_of(read)
        await self._enrolment.finish()
        await self._take_what_comes()

    async def _wait_for_the_end_of(self, read: bytes | None) -> bytes | None:
        """Answer what is offered until the slot ends, as it does when this device is listed. Returns what was read."""
        while True:
            await self._context.clock.sleep(POLL)
            slot = await _slot(self._context, (await self._unlinked()).device)
            if slot is None and read is not None:
                return None
            if slot is not None and slot.offer is not None and slot.offer != read:
                read = slot.offer
                await self._answer(read)

    async def _has_agreed(self) -> bool:
        return bool((await self._unlinked()).account_key)

    async def _answer(self, offer: bytes) -> None:
        """Take the account key of an offer for one's own, and agree to be listed under it."""

        def work(tx: Transaction) -> tuple[bytes, bytes] | None:
            me = _require_unlinked(settings.me(tx))
            mine = own_device(me)
            secret = Secret(settings.linking(tx).secret)
            code = LinkCode(mine.account, mine.device, mine.signing.public, mine.identity.public, secret)
            try:
                newest = open_offer(code, offer)
            except ProtocolError:
                return None
            me = _pin_own(tx, me, newest)
            return me.device, seal_answer(code, own_device(me), self._context.entropy)

        found = await self._context.write(work)
        if found is None:
            self._context.notify("What came was not made for this code, or was altered on its way: it is ignored.")
            return
        await self._context.api.answer_link(*found)

    async def _is_listed(self) -> bool:
        """On a list under the account key that this device has agreed to: nobody else could have put it there."""
        me = await self._unlinked()
        try:
            peer = await self._directory.refresh(me.account)
        except KeysRefused as error:
            self._context.notify(str(error))
            return False
        pin = peers.pin_of(peer)
        agreed = pin is not None and pin.account_key == me.account_key and not peer.changed_lists
        return agreed and pin is not None and is_on(pin.newest, me)

    async def _take_what_comes(self) -> None:
        loop = asyncio.get_running_loop()
        before, since = -1, loop.time()
        while True:
            await self._inbox.fetch()
            await self._controls.flush()
            state = await self._context.write(settings.linking, durable=False)
            if state.taken != before:
                before, since = state.taken, loop.time()
                if state.history:
                    self._context.notify(f"History: {state.taken} of {state.history} parts.")
            if not state.secret and state.taken >= state.history:
                return
            if loop.time() - since > PATIENCE:
                self._context.notify("Contacts and history are still on their way: they come with the next command.")
                return
            await self._context.clock.sleep(POLL)

    async def _unlinked(self) -> Me:
        return await self._context.write(lambda tx: _require_unlinked(settings.me(tx)), durable=False)


class Approver:
    """The managing device's side."""

    def __init__(self, context: Context, directory: Directory, devices: OwnDevices, controls: Controls) -> None:
        self._context = context
        self._directory = directory
        self._devices = devices
        self._controls = controls

    async def read(self, text: str) -> NewDevice:
        """Say whose code this is, before anything is done. Raises WrongUse, Refused."""
        me, code = await self._context.me(), _read(text)
        if not me.account_key_seed:
            raise Refused("This device cannot approve others: do it on one that manages your devices.", "not_managing")
        if code.account != me.account:
            raise WrongUse("That code is of another account's device.")
        for one in await self._context.api.devices():
            if one.device == code.device and not one.suspended:
                return NewDevice(forms.uuid(one.device), one.name, one.platform)
        raise WrongUse("The server knows no such device of yours: sign in on it first, and show its code again.")

    async def approve(self, text: str, *, history: bool, managing: bool) -> None:
        """Put the device that shows this code on the list, and send it what it needs. Raises Refused, KeysRefused."""
        code = _read(text)
        await self.read(text)
        await patiently(self._context, lambda: self._directory.refresh(code.account))
        entry = await self._ask_to_agree(code)
        await self._devices.publish(lambda newest: _with(newest, entry))
        await self._give(code, history=history, managing=managing)
        await self._send(code.device)

    async def _ask_to_agree(self, code: LinkCode) -> ListedDevice:
        peer = await self._context.write(lambda tx: peers.by_account(tx, code.account))
        pin = peers.pin_of(peer)
        if pin is None:
            raise KeysRefused("Your own device list is missing.")
        known = pin.newest.find(code.device)
        if known is not None:
            if known.keys != (code.device, code.signing_key, code.identity_key):
                raise KeysRefused("Another device is on your list under the id in that code: it is not linked.")
            return known  # an earlier approval that broke off
        if len(pin.newest.devices) >= MAX_DEVICES:
            raise Refused(f"An account has at most {MAX_DEVICES} devices: remove one first.", "too_many_devices")
        await self._context.api.offer_link(code.device, seal_offer(code, pin.newest, self._context.entropy))
        loop = asyncio.get_running_loop()
        until = loop.time() + APPROVAL
        while loop.time() < until:
            slot = await _slot(self._context, code.device)
            if slot is not None and slot.answer is not None:
                try:
                    return open_answer(code, pin.account_key, slot.answer, added=self._context.clock.now())
                except ProtocolError as error:
                    raise KeysRefused(
                        "What came back was not made by the device that shows this code: it is not linked."
                    ) from error
            await self._context.clock.sleep(POLL)
        raise Unreachable("The new device does not answer: let it show its code, and try again.")

    async def _give(self, code: LinkCode, *, history: bool, managing: bool) -> None:
        now, entropy = self._context.clock.now(), self._context.entropy
        me = await self._context.me()
        chats = await self._context.write(sharing.shared_chats) if history else []
        given = []
        for chat in chats:
            found = await self._context.write(sharing.history, me, chat)
            given += [(chat, part) for part in found]

        def work(tx: Transaction) -> None:
            me = settings.me(tx)
            if me is None:
                return
            holders = managing_of(me) | ({bytes(code.device)} if managing else set())
            others = managing_of(me) - {me.device}
            me = replace(me, managing=tuple(sorted(holders)))
            settings.save_me(tx, me)
            link = sharing.Link(code.device, code.signing_key, bytes(code.secret))
            sharing.give(tx, me, link, given, managing=managing, now=now, entropy=entropy)
            if managing:
                sharing.tell_managers(tx, me, others, now=now, entropy=entropy)

        await self._context.write(work)

    async def _send(self, device: bytes) -> None:
        """Send it all, once the new device has prekeys to start a session with."""
        me = await self._context.me()
        for wait in KEYS_AFTER:
            await self._context.clock.sleep(wait)
            newest = await patiently(self._context, lambda: self._directory.newest(me.account))
            if device in newest.keyed:
                break
        else:
            self._context.notify("The new device is linked; contacts and history follow when it is there again.")
            return
        sending = asyncio.ensure_future(self._controls.flush())
        while not sending.done():
            await asyncio.wait([sending], timeout=POLL)
            left = await self._context.write(lambda tx: controls.count(tx, device), durable=False)
            if left > 1:
                self._context.notify(f"Sending contacts and history: {left} parts left.")
        sending.result()


def _read(text: str) -> LinkCode:
    try:
        return LinkCode.from_text(text)
    except ProtocolError as error:
        raise WrongUse("That is no link code, or not the whole of one: it has 200 letters and digits.") from error


async def _slot(context: Context, device: bytes) -> LinkSlot | None:
    try:
        return await context.api.link_slot(device)
    except Refused as error:
        if error.status != 404:
            raise
        return None


def _with(newest: DeviceList, entry: ListedDevice) -> list[ListedDevice]:
    return [*newest.devices] if newest.find(entry.device) else [*newest.devices, entry]


def _require_unlinked(me: Me | None) -> Me:
    if me is None or not me.device:
        raise SignInNeeded("Nobody is signed in here: start with `messenger login NAME`, then `messenger link`.")
    if me.ready and not me.unlinked:
        raise WrongUse(f"This device is linked to {me.username} already.")
    return me


def _pin_own(tx: Transaction, me: Me, newest: DeviceList) -> Me:
    """Take the account key of the offer for one's own, and its list unless a newer one is here."""
    held = peers.pin_of(peers.by_account(tx, me.account))
    if held is not None and held.account_key != newest.account_key:
        peers.forget_lists(tx, me.account)
        sessions.drop_all(tx)  # each is bound to the old key
        groups.end_chains(tx)
        held = None
    if held is None or held.newest.seq < newest.seq:
        peers.save_list(tx, newest)
        held = Pin(newest)
    peers.change(
        tx, me.account, username=me.username, pin=held.to_bytes(), changed_lists=(), changed_key=b"", suspended=()
    )
    same = me.account_key == newest.account_key
    seed, managing = (me.account_key_seed, me.managing) if same else (b"", ())
    me = replace(me, account_key=newest.account_key, account_key_seed=seed, managing=managing)
    settings.save_me(tx, me)
    return me
