"""Control contents leave: each encrypted for its device when its turn comes, sent until the server has taken it.

docs/events.md, `device.send`. One content for many devices, such as a sender key, goes to as many of them at once as
one frame takes. What is for a device that is no longer listed, or was suspended, goes nowhere.
"""

from __future__ import annotations

import asyncio
from functools import partial

from ..api import Directory as Answer
from ..api import answers, forms
from ..api.forms import Json
from ..errors import Defect, KeysRefused, Refused, Unreachable
from ..store import Transaction, controls, peers
from ..store.records import Control, Peer
from .context import Context
from .control_encrypting import Batch, Prepared, encrypt_batch
from .directory import Directory
from .encrypting import Target, false_keys, is_lie
from .identity import shown_name

NO_KEYS_WAIT = 60_000  # ms before keys that were not there are claimed again
LONGEST_WAIT = 30.0  # seconds that a flush waits when asked to go slowly
PAGE = 200  # rows of the queue that are looked at together
# What one frame takes where no `hello` has said it.
ENVELOPES = 20
FRAME_BYTES = 2 * 1024 * 1024
_AROUND = 4_096  # bytes that a frame has around a padded content: a first message with its keys, ids
_ROUNDS = 3  # lists that change


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
            while rows := await self._context.write(partial(controls.pending, after=after, limit=PAGE), durable=False):
                after = rows[-1][0]
                while rows:
                    batch, rows = _next_batch(rows, waiting, *self._limits())
                    if batch:
                        waiting |= await self._send(batch)

    def _limits(self) -> tuple[int, int]:
        """Envelopes and bytes that one frame takes."""
        stream = self._context.stream
        said = stream.hello.get("limits") if stream is not None else None
        said = said if isinstance(said, dict) else {}
        most, size = said.get("envelopes_per_send", ENVELOPES), said.get("frame_bytes", FRAME_BYTES)
        return (most, size) if isinstance(most, int) and isinstance(size, int) else (ENVELOPES, FRAME_BYTES)

    async def _send(self, batch: Batch) -> set[bytes]:
        """Send one content to several devices, or drop it for good. Returns the devices whose turn comes later."""
        later: set[bytes] = set()
        for _ in range(_ROUNDS):
            ready, wait = await self._prepare(batch)
            later |= wait
            if not ready:
                return later
            try:
                changed = await self._post(ready)
            except Refused:
                if len(ready) > 1:
                    batch = ready
                    break  # because of one of them: which?
                changed = None  # it never will be taken
            except Defect:
                return later | _devices(ready)
            if changed is None:
                await self._remove(ready)
                return later
            refused = await self._take(changed)
            batch = {position: one for position, one in ready.items() if one.account not in refused}
            later |= _devices(ready) - _devices(batch)
        # A batch of others must not wait for the one that cannot leave.
        if len(batch) > 1:
            rows = list(batch.items())
            for half in (rows[: len(rows) // 2], rows[len(rows) // 2 :]):
                later |= await self._send(dict(half))
            return later
        return later | _devices(batch)

    async def _remove(self, batch: Batch) -> None:
        def work(tx: Transaction) -> None:
            for position in batch:
                controls.remove(tx, position)

        await self._context.write(work, durable=False)

    async def _prepare(self, batch: Batch) -> tuple[Batch, set[bytes]]:
        """Encrypt, with keys from the server where it takes some. Returns what can leave, and who has to wait."""
        first = await self._encrypt(batch, {})
        ready, wait = first.ready, _devices(first.waiting)
        if first.keyless:
            bundles = await self._claim([(one.account, one.device) for one in first.keyless.values()])
            second = await self._encrypt(first.keyless, bundles)
            ready, wait = ready | second.ready, wait | _devices(second.waiting | second.keyless)
            for position, error in second.failed.items():
                control = batch[position]
                wait.add(control.device)
                self._not_before[control.device] = self._context.clock.now() + NO_KEYS_WAIT
                if is_lie(error):
                    await self._tell_false_keys(control)
        return ready, wait

    async def _encrypt(self, batch: Batch, bundles: dict[Target, bytes]) -> Prepared:
        now, entropy = self._context.clock.now(), self._context.entropy
        return await self._context.write(lambda tx: encrypt_batch(tx, batch, bundles, now=now, entropy=entropy))

    async def _claim(self, targets: list[Target]) -> dict[Target, bytes]:
        """Claim keys of devices; who has none to give now has to wait."""
        try:
            claimed = await self._directory.claim(targets)
        except (Refused, Defect):
            return {}
        wait = NO_KEYS_WAIT if claimed.retry_after is None else claimed.retry_after * 1000
        for _, device in claimed.unusable:
            self._not_before[device] = self._context.clock.now() + wait
        gone = {account for (account, _), why in claimed.unusable.items() if why in ("not_listed", "suspended")}
        await self._directory.refresh_all(gone)
        return claimed.found

    async def _post(self, ready: Batch) -> list[Answer] | None:
        """Give a batch to the server. Returns None once it is taken, else the lists that are others by now."""
        envelopes: list[Json] = [
            {
                "account": forms.uuid(one.account),
                "device": forms.uuid(one.device),
                "body": forms.encode(one.wire),
            }
            for one in ready.values()
        ]
        frame: Json = {"message_id": forms.uuid(next(iter(ready.values())).id), "envelopes": envelopes}
        for _ in range(_ROUNDS):
            try:
                await self._hand_over(frame)
            except Unreachable as error:
                if error.code != "too_many_requests" or (error.retry_after or 1.0) > LONGEST_WAIT:
                    raise
                await self._context.clock.sleep(error.retry_after or 1.0)
            except Refused as error:
                if error.code != "devices_changed":
                    raise
                return [answers.directory(one) for one in forms.items(error.problem.get("accounts"))]
            else:
                return None
        raise Unreachable("The server asks to go more slowly; the rest waits here.", "too_many_requests")

    async def _hand_over(self, frame: Json) -> None:
        stream = self._context.stream
        if stream is not None:
            await stream.request({"type": "device.send", **frame})
        else:
            await self._context.api.send_to_devices(frame)

    async def _take(self, changed: list[Answer]) -> set[bytes]:
        """Take lists; returns the accounts whose lists contradict what is known."""
        refused = set()
        for one in changed:
            try:
                await self._directory.take([one])
            except (KeysRefused, Defect, Refused) as error:
                self._context.notify(str(error))
                refused.add(one.account)
        return refused

    async def _tell_false_keys(self, control: Control) -> None:
        if control.device not in self._told:
            self._told.add(control.device)
            peer = await self._context.write(lambda tx: peers.by_account(tx, control.account))
            self._context.notify(false_keys(shown_name(peer or Peer(control.account))))


def _next_batch(
    rows: list[tuple[int, Control]], waiting: set[bytes], most: int, size: int
) -> tuple[Batch, list[tuple[int, Control]]]:
    """The next rows of one content, at most so many and of so many bytes together; and the rows behind them."""
    batch: Batch = {}
    devices: set[bytes] = set()
    for number, (position, control) in enumerate(rows):
        if control.device in waiting:
            continue
        if batch:
            first = next(iter(batch.values()))
            fits = (len(batch) + 1) * 4 * (len(first.padded) + _AROUND) <= 3 * size  # base64 takes four for three
            same = (control.id, control.padded) == (first.id, first.padded)
            if not same or not fits or len(batch) >= most or control.device in devices:
                return batch, rows[number:]
        batch[position] = control
        devices.add(control.device)
    return batch, []


def _devices(batch: Batch) -> set[bytes]:
    return {one.device for one in batch.values()}
