"""One's own devices: seen, ended, taken off the list; and a new identity, as the last way out.

PROTOCOL.md, Keys and the device list. Two truths are kept apart: the signed list says whom to encrypt to, and only a
device that holds the account key changes it; any device may have the server suspend another.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import TypeVar

from ..api import DeviceInfo, forms
from ..api import Directory as Answer
from ..errors import Defect, KeysRefused, Refused, SignInNeeded, Unreachable, WrongUse
from ..protocol import keys
from ..protocol.device_list import DeviceList, ListedDevice, Pin, listed, open_list, sign_list
from ..protocol.ids import AccountId
from ..protocol.limits import HOUR
from ..protocol.primitives import SigningKey
from ..store import Transaction, groups, peers, sessions, settings
from ..store.records import Linking, Me, Peer
from .account import Enrolment
from .context import Context, own_device
from .directory import Directory
from .identity import require_unchanged
from .model import Device
from .receiving import Inbox
from .standing import looked

CHECKED_EVERY = HOUR  # by commands that come and go
SHORTEST_ID = 4  # characters of an id that may stand for it
LONGEST_WAIT = 30.0  # seconds, where the server asks to go slowly
_ROUNDS = 6  # lists that others publish meanwhile


T = TypeVar("T")


class OwnDevices:
    def __init__(self, context: Context, directory: Directory, enrolment: Enrolment, inbox: Inbox) -> None:
        self._context = context
        self._directory = directory
        self._enrolment = enrolment
        self._inbox = inbox
        self._told: set[bytes] = set()  # suspended devices that hold the account key

    async def all(self) -> list[Device]:
        me = await self._known()
        managing = managing_of(me)
        found = await self._context.api.devices()
        return [_device(one, me, managing) for one in sorted(found, key=lambda one: one.created_at)]

    async def suspend(self, name_or_id: str) -> Device:
        """End a device at the server, and sign it out of the list if this device can. Raises WrongUse, Refused."""
        device = await self._other(name_or_id)
        await self._context.api.suspend(forms.identifier(device.id))
        me = await self._known()
        if me.ready and not me.unlinked:
            await self.tend()
        return device

    async def remove(self, name_or_id: str, *, new_identity: bool) -> Device:
        """End a device and take it off the list. Raises WrongUse, Refused (`new_identity_needed`, `not_managing`)."""
        me = await self._context.me()
        device = await self._other(name_or_id)
        if not me.account_key_seed:
            raise Refused(
                "This device does not hold the account key, so it cannot change the list of devices: do it on one that"
                " does. It can end the other one at once: `messenger devices suspend`.",
                "not_managing",
            )
        if device.managing and not new_identity:
            raise Refused(
                f"{device.name} holds the account key: whoever has it could put devices of their own on your list."
                " Removing it takes a new identity (--new-identity): your other devices have to be linked again, and"
                " your contacts are told to compare safety numbers anew.",
                "new_identity_needed",
            )
        identifier = forms.identifier(device.id)
        await self._context.api.suspend(identifier)
        if new_identity:
            await self.reset()
        else:
            await self.publish(lambda newest: [one for one in newest.devices if one.device != identifier])
        return device

    async def tend(self) -> None:
        """Look at one's own list, and sign out of it whom the server has suspended. Raises LinkingNeeded."""
        try:
            await self._tend()
        except (KeysRefused, Defect, Refused) as error:
            self._context.notify(str(error))

    async def tend_now_and_then(self) -> None:
        """What short commands do: ask the server rarely."""
        state = await self._context.write(settings.linking, durable=False)
        if self._context.clock.now() - state.looked_at > CHECKED_EVERY:
            try:
                await self.tend()
            except Unreachable as error:
                if error.code != "too_many_requests":  # the next command asks again
                    raise

    async def publish(self, change: Callable[[DeviceList], Iterable[ListedDevice]]) -> DeviceList:
        """Sign the next list and publish it; again where another device was faster. Returns the newest list."""
        for _ in range(_ROUNDS):
            me = await self._context.me()
            peer = await self._context.write(peers.by_account, me.account) or Peer(me.account)
            require_unchanged(peer)
            pin = peers.pin_of(peer)
            if pin is None or not me.account_key_seed:
                raise Refused("This device does not hold the account key.", "not_managing")
            devices = sorted(change(pin.newest), key=lambda one: one.device)
            if devices == list(pin.newest.devices):
                return pin.newest
            signed = sign_list(
                SigningKey.from_seed(me.account_key_seed),
                AccountId(me.account),
                devices,
                previous=pin.newest,
                now=self._context.clock.now(),
            )
            try:
                await self._context.api.publish_list(signed.signed)
            except Refused as error:
                if error.code != "list_conflict":
                    raise
                await patiently(self._context, partial(self._directory.refresh, me.account))
            else:
                # What a device that goes had written before is read while its sessions are here, and what one that
                # comes will not get itself is here to be given to it.
                await self._inbox.fetch()
                await self._directory.take([Answer(me.account, (signed.signed,), tuple(peer.suspended))])
        raise Unreachable("The list of devices keeps changing; try again.")

    async def reset(self) -> None:
        """Make a new account key, and a list with this device alone. Raises SignInNeeded, Refused.

        Every step is stored before the next, and can be taken again: the key stands here before the server has it.
        """
        seed, signed = await self._context.write(self._prepare)
        for _ in range(_ROUNDS):
            me = await self._known()
            answer = await self._directory.newest(me.account)
            if not answer.lists:
                raise Refused("This account has no device yet: sign in to set up this one.", "not_found")
            newest = open_list(answer.lists[-1])
            if newest.account_key == open_list(signed).account_key:
                break  # the answer was lost, and the list was not
            try:
                await self._context.api.publish_list(signed, replaces=newest.hash)
                break
            except Refused as error:
                if error.code != "list_conflict":
                    raise
        else:
            raise Unreachable("The list of devices keeps changing; try again.")
        await self._context.write(lambda tx: _adopt(tx, seed, signed))
        await self._enrolment.finish()

    async def _tend(self) -> None:
        peer = await self._directory.refresh((await self._known()).account)
        await self._context.write(lambda tx: looked(tx, self._context.clock.now()), durable=False)
        me = await self._context.me()
        pin = peers.pin_of(peer)
        if not me.account_key_seed or pin is None:
            return
        suspended = {one.device for one in pin.newest.devices if one.device in peer.suspended} - {me.device}
        for device in sorted(suspended & managing_of(me) - self._told):
            self._told.add(device)
            await self._tell_of_manager(device)
        gone = suspended - managing_of(me)
        if gone:
            await self.publish(lambda newest: [one for one in newest.devices if one.device not in gone])

    def _prepare(self, tx: Transaction) -> tuple[bytes, bytes]:
        state, me = settings.linking(tx), _require_device(settings.me(tx))
        if not state.next_list:
            account_key = keys.generate_account_key(self._context.entropy)
            mine = own_device(replace(me, account_key=account_key.public))
            now = self._context.clock.now()
            first = sign_list(account_key, mine.account, [listed(mine, added=now)], previous=None, now=now)
            state = replace(state, next_seed=bytes(account_key.seed), next_list=first.signed)
            settings.save_linking(tx, state)
        return state.next_seed, state.next_list

    async def _tell_of_manager(self, device: bytes) -> None:
        try:
            names = {one.device: one.name for one in await self._context.api.devices()}
        except (Defect, Refused):
            names = {}
        name = names.get(device) or forms.uuid(device)
        self._context.notify(
            f"{name} was ended, but it holds the account key: whoever has it can still change your list of devices."
            f" `messenger devices remove {forms.uuid(device)} --new-identity` makes that key worthless."
        )

    async def _other(self, name_or_id: str) -> Device:
        wanted = name_or_id.casefold()
        devices = await self.all()
        found = [one for one in devices if not one.suspended and wanted in (one.id, one.name.casefold())]
        if not found and len(wanted) >= SHORTEST_ID:
            found = [one for one in devices if one.id.startswith(wanted)]
        others = [one for one in found if not one.this_one]
        if len(others) == 1:
            return others[0]
        if others:
            ids = ", ".join(one.id for one in others)
            raise WrongUse(f"Several of your devices are called {name_or_id}; name one by its id: {ids}.")
        if found:
            raise WrongUse("That is this device: `messenger logout` signs it out.")
        raise WrongUse(f"You have no device called {name_or_id}: see `messenger devices`.")

    async def _known(self) -> Me:
        return _require_device(await self._context.write(settings.me))


async def patiently(context: Context, call: Callable[[], Awaitable[T]]) -> T:
    """Ask again where the server says to go more slowly: a person waits, and has nothing else to do."""
    for _ in range(_ROUNDS):
        try:
            return await call()
        except Unreachable as error:
            if error.code != "too_many_requests":
                raise
            await context.clock.sleep(min(error.retry_after or 1.0, LONGEST_WAIT))
    return await call()


def managing_of(me: Me) -> set[bytes]:
    """The own devices known to hold the account key."""
    own = {me.device} if me.account_key_seed else set()
    return {bytes(one) for one in me.managing} | own


def _require_device(me: Me | None) -> Me:
    if me is None or not me.device:
        raise SignInNeeded("Nobody is signed in here: start with `messenger login NAME`.")
    return me


def _device(one: DeviceInfo, me: Me, managing: set[bytes]) -> Device:
    return Device(
        id=forms.uuid(one.device),
        name=one.name,
        platform=one.platform,
        created_at=one.created_at,
        last_seen_at=one.last_seen_at,
        this_one=one.device == me.device,
        managing=one.device in managing,
        listed=one.listed,
        suspended=one.suspended,
    )


def _adopt(tx: Transaction, seed: bytes, signed: bytes) -> None:
    """The new identity is published: from now on it is this device's."""
    me, first = _require_device(settings.me(tx)), open_list(signed)
    settings.save_me(
        tx,
        replace(
            me, account_key=first.account_key, account_key_seed=seed, managing=(me.device,), unlinked="", ready=False
        ),
    )
    settings.save_linking(tx, Linking(looked_at=settings.linking(tx).looked_at))
    peers.forget_lists(tx, me.account)
    peers.save_list(tx, first)
    peers.change(
        tx, me.account, username=me.username, pin=Pin(first).to_bytes(), changed_lists=(), changed_key=b"", suspended=()
    )
    # Each is bound to the old key; whoever is written to next gets a first message under the new one.
    sessions.drop_all(tx)
    groups.end_chains(tx)
