"""One's own devices: linking, ending, removing; a new identity. A part of `Client`."""

from __future__ import annotations

from .groups import Groups
from .linking import Approver, NewDeviceLinker
from .model import Device, NewDevice
from .own_devices import OwnDevices


class Devices(Groups):
    _own: OwnDevices
    _linker: NewDeviceLinker
    _approver: Approver

    async def devices(self) -> list[Device]:
        """Return one's own devices, the oldest first, ended ones included. Raises Unreachable, SignInNeeded."""
        return await self._own.all()

    async def link_code(self) -> str:
        """Return the code that this new device shows, 200 letters and digits, once `login` has said LinkingNeeded.

        Whoever sees it can link this device to an account key of their own, and nothing else: show it to nobody. A
        code that was shown before is worth nothing any more. Raises WrongUse if this device is linked already, or
        approved and only to be waited for.
        """
        return (await self._linker.code()).to_text()

    async def is_link_approved(self) -> bool:
        """Whether a code of this device was approved while it was away: `wait_until_linked` goes on from there."""
        return await self._linker.is_approved()

    async def wait_until_linked(self) -> None:
        """Wait for the approval of the code that was shown, and for contacts and history; then this client is ready."""
        await self._linker.wait()

    async def read_link(self, code: str) -> NewDevice:
        """Return whose code it is, on a managing device. Raises WrongUse, Refused (`not_managing`)."""
        return await self._approver.read(code)

    async def approve_link(self, code: str, *, history: bool = True, managing: bool = False) -> None:
        """Link the device that shows a code. `managing`: it gets the account key, too, and can link and remove others.

        Ask the person first. Returns when it is listed and what it gets is on its way; `notify` hears of the progress.
        Raises KeysRefused if somebody else answers in its place, Unreachable if nobody does.
        """
        await self._approver.approve(code, history=history, managing=managing)
        await self.announce_in_groups()

    async def suspend_device(self, name_or_id: str) -> Device:
        """End a device: within seconds it hears and says nothing more. Raises WrongUse if there is none or several."""
        return await self._own.suspend(name_or_id)

    async def remove_device(self, name_or_id: str, *, new_identity: bool = False) -> Device:
        """End a device and take it off the signed list, on a managing device.

        One that holds the account key takes a new identity, said by `new_identity`: Refused (`new_identity_needed`)
        explains what that means.
        """
        if new_identity:
            await self._follower.catch_up()
        return await self._own.remove(name_or_id, new_identity=new_identity)

    async def reset_identity(self) -> None:
        """Make a new account key and a list with this device alone. The last way out.

        Other own devices have to be linked again, and contacts are told to compare safety numbers anew. Also for a
        device that was never linked, when no other one is left to approve it.
        """
        await self._follower.catch_up()
        await self._own.reset()
